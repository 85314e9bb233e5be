//! Parts on their way: which call carries which, what is told to whom, and when orphans go again.

mod interleaved;
mod memory;
mod sinks;

use super::*;
use hansard_record::part::{Content, Gateway, Part, Progress};
use hansard_record::{BootId, Entry, ExchangeId, RawJson, Record, encode};
use std::rc::Rc;

const NOW: u64 = 1_800_000_000_000;
/// Streams of these tests wait so long.
const PATIENCE: u64 = 5_000;
const MIB: usize = 1 << 20;

/// A part whose message has so many bytes.
fn parcel(seq: u64, len: usize) -> Parcel {
    let mut filling = len;
    loop {
        let block = format!("\"{}\"", "x".repeat(filling));
        let record = Record::V2(Part {
            exchange: ExchangeId::new(NOW, [1; 10]),
            boot: BootId::new(NOW, [2; 10]),
            seq,
            at: NOW,
            gateway: Gateway { node: "".into(), filter: "".into(), policy: "".into() },
            part: Content::Progress(Progress {
                index: Some(0),
                block: Some(RawJson::parsed(&block)),
                events: None,
                findings: Vec::new(),
            }),
        });
        let message = encode(&Entry::default(), &record, block.len()).unwrap();
        if message.len() == len {
            return Parcel { seq, is_progress: true, message, history: None };
        }
        filling = (filling + len).checked_sub(message.len()).expect("a part is not that small");
    }
}

const SMALL: usize = 1000;

/// The way to one sink.
fn only() -> Route {
    Rc::new(Sinks::new(vec!["a".into()])).route(PATIENCE, NOW)
}

fn small(seq: u64) -> Parcel {
    parcel(seq, SMALL)
}

/// A box in which stream 1's call 1 is in flight with part 1.
fn busy() -> Outbox {
    let mut outbox = Outbox::new(MIB);
    send(&mut outbox, 1, 1, 1);
    outbox
}

/// Offers a small part, which must go at once, and sends it.
fn send(outbox: &mut Outbox, call: u32, stream: StreamId, seq: u64) {
    match outbox.offer(stream, small(seq), NOW + PATIENCE) {
        Offer::Direct(parcel) => outbox.sent(call, stream, parcel, NOW + PATIENCE, only()),
        Offer::Queued => panic!("part {seq} was queued"),
    }
}

fn queue(outbox: &mut Outbox, stream: StreamId, seq: u64) {
    let offer = outbox.offer(stream, small(seq), NOW + PATIENCE);
    assert!(matches!(offer, Offer::Queued), "part {seq} was not queued");
}

/// The next batch's parts.
fn batched(outbox: &mut Outbox, now: u64) -> Option<(Vec<u64>, Batch)> {
    let batch = outbox.batch(now)?;
    let bytes = outbox.load(batch.parcels(), &mut only()).unwrap().into_owned();
    let messages = batch.0.iter().map(|item| &*item.parcel.message);
    assert_eq!(bytes, messages.collect::<Vec<_>>().concat(), "a batch is a concatenation");
    Some((batch.0.iter().map(|item| item.parcel.seq).collect(), batch))
}

/// Sends the next batch, which must hold these parts.
fn send_batch(outbox: &mut Outbox, call: u32, now: u64, parts: &[u64]) {
    let (seqs, batch) = batched(outbox, now).expect("nothing to send");
    assert_eq!(seqs, parts);
    outbox.batch_sent(call, batch, only());
}

fn told(settled: Vec<Settled>) -> Vec<(StreamId, u64, bool)> {
    settled.into_iter().map(|part| (part.stream, part.parcel.seq, part.acknowledged)).collect()
}

// === which call carries which part ===

#[test]
fn alone_a_part_travels_at_once() {
    let mut outbox = busy();
    assert!(!outbox.has_work(NOW));
    assert_eq!(told(outbox.answered(1, true, NOW)), [(1, 1, true)]);
    send(&mut outbox, 2, 1, 2);
    assert_eq!(told(outbox.answered(2, false, NOW)), [(1, 2, false)]);
}

