//! Several sinks: which is asked, for how long, and what becomes of a call that fails.

use super::*;

pub(super) fn sinks(names: &[&str]) -> Rc<Sinks> {
    Rc::new(Sinks::new(names.iter().map(ToString::to_string).collect()))
}

/// The clusters that a call asks when all of them fail, and how long each is given.
fn asked(mut route: Route, took_ms: u64) -> Vec<(String, u64)> {
    let (mut now, mut asked) = (NOW, Vec::new());
    loop {
        asked.push((route.cluster().to_owned(), route.timeout_ms(now)));
        now += took_ms;
        match route.next(now) {
            Some(next) => route = next,
            None => return asked,
        }
    }
}

/// A call that is answered by a cluster, the ones before it having failed.
fn answered_by(sinks: &Rc<Sinks>, cluster: &str, now: u64) {
    let mut route = sinks.route(PATIENCE, now);
    while route.cluster() != cluster {
        route = route.next(now).expect("it is among those that are asked");
    }
    route.answered(now);
}

#[test]
fn each_is_asked_once_and_gets_an_equal_share_of_the_time_that_is_left() {
    let named = |list: &[(&str, u64)]| {
        list.iter().map(|(name, ms)| ((*name).to_owned(), *ms)).collect::<Vec<_>>()
    };
    let one = sinks(&["a"]);
    assert_eq!(asked(one.route(5000, NOW), 0), named(&[("a", 5000)]));
    let two = sinks(&["a", "b"]);
    // One that refuses at once leaves its time to the next, one that says nothing does not.
    assert_eq!(asked(two.route(5000, NOW), 1), named(&[("a", 2500), ("b", 4999)]));
    assert_eq!(asked(two.route(5000, NOW), 2500), named(&[("a", 2500), ("b", 2500)]));
    assert_eq!(asked(two.route(5000, NOW), 5000), named(&[("a", 2500)]), "the hold is over");
    let three = sinks(&["a", "b", "c"]);
    let all = [("a", 1000), ("b", 1000), ("c", 1000)];
    assert_eq!(asked(three.route(3000, NOW), 1000), named(&all));
    // A clock that stands still or goes backwards lengthens no hold.
    assert_eq!(two.route(5000, NOW).timeout_ms(0), 2500);
    assert_eq!(two.route(0, NOW).timeout_ms(NOW), 1);
}

#[test]
fn the_one_that_answered_last_is_preferred_and_the_first_is_tried_again_by_one_call() {
    let three = sinks(&["a", "b", "c"]);
    let first = |now| three.route(PATIENCE, now).cluster().to_owned();
    answered_by(&three, "a", NOW);
    assert_eq!((three.preferred(), first(NOW).as_str()), ("a", "a"));
    answered_by(&three, "c", NOW);
    assert_eq!((three.preferred(), first(NOW).as_str()), ("c", "c"));
    let order: Vec<_> = asked(three.route(PATIENCE, NOW), 0).into_iter().map(|one| one.0).collect();
    assert_eq!(order, ["c", "a", "b"]);

    assert_eq!(first(NOW + 29_999), "c");
    assert_eq!(first(NOW + 30_000), "a", "one call tries the first");
    assert_eq!(first(NOW + 30_000), "c", "the others do not wait for it");
    assert_eq!(first(NOW + 59_999), "c");
    answered_by(&three, "a", NOW + 60_000);
    assert_eq!((three.preferred(), first(NOW + 60_000).as_str()), ("a", "a"), "it is back");
}

#[test]
fn an_answer_of_an_earlier_call_does_not_turn_the_others_away_from_the_first() {
    let two = sinks(&["a", "b"]);
    answered_by(&two, "b", NOW);
    let slow = two.route(PATIENCE, NOW + 29_000);
    answered_by(&two, "a", NOW + 30_000);
    slow.answered(NOW + 31_000);
    assert_eq!(two.preferred(), "a");
    // The first fails again while a call that began with it comes through at the second.
    answered_by(&two, "b", NOW + 32_000);
    assert_eq!(two.preferred(), "b");
}

