//! When the sink does not answer, memory or limits run out, or somebody leaves: what the client is
//! told, and what the last part says.

use super::*;

const TOOL: &[u8] = b"event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":0,\
    \"content_block\":{\"type\":\"tool_use\",\"id\":\"toolu_1\",\"name\":\"Bash\",\"input\":{}}}\n\n";
const TOOL_STOP: &[u8] =
    b"event: content_block_stop\ndata: {\"type\":\"content_block_stop\",\"index\":0}\n\n";
const STOP: &[u8] = b"event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n";

#[test]
fn a_request_whose_part_is_not_acknowledged_is_refused_and_its_part_abandoned() {
    let mut gateway = Gateway::new();
    let (opened, first) = gateway.opened();
    assert_eq!(opened.id(), id());
    let refused = opened.record_failed(&gateway.policy, &mut gateway.scribe, NOW + 5000);
    assert_eq!(refused.answer.status, 503);
    let (kind, message) = api_error(&refused.answer.body);
    assert_eq!(kind, "api_error");
    assert!(message.contains("not sent to Claude"), "{message}");
    assert!(!refused.answer.headers.iter().any(|(name, _)| *name == "x-should-retry"));

    let parcel = refused.parcel.unwrap();
    assert_eq!((first.seq, parcel.seq), (1, 2));
    let before = content(&first, "opened");
    let part = content(&parcel, "refused");
    assert_eq!(part["abandoned"], json!([1]));
    assert_eq!(part["refusal"], json!({"status": 503, "kind": kind, "message": message}));
    for same in ["who", "from", "session", "decision"] {
        assert_eq!(part[same], before[same], "{same}");
    }
    let mut request = before["request"].clone();
    request.as_object_mut().unwrap().remove("body");
    assert_eq!(part["request"], request, "all but the content");
    assert!(
        parcel.message.len() < first.message.len() + 400,
        "it can be written when memory is short"
    );
}

#[test]
fn a_client_that_leaves_before_its_request_went_on_is_gone_whatever_envoy_says() {
    for detail in ["downstream_remote_disconnect", "stream_idle_timeout", "overload"] {
        let mut gateway = Gateway::new();
        let (opened, _) = gateway.opened();
        let ending = Ending::reported(Some(detail.into()), Some(0));
        let closed = content(&opened.ended(ending, &mut gateway.scribe, NOW).unwrap(), "closed");
        let end = json!({"why": "client_gone", "detail": detail, "flags": 0});
        assert_eq!(closed, json!({"end": end}), "nothing was asked of the upstream");
    }
}

#[test]
fn parts_that_were_not_acknowledged_when_their_data_passed_are_named() {
    let mut gateway = Gateway::new();
    let late = |gateway: &mut Gateway| gateway.opened().0.forward(false);

    let forwarded = late(&mut gateway);
    let parcel = forwarded.ended(Ending::own(EndWhy::UpstreamFailed), &mut gateway.scribe, NOW);
    assert_eq!(content(&parcel.unwrap(), "closed")["unacknowledged"], json!([1]));

    let forwarded = late(&mut gateway);
    let Responding::Whole(whole) =
        forwarded.answered(&gateway.policy, &headers(&[(":status", "200")]), NOW)
    else {
        panic!("taken for a stream");
    };
    let parcel =
        whole.complete(&mut gateway.redactor, &mut gateway.scribe, b"{}", NOW).unwrap().parcel;
    assert_eq!(content(&parcel, "closed")["unacknowledged"], json!([3]));

    let forwarded = late(&mut gateway);
    let Responding::Stream(mut stream) =
        forwarded.answered(&gateway.policy, &headers(&STREAM_HEAD), NOW)
    else {
        panic!("not taken for a stream");
    };
    let mut progress = Vec::new();
    for _ in 0..3 {
        for chunk in [TOOL, TOOL_STOP] {
            let fed = stream.feed(chunk, false, &mut gateway.redactor, &mut gateway.scribe, NOW);
            progress.extend(fed.parcels.iter().map(|parcel| parcel.seq));
        }
    }
    assert_eq!(progress, [6, 7, 8]);
    for (part, acknowledged) in [(6, false), (7, true), (8, false)] {
        let passed = stream.settle(part, acknowledged, NOW);
        assert!(passed.starts_with(TOOL_STOP), "it passes all the same");
    }
    stream.feed(STOP, false, &mut gateway.redactor, &mut gateway.scribe, NOW);
    let parcel =
        stream.finish(&mut gateway.redactor, &mut gateway.scribe, NOW).unwrap().pop().unwrap();
    assert_eq!(content(&parcel, "closed")["unacknowledged"], json!([5, 6, 8]));
    assert_eq!(stream.settle(parcel.seq, false, NOW), STOP);
}

#[test]
fn all_acknowledged_names_none() {
    let mut gateway = Gateway::new();
    let forwarded = gateway.forwarded();
    let parcel = forwarded.ended(Ending::own(EndWhy::TimedOut), &mut gateway.scribe, NOW).unwrap();
    assert_eq!(content(&parcel, "closed"), json!({"end": {"why": "timed_out"}}));
}

