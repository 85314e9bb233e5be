//! The bypass corpus through the real Envoy: what must be hidden is hidden from the upstream, the
//! client, the sink and Envoy's log, and what is signed passes byte for byte.
//!
//! One gateway for each policy that the cases ask for; every failure of a run is told.

use crate::{Bench, ask, envoys};
use bytes::Bytes;
use hansard_redact::pii::Pii;
use hansard_tests::bypass::{Case, Expect, Eye, Variant, Way, cases};
use hansard_tests::client::{Answer, Error};
use hansard_tests::gateway::POLICY;
use hansard_tests::scripted::Raw;
use hansard_tests::sink::Entry;
use http::Method;
use std::collections::{HashMap, HashSet};
use std::fmt::Display;
use std::path::Path;
use std::time::{Duration, Instant};

/// Bodies up to this size come in small pieces, too.
const SMALL: usize = 8 << 10;
const PIECE: usize = 16;
/// Places at which a body that is cut in two is cut: the core's own test takes every one.
const CUTS: usize = 6;
/// Between two pieces that must not travel together.
const GAP: Duration = Duration::from_millis(3);

#[tokio::test(flavor = "multi_thread")]
async fn what_must_be_hidden_is_hidden_from_upstream_client_sink_and_log() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/bypass");
    let all = cases(&folder).unwrap();
    assert!(all.len() >= 300, "{} cases", all.len());
    let kinds: Vec<_> = Pii::ALL.iter().map(|kind| kind.id()).collect();
    let envoy = envoys().swap_remove(0);
    let mut failures = Vec::new();
    let variants = [Variant::Usual, Variant::Personal, Variant::Pseudonymize, Variant::Block];
    for variant in variants {
        let patient = POLICY.replace("timeout_ms: 2000", "timeout_ms: 30000");
        let policy = format!("{patient}redact: {}\n", variant.section(&kinds));
        let bench = Bench::new(&envoy, Some(&policy)).await;
        bench.sink.take_entries();
        let mut run = Run::new(&bench);
        for case in all.iter().filter(|case| case.variant == variant) {
            match case.way {
                Way::Request | Way::Query | Way::Header | Way::Echo => run.request(case).await,
                Way::Stream | Way::Whole | Way::Error => run.answer(case).await,
            }
        }
        failures.extend(run.end().await);
    }
    let failed: HashSet<_> = failures.iter().map(|line| line.split(',').next()).collect();
    let (count, failed) = (failures.len(), failed.len());
    assert!(count == 0, "{failed} of {} cases, {count} times:\n{}", all.len(), failures.join("\n"));
}

/// Cases through one gateway, and all that went wrong.
struct Run<'a> {
    bench: &'a Bench,
    /// Which case an exchange is of.
    exchanges: HashMap<String, &'a Case>,
    entries: Vec<Entry>,
    cases: Vec<&'a Case>,
    /// What was asked of the gateway.
    asked: usize,
    failures: Vec<String>,
}

impl<'a> Run<'a> {
    fn new(bench: &'a Bench) -> Self {
        Self {
            bench,
            exchanges: HashMap::new(),
            entries: Vec::new(),
            cases: Vec::new(),
            asked: 0,
            failures: Vec::new(),
        }
    }

    fn failed(&mut self, case: &Case, what: impl Display) {
        self.failures.push(format!("{}, {what}\n    {}", case.name, case.trick));
    }

    /// The value must not be seen.
    fn hides(&mut self, case: &Case, place: &str, bytes: &[u8]) {
        if let Some(sight) = Eye::on(bytes).sees(&case.canary) {
            self.failed(case, format!("{place} shows it {sight}"));
        }
    }

    async fn request(&mut self, case: &'a Case) {
        self.cases.push(case);
        self.bench.claude.answer_with(None);
        let mut client = self.bench.gateway.client();
        if !case.body.is_empty() {
            client = client.with("content-type", &case.content_type);
        }
        for (name, value) in &case.headers {
            client = client.with(name, value);
        }
        self.bench.claude.reset();
        let answer = match case.chunk {
            Some(size) => {
                let chunks = case.body.chunks(size).map(Bytes::copy_from_slice).collect();
                let running = client.begin_chunked(&case.path, chunks, None);
                running.whole().await
            }
            None => client.send(method(case), &case.path, case.body.clone().into()).await,
        };
        let Some(answer) = self.answered(case, "", answer) else { return };
        self.hides(case, "the answer", &answer.body);
        let received = self.bench.claude.received();
        for got in &received {
            let fields: String =
                got.headers.iter().map(|(name, value)| format!("{name}: {value}\n")).collect();
            let head = format!("{} {}\n{fields}", got.method, got.path);
            self.hides(case, "the head upstream", head.as_bytes());
            if case.expect != Expect::Signed {
                self.hides(case, "the body upstream", &got.body);
            } else if got.body != case.body {
                self.failed(case, "what is signed was altered");
            }
        }
        let goes = usize::from(case.expect != Expect::Refused);
        if received.len() != goes {
            let what = format!("{} went upstream: {}", received.len(), answer.text());
            self.failed(case, what);
        }
        if goes == 0 && !answer.status.is_client_error() {
            self.failed(case, format!("answered with {}", answer.status));
        }
    }