#[test]
fn a_failed_call_goes_on_to_the_next_sink_with_what_waits_for_it() {
    let two = sinks(&["a", "b"]);
    let mut outbox = Outbox::new(MIB);
    let Offer::Direct(parcel) = outbox.offer(1, small(1), NOW + PATIENCE) else { panic!("queued") };
    outbox.sent(7, 1, parcel, NOW + PATIENCE, two.route(PATIENCE, NOW));
    assert!(outbox.failed(99, NOW).is_none(), "nobody made that call");
    let resend = outbox.failed(7, NOW + 10).expect("there is a second sink");
    let route = resend.route();
    assert_eq!((route.cluster(), route.timeout_ms(NOW + 10)), ("b", PATIENCE - 10));
    assert_eq!(*outbox.load(resend.parcels(), &mut resend.route()).unwrap(), *small(1).message);
    outbox.resent(8, resend, route);
    // A late answer to the first call is nobody's.
    assert!(outbox.answered(7, true, NOW + 11).is_empty());
    assert!(outbox.expired(NOW + PATIENCE - 1).is_empty(), "it is the same hold");
    assert_eq!(told(outbox.answered(8, true, NOW + 12)), [(1, 1, true)]);
    assert_eq!(two.preferred(), "b");
}

#[test]
fn when_all_have_failed_or_time_is_over_the_part_is_not_acknowledged() {
    let two = sinks(&["a", "b"]);
    let mut outbox = Outbox::new(MIB);
    for (call, late) in [(7, 0), (17, PATIENCE)] {
        let Offer::Direct(parcel) = outbox.offer(1, small(1), NOW + PATIENCE) else {
            panic!("queued");
        };
        outbox.sent(call, 1, parcel, NOW + PATIENCE, two.route(PATIENCE, NOW));
        let last = if late == 0 {
            let resend = outbox.failed(call, NOW).unwrap();
            let route = resend.route();
            outbox.resent(call + 1, resend, route);
            call + 1
        } else {
            call
        };
        assert!(outbox.failed(last, NOW + late).is_none());
        assert_eq!(told(outbox.answered(last, false, NOW + late)), [(1, 1, false)]);
        assert_eq!(two.preferred(), "a", "none has answered");
    }
}

#[test]
fn a_batch_goes_on_as_one_without_what_was_given_up() {
    let two = sinks(&["a", "b"]);
    let mut outbox = busy();
    queue(&mut outbox, 2, 2);
    let offer = outbox.offer(3, small(3), NOW + 100);
    assert!(matches!(offer, Offer::Queued));
    outbox.adopt(small(4));
    let (parts, batch) = batched(&mut outbox, NOW).unwrap();
    assert_eq!(parts, [2, 3, 4]);
    outbox.batch_sent(9, batch, two.route(PATIENCE, NOW));
    assert_eq!(told(outbox.expired(NOW + 100)), [(3, 3, false)]);
    let resend = outbox.failed(9, NOW + 100).unwrap();
    let both = [small(2), small(4)].map(|parcel| parcel.message.to_vec()).concat();
    assert_eq!(*outbox.load(resend.parcels(), &mut resend.route()).unwrap(), *both);
    let route = resend.route();
    outbox.resent(10, resend, route);
    queue(&mut outbox, 5, 5);
    assert!(outbox.batch(NOW + 100).is_none(), "the batch is in flight");
    assert_eq!(told(outbox.answered(10, true, NOW + 101)), [(2, 2, true)]);
    send_batch(&mut outbox, 11, NOW + 101, &[5]);
}

#[test]
fn a_batch_that_no_other_sink_can_be_called_with_is_settled() {
    let two = sinks(&["a", "b"]);
    let mut outbox = busy();
    queue(&mut outbox, 2, 2);
    outbox.adopt(small(3));
    let (_, batch) = batched(&mut outbox, NOW).unwrap();
    outbox.batch_sent(9, batch, two.route(PATIENCE, NOW));
    let resend = outbox.failed(9, NOW).unwrap();
    assert_eq!(told(outbox.not_resent(resend, NOW)), [(2, 2, false)]);
    send_batch(&mut outbox, 10, NOW + RETRY_MS, &[3]);
}

#[test]
fn a_stream_that_dies_on_the_way_to_the_second_sink_leaves_an_orphan() {
    let two = sinks(&["a", "b"]);
    let mut outbox = Outbox::new(MIB);
    let Offer::Direct(parcel) = outbox.offer(1, small(1), NOW + PATIENCE) else { panic!("queued") };
    outbox.sent(7, 1, parcel, NOW + PATIENCE, two.route(PATIENCE, NOW));
    let resend = outbox.failed(7, NOW).unwrap();
    let route = resend.route();
    outbox.resent(8, resend, route);
    outbox.stream_died(1, &[8]);
    send_batch(&mut outbox, 9, NOW, &[1]);
}