#[test]
fn while_a_call_is_in_flight_small_parts_share_the_next() {
    let mut outbox = busy();
    queue(&mut outbox, 2, 2);
    queue(&mut outbox, 3, 3);
    // What is queued goes before what comes later, even when the call is over.
    assert_eq!(told(outbox.answered(1, true, NOW)), [(1, 1, true)]);
    queue(&mut outbox, 1, 4);
    assert!(outbox.has_work(NOW));
    send_batch(&mut outbox, 9, NOW, &[2, 3, 4]);
    assert_eq!(told(outbox.answered(9, true, NOW)), [(2, 2, true), (3, 3, true), (1, 4, true)]);
    send(&mut outbox, 10, 1, 5);
}

#[test]
fn a_batch_leaves_while_a_direct_call_is_in_flight_and_one_at_a_time() {
    let mut outbox = busy();
    queue(&mut outbox, 2, 2);
    send_batch(&mut outbox, 9, NOW, &[2]);
    queue(&mut outbox, 3, 3);
    assert!(!outbox.has_work(NOW));
    assert!(outbox.batch(NOW).is_none(), "a batch is in flight");
    assert_eq!(told(outbox.answered(1, true, NOW)), [(1, 1, true)]);
    assert!(outbox.batch(NOW).is_none(), "it still is");
    assert_eq!(told(outbox.answered(9, false, NOW)), [(2, 2, false)]);
    send_batch(&mut outbox, 10, NOW, &[3]);
}

#[test]
fn large_parts_never_wait() {
    let mut outbox = busy();
    for (len, direct) in [(LARGE - 1, false), (LARGE, true), (2 * MIB, true)] {
        let offer = outbox.offer(2, parcel(2, len), NOW + PATIENCE);
        assert_eq!(matches!(offer, Offer::Direct(_)), direct, "{len}");
    }
}

#[test]
fn a_batch_ends_at_a_mebibyte() {
    let mut outbox = busy();
    let lens = [250_000, 250_000, 250_000, 250_000, MIB - 1_000_000, 1000, 200_000];
    for (seq, len) in (2..).zip(lens) {
        assert!(matches!(outbox.offer(2, parcel(seq, len), NOW + PATIENCE), Offer::Queued));
    }
    send_batch(&mut outbox, 9, NOW, &[2, 3, 4, 5, 6]);
    outbox.answered(9, true, NOW);
    send_batch(&mut outbox, 10, NOW, &[7, 8]);
}

#[test]
fn a_part_over_a_mebibyte_is_a_batch_of_its_own() {
    let mut outbox = Outbox::new(8 * MIB);
    for (seq, len) in [(1, SMALL), (2, 2 * MIB), (3, SMALL)] {
        outbox.adopt(parcel(seq, len));
    }
    for (call, parts) in [(7, [1]), (8, [2]), (9, [3])] {
        send_batch(&mut outbox, call, NOW, &parts);
        outbox.answered(call, true, NOW);
    }
    assert!(!outbox.has_work(NOW));
}

#[test]
fn a_batch_that_cannot_be_sent_is_settled() {
    let mut outbox = busy();
    queue(&mut outbox, 2, 2);
    outbox.adopt(small(3));
    let (parts, batch) = batched(&mut outbox, NOW).unwrap();
    assert_eq!(parts, [2, 3]);
    assert_eq!(told(outbox.batch_failed(batch, NOW)), [(2, 2, false)]);
    assert!(!outbox.has_work(NOW));
    send_batch(&mut outbox, 9, NOW + RETRY_MS, &[3]);
}

#[test]
fn answers_to_unknown_calls_are_ignored() {
    let mut outbox = busy();
    for acknowledged in [true, false] {
        assert!(outbox.answered(77, acknowledged, NOW).is_empty());
    }
    assert_eq!(told(outbox.answered(1, true, NOW)), [(1, 1, true)]);
    assert!(outbox.answered(1, true, NOW).is_empty(), "an answer counts once");
}

// === parts whose stream is gone ===

