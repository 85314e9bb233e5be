//! Streams that die, in every phase: the last part reaches the sink all the same.

use crate::abi::Headers;
use crate::fixture::{TIMEOUT_MS, events, json_head, message};
use crate::gateway::Gateway;
use crate::outcome::{expect_whole, forwarded, kinds, one_more, received, recorded};
use crate::scenario::{plain, streaming};
use crate::stream::Ask;
use crate::traffic::UNAVAILABLE;
use hansard_record::part::EndWhy;

/// Where an exchange stands when it is broken off, and what is on record of it in the end.
struct Phase {
    name: &'static str,
    begin: fn(&mut Gateway) -> u32,
    kinds: &'static [&'static str],
    /// Why it ended, by who broke it off: the client, the upstream. `None` where nothing was
    /// opened, and where the upstream has no part yet.
    whys: [Option<EndWhy>; 2],
}

use EndWhy::{ClientGone, UpstreamFailed};
const BY_WHOM: [Option<EndWhy>; 2] = [Some(ClientGone), Some(UpstreamFailed)];

const PHASES: &[Phase] = &[
    Phase {
        name: "the head is here",
        begin: |gateway| gateway.open(&Ask::messages("s")),
        kinds: &["refused"],
        whys: [None, None],
    },
    Phase {
        name: "half the request is here",
        begin: |gateway| {
            let ask = Ask::messages("s");
            let id = gateway.open(&ask);
            gateway.request_data(id, &ask.body[..30], false);
            id
        },
        kinds: &["refused"],
        whys: [None, None],
    },
    Phase {
        name: "the refused part is on its way",
        begin: |gateway| gateway.ask(&Ask::messages("s").of_model("claude-secret-1")),
        kinds: &["refused"],
        whys: [None, None],
    },
    Phase {
        name: "the opened part is on its way",
        begin: |gateway| gateway.ask(&Ask::messages("s")),
        kinds: &["opened", "closed"],
        whys: [Some(ClientGone), None],
    },
    Phase {
        name: "the request is upstream",
        begin: |gateway| {
            let id = gateway.ask(&Ask::messages("s"));
            gateway.pump();
            id
        },
        kinds: &["opened", "closed"],
        // When the upstream breaks off here, Envoy answers: a test of its own.
        whys: [Some(ClientGone), None],
    },
    Phase {
        name: "the head of a JSON answer is here",
        begin: |gateway| answering(gateway, 0, false),
        kinds: &["opened", "closed"],
        whys: BY_WHOM,
    },
    Phase {
        name: "half a JSON answer is here",
        begin: |gateway| answering(gateway, 40, false),
        kinds: &["opened", "closed"],
        whys: BY_WHOM,
    },
    Phase {
        name: "the closed part of a JSON answer is on its way",
        begin: |gateway| answering(gateway, usize::MAX, true),
        // What the upstream said, and that the client was gone.
        kinds: &["opened", "closed", "closed"],
        whys: BY_WHOM,
    },
    Phase {
        name: "a stream has begun",
        begin: |gateway| streaming(gateway, "s"),
        kinds: &["opened", "closed"],
        whys: BY_WHOM,
    },
    Phase {
        name: "text flows",
        begin: |gateway| streamed(gateway, 4),
        kinds: &["opened", "closed"],
        whys: BY_WHOM,
    },
    Phase {
        name: "a tool call is held",
        begin: |gateway| streamed(gateway, 7),
        kinds: &["opened", "progress", "closed"],
        whys: BY_WHOM,
    },
    Phase {
        name: "the last event is held",
        begin: |gateway| {
            let id = streamed(gateway, 9);
            gateway.pump();
            id
        },
        kinds: &["opened", "progress", "closed"],
        whys: BY_WHOM,
    },
    Phase {
        name: "the closed part of a stream is on its way",
        begin: |gateway| {
            let id = streamed(gateway, 9);
            gateway.pump();
            gateway.response_data(id, b"", true);
            id
        },
        kinds: &["opened", "progress", "closed", "closed"],
        whys: BY_WHOM,
    },
];

/// A JSON answer of which so many bytes are here.
fn answering(gateway: &mut Gateway, bytes: usize, end: bool) -> u32 {
    let id = gateway.ask(&Ask::messages("s"));
    gateway.pump();
    let body = message();
    gateway.respond(id, &json_head(&body), false);
    gateway.response_data(id, &body[..bytes.min(body.len())], end);
    id
}

/// A stream with a tool call of which so many events are here.
fn streamed(gateway: &mut Gateway, count: usize) -> u32 {
    let id = streaming(gateway, "s");
    gateway.response_data(id, events(1)[..count].concat().as_bytes(), false);
    id
}

/// What the sink does when the stream dies.
#[derive(Clone, Copy, Debug)]
enum Sink {
    Works,
    IsAwayForAWhile,
    IsSilentForAWhile,
}

