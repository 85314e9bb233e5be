//! One session as evidence that stands for itself.

use crate::failure::Failure;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hansard_shown::rfc3339;
use hansard_store::{Evidence, ProvenEntry, Reader};
use hansard_verify::{Bundle, Chained, FORMAT, Proven};

/// A session's bundle.
pub(super) fn of(reader: &Reader, session: &str) -> Result<Bundle, Failure> {
    let evidence = reader.evidence(session)?;
    let mut index = vec![
        format!("Session {session}, {} parts.", evidence.entries.len()),
        "`hansard verify --bundle FILE` computes everything anew and needs nothing else; give it \
         the ledger's public key with --key, from where you keep it."
            .to_owned(),
    ];
    for exchange in reader.exchanges(session)? {
        index.push(format!(
            "{} exchange {} by {}: {} {}, {}",
            rfc3339(exchange.started_at),
            exchange.id,
            if exchange.introduction.subject.is_empty() {
                "nobody who was verified"
            } else {
                &exchange.introduction.subject
            },
            exchange.introduction.method.as_deref().unwrap_or("?"),
            exchange.introduction.path.as_deref().unwrap_or("?"),
            exchange.status.name(),
        ));
    }
    let Evidence { checkpoint, public_key, keys, dictionaries, blocks, chains, entries } = evidence;
    let encoded = |(id, bytes): (i64, Vec<u8>)| (id, STANDARD.encode(bytes));
    let proven = |entry: ProvenEntry| {
        let ProvenEntry {
            index,
            bytes,
            proof,
            key,
            frame,
            streams,
            mac,
            introduction,
            ending,
            node,
        } = entry;
        Proven {
            index: u64::try_from(index).unwrap_or(0),
            entry: String::from_utf8_lossy(&bytes).into_owned(),
            proof,
            key,
            frame: STANDARD.encode(frame),
            streams,
            name: STANDARD.encode(mac),
            introduction: introduction.map(|digest| STANDARD.encode(digest)),
            ending,
            node,
        }
    };
    let chained = |(id, link): (i64, hansard_store::Chained)| {
        let hansard_store::Chained { parent, block, names, bytes } = link;
        let bytes = u64::try_from(bytes).unwrap_or(0);
        (id, Chained { parent, block, names: STANDARD.encode(names), bytes })
    };
    Ok(Bundle {
        format: FORMAT.to_owned(),
        index,
        session: session.to_owned(),
        public_key,
        checkpoint,
        keys: keys.into_iter().map(encoded).collect(),
        dictionaries: dictionaries.into_iter().map(encoded).collect(),
        blocks: blocks.into_iter().map(encoded).collect(),
        chains: chains.into_iter().map(chained).collect(),
        entries: entries.into_iter().map(proven).collect(),
    })
}
