//! Parts sent to a sink until it is to be killed.

use envoy_types::pb::envoy::service::accesslog::v3::StreamAccessLogsMessage;
use envoy_types::pb::envoy::service::accesslog::v3::access_log_service_client::AccessLogServiceClient;
use hansard_record::part::{Content, Gateway, Part, Progress};
use hansard_record::{BootId, Entry, ExchangeId, RawJson, Record, encode};
use hansard_tests::gateway::binary;
use prost::Message;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Calls that are in flight at once.
const CLIENTS: usize = 8;

pub(crate) struct Sink {
    child: Child,
    address: String,
}

impl Sink {
    pub(crate) fn start(data: &Path) -> Self {
        let mut child = Command::new(binary("hansard"))
            .args(["--log", "error", "sink", "--listen", "127.0.0.1:0", "--data"])
            .arg(data)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let address = line.split([' ', ',']).find(|word| word.starts_with("127.0.0.1:"));
        Self { child, address: address.expect("the sink starts").to_owned() }
    }

    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

pub(crate) struct Done {
    pub(crate) acknowledged: Vec<u64>,
    pub(crate) next: u64,
}

/// Sends parts from a number on, for so long. What was in flight then is not known to be stored.
pub(crate) async fn acknowledged_until(sink: &Sink, first: u64, time: Duration) -> Done {
    let next = Arc::new(AtomicU64::new(first));
    let uri = format!("http://{}", sink.address);
    let client = AccessLogServiceClient::connect(uri).await.unwrap();
    let deadline = tokio::time::Instant::now() + time;
    let mut workers = Vec::new();
    for _ in 0..CLIENTS {
        let (mut client, next) = (client.clone(), Arc::clone(&next));
        workers.push(tokio::spawn(async move {
            let mut acknowledged = Vec::new();
            loop {
                let seq = next.fetch_add(1, Ordering::Relaxed);
                let call = client.stream_access_logs(tokio_stream::once(part(seq)));
                match tokio::time::timeout_at(deadline, call).await {
                    Ok(answer) => {
                        answer.unwrap();
                        acknowledged.push(seq);
                    }
                    Err(_) => return acknowledged,
                }
            }
        }));
    }
    let mut acknowledged = Vec::new();
    for worker in workers {
        acknowledged.append(&mut worker.await.unwrap());
    }
    Done { acknowledged, next: next.load(Ordering::Relaxed) }
}

fn part(seq: u64) -> StreamAccessLogsMessage {
    let mut random = [0; 10];
    random[2..].copy_from_slice(&seq.to_be_bytes());
    let record = Record::V2(Part {
        exchange: ExchangeId::new(1_700_000_000_000, random),
        boot: BootId::new(1_700_000_000_000, [7; 10]),
        seq,
        at: 1_700_000_000_000 + seq,
        gateway: Gateway { node: "n".into(), filter: "".into(), policy: "".into() },
        part: Content::Progress(Progress {
            index: Some(0),
            block: Some(RawJson::parsed("{}")),
            events: None,
            findings: Vec::new(),
        }),
    });
    let message = encode(&Entry::default(), &record, 200).unwrap();
    StreamAccessLogsMessage::decode(&*message).unwrap()
}
