//! What the sink has is not sent to it again, and nothing passes on the word of a sink that lacks it.

use crate::fixture::two_sinks;
use crate::gateway::Gateway;
use crate::outcome::{counted, expect_whole, forwarded, kinds, recorded};
use crate::scenario::{plain, turn};
use crate::stream::Ask;
use crate::traffic::UNAVAILABLE;

/// A gateway whose sink has the first turn, and a second turn on its way.
fn second_turn(policy: &str) -> (Gateway, u32, u32) {
    let mut gateway = Gateway::start(policy);
    turn(&mut gateway, "s", 2);
    let id = gateway.ask(&Ask::turn("s", 4));
    let call = gateway.oldest_call().expect("a message to the sink");
    assert!(gateway.is_folded(call));
    (gateway, id, call)
}

fn finish(mut gateway: Gateway, id: u32) {
    assert_eq!(forwarded(&gateway, id), Some(Ask::turn("s", 4).body));
    gateway.client_leaves(id);
    gateway.settle();
    assert_eq!(kinds(&gateway, "s"), ["opened", "closed", "opened", "closed"]);
    let opened = &recorded(&gateway, "s")[2];
    let messages = opened.at("/hansard.v2/part/opened/request/body/messages");
    assert_eq!(messages.as_array().map(Vec::len), Some(4), "on record whole");
    expect_whole(&gateway);
}

#[test]
fn a_second_turn_leaves_out_the_first() {
    let (mut gateway, id, _) = second_turn(&plain());
    assert_eq!(forwarded(&gateway, id), None);
    gateway.pump();
    assert_eq!(counted(&gateway, "hansard.sinks.unknown"), 0);
    finish(gateway, id);
}

#[test]
fn a_sink_that_lacks_it_gets_everything_within_the_same_hold() {
    let (mut gateway, id, call) = second_turn(&plain());
    gateway.pass_time(200, true);
    gateway.world().shelf.clear();
    gateway.world().calls.get_mut(&call).unwrap().parts.clear();
    gateway.acknowledge(call);
    assert_eq!(forwarded(&gateway, id), None, "nothing of it is on record");
    let again = gateway.oldest_call().expect("a second message to the sink");
    assert!(!gateway.is_folded(again) && again != call);
    assert_eq!(counted(&gateway, "hansard.sinks.unknown"), 1);
    gateway.pump();
    finish(gateway, id);
}

#[test]
fn a_server_that_does_not_say_that_it_takes_it_has_not_taken_it() {
    let (mut gateway, id, call) = second_turn(&plain());
    // Another server stands there now: to it the message is an entry without a record.
    gateway.world().is_generic = true;
    gateway.world().calls.get_mut(&call).unwrap().is_folded = false;
    let owner = gateway.world().calls.remove(&call).unwrap().owner;
    gateway.call(owner, "proxy_on_grpc_receive", &[owner, call, 0]);
    assert_eq!(forwarded(&gateway, id), None, "its answer is no acknowledgement");
    let again = gateway.oldest_call().expect("a second message");
    assert!(!gateway.is_folded(again));
    gateway.pump();
    finish(gateway, id);
}

#[test]
fn the_sink_that_stands_in_gets_everything() {
    let (mut gateway, id, call) = second_turn(&two_sinks());
    gateway.refuse(call, UNAVAILABLE);
    let again = gateway.oldest_call().expect("a message to the other");
    assert_eq!(gateway.cluster_of(again), "spare_sink");
    assert!(!gateway.is_folded(again));
    gateway.pump();
    finish(gateway, id);
}

#[test]
fn a_server_that_says_nothing_gets_everything() {
    let mut gateway = Gateway::start(&plain());
    gateway.world().is_generic = true;
    for messages in [2, 4] {
        turn(&mut gateway, "s", messages);
    }
    gateway.settle();
    expect_whole(&gateway);
}
