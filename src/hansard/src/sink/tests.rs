//! The sink over real connections: what is answered, what is not, and what is stored.

use super::*;
use envoy_types::pb::envoy::data::accesslog::v3::{AccessLogCommon, HttpAccessLogEntry};
use envoy_types::pb::envoy::service::accesslog::v3::StreamAccessLogsMessage;
use envoy_types::pb::envoy::service::accesslog::v3::access_log_service_client::AccessLogServiceClient;
use envoy_types::pb::envoy::service::accesslog::v3::stream_access_logs_message::{
    HttpAccessLogEntries, Identifier, LogEntries, TcpAccessLogEntries,
};
use envoy_types::pb::google::protobuf::{Any, BytesValue};
use envoy_types::util::pack_any;
use hansard_record::fold::{Chain, FOLDED_KEY, Folded, Known, Stream, TAKES_FOLDED};
use hansard_record::part::{Content, Gateway, Part, Progress};
use hansard_record::{BootId, Entry, ExchangeId, RawJson, Record, encode};
use hansard_store::{Defect, Options, Reader};
use prost::Message;
use rusqlite::Connection;
use rusqlite::types::ValueRef;
use tokio::sync::{mpsc, oneshot};
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::Channel;
use tonic::{Code, Status};

/// A running sink and one client of it.
struct Running {
    folder: tempfile::TempDir,
    addr: SocketAddr,
    client: AccessLogServiceClient<Channel>,
    stop: oneshot::Sender<()>,
    done: tokio::task::JoinHandle<Result<(), SinkError>>,
}

impl Running {
    async fn start() -> Self {
        Self::start_with(Options::default()).await
    }

    async fn start_with(options: Options) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut sink =
            Sink::bind("127.0.0.1:0".parse().unwrap(), folder.path(), Options::default())
                .await
                .unwrap();
        sink.writer = {
            sink.writer.close();
            Writer::start_with(folder.path(), options).unwrap()
        };
        let addr = sink.addr();
        let (stop, stopped) = oneshot::channel();
        let done = tokio::spawn(sink.serve(async move {
            let _ = stopped.await;
        }));
        let client = AccessLogServiceClient::connect(format!("http://{addr}")).await.unwrap();
        Self { folder, addr, client, stop, done }
    }

    /// A call of the filter: messages, then half-close.
    async fn call(&self, messages: Vec<StreamAccessLogsMessage>) -> Result<(), Status> {
        let mut client = self.client.clone();
        client.stream_access_logs(tokio_stream::iter(messages)).await.map(|_| ())
    }

    async fn stop(self) -> tempfile::TempDir {
        self.stop.send(()).unwrap();
        tokio::time::timeout(Duration::from_secs(5), self.done).await.unwrap().unwrap().unwrap();
        self.folder
    }

    fn database(&self) -> Connection {
        Connection::open(self.folder.path().join("hansard.db")).unwrap()
    }

    /// The ledger, with all that was acknowledged.
    fn reader(&self) -> Reader {
        Reader::open(self.folder.path()).unwrap()
    }

    /// The first column, as text.
    fn rows(&self, query: &str) -> Vec<String> {
        drop(self.reader());
        let database = self.database();
        let mut statement = database.prepare(query).unwrap();
        let rows = statement.query_map([], |row| match row.get_ref(0)? {
            ValueRef::Text(text) => Ok(String::from_utf8_lossy(text).into_owned()),
            ValueRef::Integer(number) => Ok(number.to_string()),
            other => Ok(format!("{other:?}")),
        });
        rows.unwrap().map(Result::unwrap).collect()
    }

    async fn rows_become(&self, query: &str, expected: &[&str]) {
        for _ in 0..100 {
            if self.rows(query) == expected {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        assert_eq!(self.rows(query), expected, "{query}");
    }
}

fn exchange(n: u8) -> ExchangeId {
    ExchangeId::new(1_000, [n; 10])
}

fn record(n: u8) -> Record<'static> {
    Record::V2(Part {
        exchange: exchange(n),
        boot: BootId::new(1_000, [0; 10]),
        seq: u64::from(n),
        at: 1_000,
        gateway: Gateway { node: "".into(), filter: "".into(), policy: "".into() },
        part: Content::Progress(Progress {
            index: Some(0),
            block: Some(RawJson::parsed("{}")),
            events: None,
            findings: Vec::new(),
        }),
    })
}

fn encoded(n: u8) -> Vec<u8> {
    encode(&Entry::default(), &record(n), 100).unwrap().to_vec()
}

