//! Exchanges of every kind, played from the first byte to the last.

use crate::abi::Headers;
use crate::fixture::{self, events, json_head, message, sse_head};
use crate::gateway::Gateway;
use crate::stream::Ask;
use serde_json::json;

/// One kind of exchange.
#[derive(Clone, Copy)]
pub(crate) struct Scenario {
    pub(crate) name: &'static str,
    pub(crate) policy: fn() -> String,
    pub(crate) play: fn(&mut Gateway),
}

impl Scenario {
    /// A gateway that has served an exchange before, so that it knows the token; the scenario in
    /// which keys are fetched begins without them.
    pub(crate) fn base(&self) -> Gateway {
        let mut gateway = Gateway::start(&(self.policy)());
        if gateway.world().fetches.is_empty() {
            exchange(&mut gateway, "before");
            gateway.settle();
        }
        gateway
    }

    /// Under this scenario's policy data waits for its record.
    pub(crate) fn is_acknowledged(&self) -> bool {
        ACKNOWLEDGED.iter().any(|scenario| scenario.name == self.name)
    }
}

/// Those in which data waits for its record.
pub(crate) const ACKNOWLEDGED: &[Scenario] = &[
    Scenario { name: "json", policy: plain, play: json },
    Scenario { name: "text", policy: plain, play: text },
    Scenario { name: "tool", policy: plain, play: tool },
    Scenario { name: "tool_cut", policy: plain, play: tool_cut },
    Scenario { name: "tools_at_once", policy: plain, play: tools_at_once },
    Scenario { name: "tool_refused", policy: plain, play: tool_refused },
    Scenario { name: "timed", policy: plain, play: timed },
    Scenario { name: "timed_refused", policy: plain, play: timed_refused },
    Scenario { name: "spare_sink", policy: fixture::two_sinks, play: spare_sink },
    Scenario { name: "turns", policy: plain, play: turns },
    Scenario { name: "turns_forgotten", policy: plain, play: turns_forgotten },
    Scenario { name: "refused_by_policy", policy: plain, play: refused_by_policy },
    Scenario { name: "no_token", policy: plain, play: no_token },
    Scenario { name: "models", policy: plain, play: models },
    Scenario { name: "trailers", policy: plain, play: trailers },
    Scenario { name: "keys_pending", policy: fixture::fetched_keys, play: keys_pending },
    Scenario { name: "sink_away", policy: plain, play: sink_away },
    Scenario { name: "sink_silent", policy: plain, play: sink_silent },
    Scenario { name: "client_leaves", policy: plain, play: client_leaves },
    Scenario { name: "upstream_breaks", policy: plain, play: upstream_breaks },
    Scenario { name: "shared_calls", policy: plain, play: shared_calls },
    Scenario { name: "too_large", policy: small, play: too_large },
    Scenario { name: "probe", policy: plain, play: probe },
];

/// Those in which the record rides on Envoy's own log.
pub(crate) const LOGGED: &[Scenario] = &[
    Scenario { name: "logged_json", policy: logged, play: json },
    Scenario { name: "logged_tool", policy: logged, play: tool },
    Scenario { name: "logged_refusal", policy: logged, play: refused_by_policy },
];

pub(crate) fn plain() -> String {
    fixture::policy().to_string()
}

pub(crate) fn logged() -> String {
    fixture::with("record", json!({"delivery": "access_log"}))
}

fn small() -> String {
    fixture::with("limits", json!({"request_bytes": 1024, "response_bytes": 1024}))
}

/// A whole exchange with a JSON answer in two pieces. The stream's number.
pub(crate) fn exchange(gateway: &mut Gateway, session: &str) -> u32 {
    let id = gateway.ask(&Ask::messages(session));
    gateway.pump();
    let body = message();
    if gateway.respond(id, &json_head(&body), false) {
        let (first, rest) = body.split_at(20);
        gateway.response_data(id, first, false);
        gateway.response_data(id, rest, false);
        gateway.response_data(id, b"", true);
        gateway.pump();
    }
    id
}

/// A request that has gone upstream, and the head of a stream in answer.
pub(crate) fn streaming(gateway: &mut Gateway, session: &str) -> u32 {
    let id = gateway.ask(&Ask::messages(session));
    gateway.pump();
    gateway.respond(id, &sse_head(), false);
    id
}

