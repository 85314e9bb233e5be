//! Any conversation, told again in any way that clients do: the same turns, and no rewrite.

use crate::model::*;
use crate::testkit::Kit;
use proptest::prelude::*;
use serde_json::{Value, json};

/// One turn: what is said, and what is answered.
#[derive(Clone, Debug)]
struct Said {
    prompt: String,
    texts: Vec<String>,
    commands: Vec<String>,
    thinks: bool,
}

/// How a message is told.
#[derive(Clone, Copy, Debug)]
struct Style {
    /// Content as a list of blocks, where it could be a string.
    list: bool,
    /// The last block carries a marker. The store takes it out; a program's own need not be of its
    /// form.
    marker: bool,
    /// Members in the other order.
    reversed: bool,
    /// Calls stand last; else where they were.
    texts_first: bool,
    /// White space at the ends of lines is cut.
    cut: bool,
    /// Defaults are told.
    defaults: bool,
    /// Thinking is left out.
    silent: bool,
}

fn words() -> impl Strategy<Value = String> {
    "[a-z\"\\\\é{}\\[\\], ]{0,12}( \n[a-z]{1,5})?"
}

fn said() -> impl Strategy<Value = Said> {
    let texts = prop::collection::vec(words(), 0..3);
    let commands = prop::collection::vec(words(), 0..3);
    (words(), texts, commands, any::<bool>()).prop_map(|(prompt, texts, commands, thinks)| Said {
        prompt: format!("p{prompt}"),
        texts,
        commands,
        thinks,
    })
}

fn style() -> impl Strategy<Value = Style> {
    any::<[bool; 7]>().prop_map(|[list, marker, reversed, texts_first, cut, defaults, silent]| {
        Style { list, marker, reversed, texts_first, cut, defaults, silent }
    })
}

/// A member list as an object.
fn object(members: &[(&str, String)], reversed: bool) -> String {
    let mut members: Vec<_> =
        members.iter().map(|(name, value)| format!("{}: {value}", json!(name))).collect();
    if reversed {
        members.reverse();
    }
    format!("{{{}}}", members.join(","))
}

fn quoted(text: &str) -> String {
    json!(text).to_string()
}

fn message(role: &str, mut blocks: Vec<String>, style: Style) -> String {
    if style.marker
        && let Some(last) = blocks.last_mut()
    {
        last.insert_str(1, r#""cache_control":{"type":"ephemeral"},"#);
    }
    object(
        &[("role", quoted(role)), ("content", format!("[{}]", blocks.join(",")))],
        style.reversed,
    )
}

fn text(text: &str, style: Style) -> String {
    object(&[("type", quoted("text")), ("text", quoted(text))], style.reversed)
}

/// What the user's side says: results of the calls before, and a prompt.
fn asked(said: &Said, before: Option<(usize, &Said)>, style: Style) -> String {
    let results = before.into_iter().flat_map(|(turn, before)| {
        before.commands.iter().enumerate().map(move |(place, command)| (turn, place, command))
    });
    let mut blocks: Vec<String> = results
        .map(|(turn, place, command)| {
            let text_of = format!("out of {command}");
            let content =
                if style.list { format!("[{}]", text(&text_of, style)) } else { quoted(&text_of) };
            let mut members = vec![
                ("type", quoted("tool_result")),
                ("tool_use_id", quoted(&format!("t{turn}-{place}"))),
                ("content", content),
            ];
            if style.defaults {
                members.push(("is_error", "false".to_owned()));
            }
            object(&members, style.reversed)
        })
        .collect();
    if blocks.is_empty() && !style.list && !style.marker {
        return object(
            &[("role", quoted("user")), ("content", quoted(&said.prompt))],
            style.reversed,
        );
    }
    blocks.push(text(&said.prompt, style));
    message("user", blocks, style)
}

fn input(command: &str, style: Style) -> String {
    let lines = command.split('\n').map(|line| if style.cut { line.trim_end() } else { line });
    let command = lines.collect::<Vec<_>>().join("\n");
    let mut members = vec![("command", quoted(&command)), ("description", quoted("d"))];
    if style.defaults {
        members.push(("run_in_background", "false".to_owned()));
    }
    object(&members, style.reversed)
}

/// An answer, as it is told in a history.
fn answered(said: &Said, turn: usize, style: Style) -> String {
    let (mut first, mut last) = (Vec::new(), Vec::new());
    if said.thinks && !style.silent {
        first.push(object(
            &[("type", quoted("thinking")), ("thinking", quoted("hm")), ("signature", quoted("s"))],
            style.reversed,
        ));
    }
    let most = said.texts.len().max(said.commands.len());
    for place in 0..most {
        if let Some(command) = said.commands.get(place) {
            let members = [
                ("type", quoted("tool_use")),
                ("id", quoted(&format!("t{turn}-{place}"))),
                ("name", quoted("Bash")),
                ("input", input(command, style)),
            ];
            if style.texts_first { &mut last } else { &mut first }
                .push(object(&members, style.reversed));
        }
        if let Some(words) = said.texts.get(place) {
            first.push(text(words, style));
        }
    }
    first.extend(last);
    message("assistant", first, style)
}

const PLAIN: Style = Style {
    list: true,
    marker: false,
    reversed: false,
    texts_first: false,
    cut: false,
    defaults: false,
    silent: false,
};

proptest! {
    #![proptest_config(ProptestConfig { cases: 192, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_history_told_in_any_way_is_the_same(
        turns in prop::collection::vec(said(), 1..6),
        styles in prop::collection::vec(style(), 64),
    ) {
        let mut styles = styles.into_iter().cycle();
        let mut kit = Kit::default();
        for (number, turn) in turns.iter().enumerate() {
            let mut told = Vec::new();
            for (earlier, said) in turns.iter().enumerate().take(number + 1) {
                let before = earlier.checked_sub(1).and_then(|before| Some((before, turns.get(before)?)));
                told.push(asked(said, before, styles.next().unwrap()));
                if earlier < number {
                    told.push(answered(said, earlier, styles.next().unwrap()));
                }
            }
            let answer: Value = serde_json::from_str(&answered(turn, number, PLAIN)).unwrap();
            kit.told(&told, String::new(), &json!({"stream": true, "n": number}), &answer["content"]);
        }
        let replay = kit.rebuilt();
        for (number, (turn, said)) in replay.turns.iter().zip(&turns).enumerate() {
            prop_assert!(turn.rewrites.is_empty(), "turn {number}: {:?}", turn.rewrites);
            prop_assert_eq!(turn.continues, number.checked_sub(1));
            prop_assert_eq!(turn.kind, TurnKind::Prompt);
            prop_assert_eq!(turn.carried, 2 * number);
            let [message] = &turn.said[..] else { panic!("turn {number}: {:?}", turn.said) };
            let last = message.blocks.last();
            prop_assert_eq!(last, Some(&Block::Text { text: said.prompt.clone() }));
            let before = number.checked_sub(1).map_or(0, |before| turns[before].commands.len());
            prop_assert_eq!(message.blocks.len(), before + 1);
        }
        let commands: usize = turns.iter().map(|turn| turn.commands.len()).sum();
        prop_assert_eq!(replay.calls.len(), commands);
        let answered = turns.last().map_or(0, |turn| turn.commands.len());
        let ran = replay.calls.iter().filter(|call| call.outcome == Outcome::Ran).count();
        prop_assert_eq!(ran, commands - answered);
        prop_assert!(replay.notices.is_empty());
    }
}
