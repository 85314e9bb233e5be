//! The `record_integrity` profile: each event attests itself, and the one before.
//!
//! ```text
//! event 1                event 2
//! └ attestation_list[0]  └ attestation_list[0]
//!   fingerprint  ◀──────── prev_event.fingerprint     SHA-256 of the event as JCS (RFC 8785)
//! ```
//!
//! The profile asks for the fingerprint of the whole event but for its own fingerprint and
//! signatures. The places in the ledger (entry, leaf hash, checkpoint) stand in the event, so the
//! fingerprint holds them too: from a line one comes to the entry, and with `hansard verify` to the
//! signed root. The event itself is not signed: the checkpoint is, by the ledger's key.

use super::jcs::canonical;
use crate::Proof;
use hansard_replay::Replay;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// The events of one session, linked.
pub(super) struct Chain {
    authority: String,
    chain: String,
    previous: Option<Value>,
}

impl Chain {
    pub(super) fn new(replay: &Replay, proof: &Proof) -> Self {
        let origin = proof.checkpoint.as_ref().map(|checkpoint| checkpoint.origin.clone());
        let authority = origin.unwrap_or_else(|| "hansard".to_owned());
        let chain = format!("{authority}/{}", replay.session.id);
        Self { authority, chain, previous: None }
    }

    /// Adds the attestation to an event.
    pub(super) fn attest(&mut self, event: &mut Value) {
        let uid = event.pointer("/metadata/uid").cloned().unwrap_or_default();
        let mut attestation = json!({
            "uid": uid,
            "authority_uid": self.authority,
            "chain_uid": self.chain,
        });
        if let (Some(previous), Some(members)) = (self.previous.take(), attestation.as_object_mut())
        {
            members.insert("prev_event".to_owned(), previous);
        }
        put(event, &attestation);
        let digest: [u8; 32] = Sha256::digest(canonical(event).as_bytes()).into();
        let fingerprint = json!({
            "algorithm_id": 3,
            "algorithm": "SHA-256",
            "encoding_id": 1,
            "encoding": "Hex",
            "serialization_id": 2,
            "serialization": "JCS",
            "value": digest.iter().map(|byte| format!("{byte:02x}")).collect::<String>(),
        });
        if let Some(members) = attestation.as_object_mut() {
            members.insert("fingerprint".to_owned(), fingerprint.clone());
        }
        put(event, &attestation);
        self.previous = Some(json!({
            "uid": uid,
            "type_uid": event.get("type_uid"),
            "fingerprint": fingerprint,
        }));
    }
}

fn put(event: &mut Value, attestation: &Value) {
    if let Some(members) = event.as_object_mut() {
        members.insert("attestation_list".to_owned(), json!([attestation]));
    }
}
