//! The bypass corpus: what must be hidden is hidden from the upstream, the client and the record,
//! and what is signed passes byte for byte.
//!
//! Envoy's part is played here: the head's changes are made, a whole body is there at once, a
//! stream comes in pieces, and each part is acknowledged as it comes. Every failure of a run is told.

#[path = "../../../../../tests/src/bypass.rs"]
#[expect(unreachable_pub, reason = "the library of the tests crate shares it")]
mod corpus;

use super::*;
use corpus::{Case, Expect, Eye, Variant, Way};
use hansard_redact::pii::Pii;
use std::collections::{BTreeMap, HashSet};
use std::fmt;
use std::path::Path;

/// Bodies up to this size come byte by byte, too.
const SMALL: usize = 8 << 10;
/// A stream that is cut in two everywhere also breaks off, at one place in so many.
const BREAKS: usize = 5;
/// What makes the value one stands behind it: a quoted password ends with its quote. A text that
/// breaks off before is judged as it would be whole, and there is none in it.
const NEEDS_ITS_END: [&str; 1] = ["stream/text-context-in-earlier-delta"];

#[test]
fn no_request_carries_a_value_upstream_or_into_the_record() {
    let mut run = Run::default();
    for case in cases(&[Way::Request, Way::Query, Way::Header, Way::Echo]) {
        run.request(&case);
    }
    run.end(350);
}

#[test]
fn no_stream_carries_a_value_to_the_client_or_into_the_record() {
    let mut run = Run::default();
    for case in cases(&[Way::Stream]) {
        run.response(&case);
    }
    run.end(150);
}

#[test]
fn no_whole_answer_carries_a_value_to_the_client_or_into_the_record() {
    let mut run = Run::default();
    for case in cases(&[Way::Whole, Way::Error]) {
        run.response(&case);
    }
    run.end(80);
}

/// A corpus whose values nobody could see would prove nothing.
#[test]
fn the_eye_sees_every_value_where_it_stands() {
    let packed = ["request/content-encoding-deflate", "request/content-encoding-gzip"];
    for case in cases(&[]) {
        let head = format!("{}\n{}", case.path, lines(&case.headers));
        let seen = Eye::on(&case.body).sees(&case.canary);
        let seen = seen.or_else(|| Eye::on(head.as_bytes()).sees(&case.canary));
        assert_eq!(seen.is_none(), packed.contains(&case.name.as_str()), "{}", case.name);
    }
}

/// The cases of some ways, or all.
fn cases(ways: &[Way]) -> Vec<Case> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/bypass");
    let mut cases = corpus::cases(&folder).unwrap_or_else(|error| panic!("{error}"));
    assert!(cases.len() >= 300, "{} cases", cases.len());
    cases.retain(|case| ways.is_empty() || ways.contains(&case.way));
    cases
}

/// A head as text.
fn lines(headers: &[(String, String)]) -> String {
    headers.iter().map(|(name, value)| format!("{name}: {value}\n")).collect()
}

// === a run over many cases ===

/// A gateway for each policy, and all that went wrong.
#[derive(Default)]
struct Run {
    gateways: BTreeMap<Variant, Gateway>,
    failures: Vec<String>,
    cases: usize,
}

/// One pass of a case, under way.
struct Look<'a> {
    case: &'a Case,
    /// Bytes that were found to hide the value.
    clean: HashSet<Vec<u8>>,
    failures: &'a mut Vec<String>,
}

impl Look<'_> {
    fn failed(&mut self, how: &dyn fmt::Display, what: impl fmt::Display) {
        let Case { name, trick, .. } = self.case;
        self.failures.push(format!("{name}, {how}: {what}\n    {trick}"));
    }

    /// The value must not be seen.
    fn hides(&mut self, how: &dyn fmt::Display, place: &str, bytes: &[u8]) {
        if self.clean.contains(bytes) {
            return;
        }
        match Eye::on(bytes).sees(&self.case.canary) {
            Some(sight) => self.failed(how, format!("{place} shows it {sight}")),
            None => drop(self.clean.insert(bytes.to_owned())),
        }
    }

    /// Neither in a part as it is sent nor in the record within it.
    fn hides_in(&mut self, how: &dyn fmt::Display, parcel: &Parcel) {
        self.hides(how, "a part", &parcel.message);
        self.hides(how, "a record", parcel.message.record());
    }
}

impl Run {
    fn end(self, least: usize) {
        assert!(self.cases >= least, "{} cases", self.cases);
        let Self { failures, cases, .. } = self;
        let failed: HashSet<_> = failures.iter().map(|line| line.split(',').next()).collect();
        let (count, failed) = (failures.len(), failed.len());
        assert!(count == 0, "{failed} of {cases} cases, {count} times:\n{}", failures.join("\n"));
    }

