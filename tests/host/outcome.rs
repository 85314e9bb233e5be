//! What came of a run: what the client, the upstream and the sink have got.

use crate::abi::Headers;
use crate::fixture::message;
use crate::gateway::Gateway;
use crate::journal::Event;
use crate::scenario::exchange;
use crate::side::Out;
use crate::sink::Part;
use crate::stream::Stream;
use crate::verdict::{breaches, gaps};
use serde_json::Value;
use std::rc::Rc;

/// Streams that wait for the gateway: their senders have sent all there is, and still they run.
pub(crate) fn hanging(gateway: &Gateway) -> Vec<u32> {
    let waits = |stream: &Stream| {
        let upstreams_turn = stream.is_forwarded() && !stream.response.is_ended();
        !stream.dead && stream.request.is_ended() && !upstreams_turn
    };
    let streams = gateway.world_ref().streams.iter();
    streams.filter(|(_, stream)| waits(stream)).map(|(id, _)| *id).collect()
}

/// Every client that is still there leaves.
pub(crate) fn all_leave(gateway: &mut Gateway) {
    let streams = gateway.world_ref().streams.iter();
    let alive: Vec<u32> = streams.filter(|(_, s)| !s.dead).map(|(id, _)| *id).collect();
    for id in alive {
        gateway.client_leaves(id);
    }
}

/// A further exchange on the same VM, which must succeed whole. What was wrong with it.
pub(crate) fn one_more(gateway: &mut Gateway) -> Option<String> {
    let id = exchange(gateway, "one-more");
    let got = received(gateway, id);
    match got.status.as_deref() {
        Some("200") if got.body == message() && got.ended => None,
        _ => Some(format!("a further exchange fails: {got:?}")),
    }
}

/// What a client got of a response.
#[derive(Debug, Default)]
pub(crate) struct Received {
    pub(crate) status: Option<String>,
    pub(crate) headers: Headers,
    pub(crate) body: Vec<u8>,
    pub(crate) ended: bool,
    pub(crate) reset: bool,
}

impl Received {
    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }
}

pub(crate) fn received(gateway: &Gateway, id: u32) -> Received {
    let mut received = Received::default();
    for event in &gateway.world_ref().journal {
        let Event::Client { stream, out, .. } = event else { continue };
        if *stream != id {
            continue;
        }
        received.ended |= out.ends();
        match out {
            Out::Headers { headers, .. } => {
                received.status = headers.first(":status").map(str::to_owned);
                received.headers = headers.clone();
            }
            Out::Data { bytes, .. } => received.body.extend_from_slice(bytes),
            Out::Trailers => {}
            Out::Reset => received.reset = true,
        }
    }
    received
}

/// What the upstream got of a request's body; `None` while it has not even the head.
pub(crate) fn forwarded(gateway: &Gateway, id: u32) -> Option<Vec<u8>> {
    let mut got = None;
    for event in &gateway.world_ref().journal {
        match event {
            Event::Upstream { stream, out: Out::Headers { .. } } if *stream == id => {
                got = Some(Vec::new());
            }
            Event::Upstream { stream, out: Out::Data { bytes, .. } } if *stream == id => {
                got.get_or_insert_default().extend_from_slice(bytes);
            }
            _ => {}
        }
    }
    got
}

/// The parts that the sink has acknowledged of a session, in order, each once.
pub(crate) fn recorded(gateway: &Gateway, session: &str) -> Vec<Rc<Part>> {
    let mut recorded: Vec<Rc<Part>> = Vec::new();
    let mut exchanges = Vec::new();
    for event in &gateway.world_ref().journal {
        match event {
            Event::Sent { parts } => {
                let own = parts.iter().filter(|part| part.session.as_deref() == Some(session));
                exchanges.extend(own.map(|part| part.exchange.clone()));
            }
            Event::Acknowledged { parts } => recorded.extend(parts.iter().cloned()),
            Event::Upstream { .. } | Event::Client { .. } => {}
        }
    }
    recorded.retain(|part| exchanges.contains(&part.exchange));
    recorded.sort_by_key(|part| part.seq);
    recorded.dedup_by_key(|part| part.seq);
    recorded
}

/// The kinds of those parts.
pub(crate) fn kinds(gateway: &Gateway, session: &str) -> Vec<&'static str> {
    recorded(gateway, session).iter().map(|part| part.kind).collect()
}

/// A counter of the filter's.
pub(crate) fn counted(gateway: &Gateway, name: &str) -> u64 {
    let metrics = &gateway.world_ref().metrics;
    metrics.iter().find(|(metric, _)| metric == name).map_or(0, |(_, count)| *count)
}

/// How often the filter sent a part.
pub(crate) fn times_sent(gateway: &Gateway, seq: u64) -> usize {
    let sent = gateway.world_ref().journal.iter().filter(|event| match event {
        Event::Sent { parts } => parts.iter().any(|part| part.seq == seq),
        _ => false,
    });
    sent.count()
}

/// Nothing was breached, and nothing is missing of the record.
#[track_caller]
pub(crate) fn expect_whole(gateway: &Gateway) {
    let mut wrong = breaches(gateway.world_ref());
    wrong.extend(gaps(gateway.world_ref()));
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The client got an error of the API's shape: this status, this type.
#[track_caller]
pub(crate) fn expect_error(gateway: &Gateway, id: u32, status: &str, kind: &str) -> Received {
    let got = received(gateway, id);
    assert_eq!(got.status.as_deref(), Some(status), "{got:?}");
    let body: Value = serde_json::from_slice(&got.body).unwrap();
    assert_eq!(body["type"], "error", "{body}");
    assert_eq!(body["error"]["type"], kind, "{body}");
    assert!(got.ended);
    got
}
