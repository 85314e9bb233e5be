//! A sink that does as the test says: a real access-log service (tonic), whose acknowledgement is
//! under the test's control, and which remembers every part in the order of arrival.

use envoy_types::pb::envoy::data::accesslog::v3::HttpAccessLogEntry;
use envoy_types::pb::envoy::service::accesslog::v3::access_log_service_server::{
    AccessLogService, AccessLogServiceServer,
};
use envoy_types::pb::envoy::service::accesslog::v3::stream_access_logs_message::LogEntries;
use envoy_types::pb::envoy::service::accesslog::v3::{
    StreamAccessLogsMessage, StreamAccessLogsResponse,
};
use envoy_types::pb::google::protobuf::BytesValue;
use prost::Message;
use serde_json::Value;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::watch;
use tonic::transport::server::TcpIncoming;
use tonic::{Request, Response, Status, Streaming};

/// How calls are answered.
#[derive(Clone, Debug, PartialEq)]
pub enum Mode {
    /// At once.
    Acknowledge,
    /// Parts of this kind wait until the mode changes; the others are acknowledged at once.
    Hold(&'static str),
    /// Parts of this kind are refused with this gRPC status; the others are acknowledged.
    Refuse(&'static str, i32),
    /// Parts of this kind are answered after this time.
    Delay(&'static str, Duration),
}

/// An entry of the filter's log or of Envoy's own, as it came.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The whole entry, as protobuf.
    pub bytes: Vec<u8>,
    /// The record in it, as JSON; Envoy's own entries have none.
    pub record: Option<Vec<u8>>,
    /// The exchange that it is about, if it says.
    pub exchange: Option<String>,
}

/// A running sink.
pub struct ControlledSink {
    addr: SocketAddr,
    mode: watch::Sender<Mode>,
    parts: watch::Sender<Vec<Value>>,
    /// Entries that nobody has taken yet; `None` while none are kept.
    kept: Arc<Mutex<Option<Vec<Entry>>>>,
    /// Of its own, so that dropping the sink cuts every connection, as a crash does.
    runtime: Option<tokio::runtime::Runtime>,
}

#[derive(Clone)]
struct Service {
    mode: watch::Receiver<Mode>,
    parts: Arc<watch::Sender<Vec<Value>>>,
    kept: Arc<Mutex<Option<Vec<Entry>>>>,
}

impl ControlledSink {
    /// Starts it on a free port, or on a given one.
    pub async fn start(addr: SocketAddr, mode: Mode) -> io::Result<Self> {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        let listener = runtime.spawn(tokio::net::TcpListener::bind(addr)).await??;
        let addr = listener.local_addr()?;
        let (mode, mode_seen) = watch::channel(mode);
        let parts = watch::channel(Vec::new()).0;
        let kept = Arc::default();
        let service =
            Service { mode: mode_seen, parts: Arc::new(parts.clone()), kept: Arc::clone(&kept) };
        let server = async move {
            let served = tonic::transport::Server::builder()
                .add_service(
                    AccessLogServiceServer::new(service).max_decoding_message_size(128 << 20),
                )
                .serve_with_incoming(TcpIncoming::from(listener));
            let _ends_with_the_test = served.await;
        };
        runtime.spawn(server);
        Ok(Self { addr, mode, parts, kept, runtime: Some(runtime) })
    }

    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Changes how calls are answered, also those that wait.
    pub fn set(&self, mode: Mode) {
        self.mode.send_replace(mode);
    }

    /// Every part received so far: the content of its version's member, in order.
    pub fn parts(&self) -> Vec<Value> {
        self.parts.borrow().clone()
    }

    /// Entries that came since this was last called. From the first call on they are kept.
    pub fn take_entries(&self) -> Vec<Entry> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.replace(Vec::new()).unwrap_or_default()
    }

    /// Waits until the parts satisfy a condition.
    pub async fn wait(&self, what: &str, until: impl Fn(&[Value]) -> bool) -> Vec<Value> {
        let mut parts = self.parts.subscribe();
        let waiting = parts.wait_for(|parts| until(parts));
        match tokio::time::timeout(Duration::from_secs(20), waiting).await {
            Ok(Ok(parts)) => parts.clone(),
            _ => unreachable_condition(what, &self.parts()),
        }
    }
}

impl Drop for ControlledSink {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

#[expect(clippy::panic, reason = "a condition that never came is a failed test")]
fn unreachable_condition(what: &str, parts: &[Value]) -> ! {
    let kinds: Vec<_> =
        parts.iter().map(|part| format!("{} {}", kind(part), content(part)["end"])).collect();
    panic!("the sink waited in vain for {what}; it has {kinds:?}")
}

/// `opened`, `progress`, `closed` or `refused`.
pub fn kind(part: &Value) -> String {
    let content = part.get("part").and_then(Value::as_object);
    content.and_then(|content| content.keys().next().cloned()).unwrap_or_default()
}

/// The content of a part.
pub fn content(part: &Value) -> &Value {
    part.get("part").and_then(|content| content.get(kind(part))).unwrap_or(&Value::Null)
}

#[tonic::async_trait]
impl AccessLogService for Service {
    async fn stream_access_logs(
        &self,
        request: Request<Streaming<StreamAccessLogsMessage>>,
    ) -> Result<Response<StreamAccessLogsResponse>, Status> {
        let mut stream = request.into_inner();
        let mut kinds = Vec::new();
        while let Some(message) = stream.message().await? {
            if let Some(kept) = &mut *self.kept.lock().unwrap_or_else(PoisonError::into_inner) {
                kept.extend(entries(&message).iter().map(kept_entry));
            }
            for part in records(&message) {
                kinds.push(kind(&part));
                self.parts.send_modify(|parts| parts.push(part));
            }
        }
        let mut mode = self.mode.clone();
        loop {
            let now = mode.borrow_and_update().clone();
            match now {
                Mode::Hold(held) if kinds.iter().any(|k| k == held) => {
                    mode.changed().await.map_err(|_| Status::unavailable("over"))?;
                }
                Mode::Refuse(refused, code) if kinds.iter().any(|k| k == refused) => {
                    return Err(Status::new(code.into(), "as the test says"));
                }
                Mode::Delay(late, by) if kinds.iter().any(|k| k == late) => {
                    tokio::time::sleep(by).await;
                    return Ok(Response::new(StreamAccessLogsResponse {}));
                }
                _ => return Ok(Response::new(StreamAccessLogsResponse {})),
            }
        }
    }
}

/// The records of a message, of the filter's own calls and of Envoy's log.
fn records(message: &StreamAccessLogsMessage) -> Vec<Value> {
    let records = entries(message).iter().flat_map(objects);
    let records = records.filter(|(key, _)| is_record(key));
    records
        .filter_map(|(_, record)| serde_json::from_slice::<Value>(&record).ok())
        .map(|record| record.get("hansard.v2").cloned().unwrap_or_default())
        .collect()
}

fn entries(message: &StreamAccessLogsMessage) -> &[HttpAccessLogEntry] {
    match &message.log_entries {
        Some(LogEntries::HttpLogs(logs)) => &logs.log_entry,
        _ => &[],
    }
}

fn is_record(key: &str) -> bool {
    matches!(key, "hansard.record" | "wasm.hansard.opened" | "wasm.hansard.closed")
}

/// The bytes that stand in an entry's filter state, by their key.
fn objects(entry: &HttpAccessLogEntry) -> Vec<(String, Vec<u8>)> {
    let Some(common) = &entry.common_properties else { return Vec::new() };
    let bytes = |value: &[u8]| BytesValue::decode(value).map(|bytes| bytes.value).ok();
    let objects = common.filter_state_objects.iter();
    objects.filter_map(|(key, any)| Some((key.clone(), bytes(&any.value)?))).collect()
}

fn kept_entry(entry: &HttpAccessLogEntry) -> Entry {
    let objects = objects(entry);
    let mut records = objects.iter().filter(|(key, _)| is_record(key));
    let record = records.next().map(|(_, record)| record.clone());
    let named = objects.iter().find(|(key, _)| key == "wasm.hansard.exchange");
    let named = named.map(|(_, id)| String::from_utf8_lossy(id).into_owned());
    // Read as text: a record may hold what a strict reader refuses, a lone surrogate say.
    let within = || {
        let record = String::from_utf8_lossy(record.as_deref()?).into_owned();
        let (_, id) = record.split_once(r#""exchange":""#)?;
        Some(id.split_once('"')?.0.to_owned())
    };
    let exchange = named.or_else(within);
    Entry { bytes: entry.encode_to_vec(), record, exchange }
}
