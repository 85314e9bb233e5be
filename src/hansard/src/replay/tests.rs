//! A session played back: order, text, timing.

use super::*;
use crate::fixture::{exchange, ledger};
use std::time::Instant;

fn played(n: u8, speed: f64) -> (String, Duration) {
    let folder = ledger();
    let stored = Reader::open(folder.path()).unwrap().parts(&exchange(n)).unwrap();
    let account = Account::read(&stored).unwrap();
    let mut out = Vec::new();
    let began = Instant::now();
    let mut player = Player { out: &mut out, paint: Paint::Plain, speed, blocks: BTreeMap::new() };
    player.play(&account).unwrap();
    (String::from_utf8(out).unwrap(), began.elapsed())
}

#[test]
fn streamed_text_comes_in_its_pieces_and_a_tool_call_when_it_is_whole() {
    let (text, _) = played(1, 0.0);
    let expected = "   claude  I'll look\\u{9b}2J.\n           Now.\n   \
                    tool    Bash\n           command: ls -la\n   \
                    event   [unheard_of] \"no \\u001bJSON\"\n   \
                    end     complete · tool_use · 42 tokens in, 7 out · 400 ms\n";
    assert_eq!(text, expected);
}

#[test]
fn other_answers_come_at_once() {
    let (text, took) = played(2, 0.0);
    assert!(
        text.starts_with("   error   overloaded_error: Overloaded\n   end     client_gone"),
        "{text}"
    );
    assert!(took < Duration::from_millis(500));
    assert!(played(3, 0.0).0.starts_with("   told    400 policy_blocked"));
    assert!(played(4, 0.0).0.contains("not on record (yet)"));
}

#[test]
fn the_recorded_time_passes_divided_by_the_speed() {
    // 100 ms to the headers, 190 ms of stream.
    let (_, took) = played(1, 1.0);
    assert!((Duration::from_millis(290)..Duration::from_secs(2)).contains(&took), "{took:?}");
    let (_, took) = played(1, 2.0);
    assert!((Duration::from_millis(145)..Duration::from_millis(290)).contains(&took), "{took:?}");
}

#[test]
fn a_speed_is_a_number_that_is_not_negative() {
    assert_eq!(speed("2.5"), Ok(2.5));
    assert_eq!(speed("0"), Ok(0.0));
    for text in ["-1", "NaN", "inf", "", "fast"] {
        assert!(speed(text).is_err(), "{text}");
    }
}
