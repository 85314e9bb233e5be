//! Where a session's exchanges came from, and where they stand in the log.

use crate::failure::Failure;
use hansard_export::{Checkpoint, Leaf, Proof, Recorded};
use hansard_record::Record;
use hansard_record::part::{Content, Peer};
use hansard_replay::Replay;
use hansard_store::{Reader, StoreError};

/// Of every turn. What was erased has its places in the log, and no address.
pub(super) fn of(reader: &Reader, replay: &Replay) -> Result<Proof, Failure> {
    let mut proof = Proof::default();
    for turn in &replay.turns {
        let leaves = reader.leaves_of(&turn.exchange)?.into_iter();
        let leaf = |leaf: hansard_store::Leaf| Leaf {
            entry: u64::try_from(leaf.entry).unwrap_or(0),
            hash: leaf.hash,
        };
        let mut recorded = peer(reader, &turn.exchange)?;
        recorded.leaves = leaves.map(leaf).collect();
        proof.exchanges.insert(turn.exchange.clone(), recorded);
    }
    // Read last: it covers every entry above.
    proof.checkpoint = reader.tip()?.map(|tip| Checkpoint {
        origin: tip.origin,
        size: u64::try_from(tip.size).unwrap_or(0),
        root: tip.root,
    });
    Ok(proof)
}

fn peer(reader: &Reader, exchange: &str) -> Result<Recorded, Failure> {
    let outlines = match reader.outline(exchange) {
        Err(StoreError::Erased { .. } | StoreError::Damaged { .. }) => {
            return Ok(Recorded::default());
        }
        other => other?,
    };
    for outline in outlines {
        let Ok(record) = Record::parse(outline.json.as_bytes()) else { continue };
        let from = match record.into_part().part {
            Content::Opened(opened) => opened.from,
            Content::Refused(refused) => refused.from,
            Content::Progress(_) | Content::Closed(_) => continue,
        };
        let Peer { address, certificate: _, user_agent } = from;
        let user_agent = user_agent.map(|agent| agent.into_owned());
        return Ok(Recorded { address: address.into_owned(), user_agent, leaves: Vec::new() });
    }
    Ok(Recorded::default())
}