fn part(n: u8) -> StreamAccessLogsMessage {
    StreamAccessLogsMessage::decode(encoded(n).as_slice()).unwrap()
}

fn bytes_value(bytes: &[u8]) -> Any {
    pack_any(BytesValue { value: bytes.to_vec() })
}

fn message(log: &str, objects: Vec<(&str, Any)>) -> StreamAccessLogsMessage {
    let objects = objects.into_iter().map(|(key, value)| (key.to_owned(), value));
    let common =
        AccessLogCommon { filter_state_objects: objects.collect(), ..AccessLogCommon::default() };
    let entry =
        HttpAccessLogEntry { common_properties: Some(common), ..HttpAccessLogEntry::default() };
    StreamAccessLogsMessage {
        identifier: Some(Identifier { node: None, log_name: log.to_owned() }),
        log_entries: Some(LogEntries::HttpLogs(HttpAccessLogEntries { log_entry: vec![entry] })),
    }
}

#[test]
fn messages_written_one_after_the_other_are_one_with_all_entries() {
    let both = [encoded(1), encoded(2)].concat();
    let message = StreamAccessLogsMessage::decode(both.as_slice()).unwrap();
    assert_eq!(message.identifier.as_ref().unwrap().log_name, "hansard");
    let Some(LogEntries::HttpLogs(entries)) = &message.log_entries else { panic!("{message:?}") };
    assert_eq!(entries.log_entry.len(), 2);
    let batch = entries::read(message, "hansard", 1);
    assert_eq!(batch.len(), 2);
    assert!(batch.iter().all(|item| item.defect().is_none()));
}

#[tokio::test]
async fn a_call_of_the_filter_is_answered_when_it_is_stored() {
    let sink = Running::start().await;
    sink.call(vec![part(1)]).await.unwrap();
    let stored = sink.rows("SELECT seq || source FROM parts");
    assert_eq!(stored, ["1acknowledged"]);
    // Sent again, and with a second part in the same message.
    let both = [encoded(1), encoded(2)].concat();
    sink.call(vec![StreamAccessLogsMessage::decode(both.as_slice()).unwrap()]).await.unwrap();
    assert_eq!(sink.rows("SELECT seq FROM parts"), ["1", "2"]);
    assert!(sink.rows("SELECT id FROM witness").is_empty());
    sink.stop().await;
}

#[tokio::test]
async fn a_large_part_passes() {
    let sink = Running::start().await;
    let text = format!("\"{}\"", "x".repeat(33 << 20));
    let mut large = record(1).into_part();
    large.part = Content::Progress(Progress {
        index: Some(0),
        block: Some(RawJson::parsed(&text)),
        events: None,
        findings: Vec::new(),
    });
    let message = encode(&Entry::default(), &Record::V2(large), text.len()).unwrap();
    sink.call(vec![StreamAccessLogsMessage::decode(&*message).unwrap()]).await.unwrap();
    let entry = sink.reader().leaves(0, 1).unwrap().remove(0);
    let entry: serde_json::Value = serde_json::from_slice(&entry.bytes).unwrap();
    assert!(entry["bytes"].as_u64().unwrap() > 33 << 20);
    sink.stop().await;
}

#[tokio::test]
async fn envoys_own_log_is_stored_as_it_comes_and_ends_when_the_sink_stops() {
    let sink = Running::start().await;
    let (entries, log) = mpsc::channel(9);
    let mut client = sink.client.clone();
    let answer = tokio::spawn(async move {
        client.stream_access_logs(ReceiverStream::new(log)).await.map(|_| ())
    });
    let id = bytes_value(exchange(7).to_string().as_bytes());
    let opened = record(7).into_part();
    let opened = serde_json::to_vec(&Record::V2(opened)).unwrap();
    let first = vec![("wasm.hansard.exchange", id), ("wasm.hansard.opened", bytes_value(&opened))];
    entries.send(message("envoy", first)).await.unwrap();
    sink.rows_become("SELECT exchange FROM witness", &[&exchange(7).to_string()]).await;
    assert_eq!(sink.rows("SELECT seq || source FROM parts"), ["7access_log"]);
    // Only the first message names the log; another filter's state is not ours.
    let mut second = message("", vec![("envoy.string", bytes_value(b"theirs"))]);
    second.identifier = None;
    entries.send(second).await.unwrap();
    sink.rows_become("SELECT count(*) FROM witness", &["2"]).await;
    assert!(sink.rows("SELECT id FROM malformed").is_empty());
    assert!(!answer.is_finished(), "answered early");

    sink.stop().await;
    assert_eq!(answer.await.unwrap().unwrap_err().code(), Code::Unavailable);
}