    async fn answer(&mut self, case: &'a Case) {
        self.cases.push(case);
        let whole = Bytes::copy_from_slice(&case.body);
        let in_pieces = |size| whole.chunks(size).map(Bytes::copy_from_slice).collect::<Vec<_>>();
        let mut ways = vec![("whole".to_owned(), vec![whole.clone()], Duration::ZERO)];
        let is_small = whole.len() <= SMALL;
        let byte_by_byte = (case.is_split && is_small).then_some(1);
        let sizes = [case.chunk.or(is_small.then_some(PIECE)), byte_by_byte];
        for size in sizes.into_iter().flatten() {
            ways.push((format!("in pieces of {size}"), in_pieces(size), Duration::ZERO));
        }
        let cuts = if case.is_split { CUTS } else { 0 };
        for at in (1..=cuts).map(|nth| whole.len() * nth / (cuts + 1)) {
            let pieces = vec![whole.slice(..at), whole.slice(at..)];
            ways.push((format!("cut at {at}"), pieces, GAP));
        }
        for (how, pieces, gap) in ways {
            let content_type = case.content_type.clone();
            let raw = Raw { status: case.status, content_type, pieces, gap };
            self.bench.claude.answer_with(Some(raw));
            let client = self.bench.gateway.client();
            let asked = match method(case) {
                Method::GET => Bytes::new(),
                _ => ask(case.way == Way::Stream).to_string().into(),
            };
            let answer = client.send(method(case), &case.path, asked).await;
            if let Some(answer) = self.answered(case, &how, answer) {
                self.judge(case, &how, &answer);
            }
        }
        self.bench.claude.reset();
    }

    fn judge(&mut self, case: &Case, how: &str, answer: &Answer) {
        let may_be_kept_back = case.variant == Variant::Block;
        if !may_be_kept_back && (answer.status.as_u16() != case.status || !answer.clean) {
            let Answer { status, clean, .. } = answer;
            let what = format!("{how}: {status}, clean {clean}: {}", answer.text());
            self.failed(case, what);
        }
        if case.expect != Expect::Signed {
            self.hides(case, &format!("{how}: the answer"), &answer.body);
        } else if answer.body != case.body {
            self.failed(case, format!("{how}: what is signed was altered: {}", answer.text()));
        }
    }

    /// What came, with the value in no head; and to which case new exchanges belong.
    fn answered(
        &mut self,
        case: &'a Case,
        how: &str,
        answer: Result<Answer, Error>,
    ) -> Option<Answer> {
        self.asked += 1;
        let fresh = self.bench.sink.take_entries();
        for id in fresh.iter().filter_map(|entry| entry.exchange.clone()) {
            self.exchanges.entry(id).or_insert(case);
        }
        self.entries.extend(fresh);
        match answer {
            Ok(answer) => {
                let head = format!("{:?} {:?}", answer.headers, answer.trailers);
                self.hides(case, "the answer's head", head.as_bytes());
                Some(answer)
            }
            Err(error) => {
                self.failed(case, format!("{how}: no answer: {error}"));
                None
            }
        }
    }

    /// Looks at what the sink and Envoy's log got, once Envoy has told all of it.
    async fn end(mut self) -> Vec<String> {
        let deadline = Instant::now() + Duration::from_secs(20);
        loop {
            self.entries.extend(self.bench.sink.take_entries());
            let witnessed = self.entries.iter().filter(|entry| entry.record.is_none()).count();
            if witnessed >= self.asked || Instant::now() > deadline {
                break;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        let entries = std::mem::take(&mut self.entries);
        let mut told: HashMap<&str, (usize, usize)> = HashMap::new();
        for entry in &entries {
            let case = entry.exchange.as_ref().and_then(|id| self.exchanges.get(id)).copied();
            let Some(case) = case else {
                let what = format!("an entry of no exchange: {}", entry.bytes.escape_ascii());
                self.failures.push(what);
                continue;
            };
            let (parts, witnesses) = told.entry(&case.name).or_default();
            match &entry.record {
                Some(record) => {
                    *parts += 1;
                    self.hides(case, "a part", &entry.bytes);
                    self.hides(case, "a record", record);
                }
                None => {
                    *witnesses += 1;
                    self.hides(case, "Envoy's own entry", &entry.bytes);
                }
            }
        }
        let log = Eye::on(self.bench.gateway.envoy_log().as_bytes());
        for case in std::mem::take(&mut self.cases) {
            if let Some(sight) = log.sees(&case.canary) {
                self.failed(case, format!("Envoy's log shows it {sight}"));
            }
            let (parts, witnesses) = told.get(case.name.as_str()).copied().unwrap_or_default();
            if parts == 0 || witnesses == 0 {
                self.failed(case, format!("{parts} parts, {witnesses} entries of Envoy's own"));
            }
        }
        self.failures
    }
}

fn method(case: &Case) -> Method {
    if case.method() == "GET" { Method::GET } else { Method::POST }
}
