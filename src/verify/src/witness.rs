//! A witness: co-signs a log's checkpoints as long as each goes on from the one before
//! (C2SP tlog-witness, tlog-cosignature). Its word is worth what its independence is: run it where
//! the sink's operator is not.

use crate::VerifyError;
use crate::checkpoint::PublicKey;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use rusqlite::{Connection, OptionalExtension, TransactionBehavior, params};
use sha2::{Digest, Sha256};
use std::path::Path;
use tlog_tiles::{Hash, check_tree};

/// Hashes of a proof at most: enough for 2^63 entries.
const PROOF: usize = 63;

/// A witness of one log.
pub struct Witness {
    log: PublicKey,
    name: String,
    key: SigningKey,
    memory: Connection,
}

impl std::fmt::Debug for Witness {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Witness({})", self.name)
    }
}

/// Why a checkpoint was not co-signed, as the protocol tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The request is malformed: 400.
    Malformed,
    /// No key that is known signed it: 403.
    Unknown,
    /// Another size was co-signed last, which is told: 409.
    Conflict(u64),
    /// It does not go on from the last one: 422.
    Inconsistent,
    /// The witness could not remember it: 500.
    Failed,
}

impl Witness {
    /// A witness of the log whose public key this is. It signs with `key` (a C2SP signed-note key)
    /// and remembers the last checkpoint in `file`.
    ///
    /// # Errors
    /// When a key is none, or the file cannot be used.
    pub fn open(file: &Path, log: &str, key: &str) -> Result<Self, VerifyError> {
        let (name, key) = private(key.trim())
            .ok_or_else(|| VerifyError::Key { key: "the witness's own".to_owned() })?;
        let failed = |source| VerifyError::Database { path: file.to_owned(), source };
        let memory = Connection::open(file).map_err(failed)?;
        memory
            .execute_batch(
                "PRAGMA synchronous = FULL;
                 CREATE TABLE IF NOT EXISTS last (origin TEXT PRIMARY KEY, size INTEGER NOT NULL,
                 root TEXT NOT NULL) STRICT",
            )
            .map_err(failed)?;
        Ok(Self { log: PublicKey::new(log)?, name, key, memory })
    }

    /// Takes the body of `add-checkpoint`: `old <size>`, the consistency proof, an empty line, the
    /// checkpoint. At a time in Unix seconds. The signature line comes back.
    ///
    /// # Errors
    /// [`Refusal`].
    pub fn add(&mut self, body: &[u8], now: u64) -> Result<String, Refusal> {
        let text = std::str::from_utf8(body).map_err(|_| Refusal::Malformed)?;
        let (head, note) = text.split_once("\n\n").ok_or(Refusal::Malformed)?;
        let mut lines = head.lines();
        let old: u64 = lines
            .next()
            .and_then(|line| line.strip_prefix("old "))
            .and_then(|size| size.parse().ok())
            .ok_or(Refusal::Malformed)?;
        let proof: Vec<Hash> = lines
            .map(|line| Hash::parse_hash(line).map_err(|_| Refusal::Malformed))
            .collect::<Result<_, _>>()?;
        if proof.len() > PROOF {
            return Err(Refusal::Malformed);
        }
        let said = self.log.read(note.as_bytes()).map_err(|_| Refusal::Unknown)?;
        if old > said.size {
            return Err(Refusal::Malformed);
        }
        let origin = note.lines().next().unwrap_or_default();
        let transaction = self
            .memory
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .map_err(|_| Refusal::Failed)?;
        let last: Option<(i64, String)> = transaction
            .query_row("SELECT size, root FROM last WHERE origin = ?1", [origin], |row| {
                Ok((row.get(0)?, row.get(1)?))
            })
            .optional()
            .map_err(|_| Refusal::Failed)?;
        let (size, root) = last.unwrap_or_default();
        let size = u64::try_from(size).map_err(|_| Refusal::Failed)?;
        if size != old {
            return Err(Refusal::Conflict(size));
        }
        let goes_on = match size {
            0 => proof.is_empty(),
            size if size == said.size => proof.is_empty() && root == said.root.to_string(),
            size => Hash::parse_hash(&root)
                .is_ok_and(|root| check_tree(&proof, said.size, said.root, size, root).is_ok()),
        };
        if !goes_on {
            return Err(Refusal::Inconsistent);
        }
        transaction
            .execute(
                "INSERT OR REPLACE INTO last (origin, size, root) VALUES (?1, ?2, ?3)",
                params![origin, said.size as i64, said.root.to_string()],
            )
            .map_err(|_| Refusal::Failed)?;
        // Remembered before it is said: a witness that forgets could be shown two futures.
        transaction.commit().map_err(|_| Refusal::Failed)?;
        let signed_text = note.split_once("\n\n").map_or(note, |(text, _)| text);
        Ok(self.cosign(signed_text, now))
    }