#[tokio::test]
async fn what_cannot_be_read_is_stored_acknowledged_and_stops_nothing() {
    let sink = Running::start().await;
    let wrong_type =
        Any { type_url: "type.googleapis.com/google.protobuf.Struct".into(), value: b"x".into() };
    let wrong_bytes = Any { type_url: "google.protobuf.BytesValue".into(), value: vec![0x0a, 9] };
    let mut tcp = message("hansard", vec![]);
    let tcp_entries = TcpAccessLogEntries { log_entry: vec![Default::default()] };
    tcp.log_entries = Some(LogEntries::TcpLogs(tcp_entries));
    for (message, reason) in [
        (message("hansard", vec![("hansard.record", wrong_type)]), Defect::Type),
        (message("hansard", vec![("hansard.record", wrong_bytes)]), Defect::Bytes),
        (
            message("hansard", vec![("hansard.record", bytes_value(b"{\"hansard.v9\":1}"))]),
            Defect::Version,
        ),
        (message("hansard", vec![]), Defect::NoRecord),
        (tcp, Defect::Tcp),
        (message("envoy", vec![("wasm.hansard.exchange", bytes_value(b"x"))]), Defect::ExchangeId),
    ] {
        sink.call(vec![message]).await.unwrap();
        let stored = sink.rows("SELECT reason FROM malformed ORDER BY id DESC LIMIT 1");
        assert_eq!(stored, [reason.to_string()]);
    }
    // A good part beside a bad one is stored.
    let mut mixed = part(3);
    mixed.merge(message("hansard", vec![]).encode_to_vec().as_slice()).unwrap();
    sink.call(vec![mixed]).await.unwrap();
    assert_eq!(sink.rows("SELECT seq FROM parts"), ["3"]);
    sink.stop().await;
}

#[tokio::test]
async fn bytes_that_are_no_message_end_their_own_stream_alone() {
    let sink = Running::start().await;
    let endpoint = Channel::from_shared(format!("http://{}", sink.addr)).unwrap();
    let mut grpc = tonic::client::Grpc::new(endpoint.connect().await.unwrap());
    // Protobuf strings are UTF-8, the log's name here is not; the other is no protobuf at all.
    for garbage in [vec![0x0a, 4, 0x12, 2, 0xff, 0xff], vec![0xff; 20]] {
        grpc.ready().await.unwrap();
        let path = "/envoy.service.accesslog.v3.AccessLogService/StreamAccessLogs";
        let request = tonic::Request::new(tokio_stream::iter([garbage]));
        let answer = grpc.client_streaming(request, path.parse().unwrap(), Raw).await;
        assert_eq!(answer.unwrap_err().code(), Code::Internal);
    }
    let mut long = message("hansard", vec![]);
    long.identifier.as_mut().unwrap().log_name = "x".repeat(MESSAGE_LIMIT + 1);
    assert_eq!(sink.call(vec![long]).await.unwrap_err().code(), Code::OutOfRange);

    let reason = Defect::Message.to_string();
    assert_eq!(sink.rows("SELECT reason FROM malformed"), vec![reason; 3]);
    sink.call(vec![part(1)]).await.unwrap();
    sink.stop().await;
}

/// Sends bytes as they are.
struct Raw;

impl tonic::codec::Codec for Raw {
    type Encode = Vec<u8>;
    type Decode = Vec<u8>;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self
    }

    fn decoder(&mut self) -> Self {
        Self
    }
}

impl tonic::codec::Encoder for Raw {
    type Item = Vec<u8>;
    type Error = Status;

    fn encode(
        &mut self,
        item: Vec<u8>,
        to: &mut tonic::codec::EncodeBuf<'_>,
    ) -> Result<(), Status> {
        bytes::BufMut::put_slice(to, &item);
        Ok(())
    }
}

impl tonic::codec::Decoder for Raw {
    type Item = Vec<u8>;
    type Error = Status;

    fn decode(
        &mut self,
        from: &mut tonic::codec::DecodeBuf<'_>,
    ) -> Result<Option<Vec<u8>>, Status> {
        let mut bytes = vec![0; bytes::Buf::remaining(from)];
        bytes::Buf::copy_to_slice(from, &mut bytes);
        Ok(Some(bytes))
    }
}

