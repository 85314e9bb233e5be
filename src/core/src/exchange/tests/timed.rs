//! Events that go on record while their stream runs: each once, in order, none of them late, and none
//! that is withheld.

use super::chunking::{Fixture, fixtures};
use super::generated::streams;
use super::*;
use hansard_record::part::Content;
use proptest::collection::vec;
use proptest::prelude::*;

const EVERY_MS: u64 = 1000;

fn every(every_ms: u64, bytes: usize) -> Gateway {
    Gateway::under(json!({"record": {"progress": {"every_ms": every_ms, "bytes": bytes}}}))
}

fn delta(text: &str) -> String {
    format!(
        "event: content_block_delta\ndata: {{\"type\":\"content_block_delta\",\"index\":0,\
         \"delta\":{{\"type\":\"text_delta\",\"text\":\"{text}\"}}}}\n\n"
    )
}

const TOOL: &str = "event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":1,\
    \"content_block\":{\"type\":\"tool_use\",\"id\":\"t\",\"name\":\"Bash\",\"input\":{}}}\n\n";
const TOOL_STOP: &str =
    "event: content_block_stop\ndata: {\"type\":\"content_block_stop\",\"index\":1}\n\n";

/// A stream that runs by a clock, whose parts are kept.
struct Clocked<'a> {
    gateway: &'a mut Gateway,
    stream: Stream,
    now: u64,
    /// How much of the log had passed at which time.
    passed: Vec<(u64, usize)>,
    /// How much of it stands in parts.
    told: usize,
    /// The events in parts, in order.
    events: Vec<Value>,
    /// Their parts.
    parts: Vec<Parcel>,
    /// Blocks' parts, which data waits for.
    blocks: Vec<u64>,
}

impl<'a> Clocked<'a> {
    fn new(gateway: &'a mut Gateway) -> Self {
        Self {
            stream: gateway.stream(),
            gateway,
            now: NOW,
            passed: vec![(NOW, 0)],
            told: 0,
            events: Vec::new(),
            parts: Vec::new(),
            blocks: Vec::new(),
        }
    }

    fn feed(&mut self, chunk: &[u8]) -> Fed {
        let Gateway { redactor, scribe, .. } = &mut *self.gateway;
        let mut fed = self.stream.feed(chunk, false, redactor, scribe, self.now);
        assert_eq!(fed.failed, None);
        for parcel in std::mem::take(&mut fed.parcels) {
            self.take(parcel);
        }
        self.look();
        fed
    }

    /// Time passes, and the root says so; how many parts that brought.
    fn tick(&mut self, ms: u64) -> usize {
        self.now += ms;
        let before = self.parts.len();
        let due = self.stream.is_due(self.now);
        let parcel = self.stream.tick(&mut self.gateway.scribe, self.now).unwrap();
        assert!(!due || parcel.is_some(), "a stream that is due has a part");
        if let Some(parcel) = parcel {
            self.take(parcel);
        }
        self.look();
        self.parts.len() - before
    }

    fn settle_blocks(&mut self) -> Vec<u8> {
        let now = self.now;
        let settled = std::mem::take(&mut self.blocks);
        let pass = settled.into_iter().flat_map(|part| self.stream.settle(part, true, now));
        let pass = pass.collect();
        self.look();
        pass
    }

    fn take(&mut self, parcel: Parcel) {
        let record = Record::parse(parcel.message.record()).unwrap();
        let Content::Progress(progress) = record.into_part().part else { panic!("no progress") };
        if progress.block.is_some() {
            assert!(progress.events.is_none() && progress.index.is_some());
            self.blocks.push(parcel.seq);
            return;
        }
        assert!(progress.index.is_none() && !self.stream.waits_for(parcel.seq));
        let events = progress.events.unwrap().get();
        // Their text is that of the log but for one byte at either end.
        self.told += events.len() - 1;
        let events: Vec<Value> = serde_json::from_str(events).unwrap();
        assert!(!events.is_empty());
        self.events.extend(events);
        self.parts.push(parcel);
    }

    /// Nothing that passed so long ago is untold, and nothing is told that has not passed.
    fn look(&mut self) {
        self.passed.push((self.now, self.stream.passed()));
        assert!(self.told <= self.stream.passed(), "something withheld is told");
        let old = self.passed.iter().rev().find(|(at, _)| at + EVERY_MS <= self.now);
        let old = old.map_or(0, |(_, to)| *to);
        assert!(self.told >= old, "{} are told, {old} passed a second ago", self.told);
    }

