//! Signed checkpoints (C2SP tlog-checkpoint, signed-note).

use crate::VerifyError;
use signed_note::{Note, StandardVerifier, Verifier, VerifierList};
use tlog_tiles::{Checkpoint, Hash};

/// The ledger's public key.
#[derive(Debug)]
pub(crate) struct PublicKey {
    vkey: String,
    origin: String,
}

/// What a checkpoint says.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Said {
    pub(crate) size: u64,
    pub(crate) root: Hash,
}

/// A checkpoint that an auditor took away earlier: a signed note.
#[derive(Clone, Debug)]
pub struct Kept(pub Vec<u8>);

impl PublicKey {
    pub(crate) fn new(vkey: &str) -> Result<Self, VerifyError> {
        let vkey = vkey.trim();
        let verifier = StandardVerifier::new(vkey)
            .map_err(|_| VerifyError::Key { key: vkey.chars().take(120).collect() })?;
        Ok(Self { vkey: vkey.to_owned(), origin: verifier.name().to_owned() })
    }

    /// Reads a checkpoint that this key signed; else what is wrong with it.
    pub(crate) fn read(&self, note: &[u8]) -> Result<Said, String> {
        let note = Note::from_bytes(note).map_err(|_| "it is not a signed note".to_owned())?;
        let verifier = StandardVerifier::new(&self.vkey).map_err(|_| "no key".to_owned())?;
        note.verify(&VerifierList::new(vec![Box::new(verifier)]))
            .map_err(|_| "its signature does not hold".to_owned())?;
        let checkpoint =
            Checkpoint::from_bytes(note.text()).map_err(|_| "it is malformed".to_owned())?;
        if checkpoint.origin() != self.origin {
            return Err("it is of another log".to_owned());
        }
        Ok(Said { size: checkpoint.size(), root: *checkpoint.hash() })
    }
}