fn die(phase: &Phase, by_upstream: bool, sink: Sink) {
    let name = format!("{}, by the upstream: {by_upstream}, the sink {sink:?}", phase.name);
    let mut gateway = Gateway::start(&plain());
    let id = (phase.begin)(&mut gateway);
    let (seen, sent) = (received(&gateway, id).body, forwarded(&gateway, id));
    if by_upstream {
        gateway.upstream_breaks(id);
    } else {
        gateway.client_leaves(id);
    }
    match sink {
        Sink::Works => {}
        Sink::IsAwayForAWhile => {
            gateway.pump_refusing();
            gateway.pass_time(700, true);
            gateway.pump_refusing();
        }
        Sink::IsSilentForAWhile => {
            gateway.wake();
            gateway.pass_time(TIMEOUT_MS + 500, false);
        }
    }
    gateway.settle();
    assert_eq!(kinds(&gateway, "s"), phase.kinds, "{name}");
    let last = recorded(&gateway, "s").last().unwrap().why;
    assert_eq!(last, phase.whys[usize::from(by_upstream)], "{name}");
    if !by_upstream {
        assert_eq!(received(&gateway, id).body, seen, "{name}: nothing passes to nobody");
        assert_eq!(forwarded(&gateway, id), sent, "{name}: nothing goes up for nobody");
    }
    expect_whole(&gateway);
}

#[test]
fn what_the_client_breaks_off_is_closed_on_record() {
    for phase in PHASES {
        for sink in [Sink::Works, Sink::IsAwayForAWhile, Sink::IsSilentForAWhile] {
            die(phase, false, sink);
        }
    }
}

#[test]
fn what_the_upstream_breaks_off_is_closed_on_record() {
    for phase in PHASES.iter().filter(|phase| phase.whys[1].is_some()) {
        for sink in [Sink::Works, Sink::IsAwayForAWhile, Sink::IsSilentForAWhile] {
            die(phase, true, sink);
        }
    }
}

#[test]
fn an_upstream_that_is_away_leaves_an_answer_of_envoys_own_on_record() {
    let mut gateway = Gateway::start(&plain());
    let id = gateway.ask(&Ask::messages("s"));
    gateway.pump();
    gateway.upstream_breaks(id);
    assert_eq!(received(&gateway, id).status, None, "it is not on record yet");
    gateway.pump();
    let got = received(&gateway, id);
    assert_eq!((got.status.as_deref(), got.ended), (Some("503"), true));
    let closed = &recorded(&gateway, "s")[1];
    assert_eq!((closed.kind, closed.status), ("closed", 503));
    expect_whole(&gateway);
}

/// Envoy answers a request by itself while it is held here: too slow, too large.
#[test]
fn a_request_that_envoy_answers_itself_is_recorded_as_refused() {
    let mut gateway = Gateway::start(&plain());
    let id = gateway.open(&Ask::messages("s"));
    let headers = Headers::new(&[(":status", "408"), ("content-type", "text/plain")]);
    gateway.answer(id, headers, b"request timeout");
    gateway.settle();
    assert_eq!(received(&gateway, id).status.as_deref(), Some("408"));
    let refused = &recorded(&gateway, "s")[0];
    assert_eq!((refused.kind, refused.status), ("refused", 408));
    assert_eq!(forwarded(&gateway, id), None);
    expect_whole(&gateway);
}

/// The root's call carries parts of streams that have died; its refusal costs the others nothing
/// but their own parts.
#[test]
fn the_parts_of_the_dead_travel_with_those_of_the_living() {
    let mut gateway = Gateway::start(&plain());
    let first = gateway.ask(&Ask::messages("s1"));
    let dead = gateway.ask(&Ask::messages("s2"));
    let living = gateway.ask(&Ask::messages("s3"));
    gateway.wake();
    gateway.client_leaves(dead);
    gateway.client_leaves(first);
    let batch = gateway.oldest_call().unwrap();
    gateway.refuse(batch, UNAVAILABLE);
    assert!(received(&gateway, living).ended, "its part was refused");
    gateway.settle();
    assert_eq!(kinds(&gateway, "s1"), ["opened", "closed"]);
    assert_eq!(kinds(&gateway, "s2"), ["opened", "closed"]);
    assert_eq!(kinds(&gateway, "s3"), ["refused"]);
    expect_whole(&gateway);
}

#[test]
fn a_stream_that_never_began_leaves_no_part() {
    let mut gateway = Gateway::start(&plain());
    let id = gateway.new_context();
    let root = gateway.root;
    let stream = crate::stream::Stream::new(root, "s".into());
    gateway.world().streams.insert(id, stream);
    gateway.call(id, "proxy_on_context_create", &[id, root]);
    // A request whose head Envoy could not parse is logged and nothing else.
    gateway.client_leaves(id);
    gateway.settle();
    assert_eq!(gateway.world().journal.len(), 1, "the reset, and no part");
    assert_eq!(one_more(&mut gateway), None);
    expect_whole(&gateway);
}