    /// The key that verifies the co-signatures: a vkey of the kind that tlog-cosignature defines.
    #[must_use]
    pub fn public_key(&self) -> String {
        let public = self.public();
        let id = u32::from_be_bytes(id(&self.name, &public));
        format!("{}+{id:08x}+{}", self.name, STANDARD.encode(public))
    }

    fn public(&self) -> Vec<u8> {
        [&[COSIGNATURE], self.key.verifying_key().as_bytes().as_slice()].concat()
    }

    /// C2SP tlog-cosignature v1 over the checkpoint's text.
    fn cosign(&self, text: &str, now: u64) -> String {
        let message = format!("cosignature/v1\ntime {now}\n{text}\n");
        let mut bytes = id(&self.name, &self.public()).to_vec();
        bytes.extend_from_slice(&now.to_be_bytes());
        bytes.extend_from_slice(&self.key.sign(message.as_bytes()).to_bytes());
        format!("\u{2014} {} {}\n", self.name, STANDARD.encode(bytes))
    }
}

/// Whether a witness co-signed a checkpoint: when, in Unix seconds. `key`: the witness's public key.
///
/// # Errors
/// What is wrong, in words.
pub fn cosigned(note: &[u8], key: &str) -> Result<u64, String> {
    let wrong = |why: &str| Err(why.to_owned());
    let mut fields = key.trim().splitn(3, '+');
    let (Some(name), Some(_), Some(public)) = (fields.next(), fields.next(), fields.next()) else {
        return wrong("the witness's key is not of the form name+id+key");
    };
    let public = STANDARD.decode(public).unwrap_or_default();
    let verifying = match public.split_first() {
        Some((&COSIGNATURE, bytes)) => {
            bytes.try_into().ok().and_then(|bytes| VerifyingKey::from_bytes(bytes).ok())
        }
        _ => None,
    };
    let Some(verifying) = verifying else {
        return wrong("the witness's key is not one for co-signatures");
    };
    let note = String::from_utf8_lossy(note);
    let Some((text, signatures)) = note.split_once("\n\n") else {
        return wrong("it is not a signed note");
    };
    let own = signatures.lines().filter_map(|line| line.strip_prefix("\u{2014} ")?.split_once(' '));
    for (_, signature) in own.filter(|(of, _)| *of == name) {
        let bytes = STANDARD.decode(signature).unwrap_or_default();
        let Some((found, rest)) = bytes.split_first_chunk::<4>() else { continue };
        let Some((time, signature)) = rest.split_first_chunk::<8>() else { continue };
        let time = u64::from_be_bytes(*time);
        let message = format!("cosignature/v1\ntime {time}\n{text}\n");
        let Ok(signature) = Signature::from_slice(signature) else { continue };
        if *found == id(name, &public)
            && verifying.verify_strict(message.as_bytes(), &signature).is_ok()
        {
            return Ok(time);
        }
    }
    wrong("this witness did not co-sign it")
}

/// The kind of signature that stands before a public key.
const COSIGNATURE: u8 = 4;

/// The first four bytes of SHA-256 over a name and a public key with its kind.
fn id(name: &str, public: &[u8]) -> [u8; 4] {
    let digest =
        Sha256::new().chain_update(name).chain_update(b"\n").chain_update(public).finalize();
    digest.first_chunk().copied().unwrap_or_default()
}

