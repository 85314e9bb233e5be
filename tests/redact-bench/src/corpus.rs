//! Request bodies of Claude Code's shape, made of source text: the same text gives the same bodies.
//!
//! ```text
//! system    documentation of a package
//! tools     fourteen, each described by a paragraph or two
//! messages  what the person asks; then turns of a tool's call and its result: files with their
//!           lines numbered, commands' output, matches of a search, edits, new files
//! ```
//!
//! Every other body has a secret in it, until all are planted. No text stands in two bodies unless
//! the sources run out, so nothing is fast because it was met before.

mod pages;
mod turns;

use crate::planted;
use crate::problem::Problem;
use crate::random::Random;
use crate::source::Sources;
use pages::Pages;
use serde_json::{Value, json};
use std::ops::Range;
use turns::{Secret, Turns};

/// Bytes of JSON in all bodies.
const SIZE: usize = 10 << 20;
/// Bytes of one.
const BODY: Range<usize> = 48 << 10..84 << 10;
const SYSTEM: usize = 8 << 10;
const TOOL: Range<usize> = 200..900;
/// Turns before the one that holds the secret.
const BEFORE: Range<usize> = 0..4;

const TOOLS: [&str; 14] = [
    "Bash",
    "Read",
    "Write",
    "Edit",
    "Grep",
    "Glob",
    "Task",
    "WebFetch",
    "WebSearch",
    "TodoWrite",
    "NotebookEdit",
    "BashOutput",
    "KillShell",
    "ExitPlanMode",
];

/// Makes a corpus of the source text in some directories.
pub(crate) fn make(directories: &[&str]) -> Result<Vec<String>, Problem> {
    let Sources { code, prose } = Sources::read(directories)?;
    let (mut code, mut prose) = (Pages::new(code), Pages::new(prose));
    let secrets = planted::all();
    let mut random = Random::new(3);
    let mut bodies: Vec<String> = Vec::new();
    let mut size = 0;
    while size < SIZE {
        let number = bodies.len();
        let secret = planted::in_body(number).and_then(|at| Some((at, secrets.get(at)?)));
        let secret = secret.map(|(at, planted)| Secret {
            kind: at,
            turn: random.within(BEFORE),
            text: &planted.text,
        });
        let least = random.within(BODY);
        let mut turns = Turns { code: &mut code, prose: &mut prose, random: &mut random, secret };
        let body = body(number, least, &mut turns).to_string();
        size += body.len();
        bodies.push(body);
    }
    Ok(bodies)
}

fn body(number: usize, least: usize, turns: &mut Turns<'_>) -> Value {
    let system = turns.prose.take(SYSTEM).text.to_owned();
    let tools: Vec<_> = TOOLS.iter().map(|name| tool(name, turns)).collect();
    let mut messages = vec![turns.question()];
    let mut size = system.len() + tools.iter().map(|tool| tool.to_string().len()).sum::<usize>();
    for turn in 0.. {
        if size >= least {
            break;
        }
        let [call, result] = turns.turn(turn);
        size += call.to_string().len() + result.to_string().len();
        messages.extend([call, result]);
    }
    json!({
        "model": "claude-opus-5-5",
        "max_tokens": 32000,
        "stream": true,
        "metadata": {"user_id": format!(
            "{{\"device_id\":\"bench\",\"account_uuid\":\"\",\"session_id\":\"bench-{number:04}\"}}",
        )},
        "system": [
            {"type": "text", "text": "You are Claude Code, Anthropic's official CLI for Claude."},
            {"type": "text", "text": system, "cache_control": {"type": "ephemeral"}},
        ],
        "tools": tools,
        "messages": messages,
    })
}

fn tool(name: &str, turns: &mut Turns<'_>) -> Value {
    let about = |turns: &mut Turns<'_>| {
        let size = turns.random.within(TOOL);
        turns.prose.take(size).text.to_owned()
    };
    json!({
        "name": name,
        "description": about(turns),
        "input_schema": {
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "type": "object",
            "properties": {
                "file_path": {"type": "string", "description": "The absolute path to the file"},
                "content": {"type": "string", "description": about(turns)},
            },
            "required": ["file_path"],
            "additionalProperties": false,
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::File;

    fn pages(line: &str) -> Pages {
        Pages::new(vec![File { path: "/home/dev/a".into(), text: line.repeat(999) }])
    }

    #[test]
    fn bodies_are_as_long_as_asked_and_hold_their_secret() {
        for kind in 0..turns::KINDS {
            let (mut code, mut prose) = (pages("let café = \"x\";\n"), pages("Reads a word.\n"));
            let secret = Secret { kind, turn: 2, text: "key = \"planted here\"" };
            let mut random = Random::new(9);
            let mut turns = Turns {
                code: &mut code,
                prose: &mut prose,
                random: &mut random,
                secret: Some(secret),
            };
            let body = body(7, 60_000, &mut turns).to_string();
            assert!((60_000..90_000).contains(&body.len()), "{}", body.len());
            assert_eq!(body.matches("planted here").count(), 1);
        }
    }
}