#[test]
fn orphans_are_resent_ever_more_slowly_until_they_are_acknowledged() {
    let mut outbox = Outbox::new(MIB);
    outbox.adopt(small(1));
    let mut now = NOW;
    for (call, pause) in (1..).zip([500, 1000, 2000, 4000, 8000, 10_000, 10_000]) {
        send_batch(&mut outbox, call, now, &[1]);
        now += 3;
        assert!(outbox.answered(call, false, now).is_empty(), "nobody waits for it");
        assert!(!outbox.has_work(now + pause - 1) && outbox.batch(now + pause - 1).is_none());
        now += pause;
        assert!(outbox.has_work(now), "after {pause} ms");
    }
    send_batch(&mut outbox, 99, now, &[1]);
    assert!(outbox.answered(99, true, now).is_empty());
    assert!(!outbox.has_work(u64::MAX));
    // The sink is back: the next failure begins with the short pause.
    outbox.adopt(small(2));
    send_batch(&mut outbox, 100, now, &[2]);
    outbox.answered(100, false, now);
    assert!(outbox.has_work(now + RETRY_MS));
}

#[test]
fn an_acknowledgement_of_any_part_ends_the_pause() {
    let mut outbox = busy();
    outbox.adopt(small(2));
    send_batch(&mut outbox, 9, NOW, &[2]);
    outbox.answered(9, false, NOW);
    assert!(!outbox.has_work(NOW + 1));
    outbox.answered(1, true, NOW + 1);
    send_batch(&mut outbox, 10, NOW + 1, &[2]);
}

#[test]
fn parts_of_streams_do_not_wait_for_the_pause_of_orphans() {
    let mut outbox = busy();
    outbox.adopt(small(2));
    send_batch(&mut outbox, 9, NOW, &[2]);
    outbox.answered(9, false, NOW);
    queue(&mut outbox, 3, 3);
    send_batch(&mut outbox, 10, NOW + 1, &[3]);
}

#[test]
fn over_the_limit_the_oldest_orphans_are_dropped_and_counted() {
    let mut outbox = Outbox::new(3 * SMALL);
    for seq in 1..=3 {
        outbox.adopt(small(seq));
    }
    assert_eq!(outbox.dropped(), 0, "the limit itself is not over it");
    outbox.adopt(small(4));
    outbox.adopt(small(5));
    assert_eq!(outbox.dropped(), 2);
    send_batch(&mut outbox, 9, NOW, &[3, 4, 5]);
}

#[test]
fn orphans_that_come_back_are_still_the_oldest() {
    let mut outbox = Outbox::new(3 * SMALL);
    outbox.adopt(small(1));
    outbox.adopt(small(2));
    send_batch(&mut outbox, 9, NOW, &[1, 2]);
    outbox.adopt(small(3));
    outbox.answered(9, false, NOW);
    outbox.adopt(small(4));
    assert_eq!(outbox.dropped(), 1);
    send_batch(&mut outbox, 10, NOW + RETRY_MS, &[2, 3, 4]);
}

#[test]
fn an_orphan_that_can_never_fit_takes_no_other_with_it() {
    let mut outbox = Outbox::new(3 * SMALL);
    outbox.adopt(small(1));
    outbox.adopt(parcel(2, 3 * SMALL + 1));
    assert_eq!(outbox.dropped(), 1);
    send_batch(&mut outbox, 9, NOW, &[1]);
}

#[test]
fn a_dead_streams_own_calls_are_resent() {
    let mut outbox = busy();
    outbox.stream_died(1, &[1]);
    assert!(outbox.answered(1, true, NOW).is_empty(), "the host reports this answer to nobody");
    send_batch(&mut outbox, 9, NOW, &[1]);
    assert!(outbox.answered(9, true, NOW).is_empty());
    assert!(!outbox.has_work(u64::MAX));
}

