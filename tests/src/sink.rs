//! A sink that does as the test says: a real access-log service (tonic), whose acknowledgement is
//! under the test's control, and which remembers every part in the order of arrival.

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
use std::sync::Arc;
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

/// A running sink.
pub struct ControlledSink {
    addr: SocketAddr,
    mode: watch::Sender<Mode>,
    parts: watch::Sender<Vec<Value>>,
    /// Of its own, so that dropping the sink cuts every connection, as a crash does.
    runtime: Option<tokio::runtime::Runtime>,
}

#[derive(Clone)]
struct Service {
    mode: watch::Receiver<Mode>,
    parts: Arc<watch::Sender<Vec<Value>>>,
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
        let service = Service { mode: mode_seen, parts: Arc::new(parts.clone()) };
        let server = async move {
            let served = tonic::transport::Server::builder()
                .add_service(
                    AccessLogServiceServer::new(service).max_decoding_message_size(128 << 20),
                )
                .serve_with_incoming(TcpIncoming::from(listener));
            let _ends_with_the_test = served.await;
        };
        runtime.spawn(server);
        Ok(Self { addr, mode, parts, runtime: Some(runtime) })
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
            for part in records(message) {
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
fn records(message: StreamAccessLogsMessage) -> Vec<Value> {
    let entries = match message.log_entries {
        Some(LogEntries::HttpLogs(logs)) => logs.log_entry,
        _ => Vec::new(),
    };
    let mut records = Vec::new();
    for entry in entries {
        let objects = entry.common_properties.map(|c| c.filter_state_objects).unwrap_or_default();
        for (key, any) in objects {
            let ours = key == "hansard.record"
                || key == "wasm.hansard.opened"
                || key == "wasm.hansard.closed";
            let record = BytesValue::decode(any.value.as_slice())
                .ok()
                .and_then(|bytes| serde_json::from_slice::<Value>(&bytes.value).ok());
            if let (true, Some(record)) = (ours, record) {
                records.push(record.get("hansard.v2").cloned().unwrap_or_default());
            }
        }
    }
    records
}
