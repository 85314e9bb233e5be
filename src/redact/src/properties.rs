//! What holds for any text: the bodies of the fuzz targets, also run as tests. `make fuzz` runs them
//! on many more cases.

use crate::body::{Body, Everything, Reading, redact};
use crate::engine::tests::{keyring, secrets};
use crate::engine::{CONTEXT, Engine, Finding, Resume};
use crate::pii::Pii;
use crate::{Action, Detector, Look, Seen, Way, rules};
use proptest::prelude::*;
use proptest::sample::select;
use std::cell::RefCell;

thread_local! {
    // Two that share nothing but the key: two workers, two runs.
    static ENGINES: RefCell<[Engine; 2]> = RefCell::new([engine(), engine()]);
}

fn engine() -> Engine {
    let personal = Pii::ALL.iter().map(|kind| Detector {
        id: kind.id().into(),
        action: Action::Mask,
        look: Look::Personal(*kind),
    });
    Engine::new(secrets().into_iter().chain(personal).collect(), keyring()).unwrap()
}

/// Whatever pieces a text comes in, the same is found in it.
fn any_pieces_find_what_the_whole_does(text: &[u8], cuts: &[usize]) {
    ENGINES.with_borrow_mut(|[engine, _]| {
        let whole = engine.scan_whole(text);
        let limit = engine.by_id("scan-limit");
        if whole.iter().any(|one| Some(one.detector) == limit) {
            // A text's allowance of work depends on how much of it is at hand.
            return;
        }
        let mut pieces = Vec::new();
        let mut rest = text;
        for cut in cuts {
            let (piece, tail) = rest.split_at(cut % (rest.len() + 1));
            pieces.push(piece);
            rest = tail;
        }
        pieces.push(rest);
        let (mut held, mut base, mut from) = (Vec::new(), 0, Resume::default());
        let (mut all, mut found) = (Vec::new(), Vec::new());
        for (i, piece) in pieces.iter().enumerate() {
            held.extend_from_slice(piece);
            from = engine.scan(&held, from, i + 1 == pieces.len(), &mut found);
            let moved = |one: Finding| Finding {
                from: one.from + base,
                start: one.start + base,
                end: one.end + base,
                ..one
            };
            all.extend(found.drain(..).map(moved));
            let drop = from.at.saturating_sub(CONTEXT);
            held.drain(..drop);
            base += drop;
            from.at -= drop;
        }
        let spans = |all: &[Finding]| -> Vec<_> {
            all.iter().map(|one| (one.start, one.end, one.detector)).collect()
        };
        assert_eq!(spans(&all), spans(&whole), "{:?}", String::from_utf8_lossy(text));
    });
}

/// A JSON text differs from what comes out only where placeholders stand; twice is the same as
/// once; and who does it makes no difference.
fn a_body_changes_only_where_values_stand(text: &str) {
    let run = |engine: &mut Engine, text: &str| -> Option<Body> {
        let mut seen = Seen::new([3; 16], 100);
        let reading = Reading {
            guide: &Everything,
            way: Way::Request,
            blocks_signed: false,
            drops_media: false,
            streamed: None,
        };
        redact(engine, &mut seen, text, reading).ok()
    };
    ENGINES.with_borrow_mut(|[one, other]| {
        let Some(body) = run(one, text) else {
            assert!(
                serde_json::from_str::<serde::de::IgnoredAny>(text).is_err() || text.len() > 64
            );
            return;
        };
        let wire = body.wire(text.as_bytes());
        assert_eq!(wire.is_none(), body.changes.iter().all(|change| !change.wire));
        let again = run(other, text).unwrap().wire(text.as_bytes());
        assert_eq!(wire, again, "another worker, other bytes");
        let Some(wire) = wire else { return };
        let wire = String::from_utf8(wire).unwrap();
        serde_json::from_str::<serde::de::IgnoredAny>(&wire).unwrap();
        let mut back = String::new();
        let mut rest = wire.as_str();
        let mut at = 0;
        for change in &body.changes {
            let same = &text[at..change.at.start];
            rest = rest.strip_prefix(same).unwrap().strip_prefix(&*change.with).unwrap();
            back.push_str(same);
            back.push_str(&text[change.at.clone()]);
            at = change.at.end;
        }
        assert_eq!(rest, &text[at..]);
        back.push_str(rest);
        assert_eq!(back, text);
        let twice = run(one, &wire).unwrap();
        assert_eq!(twice.wire(wire.as_bytes()), None, "twice is more than once:\n{wire}");
    });
}

/// Samples of values, words, and what surrounds them.
fn parts() -> impl Strategy<Value = String> {
    let samples: Vec<String> = rules()
        .flat_map(|rule| rule.positives.iter().chain(rule.negatives))
        .chain(Pii::ALL.iter().flat_map(|kind| kind.positives()))
        .map(|marked| marked.replace(['«', '»'], ""))
        .collect();
    let odd = [
        "\n",
        " ",
        "\"",
        "\\",
        "\\n",
        "%41",
        "%",
        "=",
        "\u{200b}",
        "é",
        "→",
        "password = \"",
        "api_key: ",
        "eyJ",
        "-----BEGIN ",
        "HANSARD-",
        "QUtJQQ==",
        "\u{1b}[0m",
        "{\"k\": \"v\"}",
        "a",
    ];
    prop_oneof![
        3 => select(samples),
        2 => select(odd.to_vec()).prop_map(str::to_owned),
        1 => "[a-zA-Z0-9 .:/_-]{0,30}",
        1 => any::<String>(),
    ]
}

fn text() -> impl Strategy<Value = String> {
    prop::collection::vec(parts(), 0..6).prop_map(|parts| parts.concat())
}

fn json() -> impl Strategy<Value = serde_json::Value> {
    use serde_json::Value;
    let leaf = prop_oneof![
        3 => text().prop_map(Value::String),
        1 => any::<i64>().prop_map(Value::from),
        1 => Just(Value::Null),
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::Array),
            prop::collection::vec((text(), inner), 0..4)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn fuzz_stream_scan(text in text(), cuts in prop::collection::vec(any::<usize>(), 0..8)) {
        any_pieces_find_what_the_whole_does(text.as_bytes(), &cuts);
    }

    #[test]
    fn fuzz_stream_scan_of_any_bytes(
        bytes in prop::collection::vec(any::<u8>(), 0..300),
        cuts in prop::collection::vec(any::<usize>(), 0..8),
    ) {
        any_pieces_find_what_the_whole_does(&bytes, &cuts);
    }

    #[test]
    fn fuzz_json_splice(value in json(), pretty: bool) {
        let text = if pretty {
            serde_json::to_string_pretty(&value).unwrap()
        } else {
            value.to_string()
        };
        a_body_changes_only_where_values_stand(&text);
    }
}
