//! A tool call: what was suggested, who let it run, what it did, and how that is known.

use super::badge;
use super::diff::diff;
use super::text::{Line, Text, plain};
use super::time::span;
use crate::source::Window;
use hansard_replay::model::{CallResult, Change, Outcome, ToolCall};
use maud::{Markup, html};
use serde_json::Value;

/// Lines of a text that are open; the rest is folded.
const OPEN_LINES: usize = 14;
/// No more than so many bytes of a value are laid out; the raw view has it all.
const LAID_OUT: usize = 200_000;

/// The card of a call in the turn that suggests it.
pub(crate) fn card(index: usize, window: &Window) -> Markup {
    let Some(call) = window.calls.get(&index) else {
        return html! { p.muted { "A tool call that is not on record." } };
    };
    let change = window.changes.get(&index);
    // What the player shows once its time has come.
    let known = call.result.as_ref().map(|result| result.at);
    html! {
        section.call id={ "c" (index) } data-call=(index) data-at=(call.at)
            aria-label={ "Tool call " (index + 1) ", " (plain(&call.name)) } {
            div.call-head {
                span.tool { (Line(&call.name)) }
                code.about { (Line(&call.about)) }
                span data-known=[known] { (badge::outcome(&call.outcome)) }
                @if let Some(ms) = call.duration_ms { span.muted { (span(ms)) } }
            }
            (words(&call.outcome, known))
            p.facts data-known=[known] {
                @if let Some(decision) = &call.decision { (badge::decision(decision)) " · " }
                (badge::evidence(&window.session, &call.evidence))
            }
            @match change {
                Some((path, change)) => (changed(path, change)),
                None => (input(call)),
            }
            @if let Some(ran) = &call.ran {
                @if ran.differs {
                    div.differs {
                        p { (badge::badge("warn", "≠", "another input ran")) " What ran, by the client's telemetry:" }
                        (json(&ran.input))
                    }
                }
            }
            @if let Some(result) = &call.result { (self::result(&window.session, result)) }
        }
    }
}

/// What somebody said with an outcome.
fn words(outcome: &Outcome, known: Option<i64>) -> Markup {
    let (who, text) = match outcome {
        Outcome::Rejected { feedback: Some(text) } => ("The person said: ", text),
        Outcome::Denied { reason } => ("The client said: ", reason),
        Outcome::Invalid { reason } => ("The client said: ", reason),
        _ => return html! {},
    };
    html! { p.said-with data-known=[known] { (who) q { (Text(text)) } } }
}

fn changed(path: &str, change: &Change) -> Markup {
    html! {
        details.fold open[change.added + change.removed <= 40] {
            summary {
                code { (Line(path)) } " "
                (sizes(change.added, change.removed))
                @if !change.applied { " " span.muted { "not made" } }
            }
            (diff(&change.diff))
        }
    }
}

/// `+3 −1`, in words for those who hear it.
pub(crate) fn sizes(added: usize, removed: usize) -> Markup {
    html! {
        span.plus { "+" (added) span.visually-hidden { " lines added" } } " "
        span.minus { "−" (removed) span.visually-hidden { " lines removed" } }
    }
}

fn input(call: &ToolCall) -> Markup {
    // A command says it all; everything else is laid out.
    let parsed: Option<Value> = serde_json::from_str(&call.input).ok();
    let command = parsed.as_ref().and_then(|input| input.get("command")?.as_str());
    html! {
        @if let Some(command) = command {
            pre.command tabindex="0" { (Text(command)) }
        }
        details.fold {
            summary { "Suggested input" }
            (json(&call.input))
        }
    }
}

/// A JSON value, laid out; what is no JSON stays as it is.
pub(crate) fn json(text: &str) -> Markup {
    let pretty = (text.len() <= LAID_OUT).then(|| lay_out(text)).flatten();
    html! { pre.code tabindex="0" { (Text(pretty.as_deref().unwrap_or(text))) } }
}

/// Puts line breaks between the tokens of a JSON text, and changes no token.
fn lay_out(text: &str) -> Option<String> {
    serde_json::from_str::<&serde_json::value::RawValue>(text).ok()?;
    let mut out = String::with_capacity(text.len() * 2);
    let (mut depth, mut in_string, mut escaped) = (0_usize, false, false);
    let mut rest = text.chars().peekable();
    let line = |out: &mut String, depth: usize| {
        out.push('\n');
        out.extend(std::iter::repeat_n("  ", depth.min(40)));
    };
    while let Some(c) = rest.next() {
        if in_string {
            out.push(c);
            match c {
                _ if escaped => escaped = false,
                '\\' => escaped = true,
                '"' => in_string = false,
                _ => {}
            }
            continue;
        }
        match c {
            '"' => {
                in_string = true;
                out.push(c);
            }
            '{' | '[' => {
                out.push(c);
                while rest.next_if(char::is_ascii_whitespace).is_some() {}
                let closes = matches!(rest.peek(), Some('}' | ']'));
                depth += 1;
                if !closes {
                    line(&mut out, depth);
                }
            }
            '}' | ']' => {
                depth = depth.saturating_sub(1);
                if !out.ends_with(['{', '[']) {
                    line(&mut out, depth);
                }
                out.push(c);
            }
            ',' => {
                out.push(c);
                line(&mut out, depth);
            }
            ':' => out.push_str(": "),
            _ if c.is_ascii_whitespace() => {}
            _ => out.push(c),
        }
    }
    Some(out)
}

fn result(session: &str, result: &CallResult) -> Markup {
    html! {
        div.result.is-error[result.is_error] data-known=(result.at) {
            p.label {
                @if result.is_error { "Error, as the client reports it in " } @else { "Result, as the client reports it in " }
                a href=(badge::turn_link(session, result.turn)) data-turn=(result.turn + 1) { "turn " (result.turn + 1) }
            }
            (output(&result.text))
        }
    }
}

/// What a tool printed: some lines, the rest folded.
pub(crate) fn output(text: &str) -> Markup {
    let cut = text.match_indices('\n').nth(OPEN_LINES - 1).map(|(at, _)| at + 1);
    let (first, rest) = cut.and_then(|at| text.split_at_checked(at)).unwrap_or((text, ""));
    html! {
        @if first.is_empty() {
            p.muted { "Nothing." }
        } @else {
            pre.output tabindex="0" { (Text(first)) }
        }
        @if !rest.is_empty() {
            details.more {
                summary { (badge::counted(rest.lines().count(), "more line", "more lines")) }
                pre.output tabindex="0" { (Text(rest)) }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_laid_out_digit_for_digit() {
        let text = r#"{"a":[1.50,1e400,{}],"b":"x\"{,}","c":[]}"#;
        let pretty = lay_out(text).unwrap();
        assert_eq!(
            pretty,
            "{\n  \"a\": [\n    1.50,\n    1e400,\n    {}\n  ],\n  \"b\": \"x\\\"{,}\",\n  \"c\": []\n}"
        );
        assert_eq!(lay_out("{\"a\":"), None);
        assert!(json("<b>").into_string().contains("&lt;b&gt;"));
    }

    #[test]
    fn long_output_is_folded_and_whole() {
        let text = "line\n".repeat(100);
        let markup = output(&text).into_string();
        assert!(markup.contains("86 more lines"), "{markup}");
        assert_eq!(markup.matches("line\n").count(), 100);
        assert!(output("").into_string().contains("Nothing."));
    }
}
