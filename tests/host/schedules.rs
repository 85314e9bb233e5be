//! Every order of things: chunks cut anywhere, acknowledgements and wakes at any time between.
//!
//! Envoy's loop decides when a queued wake or an answer comes in among the chunks. Whatever it
//! decides, the client gets every byte once and in order, and each only when it is on record.

use crate::fixture::events;
use crate::gateway::Gateway;
use crate::outcome::{hanging, received};
use crate::scenario::{plain, streaming};
use crate::traffic::UNAVAILABLE;
use crate::verdict::{breaches, gaps};
use proptest::prelude::*;
use std::cell::OnceCell;

/// One thing that the loop does next.
#[derive(Clone, Copy, Debug)]
enum Step {
    /// So many bytes come from the upstream.
    Chunk(usize),
    /// Queued wakes are delivered.
    Wake,
    /// The oldest message is acknowledged.
    Acknowledge,
    /// It is refused.
    Refuse,
    /// Time passes, and the root is called with it.
    Tick,
}

/// How the upstream ends.
#[derive(Clone, Copy, Debug)]
enum End {
    /// With its last chunk.
    Along,
    /// With an empty chunk.
    Apart,
    Trailers,
}

/// Steps of a loop whose sink works.
fn step() -> impl Strategy<Value = Step> {
    let chunk = prop_oneof![1_usize..40, 40_usize..400, 400_usize..2000].prop_map(Step::Chunk);
    prop_oneof![4 => chunk, 2 => Just(Step::Wake), 2 => Just(Step::Acknowledge)]
}

/// Steps of a loop whose sink fails now and then.
fn any_step() -> impl Strategy<Value = Step> {
    prop_oneof![6 => step(), 1 => Just(Step::Refuse), 1 => Just(Step::Tick)]
}

fn end() -> impl Strategy<Value = End> {
    prop_oneof![Just(End::Along), Just(End::Apart), Just(End::Trailers)]
}

thread_local! {
    /// A gateway on which a stream has begun.
    static BEGUN: OnceCell<(Gateway, u32)> = const { OnceCell::new() };
}

/// Plays a stream of events to its end and lets everything come to rest. The gateway, the stream
/// and what the upstream sent; or what was breached on the way.
fn play(tools: u64, steps: &[Step], end: End) -> Result<(Gateway, u32, Vec<u8>), String> {
    let (mut gateway, id) = BEGUN.with(|begun| {
        let (gateway, id) = begun.get_or_init(|| {
            let mut gateway = Gateway::start(&plain());
            let id = streaming(&mut gateway, "schedule");
            (gateway, id)
        });
        (gateway.fork(None), *id)
    });
    let sent = events(tools).concat().into_bytes();
    let mut rest = sent.as_slice();
    for step in steps.iter().chain([&Step::Chunk(usize::MAX)]) {
        match step {
            Step::Chunk(_) if rest.is_empty() => {}
            Step::Chunk(len) => {
                let (chunk, after) = rest.split_at((*len).min(rest.len()));
                rest = after;
                let ends = rest.is_empty() && matches!(end, End::Along);
                gateway.response_data(id, chunk, ends);
            }
            Step::Wake => drop(gateway.wake()),
            Step::Acknowledge => {
                if let Some(call) = gateway.oldest_call() {
                    gateway.acknowledge(call);
                }
            }
            Step::Refuse => {
                if let Some(call) = gateway.oldest_call() {
                    gateway.refuse(call, UNAVAILABLE);
                }
            }
            Step::Tick => gateway.pass_time(300, true),
        }
    }
    match end {
        End::Along => {}
        End::Apart => gateway.response_data(id, b"", true),
        End::Trailers => gateway.response_trailers(id),
    }
    gateway.settle();
    let mut wrong = breaches(gateway.world_ref());
    wrong.extend(gaps(gateway.world_ref()));
    wrong.extend(hanging(&gateway).into_iter().map(|id| format!("stream {id} hangs")));
    if wrong.is_empty() { Ok((gateway, id, sent)) } else { Err(wrong.join("\n")) }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 500, failure_persistence: None, ..ProptestConfig::default()
    })]

    #[test]
    fn every_byte_arrives_once_and_in_order(
        tools in 0_u64..4,
        steps in prop::collection::vec(step(), 0..40),
        end in end(),
    ) {
        let (gateway, id, sent) = play(tools, &steps, end).map_err(TestCaseError::fail)?;
        let got = received(&gateway, id);
        prop_assert_eq!(got.text(), std::str::from_utf8(&sent).unwrap());
        prop_assert!(got.ended && !got.reset);
    }

    /// What passes is what was sent, in order, and ends with an error when it is not all.
    #[test]
    fn nothing_passes_unrecorded_when_the_sink_fails(
        tools in 0_u64..4,
        steps in prop::collection::vec(any_step(), 0..40),
        end in end(),
    ) {
        let (gateway, id, sent) = play(tools, &steps, end).map_err(TestCaseError::fail)?;
        let got = received(&gateway, id);
        let is_told = got.text().contains("event: error\ndata: {\"type\":\"error\"");
        prop_assert!(is_told || (got.text().as_bytes() == sent && got.ended && !got.reset));
    }
}

/// The events up to one, in bytes.
fn up_to(tools: u64, count: usize) -> usize {
    events(tools)[..count].concat().len()
}

/// Orders that are easily got wrong, by name.
#[test]
fn every_byte_arrives_in_these_orders() {
    use Step::{Acknowledge, Chunk, Wake};
    let stop = up_to(3, 7);
    let cases: &[(&str, u64, &[Step])] = &[
        (
            "data comes before the wake that lets the data before it go",
            1,
            &[Chunk(stop), Chunk(20), Wake, Acknowledge],
        ),
        (
            "data comes after the acknowledgement and before that wake",
            1,
            &[Chunk(stop), Acknowledge, Chunk(20), Wake],
        ),
        ("data comes twice before the wake", 1, &[Chunk(stop), Chunk(20), Chunk(20), Wake]),
        (
            "two tool calls of a stream are acknowledged in one message",
            3,
            &[Chunk(up_to(3, 13)), Acknowledge, Wake, Acknowledge],
        ),
        ("a wake and an acknowledgement come for nothing", 1, &[Wake, Acknowledge, Wake]),
    ];
    for (name, tools, steps) in cases {
        for end in [End::Along, End::Apart, End::Trailers] {
            let (gateway, id, sent) =
                play(*tools, steps, end).unwrap_or_else(|wrong| panic!("{name}: {wrong}"));
            let got = received(&gateway, id);
            assert_eq!(got.text(), std::str::from_utf8(&sent).unwrap(), "{name}, {end:?}");
            assert!(got.ended && !got.reset, "{name}, {end:?}");
        }
    }
}
