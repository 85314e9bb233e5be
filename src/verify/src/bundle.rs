//! An evidence bundle: one session, with all that proves it, in one file.
//!
//! JSON, so that a person can look into it and any program can read it. `index` says in words what
//! it holds; everything else is computed anew from `blocks`, `keys` and `entries`, and the entries
//! are held against the signed checkpoint by their inclusion proofs (RFC 6962 section 2.1.1).

use crate::checkpoint::PublicKey;
use crate::content::{chain_sum, clear_sum, join, open};
use crate::entry::{Entry, is_hex};
use crate::{Report, VerifyError};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use tlog_tiles::{Hash, check_record, record_hash};

/// The format's name, in every bundle.
pub const FORMAT: &str = "hansard evidence bundle 4";

/// The file.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bundle {
    /// [`FORMAT`].
    pub format: String,
    /// What is in it, for a person; proves nothing.
    pub index: Vec<String>,
    /// The session.
    pub session: String,
    /// The key that verifies the checkpoint (C2SP signed-note, a vkey).
    pub public_key: String,
    /// The signed checkpoint.
    pub checkpoint: String,
    /// The session's keys, in base64, by the number that the entries' blocks name.
    pub keys: BTreeMap<i64, String>,
    /// What the texts under each key are compressed against, sealed, in base64, by the key's number.
    pub dictionaries: BTreeMap<i64, String>,
    /// Sealed blocks, in base64.
    pub blocks: BTreeMap<i64, String>,
    /// Chains over blocks. What turns share stands here once.
    pub chains: BTreeMap<i64, Chained>,
    /// The session's entries, in their order.
    pub entries: Vec<Proven>,
}

/// A chain over blocks: it goes on from another, with one block.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Chained {
    /// The chain before; 0: none.
    pub parent: i64,
    /// The block.
    pub block: i64,
    /// The names of chain and block, behind each other, in base64.
    pub names: String,
    /// Bytes of all its texts.
    pub bytes: u64,
}

/// An entry, what it speaks of, and its proof.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Proven {
    /// The leaf's index.
    pub index: u64,
    /// Its bytes, as text.
    pub entry: String,
    /// The inclusion proof, hashes in base64.
    pub proof: Vec<String>,
    /// Which key it is sealed under.
    pub key: i64,
    /// The frame, sealed, in base64.
    pub frame: String,
    /// The chain of each stream.
    pub streams: Vec<i64>,
    /// The name under which the ledger knows the same part again, in base64.
    pub name: String,
    /// What the part says in the clear of who asked: the digest of it, in base64.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub introduction: Option<String>,
    /// What it says in the clear of how the exchange ended, in JSON.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ending: Option<String>,
    /// The node of the VM that wrote it.
    pub node: String,
}

/// Computes a bundle anew. `key`: the ledger's public key, if the auditor has it from elsewhere:
/// without it the bundle's own is taken, which proves that nothing was changed since, but not who
/// signed. The parts come back as they were recorded.
///
/// # Errors
/// When the file is no bundle. What was changed is in the report.
pub fn verify(file: &[u8], key: Option<&str>) -> Result<(Report, Vec<Vec<u8>>), VerifyError> {
    let wrong = |why: &str| VerifyError::Bundle { why: why.to_owned() };
    let bundle: Bundle = serde_json::from_slice(file).map_err(|error| wrong(&error.to_string()))?;
    if bundle.format != FORMAT {
        return Err(wrong("its format is not known"));
    }
    let mut report = Report::default();
    if key.is_some_and(|key| key.trim() != bundle.public_key.trim()) {
        report.problem("the bundle names another public key than the one that was given".into());
    }
    let key = PublicKey::new(key.unwrap_or(&bundle.public_key))?;
    let said = match key.read(bundle.checkpoint.as_bytes()) {
        Ok(said) => said,
        Err(why) => {
            report.problem(format!("the checkpoint: {why}"));
            return Ok((report, Vec::new()));
        }
    };
    report.checkpoints = 1;
    report.root = said.root.to_string();
    let mut content = Content::of(&bundle);
    let mut parts = Vec::new();
    let mut last = None;
    for proven in &bundle.entries {
        let index = proven.index;
        report.entries = report.entries.saturating_add(1);
        report.bytes = report.bytes.saturating_add(proven.entry.len() as u64);
        if last.is_some_and(|last| last >= index) {
            report.problem(format!("entry {index} is out of order"));
        }
        last = Some(index);
        let hashes: Option<Vec<Hash>> =
            proven.proof.iter().map(|hash| Hash::parse_hash(hash).ok()).collect();
        let leaf = record_hash(proven.entry.as_bytes());
        let is_in = hashes
            .is_some_and(|proof| check_record(&proof, said.size, said.root, index, leaf).is_ok());
        if !is_in {
            report.problem(format!("entry {index} is not in the checkpoint's log"));
            continue;
        }
        match content.part(proven) {
            Ok(Some(part)) => {
                report.parts = report.parts.saturating_add(1);
                report.bytes = report.bytes.saturating_add(part.len() as u64);
                parts.push(part);
            }
            Ok(None) => {}
            Err(why) => report.problem(format!("entry {index}: {why}")),
        }
    }
    Ok((report, parts))
}

/// Base64 of so many bytes, and no others: what is hashed together has lengths of its own.
fn decoded<const BYTES: usize>(text: &str) -> Option<[u8; BYTES]> {
    STANDARD.decode(text).ok()?.try_into().ok()
}