#[test]
fn a_dead_streams_queued_part_travels_on_and_nobody_is_told() {
    for (acknowledged, resent) in [(true, false), (false, true)] {
        let mut outbox = busy();
        queue(&mut outbox, 2, 2);
        queue(&mut outbox, 3, 3);
        outbox.stream_died(2, &[]);
        send_batch(&mut outbox, 9, NOW, &[2, 3]);
        assert_eq!(told(outbox.answered(9, acknowledged, NOW)), [(3, 3, acknowledged)]);
        assert_eq!(outbox.has_work(NOW + RETRY_MS), resent);
    }
}

#[test]
fn a_stream_that_dies_within_a_batch_leaves_an_orphan() {
    let mut outbox = busy();
    queue(&mut outbox, 2, 2);
    queue(&mut outbox, 3, 3);
    send_batch(&mut outbox, 9, NOW, &[2, 3]);
    outbox.stream_died(2, &[]);
    // Its own deadline does not bind it any more, the other's does.
    let mut expired = told(outbox.expired(NOW + PATIENCE));
    expired.sort_unstable();
    assert_eq!(expired, [(1, 1, false), (3, 3, false)]);
    assert!(outbox.answered(9, false, NOW + PATIENCE).is_empty());
    send_batch(&mut outbox, 10, NOW + PATIENCE + RETRY_MS, &[2]);
}

#[test]
fn orphans_of_a_lost_call_are_taken_back() {
    let mut outbox = Outbox::new(MIB);
    outbox.adopt(small(1));
    send_batch(&mut outbox, 9, NOW, &[1]);
    assert!(outbox.expired(NOW + CALL_LOST_MS - 1).is_empty());
    assert!(!outbox.has_work(NOW + CALL_LOST_MS - 1), "still in flight");
    assert!(outbox.expired(NOW + CALL_LOST_MS).is_empty());
    send_batch(&mut outbox, 10, NOW + CALL_LOST_MS + RETRY_MS, &[1]);
}

// === parts that waited too long ===

#[test]
fn an_expired_part_is_settled_once_and_a_late_answer_ignored() {
    let mut outbox = busy();
    queue(&mut outbox, 2, 2);
    queue(&mut outbox, 3, 3);
    send_batch(&mut outbox, 9, NOW, &[2, 3]);
    queue(&mut outbox, 4, 4);
    assert!(outbox.expired(NOW + PATIENCE - 1).is_empty());
    let mut expired = told(outbox.expired(NOW + PATIENCE));
    expired.sort_unstable();
    assert_eq!(expired, [(1, 1, false), (2, 2, false), (3, 3, false), (4, 4, false)]);
    assert!(outbox.expired(NOW + 2 * PATIENCE).is_empty());
    // Nothing stands in the way of the next parts, and a late answer does not settle them.
    send(&mut outbox, 10, 5, 5);
    queue(&mut outbox, 6, 6);
    send_batch(&mut outbox, 11, NOW + PATIENCE, &[6]);
    for call in [1, 9] {
        assert!(outbox.answered(call, true, NOW + PATIENCE).is_empty(), "a late answer");
    }
    assert!(outbox.batch(NOW + PATIENCE).is_none(), "the second batch is in flight");
    assert_eq!(told(outbox.answered(10, true, NOW + PATIENCE)), [(5, 5, true)]);
    assert_eq!(told(outbox.answered(11, true, NOW + PATIENCE)), [(6, 6, true)]);
}

#[test]
fn of_a_batch_only_what_is_late_expires() {
    let mut outbox = busy();
    for (stream, deadline) in [(2, NOW + 10), (3, NOW + 20)] {
        let offer = outbox.offer(stream, small(stream.into()), deadline);
        assert!(matches!(offer, Offer::Queued));
    }
    send_batch(&mut outbox, 9, NOW, &[2, 3]);
    assert_eq!(told(outbox.expired(NOW + 10)), [(2, 2, false)]);
    queue(&mut outbox, 4, 4);
    assert!(!outbox.has_work(NOW + 10), "its call is still in flight");
    assert_eq!(told(outbox.answered(9, true, NOW + 11)), [(3, 3, true)]);
    assert!(outbox.has_work(NOW + 11));
}