    /// The stream ends: the events of its closing part, of which those told are the first.
    fn ended(mut self) -> Vec<Value> {
        let Gateway { redactor, scribe, .. } = &mut *self.gateway;
        let mut closing = self.stream.finish(redactor, scribe, self.now).unwrap();
        let mut closed = content(&closing.pop().unwrap(), "closed");
        self.now += 2 * EVERY_MS;
        assert!(!self.stream.is_due(self.now), "the closing part holds everything");
        assert!(self.stream.tick(&mut self.gateway.scribe, self.now).unwrap().is_none());
        let Value::Array(all) = closed["response"]["events"].take() else { panic!("no events") };
        assert_eq!(all[..self.events.len()], self.events, "told are the first, each once");
        all
    }
}

#[test]
fn events_go_on_record_a_second_after_the_first_of_them_passed() {
    let mut gateway = every(EVERY_MS, 65536);
    let mut clocked = Clocked::new(&mut gateway);
    assert_eq!(clocked.tick(10_000), 0, "nothing has passed");
    clocked.feed(delta("a").as_bytes());
    clocked.now += 999;
    clocked.feed(delta("b").as_bytes());
    assert_eq!(clocked.parts.len(), 0);
    // The stream pauses: its clock brings the part.
    assert_eq!(clocked.tick(1), 1);
    assert_eq!(clocked.events.len(), 2);
    assert_eq!(clocked.events[1]["at"], 10_999);
    assert_eq!(clocked.events[1]["data"]["delta"]["text"], "b");
    assert_eq!(clocked.tick(60_000), 0, "nothing more has passed");
    // It flows: its data does.
    clocked.feed(delta("c").as_bytes());
    clocked.now += 1000;
    let fed = clocked.feed(delta("d").as_bytes());
    assert_eq!(fed.pass, Pass::Unchanged, "it is not delayed");
    assert!(!fed.waiting);
    assert_eq!((clocked.parts.len(), clocked.events.len()), (2, 4));
    assert_eq!(clocked.ended().len(), 4);
}

#[test]
fn many_events_go_on_record_at_once() {
    let one = delta("0123456789");
    let mut gateway = every(EVERY_MS, 1000);
    let mut clocked = Clocked::new(&mut gateway);
    let mut bytes = 0;
    for _ in 0..50 {
        clocked.feed(one.as_bytes());
        bytes += one.len();
    }
    // An event in the log is about as long as on the wire.
    let parts = clocked.parts.len();
    assert!((bytes / 1400..=bytes / 1000).contains(&parts), "{parts} parts for {bytes} bytes");
    assert_eq!(clocked.ended().len(), 50);

    let mut gateway = every(EVERY_MS, 1);
    let mut clocked = Clocked::new(&mut gateway);
    for n in 1..=3 {
        clocked.feed(one.as_bytes());
        assert_eq!(clocked.parts.len(), n, "each event as it passes");
    }
    clocked.feed(one.repeat(20).as_bytes());
    assert_eq!((clocked.parts.len(), clocked.events.len()), (4, 23), "what came together");
}

#[test]
fn what_is_withheld_is_in_no_part_before_it_has_passed() {
    let mut gateway = every(EVERY_MS, 65536);
    let mut clocked = Clocked::new(&mut gateway);
    clocked.feed(format!("{}{TOOL}{TOOL_STOP}{}", delta("a"), delta("b")).as_bytes());
    assert_eq!(clocked.blocks.len(), 1);
    assert_eq!(clocked.tick(1000), 1);
    let names: Vec<_> = clocked.events.iter().map(|event| event["event"].clone()).collect();
    assert_eq!(names, ["content_block_delta", "content_block_start"]);
    assert_eq!(clocked.tick(5000), 0, "the stop and what stands behind it wait");
    let pass = clocked.settle_blocks();
    assert_eq!(pass, format!("{TOOL_STOP}{}", delta("b")).into_bytes());
    assert_eq!(clocked.tick(999), 0);
    assert_eq!(clocked.tick(1), 1);
    assert_eq!(clocked.events.len(), 4);
    assert_eq!(clocked.ended().len(), 4);
}

#[test]
fn a_part_that_is_not_acknowledged_is_named_and_nothing_waits_for_it() {
    let mut gateway = every(EVERY_MS, 1);
    let mut clocked = Clocked::new(&mut gateway);
    clocked.feed(delta("a").as_bytes());
    clocked.feed(format!("{TOOL}{TOOL_STOP}").as_bytes());
    let [first, second] = [0, 1].map(|n: usize| clocked.parts[n].seq);
    let block = clocked.blocks[0];
    assert_eq!((first, block, second), (2, 3, 4), "numbered as they were written");
    for (part, acknowledged) in [(second, true), (first, false)] {
        assert!(!clocked.stream.waits_for(part));
        assert!(clocked.stream.settle(part, acknowledged, NOW).is_empty());
        assert!(clocked.stream.is_waiting(), "for the tool call's own part");
    }
    assert!(clocked.stream.waits_for(block));
    let Gateway { redactor, scribe, .. } = &mut *clocked.gateway;
    let closing = clocked.stream.finish(redactor, scribe, NOW).unwrap().pop().unwrap();
    assert_eq!(content(&closing, "closed")["unacknowledged"], json!([first]));
}