/// A turn of a session that has so many messages by now, answered.
pub(crate) fn turn(gateway: &mut Gateway, session: &str, messages: usize) {
    let id = gateway.ask(&Ask::turn(session, messages));
    gateway.pump();
    let body = message();
    if gateway.respond(id, &json_head(&body), false) {
        gateway.response_data(id, &body, true);
        gateway.pump();
    }
}

/// The second turn leaves out what the first said.
fn turns(gateway: &mut Gateway) {
    turn(gateway, "turns", 1);
    turn(gateway, "turns", 3);
}

/// The sink does not have it any more.
fn turns_forgotten(gateway: &mut Gateway) {
    turn(gateway, "turns", 1);
    gateway.world().shelf.clear();
    turn(gateway, "turns", 3);
}

fn json(gateway: &mut Gateway) {
    exchange(gateway, "json");
}

fn text(gateway: &mut Gateway) {
    let id = streaming(gateway, "text");
    for event in events(0) {
        let (first, rest) = event.split_at(9);
        gateway.response_data(id, first.as_bytes(), false);
        gateway.response_data(id, rest.as_bytes(), false);
    }
    gateway.response_data(id, b"", true);
    gateway.pump();
}

/// A tool call, with data that comes while it is held, while the wake is on its way, and after.
fn tool(gateway: &mut Gateway) {
    let id = streaming(gateway, "tool");
    let events = events(2);
    // Up to the tool's stop and into it, so that a prefix passes and the stop is held.
    let (before, after) = events.split_at(7);
    gateway.response_data(id, before.concat().as_bytes(), false);
    gateway.wake();
    gateway.response_data(id, after[0].as_bytes(), false);
    gateway.pump();
    gateway.response_data(id, after[1].as_bytes(), false);
    gateway.wake();
    gateway.response_data(id, after[2].as_bytes(), false);
    gateway.pump();
    gateway.response_data(id, after[3..].concat().as_bytes(), false);
    gateway.response_data(id, b"", true);
    gateway.pump();
}

/// The same with events cut in two, so that half an event is held when the tool's stop comes, and
/// with acknowledgements that overtake the wakes.
fn tool_cut(gateway: &mut Gateway) {
    let id = streaming(gateway, "tool-cut");
    let all = events(2).concat();
    for (number, chunk) in all.as_bytes().chunks(all.len() / 5).enumerate() {
        gateway.response_data(id, chunk, false);
        if number % 2 == 1
            && let Some(call) = gateway.oldest_call()
        {
            gateway.acknowledge(call);
        }
    }
    gateway.pump();
    gateway.response_data(id, b"", true);
    gateway.pump();
}

fn tools_at_once(gateway: &mut Gateway) {
    let id = streaming(gateway, "tools");
    gateway.response_data(id, events(2).concat().as_bytes(), true);
    gateway.pump();
}

/// The tool call cannot be put on record: the stream ends with an error event.
fn tool_refused(gateway: &mut Gateway) {
    let id = streaming(gateway, "tool-refused");
    gateway.response_data(id, events(1)[..7].concat().as_bytes(), false);
    gateway.pump_refusing();
}

/// Events go on record while the stream runs, which is held once in between.
fn timed(gateway: &mut Gateway) {
    let id = streaming(gateway, "timed");
    let events = events(1);
    gateway.response_data(id, events[..3].concat().as_bytes(), false);
    gateway.pass_time(1100, true);
    gateway.response_data(id, events[3..7].concat().as_bytes(), false);
    gateway.pump();
    gateway.response_data(id, events[7].as_bytes(), false);
    gateway.pass_time(1100, true);
    gateway.pump();
    gateway.response_data(id, events[8..].concat().as_bytes(), true);
    gateway.pump();
}

/// They cannot go on record: the stream ends with its next data, another because none comes.
fn timed_refused(gateway: &mut Gateway) {
    for (session, speaks) in [("timed-refused", true), ("timed-silent", false)] {
        let id = streaming(gateway, session);
        gateway.response_data(id, events(1)[..3].concat().as_bytes(), false);
        gateway.pass_time(1100, true);
        gateway.pump_refusing();
        if speaks {
            gateway.response_data(id, events(1)[3].as_bytes(), false);
        } else {
            gateway.pass_time(5100, true);
        }
        gateway.wake();
    }
}