#[test]
fn a_stream_broken_off_withholds_its_block_and_says_why() {
    for why in [EndWhy::RecordFailed, EndWhy::GatewayFailed, EndWhy::ResponseTooLarge] {
        let mut gateway = Gateway::new();
        let mut stream = gateway.stream();
        stream.feed(TOOL, false, &mut gateway.redactor, &mut gateway.scribe, NOW);
        let fed = stream.feed(TOOL_STOP, false, &mut gateway.redactor, &mut gateway.scribe, NOW);
        assert_eq!(fed.pass, Pass::Bytes(Vec::new()));
        assert!(fed.waiting && fed.parcels.len() == 1);

        let event = String::from_utf8(stream.error_event(why)).unwrap();
        let data = event.strip_prefix("event: error\ndata: ").unwrap();
        let data = data.strip_suffix("\n\n").unwrap();
        assert!(!data.contains(['\n', '\r']), "one event: {event:?}");
        let (kind, message) = api_error(data);
        assert_eq!(kind, "api_error");
        // Read by a client as one whole error, which ends its stream.
        let mut events = Vec::new();
        crate::claude::sse::Splitter::default().feed(event.as_bytes(), |raw, end| {
            let read = crate::claude::sse::Event::parse(raw).unwrap();
            events.push((read.name.into_owned(), read.data.into_owned(), end));
        });
        assert_eq!(events, [("error".to_owned(), data.to_owned(), event.len())]);
        assert!(message.len() > 60, "a sentence for a person: {message}");

        let closed = content(
            &stream
                .close(Ending::own(why), &mut gateway.redactor, &mut gateway.scribe, NOW)
                .unwrap(),
            "closed",
        );
        assert_eq!(closed["end"], json!({"why": why.name()}));
        assert_eq!(closed["response"]["message"]["content"][0]["id"], "toolu_1");
        assert_eq!(closed["response"]["events"].as_array().unwrap().len(), 2);
    }
}

#[test]
fn the_three_ways_to_break_off_are_told_apart() {
    let mut gateway = Gateway::new();
    let stream = gateway.stream();
    let mut events = [EndWhy::RecordFailed, EndWhy::GatewayFailed, EndWhy::ResponseTooLarge]
        .map(|why| stream.error_event(why));
    events.sort();
    assert!(events.windows(2).all(|pair| pair[0] != pair[1]));
}

#[test]
fn a_stream_over_a_limit_fails() {
    let ping = b"event: ping\ndata: {\"type\":\"ping\"}\n\n";
    let cases: &[(&str, Value, &[&[u8]], Option<EndWhy>)] = &[
        // Its limits, what is fed, and why it cannot go on.
        ("free data is not held", json!({"hold_bytes": 1024}), &[&ping.repeat(100)], None),
        ("an event without an end", json!({"hold_bytes": 1024}), &[ping, &[b'x'; 1024]], None),
        (
            "an event without an end, too long",
            json!({"hold_bytes": 1024}),
            &[ping, &[b'x'; 1025]],
            Some(EndWhy::RecordFailed),
        ),
        (
            "behind a block",
            json!({"hold_bytes": 1024}),
            &[TOOL, TOOL_STOP, &ping.repeat(30)],
            Some(EndWhy::RecordFailed),
        ),
        ("at the limit", json!({"response_bytes": 1024}), &[&[b'\n'; 1024]], None),
        (
            "over the limit",
            json!({"response_bytes": 1024}),
            &[&[b'\n'; 1024], b"\n"],
            Some(EndWhy::ResponseTooLarge),
        ),
    ];
    for (case, limits, chunks, failed) in cases {
        let mut gateway = Gateway::under(json!({"limits": limits}));
        let mut stream = gateway.stream();
        let mut last = None;
        for chunk in *chunks {
            assert_eq!(last, None, "{case}: failed too early");
            last =
                stream.feed(chunk, false, &mut gateway.redactor, &mut gateway.scribe, NOW).failed;
        }
        assert_eq!(last, *failed, "{case}");
    }
}

#[test]
fn a_whole_response_that_cannot_be_recorded_is_withheld() {
    let mut gateway = Gateway::new();
    let whole = gateway.whole(&[(":status", "200"), ("content-type", "application/json")]);
    let answer = whole.unrecorded();
    assert_eq!(answer.status, 503);
    let (kind, message) = api_error(&answer.body);
    assert_eq!(kind, "api_error");
    assert!(message.contains("withheld"), "{message}");
    let ending = Ending::own(EndWhy::RecordFailed);
    let closed = content(
        &whole.close(ending, &mut gateway.redactor, &mut gateway.scribe, b"", NOW).unwrap(),
        "closed",
    );
    assert_eq!(closed["end"], json!({"why": "record_failed"}));
    assert_eq!(closed["response"]["status"], 200);
    assert_eq!(closed["response"]["message"], Value::Null);
}

#[test]
fn a_whole_response_over_the_limit_is_withheld() {
    let mut gateway = Gateway::new();
    let whole = gateway.whole(&[(":status", "200"), ("content-type", "application/json")]);
    let (answer, ending) = whole.too_large(4096);
    assert_eq!(answer.status, 502);
    let (kind, message) = api_error(&answer.body);
    assert_eq!(kind, "api_error");
    assert!(message.contains("4096"), "{message}");
    assert_eq!(ending.why, EndWhy::ResponseTooLarge);
}
