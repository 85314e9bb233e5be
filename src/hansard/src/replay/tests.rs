//! A session played back: order, text, timing.

use super::*;
use crate::fixture::{exchange, ledger};

fn played(n: u8, speed: f64) -> (String, Duration) {
    let folder = ledger();
    let stored = hansard_store::Reader::open(folder.path()).unwrap().parts(&exchange(n)).unwrap();
    let account = Account::read(&stored).unwrap();
    let mut out = Vec::new();
    let mut slept = Duration::ZERO;
    Player::new(&mut out, Paint::Plain, speed, |span| slept += span).play(&account).unwrap();
    (String::from_utf8(out).unwrap(), slept)
}

#[test]
fn streamed_text_comes_in_its_pieces_and_a_tool_call_when_it_is_whole() {
    let (text, _) = played(1, 0.0);
    let expected = "   claude  I'll look\\u{9b}2J.\n           Now.\n   \
                    tool    Bash\n           command: ls -la\n   \
                    event   [unheard_of] \"no \\u001bJSON\"\n   \
                    found   email ×1 in event 2 /delta/text → mask (fedcba98…)\n   \
                    found   iban ×7 in many places → mask\n   \
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
    assert_eq!(took, Duration::ZERO);
    assert!(played(3, 0.0).0.starts_with("   told    400 policy_blocked"));
    assert!(played(4, 0.0).0.contains("not on record (yet)"));
}

#[test]
fn of_a_stream_whose_gateway_was_killed_all_is_played_that_is_on_record() {
    let (text, took) = played(5, 1.0);
    // The tool's last piece was on its way; its block was on record before.
    let expected = "   claude  I'll look\\u{9b}2J.\n           Now.\n   \
                    tool    Bash\n           command: ls -la\n   \
                    end     not on record (yet)\n";
    assert_eq!(text, expected);
    assert_eq!(took.as_millis(), 150, "from event to event");
}

#[test]
fn the_recorded_time_passes_divided_by_the_speed() {
    // 100 ms to the headers, 190 ms of stream.
    let milliseconds = |speed| played(1, speed).1.as_millis();
    assert_eq!(milliseconds(1.0), 290);
    assert_eq!(milliseconds(2.0), 145);
    assert_eq!(milliseconds(0.5), 580);
    assert_eq!(played(2, 1.0).1.as_millis(), 2_300, "an answer that was no stream");
}

#[test]
fn a_speed_is_a_number_that_is_not_negative() {
    assert_eq!(speed("2.5"), Ok(2.5));
    assert_eq!(speed("0"), Ok(0.0));
    for text in ["-1", "NaN", "inf", "", "fast"] {
        assert!(speed(text).is_err(), "{text}");
    }
}
