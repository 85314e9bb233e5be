//! Whatever stands in a replay, also what no rebuilding gives: nothing panics, every line of JSON
//! parses, and the document stays harmless.

use crate::{exports, fixture, html, markdown};
use hansard_replay::Replay;
use hansard_replay::model::*;
use proptest::prelude::*;

/// Text made of what ends, opens and hides.
fn hostile() -> impl Strategy<Value = String> {
    let pieces = prop::sample::select(vec![
        "`",
        "```",
        "````",
        "~~~",
        "\n",
        "\r\n",
        "\r",
        "> ",
        "# ",
        "- ",
        "1. ",
        "    ",
        "\t",
        "|",
        "<details>",
        "</details>",
        "<script>",
        "<!--",
        "-->",
        "<a href=x>",
        "[a](b)",
        "![a](b)",
        "[a]: http://b",
        "https://a.example",
        "www.a.example",
        "a@b.example",
        "&amp;",
        "\\",
        "*",
        "_",
        "**a**",
        "===",
        "---",
        "\u{202e}",
        "\u{1b}[2J",
        "\0",
        "\u{2028}",
        "\"",
        "{",
        "}",
        "x",
        " ",
        "é",
        "🙂",
        "$$",
        ":",
    ]);
    prop::collection::vec(pieces, 0..24).prop_map(|pieces| pieces.concat())
}

fn block() -> impl Strategy<Value = Block> {
    prop_oneof![
        hostile().prop_map(|text| Block::Text { text }),
        hostile().prop_map(|text| Block::Thinking { text }),
        any::<usize>().prop_map(|call| Block::ToolUse { call }),
        (any::<Option<usize>>(), hostile(), any::<bool>(), hostile())
            .prop_map(|(call, id, is_error, text)| Block::ToolResult { call, id, is_error, text }),
        (hostile(), any::<usize>())
            .prop_map(|(media_type, bytes)| Block::Media { media_type, bytes }),
        (hostile(), hostile()).prop_map(|(kind, json)| Block::Other { kind, json }),
    ]
}

/// The fixture with every text, index, moment and number of one turn drawn anew.
fn replay() -> impl Strategy<Value = Replay> {
    let texts = prop::collection::vec(hostile(), 12);
    let blocks = prop::collection::vec(block(), 0..6);
    let numbers = (any::<i64>(), any::<Option<i64>>(), any::<u64>(), any::<usize>());
    (texts, blocks.clone(), blocks, numbers).prop_map(|(texts, said, answer, numbers)| {
        let (moment, end, count, index) = numbers;
        let mut replay = fixture::replay();
        let mut texts = texts.into_iter().cycle();
        let mut next = || texts.next().unwrap_or_default();
        let turn = &mut replay.turns[0];
        (turn.started_at, turn.ended_at, turn.number) = (moment, end, index);
        turn.usage = Usage { input: count, cache_read: count, cache_write: count, output: count };
        (turn.lane, turn.continues) = (index, Some(index));
        turn.kind = TurnKind::Fork { of: index };
        turn.beats = vec![Beat { at: count, block: index, chars: index }];
        turn.said = vec![Message { role: next(), blocks: said }];
        turn.answer = answer;
        (turn.exchange, turn.endpoint) = (next(), next());
        (turn.model, turn.rule, turn.stop_reason) = (Some(next()), Some(next()), Some(next()));
        (turn.system, turn.tools) = (Some(next()), Some(vec![next()]));
        turn.findings[0].at = next();
        turn.findings[0].count = count;
        let call = &mut replay.calls[0];
        (call.turn, call.at, call.duration_ms) = (index, moment, Some(count));
        (call.name, call.about, call.input) = (next(), next(), next());
        replay.lanes[1].started_by = Some(index);
        replay.lanes[1].label = next();
        let session = &mut replay.session;
        (session.title, session.email) = (Some(next()), Some(next()));
        (session.started_at, session.ended_at) = (moment, end);
        session.usage = replay.turns[0].usage;
        replay.files[0].path = next();
        replay.files[0].changes[0].diff = next();
        replay.files[0].changes[0].added = index;
        replay.commits[0].subject = next();
        replay.notices[1].turn = Some(index);
        replay
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn nothing_panics_and_every_line_parses(replay in replay()) {
        for (name, text) in exports(&replay, &fixture::proof()) {
            if name == "session.md" {
                markdown::harmless(&text);
                continue;
            }
            if name == "session.html" {
                html::harmless(&text);
                continue;
            }
            prop_assert!(text.ends_with('\n'));
            for line in text.lines() {
                let parsed = serde_json::from_str::<serde_json::Value>(line);
                prop_assert!(parsed.is_ok(), "{} of {}: {}", line, name, parsed.unwrap_err());
            }
        }
    }
}
