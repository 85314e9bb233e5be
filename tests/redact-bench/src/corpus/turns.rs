//! The messages of a conversation: a question, and turns of a tool's call and its result.
//!
//! The results' texts are those that Claude Code sends (observed): a file's lines come numbered,
//! with an arrow behind the number.

use super::pages::{Page, Pages};
use crate::random::Random;
use serde_json::{Value, json};
use std::fmt::Write;

/// Places in which secrets stand.
pub(super) const KINDS: usize = 4;

/// What a conversation is made of.
pub(super) struct Turns<'t> {
    pub(super) code: &'t mut Pages,
    pub(super) prose: &'t mut Pages,
    pub(super) random: &'t mut Random,
    /// What is still to be planted.
    pub(super) secret: Option<Secret<'t>>,
}

/// A secret on its way into a conversation.
pub(super) struct Secret<'t> {
    /// Chooses the place: a file that is read, a command's output, a file that is written, the
    /// person's own words.
    pub(super) kind: usize,
    /// The turn that it stands in.
    pub(super) turn: usize,
    pub(super) text: &'t str,
}

/// A call, and what it comes to.
struct Call {
    name: &'static str,
    input: Value,
    result: String,
}

impl Turns<'_> {
    /// What the person asks.
    pub(super) fn question(&mut self) -> Value {
        let secret = self.secret.take_if(|secret| secret.kind % KINDS == 3);
        let text = self.prose.take(400).text.to_owned();
        let text = self.planted(text, secret);
        json!({"role": "user", "content": [{"type": "text", "text": text}]})
    }

    /// The turn of this number.
    pub(super) fn turn(&mut self, number: usize) -> [Value; 2] {
        let secret = self.secret.take_if(|secret| secret.turn == number);
        let kind = match &secret {
            Some(secret) => secret.kind % KINDS,
            None => self.random.within(0..9),
        };
        let Call { name, input, result } = match kind {
            0 | 4 | 5 => self.read(secret),
            1 | 6 => self.output(secret),
            2 => self.written(secret),
            7 => self.edited(),
            _ => self.found(),
        };
        let words = self.prose.take(300).text;
        let id = format!("toolu_{number:04}");
        [
            json!({"role": "assistant", "content": [
                {"type": "text", "text": words},
                {"type": "tool_use", "id": id, "name": name, "input": input},
            ]}),
            json!({"role": "user", "content": [
                {"type": "tool_result", "tool_use_id": id, "content": result},
            ]}),
        ]
    }

    fn read(&mut self, secret: Option<Secret<'_>>) -> Call {
        let (path, line, text) = self.page(1500, 9000);
        let text = self.planted(text, secret);
        let result = numbered(&text, line);
        let input = json!({"file_path": path, "offset": line, "limit": text.lines().count()});
        Call { name: "Read", input, result }
    }

    fn output(&mut self, secret: Option<Secret<'_>>) -> Call {
        let (path, line, text) = self.page(300, 3000);
        let command = format!("tail -n +{line} {path} | head -n {}", text.lines().count());
        let result = self.planted(text, secret);
        Call { name: "Bash", input: json!({"command": command}), result }
    }

    fn written(&mut self, secret: Option<Secret<'_>>) -> Call {
        let (path, _, text) = self.page(800, 5000);
        let content = self.planted(text, secret);
        let result = format!("File created successfully at: {path}");
        Call { name: "Write", input: json!({"file_path": path, "content": content}), result }
    }

    fn edited(&mut self) -> Call {
        let (path, _, old) = self.page(150, 800);
        let new = self.code.take(old.len()).text;
        let result = format!("The file {path} has been updated successfully.");
        let input = json!({"file_path": path, "old_string": old, "new_string": new});
        Call { name: "Edit", input, result }
    }

    fn found(&mut self) -> Call {
        let (path, line, text) = self.page(500, 2500);
        let mut result = String::new();
        for (number, text) in (line..).zip(text.lines()) {
            let _ = writeln!(result, "{path}:{number}:{text}");
        }
        let input = json!({"pattern": "fn |impl ", "path": path, "output_mode": "content"});
        Call { name: "Grep", input, result }
    }

    /// Path, first line and text of a piece of code.
    fn page(&mut self, least: usize, most: usize) -> (String, usize, String) {
        let size = self.random.within(least..most);
        let Page { path, line, text } = self.code.take(size);
        (path.to_owned(), line, text.to_owned())
    }

    /// A text with a secret between two of its lines.
    fn planted(&mut self, text: String, secret: Option<Secret<'_>>) -> String {
        let Some(secret) = secret else { return text };
        let lines: Vec<&str> = text.split_inclusive('\n').collect();
        let (before, after) = lines.split_at(self.random.within(0..lines.len().max(1)));
        format!("{}{}\n{}", before.concat(), secret.text, after.concat())
    }
}

/// A file as a tool shows it.
fn numbered(text: &str, first: usize) -> String {
    let mut numbered = String::with_capacity(text.len() * 5 / 4);
    for (number, line) in (first..).zip(text.lines()) {
        let _ = writeln!(numbered, "{number:>6}→{line}");
    }
    numbered
}