/// `PRIVATE+KEY+<name>+<id>+<kind and seed in base64>`.
fn private(key: &str) -> Option<(String, SigningKey)> {
    let (name, rest) = key.strip_prefix("PRIVATE+KEY+")?.split_once('+')?;
    let (_, seed) = rest.split_once('+')?;
    let bytes = STANDARD.decode(seed).ok()?;
    let (_, seed) = bytes.split_first()?;
    Some((name.to_owned(), SigningKey::from_bytes(seed.try_into().ok()?)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use signed_note::{Note, Signer as _, StandardSigner, generate_key};
    use tlog_tiles::{Checkpoint, HashReader, prove_tree, stored_hashes, tree_hash};

    struct Log {
        hashes: Vec<Hash>,
        signer: StandardSigner,
    }

    impl HashReader for Log {
        fn read_hashes(&self, indexes: &[u64]) -> Result<Vec<Hash>, tlog_tiles::Error> {
            Ok(indexes.iter().map(|index| self.hashes[*index as usize]).collect())
        }
    }

    impl Log {
        fn new(signer: &str, leaves: std::ops::Range<u64>, salt: u8) -> Self {
            let mut log = Self { hashes: Vec::new(), signer: StandardSigner::new(signer).unwrap() };
            for n in leaves {
                let more = stored_hashes(n, &[n as u8, salt], &log).unwrap();
                log.hashes.extend(more);
            }
            log
        }

        fn request(&self, old: u64, size: u64) -> String {
            let root = tree_hash(size, self).unwrap();
            let text = Checkpoint::new(self.signer.name(), size, root, "").unwrap().to_bytes();
            let mut note = Note::new(&text, &[]).unwrap();
            note.add_sigs(&[&self.signer]).unwrap();
            let proof = if old == 0 || old == size {
                Vec::new()
            } else {
                prove_tree(size, old, self).unwrap()
            };
            let proof: String = proof.iter().map(|hash| format!("{hash}\n")).collect();
            format!("old {old}\n{proof}\n{}", String::from_utf8(note.to_bytes()).unwrap())
        }
    }

    #[test]
    fn a_log_that_goes_on_is_cosigned_and_a_fork_is_not() {
        let folder = std::env::temp_dir().join(format!("hansard-witness-{}", std::process::id()));
        let _ = std::fs::remove_file(&folder);
        let (signer, public) = generate_key(&mut rand_core::OsRng, "log");
        let (other, _) = generate_key(&mut rand_core::OsRng, "log");
        let (own, _) = generate_key(&mut rand_core::OsRng, "witness.example");
        let log = Log::new(&signer, 0..9, 0);
        let fork = Log::new(&signer, 0..9, 1);
        let open = || Witness::open(&folder, &public, &own).unwrap();
        let mut witness = open();
        let line = witness.add(log.request(0, 4).as_bytes(), 1_700_000_000).unwrap();
        assert!(line.starts_with("\u{2014} witness.example "), "{line}");
        let request = log.request(0, 4);
        let note = format!("{}{line}", request.split_once("\n\n").unwrap().1);
        let public_of_witness = witness.public_key();
        assert_eq!(cosigned(note.as_bytes(), &public_of_witness), Ok(1_700_000_000));
        assert!(cosigned(note.replacen('4', "5", 1).as_bytes(), &public_of_witness).is_err());
        assert!(cosigned(note.as_bytes(), &public).is_err(), "the log's key is no witness's");
        let cases = [
            (log.request(0, 5), Err(Refusal::Conflict(4))),
            (fork.request(4, 9), Err(Refusal::Inconsistent)),
            (fork.request(4, 4), Err(Refusal::Inconsistent)),
            (Log::new(&other, 0..9, 0).request(4, 9), Err(Refusal::Unknown)),
            ("old 4\n".into(), Err(Refusal::Malformed)),
            (log.request(4, 4), Ok(())),
            (log.request(4, 9), Ok(())),
            (log.request(4, 9), Err(Refusal::Conflict(9))),
        ];
        for (request, expected) in cases {
            // What it co-signed it knows after a restart, too.
            witness = open();
            assert_eq!(witness.add(request.as_bytes(), 1).map(|_| ()), expected, "{request}");
        }
        std::fs::remove_file(&folder).unwrap();
    }
}