/// The first of two sinks is away, then the second; parts travel alone and together.
fn spare_sink(gateway: &mut Gateway) {
    let sessions = ["spare-1", "spare-2", "spare-3"];
    let ids = sessions.map(|session| gateway.ask(&Ask::messages(session)));
    gateway.pump_but("spare_sink");
    for id in ids {
        gateway.respond(id, &sse_head(), false);
        gateway.response_data(id, events(1)[..7].concat().as_bytes(), false);
    }
    gateway.pump_but("hansard_sink");
    gateway.client_leaves(ids[2]);
    for id in ids {
        gateway.response_data(id, events(1)[7..].concat().as_bytes(), true);
    }
    gateway.pump_but("spare_sink");
}

fn refused_by_policy(gateway: &mut Gateway) {
    gateway.ask(&Ask::messages("refused").of_model("claude-secret-1"));
    gateway.pump();
}

fn no_token(gateway: &mut Gateway) {
    gateway.ask(&Ask::messages("no-token").without_header("authorization"));
    gateway.pump();
}

fn models(gateway: &mut Gateway) {
    let id = gateway.ask(&Ask::models("models"));
    gateway.pump();
    let body = br#"{"data":[]}"#;
    gateway.respond(id, &json_head(body), false);
    gateway.response_data(id, body, true);
    gateway.pump();
}

fn trailers(gateway: &mut Gateway) {
    let ask = Ask::messages("trailers");
    let id = gateway.open(&ask);
    gateway.request_data(id, &ask.body, false);
    gateway.request_trailers(id);
    gateway.pump();
    gateway.respond(id, &sse_head(), false);
    for event in events(1) {
        gateway.response_data(id, event.as_bytes(), false);
    }
    gateway.response_trailers(id);
    gateway.pump();
}

fn keys_pending(gateway: &mut Gateway) {
    let id = gateway.ask(&Ask::messages("keys"));
    gateway.pass_time(300, true);
    gateway.answer_fetches(200, &fixture::jwks().to_string());
    gateway.pump();
    let body = message();
    gateway.respond(id, &json_head(&body), false);
    gateway.response_data(id, &body, true);
    gateway.pump();
}

fn sink_away(gateway: &mut Gateway) {
    gateway.ask(&Ask::messages("sink-away"));
    gateway.pump_refusing();
}

/// The sink says nothing, and the host loses the calls.
fn sink_silent(gateway: &mut Gateway) {
    gateway.ask(&Ask::messages("sink-silent"));
    gateway.pass_time(fixture::TIMEOUT_MS + 200, false);
    gateway.wake();
}

fn client_leaves(gateway: &mut Gateway) {
    let id = streaming(gateway, "client-leaves");
    gateway.response_data(id, events(1)[..7].concat().as_bytes(), false);
    gateway.client_leaves(id);
    gateway.wake();
}

fn upstream_breaks(gateway: &mut Gateway) {
    let id = streaming(gateway, "upstream-breaks");
    gateway.response_data(id, events(1)[..3].concat().as_bytes(), false);
    gateway.upstream_breaks(id);
    let id = gateway.ask(&Ask::messages("upstream-away"));
    gateway.pump();
    gateway.upstream_breaks(id);
    gateway.pump();
}

/// While the first part is on its way, two more share the next call.
fn shared_calls(gateway: &mut Gateway) {
    let sessions = ["shared-1", "shared-2", "shared-3"];
    let ids = sessions.map(|session| gateway.ask(&Ask::messages(session)));
    gateway.pump();
    let body = message();
    for id in ids {
        gateway.respond(id, &json_head(&body), false);
        gateway.response_data(id, &body, true);
    }
    gateway.pump();
}

/// A body over the limit is read to its end, far over it no further; an answer over it is withheld.
fn too_large(gateway: &mut Gateway) {
    let ask = Ask::messages("too-large").without_header("content-length");
    let id = gateway.open(&ask);
    gateway.request_data(id, &[b' '; 700], false);
    gateway.request_data(id, &[b' '; 700], false);
    gateway.request_data(id, b"", true);
    gateway.pump();
    let id = gateway.open(&Ask::messages("endless").without_header("content-length"));
    for _ in 0..6 {
        gateway.request_data(id, &[b' '; 1000], false);
    }
    gateway.pump();
    let id = gateway.ask(&Ask::messages("answer-too-large"));
    gateway.pump();
    gateway.respond(id, &json_head(&[0; 2000]), false);
    gateway.response_data(id, &[b' '; 2000], false);
    gateway.pump();
}

fn probe(gateway: &mut Gateway) {
    let headers =
        Headers::new(&[(":method", "HEAD"), (":path", "/"), (":authority", "api.example")]);
    gateway.ask(&Ask { headers, body: Vec::new() });
}
