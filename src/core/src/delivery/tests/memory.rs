//! What a sink has is not sent to it again; what it turns out not to have is, at once.

use super::*;
use crate::budget::Budget;
use crate::exchange::History;
use hansard_record::fold::{FOLDED_KEY, Folded, Pieces};
use hansard_record::part::{Decision, Opened, Peer, Request, SessionHint, Who};

const FOLDING: Answer = Answer::Acknowledged { folding: true };
const PLAIN: Answer = Answer::Acknowledged { folding: false };

fn message(n: u64) -> String {
    format!(r#"{{"role":"user","content":[{{"type":"text","text":"{n} {}"}}]}}"#, "x".repeat(900))
}

/// The part of a turn: so many messages, the last with a marker that moves.
fn turn(seq: u64, session: &str, messages: u64) -> Parcel {
    let mut list: Vec<String> = (1..=messages).map(message).collect();
    if let Some(last) = list.last_mut() {
        *last = last.replace(r#""}]}"#, r#"","cache_control":{"type":"ephemeral"}}]}"#);
    }
    let tools = format!(r#"[{{"name":"{}"}}]"#, "t".repeat(600));
    let body = format!(r#"{{"model":"m","tools":{tools},"messages":[{}]}}"#, list.join(", "));
    let record = Record::V2(Part {
        exchange: ExchangeId::new(NOW + seq, [1; 10]),
        boot: BootId::new(NOW, [2; 10]),
        seq,
        at: NOW,
        gateway: Gateway { node: "".into(), filter: "".into(), policy: "".into() },
        part: Content::Opened(Opened {
            who: Who {
                issuer: "i".into(),
                subject: "s".into(),
                email: None,
                groups: Vec::new(),
                expires_at: 0,
                token: "".into(),
            },
            from: Peer::default(),
            session: SessionHint { id: Some(session.into()), agent: None },
            decision: Decision { rule: None, effect: "allow".into(), not_applied: Vec::new() },
            request: Request {
                method: "POST".into(),
                path: "/".into(),
                headers: Vec::new(),
                model: None,
                bytes: 0,
                body: Some(RawJson::parsed(&body)),
                body_base64: None,
            },
            findings: Vec::new(),
        }),
    });
    let message = encode(&Entry::default(), &record, body.len()).unwrap();
    let json = std::str::from_utf8(message.record()).unwrap();
    let start = json.find("\"body\":").unwrap() + 7;
    let history = History::new(session.into(), start..start + body.len());
    Parcel { seq, is_progress: false, message, history: Some(history) }
}

fn remembering() -> (Outbox, Budget) {
    let budget = Budget::default();
    let memory = Memory::new([7; 16], budget.charge());
    (Outbox::new(MIB).remembering(memory), budget)
}

fn route(sinks: &Rc<Sinks>) -> Route {
    sinks.route(PATIENCE, NOW)
}

/// Sends a part in a call of its own; the bytes that went out.
fn call(outbox: &mut Outbox, call: u32, parcel: Parcel, mut route: Route) -> Vec<u8> {
    let Offer::Direct(parcel) = outbox.offer(1, parcel, NOW + PATIENCE) else { panic!("queued") };
    let bytes = outbox.load([&parcel].into_iter(), &mut route).unwrap().into_owned();
    outbox.sent(call, 1, parcel, NOW + PATIENCE, route);
    bytes
}

/// Sends a part, and has it acknowledged.
fn acknowledged(outbox: &mut Outbox, sinks: &Rc<Sinks>, parcel: Parcel, answer: Answer) -> Vec<u8> {
    let seq = parcel.seq;
    let bytes = call(outbox, 7, parcel, route(sinks));
    let Reply::Settled(settled) = outbox.reply(7, answer, NOW) else { panic!("sent again") };
    assert_eq!(told(settled), [(1, seq, true)]);
    bytes
}

/// A folded part within a message.
fn folded(bytes: &[u8]) -> Folded<'_> {
    let key = bytes.windows(FOLDED_KEY.len()).position(|w| w == FOLDED_KEY.as_bytes()).unwrap();
    let head = bytes[key..].windows(9).position(|w| w == b"{\"frame\":").unwrap();
    Folded::parse(&bytes[key + head..]).unwrap()
}

#[test]
fn a_turn_travels_once_to_a_sink_that_says_so() {
    let (mut outbox, budget) = remembering();
    let one = sinks::sinks(&["a"]);
    let whole = |seq, messages| turn(seq, "s", messages).message.to_vec();
    for (seq, answer) in [(1, PLAIN), (2, FOLDING)] {
        let sent = acknowledged(&mut outbox, &one, turn(seq, "s", 20), answer);
        assert_eq!(sent, whole(seq, 20), "what a sink has is not known before it says so");
    }
    assert!(budget.used() > 0);
    let mut sizes = Vec::new();
    for seq in 3..20 {
        let sent = acknowledged(&mut outbox, &one, turn(seq, "s", 20 + 2 * seq), FOLDING);
        let folded = folded(&sent);
        let new = folded.streams[1].pieces.concat();
        assert!(
            String::from_utf8(new.to_vec()).unwrap().contains(&format!("\"{} x", 20 + 2 * seq))
        );
        // With the rest back in place it is the part.
        let before: String = (1..=20 + 2 * (seq - 1)).map(message).collect::<Vec<_>>().join(", ");
        let known = folded.streams[1].known.unwrap();
        let before = if seq == 3 { &before[..known.bytes] } else { &before };
        assert_eq!(known.bytes, before.len());
        let tools = format!(r#"[{{"name":"{}"}}]"#, "t".repeat(600)).into_bytes();
        let streams = [tools, [before.as_bytes(), &new].concat()];
        let part = Pieces::join(&folded.frame, &streams).unwrap();
        assert_eq!(part, turn(seq, "s", 20 + 2 * seq).message.record());
        sizes.push(sent.len());
    }
    let (first, last) = (sizes[1], *sizes.last().unwrap());
    assert!(last < first + 100 && last < 4000, "flat: {sizes:?}");
}

#[test]
fn sessions_and_sinks_do_not_know_each_others() {
    let (mut outbox, _) = remembering();
    let (a, b) = (sinks::sinks(&["a"]), sinks::sinks(&["b"]));
    acknowledged(&mut outbox, &a, turn(1, "s", 9), FOLDING);
    for (sinks, session) in [(&a, "t"), (&b, "s")] {
        let sent = acknowledged(&mut outbox, sinks, turn(2, session, 9), PLAIN);
        assert_eq!(sent, *turn(2, session, 9).message);
    }
    assert!(acknowledged(&mut outbox, &a, turn(3, "s", 9), FOLDING).len() < 4000);
}

#[test]
fn what_a_sink_does_not_know_is_sent_whole_within_the_hold() {
    // A sink that lost its data, and one that took what it could not read.
    for answer in [Answer::Unknown, PLAIN] {
        let (mut outbox, _) = remembering();
        let one = sinks::sinks(&["a"]);
        acknowledged(&mut outbox, &one, turn(1, "s", 9), FOLDING);
        assert!(call(&mut outbox, 8, turn(2, "s", 10), route(&one)).len() < 4000);
        let Reply::Resend(resend) = outbox.reply(8, answer, NOW + 10) else { panic!("settled") };
        let mut again = resend.route();
        assert!(resend.is_whole() && again.cluster() == "a");
        assert_eq!(again.timeout_ms(NOW + 10), PATIENCE - 10);
        let bytes = outbox.load(resend.parcels(), &mut again).unwrap();
        assert_eq!(*bytes, *turn(2, "s", 10).message);
        outbox.resent(9, resend, again);
        // What is whole is not sent a third time.
        let Reply::Settled(settled) = outbox.reply(9, answer, NOW + 11) else { panic!("again") };
        assert_eq!(told(settled), [(1, 2, answer == PLAIN)]);
        assert_eq!(call(&mut outbox, 10, turn(3, "s", 10), route(&one)), *turn(3, "s", 10).message);
    }
}

#[test]
fn when_time_is_over_what_a_sink_does_not_know_is_not_acknowledged() {
    let (mut outbox, _) = remembering();
    let one = sinks::sinks(&["a"]);
    acknowledged(&mut outbox, &one, turn(1, "s", 9), FOLDING);
    call(&mut outbox, 8, turn(2, "s", 10), route(&one));
    let late = NOW + PATIENCE;
    let Reply::Settled(settled) = outbox.reply(8, Answer::Unknown, late) else { panic!("again") };
    assert_eq!(told(settled), [(1, 2, false)]);
}

#[test]
fn another_sink_gets_everything() {
    let (mut outbox, _) = remembering();
    let two = sinks::sinks(&["a", "b"]);
    acknowledged(&mut outbox, &two, turn(1, "s", 9), FOLDING);
    assert!(call(&mut outbox, 8, turn(2, "s", 10), route(&two)).len() < 4000);
    let Reply::Resend(resend) = outbox.reply(8, Answer::Failed, NOW) else { panic!("settled") };
    let mut next = resend.route();
    assert!(!resend.is_whole() && next.cluster() == "b");
    assert_eq!(*outbox.load(resend.parcels(), &mut next).unwrap(), *turn(2, "s", 10).message);
    outbox.resent(9, resend, next);
    let Reply::Settled(settled) = outbox.reply(9, FOLDING, NOW) else { panic!("again") };
    assert_eq!(told(settled), [(1, 2, true)]);
    assert!(call(&mut outbox, 10, turn(3, "s", 10), route(&two)).len() < 4000, "b has it too");
}

#[test]
fn a_batch_that_is_not_known_goes_out_whole() {
    let (mut outbox, _) = remembering();
    let one = sinks::sinks(&["a"]);
    acknowledged(&mut outbox, &one, turn(1, "s", 9), FOLDING);
    outbox.adopt(turn(2, "s", 10));
    outbox.adopt(small(3));
    let batch = outbox.batch(NOW).unwrap();
    let mut way = route(&one);
    assert!(outbox.load(batch.parcels(), &mut way).unwrap().len() < 5000);
    outbox.batch_sent(8, batch, way);
    let Reply::Resend(resend) = outbox.reply(8, Answer::Unknown, NOW) else { panic!("settled") };
    let mut way = resend.route();
    let both = [turn(2, "s", 10).message.to_vec(), small(3).message.to_vec()].concat();
    assert_eq!(*outbox.load(resend.parcels(), &mut way).unwrap(), both);
    outbox.resent(9, resend, way);
    let Reply::Settled(settled) = outbox.reply(9, FOLDING, NOW) else { panic!("again") };
    assert!(settled.is_empty() && !outbox.has_work(u64::MAX));
}

#[test]
fn what_is_remembered_is_bounded_and_charged() {
    let budget = Budget::default();
    let mut memory = Memory::new([7; 16], budget.charge());
    memory.capacity = 64;
    for n in 0..40 {
        memory.learn("a", &turn(n, &format!("s{n}"), 9));
    }
    assert!(budget.used() > 32 * 96 && budget.used() <= (64 + 40) * 96, "{}", budget.used());
    assert!(memory.fold("a", &turn(40, "s39", 9)).is_some());
    assert!(memory.fold("a", &turn(40, "s1", 9)).is_none(), "forgotten");
    drop(memory);
    assert_eq!(budget.used(), 0);
}
