//! What must hold of every run, whatever failed in it.
//!
//! Reads the journal in order and names each breach. Parts are told apart by the session that the
//! client named, which stands in the opened part.

use crate::fixture::{CONTENT, DEVELOPER};
use crate::journal::{Event, Source};
use crate::side::Out;
use crate::sink::Part;
use crate::stream::Stream;
use crate::world::World;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

/// What a stream's error looks like to a client.
const ERROR_EVENT: &[u8] = b"event: error\ndata: {\"type\":\"error\"";

/// What the parts acknowledged so far say.
#[derive(Default)]
struct OnRecord {
    opened: BTreeSet<String>,
    /// By session: the tool blocks.
    progress: BTreeSet<(String, u64)>,
    closed: BTreeSet<String>,
    refused: BTreeSet<String>,
    /// The session of an exchange.
    sessions: BTreeMap<String, String>,
    numbers: BTreeSet<u64>,
    given_up: BTreeSet<u64>,
}

/// What one stream's two ends have got so far.
#[derive(Default)]
struct Got {
    upstream: Vec<u8>,
    client: Vec<u8>,
}

/// What holds under every policy: no trap, no secret told, no senseless host call.
pub(crate) fn faults(world: &World) -> Vec<String> {
    let mut faults = world.misuse.clone();
    faults.extend(world.trap.clone());
    faults.extend(secrets(world));
    faults
}

/// Every breach of a promise, in a run under delivery `acknowledged` and `on_failure: refuse`.
pub(crate) fn breaches(world: &World) -> Vec<String> {
    let mut record = OnRecord::default();
    let mut got: BTreeMap<u32, Got> = BTreeMap::new();
    let mut breaches = faults(world);
    for event in &world.journal {
        match event {
            Event::Sent { parts } => parts.iter().for_each(|part| record.name(part)),
            Event::Acknowledged { parts } => parts.iter().for_each(|part| record.take(part)),
            Event::Upstream { stream, out } => {
                let got = got.entry(*stream).or_default();
                let asked = &world.streams[stream];
                let found = to_upstream(asked, got, out, &record);
                breaches.extend(found.map(|what| format!("stream {stream}: {what}")));
            }
            Event::Client { stream, out, source: Source::Upstream } => {
                let got = got.entry(*stream).or_default();
                let asked = &world.streams[stream];
                let found = to_client(asked, got, out, &record);
                breaches.extend(found.map(|what| format!("stream {stream}: {what}")));
            }
            Event::Client { .. } => {}
        }
    }
    breaches
}

/// What is missing of the record once the sink has had all the time it needs.
pub(crate) fn gaps(world: &World) -> Vec<String> {
    let mut record = OnRecord::default();
    for event in &world.journal {
        match event {
            Event::Sent { parts } => parts.iter().for_each(|part| record.name(part)),
            Event::Acknowledged { parts } => parts.iter().for_each(|part| record.take(part)),
            Event::Upstream { .. } | Event::Client { .. } => {}
        }
    }
    let last = record.numbers.iter().chain(&record.given_up).max().copied().unwrap_or(0);
    let missing = (1..=last)
        .filter(|seq| !record.numbers.contains(seq) && !record.given_up.contains(seq))
        .map(|seq| format!("part {seq} was never acknowledged"));
    let unclosed = (record.opened.iter())
        .filter(|session| !record.closed.contains(*session) && !record.refused.contains(*session))
        .map(|session| format!("session {session} was opened and never closed"));
    missing.chain(unclosed).collect()
}

impl OnRecord {
    fn name(&mut self, part: &Part) {
        if let Some(session) = &part.session {
            self.sessions.insert(part.exchange.clone(), session.clone());
        }
    }

    fn take(&mut self, part: &Rc<Part>) {
        self.numbers.insert(part.seq);
        self.given_up.extend(&part.abandoned);
        let session = self.sessions.get(&part.exchange).cloned().unwrap_or_default();
        match (part.kind, part.index) {
            ("opened", _) => drop(self.opened.insert(session)),
            ("progress", Some(index)) => drop(self.progress.insert((session, index))),
            ("progress", None) => {}
            ("closed", _) => drop(self.closed.insert(session)),
            _ => drop(self.refused.insert(session)),
        }
    }
}