/// A bundle's blocks and chains, each looked at once.
struct Content<'b> {
    bundle: &'b Bundle,
    sealed: BTreeMap<i64, Vec<u8>>,
    /// SHA-256 of each chain.
    sums: BTreeMap<i64, [u8; 32]>,
    opened: BTreeMap<(i64, i64), Vec<u8>>,
    /// The keys, each with its dictionary's text once that is known.
    keys: BTreeMap<i64, (Vec<u8>, Option<Vec<u8>>)>,
    /// The digests of dictionaries that entries speak of.
    spoken: BTreeMap<i64, String>,
}

impl<'b> Content<'b> {
    fn of(bundle: &'b Bundle) -> Self {
        let decoded = |(id, text): (&i64, &String)| Some((*id, STANDARD.decode(text).ok()?));
        let sealed: BTreeMap<i64, Vec<u8>> = bundle.blocks.iter().filter_map(decoded).collect();
        let mut sums = BTreeMap::new();
        // A chain goes on from one with a smaller number; any other has no digest, and proves nothing.
        for (id, Chained { parent, block, names, bytes }) in &bundle.chains {
            let before = if *parent == 0 { Some([0; 32]) } else { sums.get(parent).copied() };
            let names = STANDARD.decode(names).ok();
            if let (Some(before), Some(block), Some(names)) = (before, sealed.get(block), names) {
                let block = Sha256::digest(block).into();
                sums.insert(*id, chain_sum(&before, &block, &names, *bytes));
            }
        }
        let keys = bundle
            .keys
            .iter()
            .filter_map(|(id, key)| Some((*id, (STANDARD.decode(key).ok()?, None))));
        let (keys, opened, spoken) = (keys.collect(), BTreeMap::new(), BTreeMap::new());
        Self { bundle, sealed, sums, opened, keys, spoken }
    }

    /// What an entry speaks of; `None` when it speaks of no part.
    fn part(&mut self, proven: &Proven) -> Result<Option<Vec<u8>>, &'static str> {
        let entry = Entry::read(proven.entry.as_bytes()).map_err(|_| "it says nothing known")?;
        let Entry::Part(part) = entry else { return Ok(None) };
        if part.session != self.bundle.session {
            return Err("it is of another session");
        }
        if let Some(digest) = part.dictionary {
            self.spoken.insert(proven.key, digest.into_owned());
        }
        let frame = STANDARD.decode(&proven.frame).map_err(|_| "its frame is none")?;
        let mut content = Sha256::new().chain_update(Sha256::digest(&frame));
        for chain in &proven.streams {
            content.update(match chain {
                // A stream without a text.
                0 => &[0; 32],
                chain => self.sums.get(chain).ok_or("its streams are not there")?,
            });
        }
        let introduction = match &proven.introduction {
            Some(digest) => decoded(digest).ok_or("who asked is no digest")?,
            None => [0; 32],
        };
        content.update(decoded::<16>(&proven.name).ok_or("its name is none")?);
        content.update(proven.key.to_be_bytes());
        content.update(clear_sum(&introduction, proven.ending.as_deref(), &proven.node));
        if !is_hex(&content.finalize(), &part.content) {
            return Err("what it says was changed");
        }
        let frame = self.text(proven.key, &frame)?;
        let mut streams = Vec::with_capacity(proven.streams.len());
        for end in &proven.streams {
            let (mut blocks, mut chain) = (Vec::new(), *end);
            // It has a digest, so each goes on from a smaller number.
            while chain != 0
                && let Some(link) = self.bundle.chains.get(&chain)
            {
                blocks.push(link.block);
                chain = link.parent;
            }
            let mut stream = Vec::new();
            for block in blocks.into_iter().rev() {
                stream.extend_from_slice(self.open(proven.key, block)?);
            }
            streams.push(stream);
        }
        let json = join(&frame, &streams).ok_or("its pieces do not add up")?;
        if json.len() as u64 != part.bytes {
            return Err("it is not as long as it was");
        }
        Ok(Some(json))
    }

    /// A block's text.
    fn open(&mut self, key: i64, block: i64) -> Result<&[u8], &'static str> {
        if !self.opened.contains_key(&(key, block)) {
            let sealed = self.sealed.get(&block).ok_or("a block is not there")?.clone();
            let text = self.text(key, &sealed)?;
            self.opened.insert((key, block), text);
        }
        self.opened.get(&(key, block)).map(Vec::as_slice).ok_or("a block does not open")
    }

    /// A sealed text's own.
    fn text(&mut self, id: i64, sealed: &[u8]) -> Result<Vec<u8>, &'static str> {
        let (key, dictionary) = self.keys.get_mut(&id).ok_or("its key is not there")?;
        if dictionary.is_none() {
            let sealed = self.bundle.dictionaries.get(&id).ok_or("its dictionary is not there")?;
            let sealed = STANDARD.decode(sealed).map_err(|_| "its dictionary is none")?;
            let digest = self.spoken.get(&id).ok_or("no entry speaks of its dictionary")?;
            if !is_hex(&Sha256::digest(&sealed), digest) {
                return Err("its dictionary was changed");
            }
            *dictionary = Some(open(key, &[], &sealed).ok_or("its dictionary does not open")?);
        }
        let dictionary = dictionary.as_deref().unwrap_or_default();
        open(key, dictionary, sealed).ok_or("a text does not open")
    }
}