    fn begin<'a>(&'a mut self, case: &'a Case) -> (&'a mut Gateway, Look<'a>) {
        self.cases += 1;
        let kinds: Vec<_> = Pii::ALL.iter().map(|kind| kind.id()).collect();
        let gateway = self.gateways.entry(case.variant).or_insert_with(|| {
            let section = case.variant.section(&kinds);
            let section: Value = serde_json::from_str(&section).unwrap();
            Gateway::under(json!({"redact": section}))
        });
        gateway.scribe = scribe();
        (gateway, Look { case, clean: HashSet::new(), failures: &mut self.failures })
    }

    fn request(&mut self, case: &Case) {
        let (gateway, mut look) = self.begin(case);
        // The second time every string of it was seen before.
        for how in ["the first time", "the second time"] {
            request_passes(gateway, &mut look, case, &how);
        }
    }

    fn response(&mut self, case: &Case) {
        let (gateway, mut look) = self.begin(case);
        let body = &case.body;
        let mut cuts: Vec<(String, Vec<usize>)> = vec![("whole".into(), Vec::new())];
        let sizes = [case.chunk, (body.len() <= SMALL).then_some(1)];
        for size in sizes.into_iter().flatten() {
            let cut = (size..body.len()).step_by(size).collect();
            cuts.push((format!("in chunks of {size}"), cut));
        }
        if case.is_split {
            let split = |at| (format!("cut at {at}"), vec![at]);
            cuts.extend((1..body.len()).map(split));
        }
        for (how, cuts) in cuts {
            answer_passes(gateway, &mut look, case, &how, &cuts);
            let breaks = case.is_split && !NEEDS_ITS_END.contains(&case.name.as_str());
            if let ([at], true) = (cuts.as_slice(), breaks)
                && at % BREAKS == 0
            {
                answer_breaks_off(gateway, &mut look, case, &format!("broken off at {at}"), *at);
            }
        }
    }
}

// === requests ===

/// The case's request as Envoy shows it.
fn head_of(case: &Case, body: &[u8]) -> Headers {
    let mut all = request(case.method(), &case.path, &[]);
    let own: Vec<_> =
        case.headers.iter().map(|(name, value)| (name.to_lowercase(), value.clone())).collect();
    all.0.retain(|(name, _)| own.iter().all(|(own, _)| own != name));
    if !body.is_empty() {
        all.0.push(("content-type".into(), case.content_type.clone()));
    }
    all.0.extend(own);
    all
}

/// The head as it goes upstream.
fn head_upstream(arrival: &Arrival, mut headers: Headers) -> String {
    let gone: Vec<_> = Arrival::headers_to_remove(&headers).map(str::to_owned).collect();
    let (set, remove) = arrival.head_changes();
    headers.0.retain(|(name, _)| !gone.contains(name) && !remove.contains(name));
    for (name, value) in set {
        // Envoy puts one field in the place of all.
        headers.0.retain(|(other, _)| other != name);
        headers.0.push((name.clone(), value.clone()));
    }
    lines(&headers.0)
}

fn request_passes(gateway: &mut Gateway, look: &mut Look<'_>, case: &Case, how: &dyn fmt::Display) {
    let headers = head_of(case, &case.body);
    let mut arrival = gateway.arrival(&headers);
    arrival.measure(&gateway.policy, &Budget::default(), case.body.len());
    let body: &[u8] = if arrival.wants_body() { &case.body } else { b"" };
    let head = head_upstream(&arrival, headers);
    let Gateway { policy, redactor, scribe, .. } = gateway;
    match (arrival.conclude(policy, redactor, scribe, body, NOW), case.expect) {
        (Opening::Refused(refused), expect) => {
            if expect != Expect::Refused {
                look.failed(how, format!("refused: {}", refused.answer.body));
            }
            for answer in [&refused.answer, &refused.unrecorded] {
                look.hides(how, "the refusal", answer.body.as_bytes());
                look.hides(how, "the refusal's head", format!("{:?}", answer.headers).as_bytes());
            }
            match &refused.parcel {
                Some(parcel) => look.hides_in(how, parcel),
                None => look.failed(how, "no part"),
            }
        }
        (Opening::Opened(..), Expect::Refused) => look.failed(how, "goes upstream"),
        (Opening::Opened(mut opened, parcel), Expect::Redacted | Expect::Signed) => {
            look.hides_in(how, &parcel);
            look.hides(how, "the head upstream", head.as_bytes());
            let wire = opened.take_wire();
            if case.expect == Expect::Redacted {
                look.hides(how, "the body upstream", wire.as_deref().unwrap_or(body));
            } else if wire.is_some_and(|wire| wire != body) {
                look.failed(how, "what is signed was altered");
            }
            let ending = Ending::own(EndWhy::UpstreamFailed);
            let parcel = opened.forward(true).ended(ending, scribe, NOW).unwrap();
            look.hides_in(how, &parcel);
        }
    }
}

// === answers ===

/// The request that the case's answer is for, once it has gone upstream.
fn asked(gateway: &mut Gateway, case: &Case) -> Responding {
    gateway.scribe = scribe();
    let body: &[u8] = if case.method() == "GET" { b"" } else { REQUEST.as_bytes() };
    let headers = request(case.method(), &case.path, &[]);
    let Opening::Opened(opened, _) = gateway.concluded(&headers, body) else {
        panic!("{}: its request was refused", case.name);
    };
    let status = case.status.to_string();
    let head = [(":status", status.as_str()), ("content-type", &case.content_type)];
    opened.forward(true).answered(&gateway.policy, &super::headers(&head), NOW)
}