/// Promise 1, and that the wire stays honest.
fn to_upstream(stream: &Stream, got: &mut Got, out: &Out, record: &OnRecord) -> Option<String> {
    if !matches!(out, Out::Reset) && !record.opened.contains(&stream.session) {
        return Some(format!("before the opened part is on record, the upstream gets {out:?}"));
    }
    match out {
        Out::Headers { headers, .. } => {
            let secret = |(name, value): &(String, String)| {
                ["authorization", "x-api-key"].contains(&name.as_str())
                    || value.contains(DEVELOPER.as_str())
            };
            headers.0.iter().any(secret).then(|| "a credential reaches the upstream".into())
        }
        Out::Data { bytes, .. } => {
            got.upstream.extend_from_slice(bytes);
            let honest = stream.request_body.starts_with(&got.upstream);
            (!honest).then(|| "the upstream gets other bytes than the client sent".into())
        }
        Out::Trailers | Out::Reset => None,
    }
}

/// Promise 2, and that the wire stays honest.
fn to_client(stream: &Stream, got: &mut Got, out: &Out, record: &OnRecord) -> Option<String> {
    let is_stream = stream
        .response
        .headers
        .first("content-type")
        .is_some_and(|t| t.starts_with("text/event-stream"));
    let closed = record.closed.contains(&stream.session);
    if let Out::Data { bytes, .. } = out {
        got.client.extend_from_slice(bytes);
    }
    let sent = &stream.response_body;
    let error_at = got.client.windows(ERROR_EVENT.len()).position(|bytes| bytes == ERROR_EVENT);
    let (passed, error) = got.client.split_at(error_at.unwrap_or(got.client.len()));
    if !sent.starts_with(passed) {
        let (passed, sent) = (String::from_utf8_lossy(passed), String::from_utf8_lossy(sent));
        return Some(format!("the client gets {passed:?} in place of {sent:?}"));
    }
    if !is_stream && matches!(out, Out::Data { .. }) && !closed {
        return Some("before the closed part is on record, the client gets data".into());
    }
    if is_stream {
        for (start, index) in points(sent) {
            let on_record = match index {
                Some(index) => record.progress.contains(&(stream.session.clone(), index)) || closed,
                None => closed,
            };
            if passed.len() > start && !on_record {
                let what = index.map_or("the last event".into(), |i| format!("the stop of {i}"));
                return Some(format!("the client gets {what} before it is on record"));
            }
        }
    }
    if out.ends() && error.is_empty() {
        if !closed {
            return Some("a response ends well that is not on record".into());
        }
        if passed.len() < sent.len() || !stream.response.is_ended() {
            return Some("a response ends well that was cut".into());
        }
    }
    None
}

/// Where in a stream something must be on record first: at the stop of a tool block, by its index,
/// and at the last event.
fn points(sent: &[u8]) -> Vec<(usize, Option<u64>)> {
    let text = String::from_utf8_lossy(sent);
    let mut points = Vec::new();
    let mut tools = BTreeSet::new();
    let mut at = 0;
    for event in text.split_inclusive("\n\n") {
        let data = event.lines().find_map(|line| line.strip_prefix("data: ")).unwrap_or_default();
        let data: serde_json::Value = serde_json::from_str(data).unwrap_or_default();
        let index = data["index"].as_u64();
        if data["content_block"]["type"] == "tool_use" {
            tools.extend(index);
        }
        if event.starts_with("event: content_block_stop")
            && index.is_some_and(|i| tools.contains(&i))
        {
            points.push((at, index));
        }
        if event.starts_with("event: message_stop") {
            points.push((at, None));
        }
        at += event.len();
    }
    points
}

/// Promise 3, as far as there are secrets without redaction: tokens, and content in logs.
fn secrets(world: &World) -> Vec<String> {
    let signature = DEVELOPER.rsplit('.').next().unwrap();
    let mut found = Vec::new();
    for line in &world.logs {
        if line.contains(signature) || line.contains(CONTENT) {
            found.push(format!("a secret is in the log: {line}"));
        }
    }
    let metrics = world.metrics.iter().map(|(name, _)| name);
    found.extend(metrics.filter(|n| n.contains(CONTENT)).map(|n| format!("a metric is {n}")));
    let tells = |bytes: &[u8]| String::from_utf8_lossy(bytes).contains(signature);
    for stream in world.streams.values() {
        let states = stream.filter_state.iter().filter(|(_, value)| tells(value));
        found.extend(states.map(|(name, _)| format!("a token is in the filter state {name}")));
    }
    for event in &world.journal {
        match event {
            Event::Sent { parts } => {
                let told = parts.iter().filter(|part| tells(part.text.as_bytes()));
                found.extend(told.map(|part| format!("a token is in part {}", part.seq)));
            }
            Event::Client { out: Out::Data { bytes, .. }, .. } if tells(bytes) => {
                found.push("a token is in an answer".into());
            }
            Event::Acknowledged { .. } | Event::Upstream { .. } | Event::Client { .. } => {}
        }
    }
    found
}