#[test]
fn what_goes_on_record_early_is_redacted_as_the_rest_is() {
    let sections = json!({"redact": {}, "record": {"progress": {"bytes": 1}}});
    let mut gateway = Gateway::under(sections);
    let mut clocked = Clocked::new(&mut gateway);
    for text in ["key AKIAQ7RT2", "XKWM5ZB4NHD, ", "and no more."] {
        clocked.feed(delta(text).as_bytes());
        clocked.tick(1000);
    }
    clocked.feed(
        b"event: content_block_stop\ndata: {\"type\":\"content_block_stop\",\"index\":0}\n\n",
    );
    let text = json!(clocked.events).to_string();
    assert!(text.contains("HANSARD-aws-access-key-id-"), "{text}");
    assert!(!text.contains("AKIAQ7RT2") && !text.contains("XKWM5ZB4NHD"), "{text}");
    assert_eq!(clocked.events.len(), 3, "the stop acts on a block that nobody began: it waits");
    clocked.ended();
}

#[test]
fn under_access_log_delivery_there_are_no_such_parts() {
    let record = json!({"delivery": "access_log", "progress": {"bytes": 1}});
    let mut gateway = Gateway::under(json!({"record": record}));
    let mut stream = gateway.stream();
    let Gateway { redactor, scribe, .. } = &mut gateway;
    let fed = stream.feed(delta("a").as_bytes(), false, redactor, scribe, NOW);
    assert!(fed.parcels.is_empty() && !stream.is_due(NOW + 5000));
    assert!(stream.tick(scribe, NOW + 5000).unwrap().is_none());
}

/// Plays a text in chunks of a size, by a clock that goes so many milliseconds a chunk.
fn play(gateway: &mut Gateway, text: &[u8], size: usize, gap_ms: u64) -> (usize, Vec<Value>) {
    gateway.scribe = scribe();
    let mut clocked = Clocked::new(gateway);
    for chunk in text.chunks(size) {
        clocked.feed(chunk);
        // A stream's ticks are never further apart than this.
        for _ in 0..gap_ms.div_ceil(100) {
            clocked.tick(gap_ms.min(100));
        }
        clocked.settle_blocks();
    }
    let told = clocked.told;
    (told, clocked.ended())
}

#[test]
fn every_fixture_at_every_chunking_by_fast_and_slow_clocks() {
    for Fixture { name, text } in fixtures() {
        for (size, gap_ms) in [(1, 1), (7, 30), (64, 250), (1000, 40), (100, 1500)] {
            for bytes in [1, 500, 65536] {
                let mut gateway = every(EVERY_MS, bytes);
                let (told, all) = play(&mut gateway, text.as_bytes(), size, gap_ms);
                assert!(told > 0 || bytes > 500 || all.is_empty(), "{name}: nothing was told");
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// [`Clocked`] asserts the rest, after each step.
    #[test]
    fn any_events_by_any_clock_are_told_once_and_in_time(
        text in streams(),
        steps in vec((1_usize..200, 0_u64..1500, any::<bool>()), 0..40),
        bytes in 1_usize..2000,
    ) {
        let mut gateway = every(EVERY_MS, bytes);
        let mut clocked = Clocked::new(&mut gateway);
        let mut rest = text.as_slice();
        for (len, ms, settles) in steps {
            let (chunk, after) = rest.split_at(len.min(rest.len()));
            rest = after;
            clocked.feed(chunk);
            clocked.tick(ms);
            if settles {
                clocked.settle_blocks();
            }
        }
        clocked.feed(rest);
        clocked.ended();
    }

    /// However a stream is cut, what its parts cost together is what it costs.
    #[test]
    fn the_parts_of_a_stream_hold_no_more_than_it_does(text in streams(), bytes in 1_usize..200) {
        let mut gateway = every(EVERY_MS, bytes);
        let mut clocked = Clocked::new(&mut gateway);
        for chunk in text.chunks(16) {
            clocked.feed(chunk);
            clocked.settle_blocks();
        }
        let (told, passed) = (clocked.told, clocked.stream.passed());
        prop_assert!(told <= passed, "{told} of {passed}");
    }
}