#[tokio::test]
async fn the_answer_says_that_folded_parts_are_taken_and_a_digest_that_is_not_known_is_refused() {
    let sink = Running::start().await;
    let endpoint = Channel::from_shared(format!("http://{}", sink.addr)).unwrap();
    let mut grpc = tonic::client::Grpc::new(endpoint.connect().await.unwrap());
    grpc.ready().await.unwrap();
    let path = "/envoy.service.accesslog.v3.AccessLogService/StreamAccessLogs";
    let request = tonic::Request::new(tokio_stream::iter([encoded(1)]));
    let answer = grpc.client_streaming(request, path.parse().unwrap(), Raw).await.unwrap();
    assert_eq!(answer.into_inner(), TAKES_FOLDED);

    // The second part's block, left out.
    let whole = encode(&Entry::default(), &record(2), 100).unwrap();
    let json = String::from_utf8(whole.record().to_vec()).unwrap();
    let start = json.find("\"block\":").unwrap() + 8;
    let mut values =
        serde_json::Deserializer::from_str(&json[start..]).into_iter::<serde_json::Value>();
    values.next().unwrap().unwrap();
    let end = start + values.byte_offset();
    let frame = format!("{{\"streams\":[{start}]}}\n{}{}", &json[..start], &json[end..]);
    let known = Known { digest: Chain([7; 32]), bytes: end - start };
    let folded = Folded {
        frame: frame.as_bytes().into(),
        streams: vec![Stream { known: Some(known), pieces: Vec::new() }],
    };
    let folded = whole.with(FOLDED_KEY, &folded.encode().unwrap()).unwrap();
    let folded = StreamAccessLogsMessage::decode(folded.as_slice()).unwrap();
    let refused = sink.call(vec![folded]).await.unwrap_err();
    assert_eq!(refused.code(), Code::FailedPrecondition);
    assert_eq!(refused.code() as u32, hansard_record::fold::UNKNOWN_STATUS);
    assert_eq!(sink.rows("SELECT seq FROM parts"), ["1"]);
    assert_eq!(sink.rows("SELECT count(*) FROM malformed"), ["0"]);
    sink.call(vec![part(2)]).await.unwrap();
    sink.stop().await;
}

#[tokio::test]
async fn a_call_that_never_half_closes_is_not_answered() {
    let sink = Running::start().await;
    let (entries, log) = mpsc::channel(9);
    let mut client = sink.client.clone();
    let answer = tokio::spawn(async move {
        client.stream_access_logs(ReceiverStream::new(log)).await.map(|_| ())
    });
    entries.send(part(1)).await.unwrap();
    sink.rows_become("SELECT seq FROM parts", &["1"]).await;
    assert!(!answer.is_finished());
    drop(entries);
    answer.await.unwrap().unwrap();
    sink.stop().await;
}