/// The verdict is no better than what it notices.
mod notices {
    use super::*;
    use crate::abi::{Action, Headers};
    use crate::fault::Faults;
    use crate::fixture::{events, sse_head};

    const ID: u32 = 2;

    fn part(seq: u64, kind: &'static str, index: Option<u64>) -> Event {
        let part = Part {
            seq,
            exchange: "e".into(),
            kind,
            session: (kind == "opened").then(|| "s".into()),
            index,
            why: None,
            abandoned: Vec::new(),
            unacknowledged: Vec::new(),
            status: 0,
            text: "{}".into(),
        };
        Event::Acknowledged { parts: vec![Rc::new(part)] }
    }

    fn up(bytes: &[u8]) -> Event {
        let out = Out::Data { bytes: bytes.to_vec(), end: true };
        Event::Upstream { stream: ID, out }
    }

    fn down(bytes: &[u8], end: bool) -> Event {
        let out = Out::Data { bytes: bytes.to_vec(), end };
        Event::Client { stream: ID, out, source: Source::Upstream }
    }

    /// A stream with a tool call whose request was `ask`, and these events.
    fn judged(journal: &[Event]) -> String {
        let mut stream = Stream::new(1, "s".into());
        stream.request_body = b"ask".to_vec();
        stream.response_body = events(1).concat().into_bytes();
        stream.response.headers_arrive(sse_head(), false);
        stream.response.headers_answered(Action::Continue);
        stream.response.data_arrives(b"", true);
        let mut world = World::new(Faults::default());
        world.streams.insert(ID, stream);
        // The sink names the session of an exchange in its opened part, sent or not yet answered.
        if let Event::Acknowledged { parts } = part(1, "opened", None) {
            world.journal.push(Event::Sent { parts });
        }
        world.journal.extend(journal.iter().cloned());
        let mut found = breaches(&world);
        found.extend(gaps(&world));
        found.join("\n")
    }

    #[test]
    fn every_breach() {
        let events = events(1);
        let to_stop = events[..7].concat();
        let whole = events.concat();
        let opened = || part(1, "opened", None);
        let cases: &[(&str, &[Event], &str)] = &[
            ("data before the record", &[up(b"ask")], "before the opened part"),
            ("other data", &[opened(), up(b"axe")], "other bytes than the client sent"),
            (
                "a tool call before its record",
                &[opened(), down(to_stop.as_bytes(), false), part(2, "closed", None)],
                "the client gets the stop of 1 before",
            ),
            (
                "the last event before its record",
                &[opened(), part(2, "progress", Some(1)), down(whole.as_bytes(), true)],
                "the client gets the last event before",
            ),
            (
                "a clean cut",
                &[opened(), part(2, "closed", None), down(events[0].as_bytes(), true)],
                "ends well that was cut",
            ),
            (
                "a hole",
                &[opened(), part(2, "closed", None), down(&whole.as_bytes()[1..], true)],
                "in place of",
            ),
            ("an open end", &[opened(), up(b"ask")], "session s was opened and never closed"),
            ("a gap", &[opened(), part(3, "closed", None)], "part 2 was never acknowledged"),
        ];
        for (name, journal, told) in cases {
            let found = judged(journal);
            assert!(found.contains(told), "{name}: {found:?}");
        }
        let clean = [
            opened(),
            up(b"ask"),
            part(2, "progress", Some(1)),
            part(3, "closed", None),
            down(whole.as_bytes(), true),
        ];
        assert_eq!(judged(&clean), "");
    }

    #[test]
    fn secrets_in_logs_and_credentials_upstream() {
        let mut world = World::new(Faults::default());
        world.logs.push(format!("4 {}", *DEVELOPER));
        assert!(faults(&world).join("").contains("a secret is in the log"));
        let headers = Headers::new(&[("x-other", &DEVELOPER)]);
        let out = Out::Headers { headers, end: false };
        let event = Event::Upstream { stream: ID, out };
        assert!(judged(&[part(1, "opened", None), event]).contains("a credential"));
    }
}
