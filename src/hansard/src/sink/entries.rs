//! One access-log message, as what the ledger stores.
//!
//! Enters: a decoded `StreamAccessLogsMessage` and the name of its log. Leaves: the parts in its
//! entries' filter state, a witness for each entry of Envoy's own log, and every entry or object
//! that cannot be read as malformed. Nothing in a message can make this fail.
//!
//! | key of the filter state object | what it holds |
//! |---|---|
//! | `hansard.record` | a part, in the filter's own call |
//! | `hansard.folded` | the same without what the ledger has of its session |
//! | `wasm.hansard.exchange` | the exchange id, in Envoy's own log |
//! | `wasm.hansard.`… (`opened`, `closed`) | a part, in Envoy's own log (delivery `access_log`) |

use super::service::FILTER_LOG;
use super::witness::witness;
use envoy_types::pb::envoy::data::accesslog::v3::HttpAccessLogEntry;
use envoy_types::pb::envoy::service::accesslog::v3::StreamAccessLogsMessage;
use envoy_types::pb::envoy::service::accesslog::v3::stream_access_logs_message::LogEntries;
use envoy_types::pb::google::protobuf::{Any, BytesValue};
use hansard_record::fold::FOLDED_KEY;
use hansard_record::{ExchangeId, RECORD_KEY};
use hansard_store::{Defect, Incoming, Source};
use prost::Message;

const BYTES_VALUE: &str = "google.protobuf.BytesValue";
/// What a property set by a wasm filter is called in filter state.
const FROM_FILTER: &str = "wasm.hansard.";
const EXCHANGE_KEY: &str = "wasm.hansard.exchange";

/// Reads a message that arrived at `received_at` in the log `log_name`.
pub(super) fn read(
    message: StreamAccessLogsMessage,
    log_name: &str,
    received_at: u64,
) -> Vec<Incoming> {
    let malformed =
        |defect, bytes: &[u8]| Incoming::malformed(defect, bytes, received_at, log_name);
    match message.log_entries {
        None => Vec::new(),
        Some(LogEntries::TcpLogs(entries)) => {
            let entries = entries.log_entry.iter();
            entries.map(|entry| malformed(Defect::Tcp, &entry.encode_to_vec())).collect()
        }
        Some(LogEntries::HttpLogs(entries)) => {
            let mut batch = Vec::with_capacity(entries.log_entry.len());
            for entry in entries.log_entry {
                read_entry(entry, log_name, received_at, &mut batch);
            }
            batch
        }
    }
}

/// About the bytes that reading a message goes through.
pub(super) fn size(message: &StreamAccessLogsMessage) -> usize {
    match &message.log_entries {
        Some(LogEntries::HttpLogs(entries)) => entries
            .log_entry
            .iter()
            .filter_map(|entry| entry.common_properties.as_ref())
            .flat_map(|common| common.filter_state_objects.values())
            .map(|object| object.value.len())
            .sum(),
        Some(LogEntries::TcpLogs(_)) | None => 0,
    }
}

fn read_entry(
    mut entry: HttpAccessLogEntry,
    log_name: &str,
    received_at: u64,
    batch: &mut Vec<Incoming>,
) {
    let malformed =
        |defect, bytes: &[u8]| Incoming::malformed(defect, bytes, received_at, log_name);
    let objects = entry.common_properties.as_mut().map(|common| &mut common.filter_state_objects);
    let mut objects: Vec<_> = objects.map(std::mem::take).unwrap_or_default().into_iter().collect();
    // A map has no order; what is stored should.
    objects.sort_unstable_by(|(one, _), (other, _)| one.cmp(other));

    let before = batch.len();
    let mut exchange = None;
    for (key, object) in objects {
        if key == EXCHANGE_KEY {
            match exchange_id(&object) {
                Ok(id) => exchange = Some(id),
                Err(defect) => batch.push(malformed(defect, &object.value)),
            }
        } else if key == FOLDED_KEY {
            let source = Source::Acknowledged;
            batch.push(match bytes_value(&object) {
                Ok(folded) => Incoming::folded(folded, source, received_at, log_name),
                Err(defect) => malformed(defect, &object.value),
            });
        } else if key == RECORD_KEY || key.starts_with(FROM_FILTER) {
            let source = match key == RECORD_KEY {
                true => Source::Acknowledged,
                false => Source::AccessLog,
            };
            batch.push(match bytes_value(&object) {
                Ok(json) => Incoming::part(json, source, received_at, log_name),
                Err(defect) => malformed(defect, &object.value),
            });
        }
        // Other filters' state is theirs.
    }
    if log_name != FILTER_LOG {
        batch.push(Incoming::witness(witness(&entry, exchange), received_at));
    } else if batch.len() == before {
        batch.push(malformed(Defect::NoRecord, &entry.encode_to_vec()));
    }
}

fn exchange_id(object: &Any) -> Result<ExchangeId, Defect> {
    let bytes = bytes_value(object)?;
    let text = std::str::from_utf8(&bytes).map_err(|_| Defect::ExchangeId)?;
    text.parse().map_err(|_| Defect::ExchangeId)
}

fn bytes_value(object: &Any) -> Result<Vec<u8>, Defect> {
    // The type's name stands behind the last slash; what precedes it does not matter.
    if object.type_url.rsplit('/').next() != Some(BYTES_VALUE) {
        return Err(Defect::Type);
    }
    let value = BytesValue::decode(object.value.as_slice()).map_err(|_| Defect::Bytes)?;
    Ok(value.value)
}