#[tokio::test]
async fn a_sink_that_cannot_store_answers_unavailable_and_recovers() {
    let options = Options { busy_timeout: Duration::from_millis(50), ..Options::default() };
    let sink = Running::start_with(options).await;
    let lock = sink.database();
    lock.execute_batch("BEGIN IMMEDIATE").unwrap();
    // What is on disk is acknowledged; until it is stored too, nothing more is.
    sink.call(vec![part(1)]).await.unwrap();
    let mut seq = 2;
    let refused = loop {
        match sink.call(vec![part(seq)]).await {
            Ok(()) => seq += 1,
            Err(refused) => break refused,
        }
        assert!(seq < 250, "it goes on acknowledging");
        tokio::time::sleep(Duration::from_millis(5)).await;
    };
    assert_eq!(refused.code(), Code::Unavailable);
    lock.execute_batch("ROLLBACK").unwrap();
    let deadline = tokio::time::Instant::now() + Duration::from_secs(30);
    while let Err(still) = sink.call(vec![part(seq)]).await {
        assert!(tokio::time::Instant::now() < deadline, "{still}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let stored: Vec<String> = (1..=seq).map(|seq| seq.to_string()).collect();
    assert_eq!(sink.rows("SELECT seq FROM parts ORDER BY seq"), stored);
    sink.stop().await;
}

#[tokio::test]
async fn a_full_queue_refuses_the_filter_and_holds_envoys_log_back() {
    let sink = Running::start_with(Options { queue_bytes: 1, ..Options::default() }).await;
    let lock = sink.database();
    lock.execute_batch("BEGIN IMMEDIATE").unwrap();
    // On disk, and counted until the ledger has it: there is no room for another.
    sink.call(vec![part(1)]).await.unwrap();
    let refused = sink.call(vec![part(2)]).await.unwrap_err();
    assert_eq!(refused.code(), Code::ResourceExhausted);

    let (entries, log) = mpsc::channel(9);
    let mut client = sink.client.clone();
    let answer = tokio::spawn(async move {
        client.stream_access_logs(ReceiverStream::new(log)).await.map(|_| ())
    });
    entries.send(message("envoy", vec![])).await.unwrap();
    lock.execute_batch("ROLLBACK").unwrap();
    // What could not be stored was not refused: it is stored now, on a stream that goes on.
    sink.rows_become("SELECT count(*) FROM witness", &["1"]).await;
    assert!(!answer.is_finished());
    assert_eq!(sink.rows("SELECT seq FROM parts"), ["1"]);
    sink.stop().await;
}

#[tokio::test]
async fn a_port_in_use_and_a_folder_in_use_name_their_cure() {
    let sink = Running::start().await;
    let elsewhere = tempfile::tempdir().unwrap();
    let taken = Sink::bind(sink.addr, elsewhere.path(), Options::default()).await.err().unwrap();
    assert!(taken.to_string().contains("--listen"), "{taken}");
    let free = "127.0.0.1:0".parse().unwrap();
    let locked = Sink::bind(free, sink.folder.path(), Options::default()).await.err().unwrap();
    assert!(locked.to_string().contains("--data"), "{locked}");
    sink.stop().await;
}

#[tokio::test]
async fn over_http_are_figures_and_a_log_that_a_witness_cosigns() {
    let sink = Running::start().await;
    sink.call(vec![StreamAccessLogsMessage::decode(encoded(1).as_slice()).unwrap()]).await.unwrap();
    let data = sink.folder.path().to_owned();
    let source = http::Source { keys: hansard_store::beside(&data), data: data.clone() };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(axum::serve(listener, http::router(source.clone())).into_future());
    let get = |path: &'static str| {
        let base = base.clone();
        async move { fetch(&format!("{base}{path}")).await }
    };
    let metrics = String::from_utf8(get("/metrics").await).unwrap();
    assert!(metrics.contains("\nhansard_parts 1\n"), "{metrics}");
    assert!(metrics.contains("\nhansard_missing_parts 0\n"), "{metrics}");
    let checkpoint = String::from_utf8(get("/log/checkpoint").await).unwrap();
    assert_eq!(checkpoint.lines().nth(1), Some("1"));
    assert_eq!(get("/log/tile/0/000.p/1").await.len(), 32);
    let entries = get("/log/tile/entries/000.p/1").await;
    assert_eq!(usize::from(u16::from_be_bytes([entries[0], entries[1]])) + 2, entries.len());
    assert_eq!(get("/log/tile/0/001").await, b"");

    let folder = tempfile::tempdir().unwrap();
    let key = folder.path().join("witness.key");
    hansard_store::make_key(&key, "witness.example").unwrap();
    let log = std::fs::read_to_string(source.keys.join("checkpoint.pub")).unwrap();
    let key = std::fs::read_to_string(key).unwrap();
    let witness = hansard_verify::Witness::open(&folder.path().join("memory"), &log, &key).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let uri = format!("http://{}", listener.local_addr().unwrap()).parse().unwrap();
    let public = witness.public_key();
    let app = crate::ledger::witness::router(witness);
    tokio::spawn(axum::serve(listener, app).into_future());
    let cosigning = tokio::spawn(cosign::run(source, uri));
    for size in [1, 2] {
        let cosigned = data.join(COSIGNED);
        let (head, name) = (format!("\n{size}\n"), "\u{2014} witness.example ");
        let is_there = || std::fs::read_to_string(&cosigned).unwrap_or_default().contains(&head);
        for _ in 0..600 {
            if is_there() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        assert!(is_there(), "{size}");
        assert!(std::fs::read_to_string(&cosigned).unwrap().contains(name));
        sink.call(vec![StreamAccessLogsMessage::decode(encoded(size + 1).as_slice()).unwrap()])
            .await
            .unwrap();
    }
    let note = std::fs::read(data.join(COSIGNED)).unwrap();
    assert!(hansard_verify::cosigned(&note, &public).is_ok());
    cosigning.abort();
    sink.stop().await;
}

async fn fetch(uri: &str) -> Vec<u8> {
    use http_body_util::{BodyExt, Empty};
    let client: hyper_util::client::legacy::Client<_, Empty<bytes::Bytes>> =
        hyper_util::client::legacy::Client::builder(hyper_util::rt::TokioExecutor::new())
            .build_http();
    let response = client.get(uri.parse().unwrap()).await.unwrap();
    response.into_body().collect().await.unwrap().to_bytes().to_vec()
}
