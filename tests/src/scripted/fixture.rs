//! Fixtures: response streams as text, `tests/fixtures/claude/*.sse`, each a legal event stream as
//! it lies on disk.
//!
//! A file opens with comment lines that describe it (`about`, `blocks`, `stop`, `ends`), up to the
//! first blank line; any other header is an error. Comments of the form `:! gate NAME`,
//! `:! pause MS`, `:! cut`, `:! end` and `:! trailers NAME=VALUE` are stage directions: they become steps
//! and are not sent. Ids carry request number 0, which [`Fixture::steps`] replaces; the tests below
//! hold each file to its own description.

use std::time::Duration;

use super::asked::DEFAULT_MODEL;
use super::ids::{FIXTURE_MESSAGE, FIXTURE_TOOL, Ids};
use super::problem::Problem;
use super::step::Step;

pub(super) struct Fixture {
    pub(super) name: &'static str,
    text: &'static str,
}

macro_rules! fixtures {
    ($($name:literal)*) => {
        &[$(Fixture {
            name: $name,
            text: include_str!(concat!("../../fixtures/claude/", $name, ".sse")),
        }),*]
    };
}

pub(super) const FIXTURES: &[Fixture] = fixtures!(
    "after_stop"
    "clean_end_early"
    "cut_midstream"
    "error_midstream"
    "invalid_json_data"
    "multiline"
    "pings"
    "redacted_thinking"
    "server_tools"
    "slow_end"
    "stall"
    "thinking"
    "tool_then_gate"
    "tool_use"
    "trailers"
    "two_tools"
    "unknown"
);

const HEADERS: &[&str] = &["about", "blocks", "stop", "ends"];

impl Fixture {
    /// The fixture's steps with the ids and model of one exchange put in.
    pub(super) fn steps(&self, ids: Ids, model: &str) -> Result<Vec<Step>, Problem> {
        self.parse(&|line| {
            line.replace(FIXTURE_MESSAGE, &ids.message())
                .replace(FIXTURE_TOOL, &ids.tool_stem())
                .replace(DEFAULT_MODEL, model)
        })
        .map_err(|reason| Problem::new(500, format!("fixture {}: {reason}", self.name)))
    }

    fn headers(&self) -> Result<Vec<(&str, &str)>, String> {
        let header = |line: &'static str| {
            let (key, value) = line.strip_prefix(": ")?.split_once(": ")?;
            HEADERS.contains(&key).then_some((key, value))
        };
        let lines = self.text.lines().take_while(|line| !line.is_empty());
        lines.map(|line| header(line).ok_or_else(|| format!("header {line:?}"))).collect()
    }

    fn parse(&self, fill: &dyn Fn(&str) -> String) -> Result<Vec<Step>, String> {
        let header_lines = self.headers()?.len();
        let mut steps = Vec::new();
        let mut lines = Vec::new();
        // The empty line at the end closes the last event.
        for line in self.text.lines().skip(header_lines).chain([""]) {
            if let Some(direction) = line.strip_prefix(":! ") {
                steps.push(stage(direction).ok_or_else(|| format!("direction {line:?}"))?);
            } else if !line.is_empty() {
                lines.push(fill(line));
            } else if !lines.is_empty() {
                steps.push(frame(std::mem::take(&mut lines)));
            }
        }
        Ok(steps)
    }
}

fn frame(lines: Vec<String>) -> Step {
    if let [first, second] = lines.as_slice()
        && let Some(name) = first.strip_prefix("event: ")
        && let Some(data) = second.strip_prefix("data: ")
    {
        return Step::event(name, data.to_owned());
    }
    Step::Lines(lines)
}

fn stage(direction: &str) -> Option<Step> {
    let (verb, rest) = direction.split_once(' ').unwrap_or((direction, ""));
    match (verb, rest) {
        ("gate", name) if !name.is_empty() => Some(Step::Gate(name.to_owned())),
        ("pause", ms) => ms.parse().ok().map(|ms| Step::Pause(Duration::from_millis(ms))),
        ("cut", "") => Some(Step::Cut),
        ("end", "") => Some(Step::End),
        ("trailers", field) => {
            let (name, value) = field.split_once('=')?;
            Some(Step::Trailers(vec![(name.to_owned(), value.to_owned())]))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::assemble::Assembly;
    use super::*;

    #[test]
    fn each_fixture_is_what_it_says() {
        for fixture in FIXTURES {
            let headers = fixture.headers().unwrap();
            let keys: Vec<_> = headers.iter().map(|header| header.0).collect();
            assert_eq!(keys, HEADERS, "{}", fixture.name);
            let value = |wanted| headers.iter().find(|(key, _)| *key == wanted).unwrap().1;

            let steps = fixture.steps(Ids { number: 7 }, "some-model").unwrap();
            let message = Assembly::of(&steps).message();
            let blocks: Vec<_> = message["content"].as_array().unwrap().iter().collect();
            let kinds: Vec<_> =
                blocks.iter().map(|block| block["type"].as_str().unwrap()).collect();
            assert_eq!(kinds.join(" "), value("blocks"), "{}", fixture.name);
            let stop = message["stop_reason"].as_str().unwrap_or("none");
            assert_eq!(stop, value("stop"), "{}", fixture.name);
            assert_eq!(message["id"], Ids { number: 7 }.message(), "{}", fixture.name);
            assert_eq!(message["model"], "some-model", "{}", fixture.name);

            let named = |wanted: &str| {
                steps.iter().any(|s| matches!(s, Step::Event { name, .. } if name == wanted))
            };
            let is_stop = |step: &Step| {
                let data: serde_json::Value =
                    serde_json::from_str(&step.data().unwrap_or_default()).unwrap_or_default();
                data["type"] == "message_stop"
            };
            let ends = match () {
                () if steps.contains(&Step::Cut) => "cut",
                () if named("error") => "error",
                () if steps.iter().any(is_stop) => "whole",
                () => "early",
            };
            assert_eq!(ends, value("ends"), "{}", fixture.name);
        }
    }

    #[test]
    fn unknown_headers_and_directions_fail() {
        let refused = |text| Fixture { name: "x", text }.parse(&str::to_owned).is_err();
        assert!(refused(": colour: blue\n\ndata: 1\n"));
        assert!(refused(": about: x\n\n:! jump\n"));
        assert!(!refused(": about: x\n\n:! gate g\n"));
    }
}