/// What the client got, and whether the gateway kept something back.
#[derive(Default)]
struct Got {
    bytes: Vec<u8>,
    told_off: Option<EndWhy>,
}

fn answer_passes(
    gateway: &mut Gateway,
    look: &mut Look<'_>,
    case: &Case,
    how: &dyn fmt::Display,
    cuts: &[usize],
) {
    let got = match asked(gateway, case) {
        Responding::Stream(stream) => stream_passes(gateway, look, case, how, stream, cuts),
        Responding::Whole(whole) => whole_passes(gateway, look, case, how, &whole),
    };
    match (case.expect, got.told_off) {
        (Expect::Redacted, Some(EndWhy::Blocked)) if case.variant == Variant::Block => {}
        (Expect::Redacted | Expect::Signed, Some(why)) => {
            look.failed(how, format!("kept back: {}", why.name()));
        }
        (Expect::Redacted, None) if case.variant == Variant::Block => {
            look.failed(how, "not blocked");
        }
        (Expect::Redacted | Expect::Signed, None) => {}
        (Expect::Refused, _) => look.failed(how, "an answer cannot be refused"),
    }
    if case.expect != Expect::Signed {
        look.hides(how, "the answer", &got.bytes);
    } else if got.bytes != case.body {
        look.failed(how, "what is signed was altered");
    }
}

fn stream_passes(
    gateway: &mut Gateway,
    look: &mut Look<'_>,
    case: &Case,
    how: &dyn fmt::Display,
    mut stream: Stream,
    cuts: &[usize],
) -> Got {
    let Gateway { redactor, scribe, .. } = gateway;
    let mut got = Got::default();
    let mut fed = 0;
    for end in cuts.iter().copied().chain([case.body.len()]) {
        // The end comes with the last chunk, or behind it as it does with trailers.
        let is_last = cuts.is_empty();
        let chunk = &case.body[fed..end];
        fed = end;
        let step = stream.feed(chunk, is_last, redactor, scribe, NOW);
        match step.pass {
            Pass::Unchanged => got.bytes.extend_from_slice(chunk),
            Pass::Bytes(bytes) => got.bytes.extend(bytes),
        }
        for parcel in step.parcels {
            look.hides_in(how, &parcel);
            got.bytes.extend(stream.settle(parcel.seq, true, NOW));
        }
        if let Some(why) = step.failed {
            got.bytes.extend(stream.error_event(why));
            got.told_off = Some(why);
            let parcel = stream.close(Ending::own(why), redactor, scribe, NOW).unwrap();
            look.hides_in(how, &parcel);
            return got;
        }
    }
    if !cuts.is_empty() {
        for parcel in stream.finish(redactor, scribe, NOW).unwrap() {
            look.hides_in(how, &parcel);
            got.bytes.extend(stream.settle(parcel.seq, true, NOW));
        }
    }
    if stream.is_waiting() {
        look.failed(how, "something waits for ever");
    }
    got
}

fn whole_passes(
    gateway: &mut Gateway,
    look: &mut Look<'_>,
    case: &Case,
    how: &dyn fmt::Display,
    whole: &Whole,
) -> Got {
    let Gateway { redactor, scribe, .. } = gateway;
    let completed = whole.complete(redactor, scribe, &case.body, NOW).unwrap();
    look.hides_in(how, &completed.parcel);
    let ending = Ending::own(EndWhy::ClientGone);
    let closed = whole.close(ending, redactor, scribe, &case.body, NOW).unwrap();
    look.hides_in(how, &closed);
    match completed.answer {
        Some(answer) => Got { bytes: answer.body.into(), told_off: Some(EndWhy::Blocked) },
        None => Got { bytes: completed.wire.unwrap_or(case.body.clone()), told_off: None },
    }
}

/// The upstream ends within the body, or the client leaves.
fn answer_breaks_off(
    gateway: &mut Gateway,
    look: &mut Look<'_>,
    case: &Case,
    how: &dyn fmt::Display,
    at: usize,
) {
    let cut = Case { body: case.body[..at].to_owned(), ..case.clone() };
    let got = match asked(gateway, case) {
        Responding::Stream(stream) => stream_passes(gateway, look, &cut, how, stream, &[]),
        Responding::Whole(whole) => whole_passes(gateway, look, &cut, how, &whole),
    };
    if case.expect != Expect::Signed {
        look.hides(how, "the answer", &got.bytes);
    }
    if let Responding::Stream(mut stream) = asked(gateway, case) {
        let Gateway { redactor, scribe, .. } = gateway;
        let passed = match stream.feed(&cut.body, false, redactor, scribe, NOW).pass {
            Pass::Unchanged => cut.body,
            Pass::Bytes(bytes) => bytes,
        };
        if case.expect != Expect::Signed {
            look.hides(how, "what has passed", &passed);
        }
        let ending = Ending::own(EndWhy::ClientGone);
        look.hides_in(how, &stream.close(ending, redactor, scribe, NOW).unwrap());
    }
}
