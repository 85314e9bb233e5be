//! A session as a transcript for people.
//!
//! Everything recorded goes through `terminal`; labels and colours are the only escapes written.
//!
//! ```text
//! ── 1  2026-01-02 03:04:05  POST /v1/messages  complete
//!    who     alice <alice@example.com> (developers)
//!    rule    developers: allow
//!    user    list the files
//!    found   aws-access-key-id ×2 in /messages/0/content → mask (01234567…)
//!    claude  I'll look.
//!    tool    Bash
//!            command: ls -la
//!    end     complete · tool_use · 1234 tokens in, 56 out · 2.3 s
//! ```

use crate::content::{self, Block, start_of};
use crate::paint::Paint;
use crate::replay;
use crate::terminal;
use crate::view;
use hansard_record::part::{Closed, Decision, Finding, Refusal, Response, Who};
use hansard_shown::{short, span};
use hansard_store::{Account, Exchange, Session};
use std::io::{self, Write};

/// Lines of a tool's result, and bytes of unknown JSON, that are shown.
const RESULT_LINES: usize = 20;
const JSON_BYTES: usize = 2_000;
/// Characters of a value's fingerprint that are shown.
const FINGERPRINT: usize = 8;

/// Writes transcripts to `out`.
pub(crate) struct Transcript<'a, W> {
    pub(crate) out: &'a mut W,
    pub(crate) paint: Paint,
}

impl<W: Write> Transcript<'_, W> {
    pub(crate) fn session(&mut self, session: &Session) -> io::Result<()> {
        let subject = if session.subject.is_empty() { "nobody" } else { &session.subject };
        writeln!(
            self.out,
            "{}  {}  {}  {} exchanges",
            self.paint.bold(format_args!("session {}", session.id)),
            terminal::line(subject),
            self.paint.status(session.status().name()),
            session.exchanges,
        )
    }

    /// Who asked what, under which rule.
    pub(crate) fn request(
        &mut self,
        number: usize,
        exchange: &Exchange,
        account: &Account<'_>,
    ) -> io::Result<()> {
        let introduction = &exchange.introduction;
        let what = [&introduction.method, &introduction.path, &introduction.model];
        let what = what.into_iter().flatten().map(String::as_str).collect::<Vec<_>>().join(" ");
        writeln!(
            self.out,
            "\n{}  {}  {}  {}",
            self.paint.bold(format_args!("── {number}  {}", short(exchange.started_at))),
            terminal::line(&what),
            self.paint.status(exchange.status.name()),
            self.paint.dim(&exchange.id),
        )?;
        match account.who() {
            Some(who) => self.field("who", &person(who))?,
            None => self.field("who", "not identified")?,
        }
        if let Some(decision) = account.decision() {
            self.field("rule", &verdict(decision))?;
        }
        if let Some(request) = account.request() {
            if request.body_base64.is_some() {
                self.field("user", &other_body(request.bytes))?;
            }
            if let Some(body) = request.body {
                for block in content::last_user_message(body.get()) {
                    self.block("user", &block)?;
                }
            }
        }
        self.found(account, true)
    }

    /// What was answered, whole.
    pub(crate) fn response(&mut self, account: &Account<'_>) -> io::Result<()> {
        if let Some((_, refused)) = account.refused() {
            return self.refusal(&refused.refusal);
        }
        let response = account.response();
        let message = response.and_then(|response| response.message).map(|message| message.get());
        if let Some(message) = message {
            if let Some(blocks) = content::message_blocks(message) {
                for block in blocks {
                    self.block("claude", &block)?;
                }
            } else if let Some((kind, text)) = content::error(message) {
                self.field("error", &format!("{kind}: {text}"))?;
            } else {
                self.field("answer", &start_of(message, JSON_BYTES))?;
            }
        } else if let Some(response) = response.filter(|response| response.body_base64.is_some()) {
            self.field("answer", &other_body(response.bytes))?;
        } else {
            replay::at_once(self, account)?;
        }
        self.end(account)
    }

    /// How it ended.
    pub(crate) fn end(&mut self, account: &Account<'_>) -> io::Result<()> {
        self.found(account, false)?;
        let Some((at, closed)) = account.closed() else {
            return match account.refused() {
                Some(_) => Ok(()),
                None => self.field("end", "not on record (yet)"),
            };
        };
        let took = account.opened().map(|(start, _)| at.saturating_sub(start));
        let took = took.map(|ms| span(i64::try_from(ms).unwrap_or(i64::MAX)));
        self.field("end", &ending(closed, account.response(), took))?;
        if !closed.unacknowledged.is_empty() {
            let passed =
                format!("parts that were not acknowledged passed: {:?}", closed.unacknowledged);
            self.field("gap", &passed)?;
        }
        Ok(())
    }

    pub(crate) fn refusal(&mut self, refusal: &Refusal<'_>) -> io::Result<()> {
        let Refusal { status, kind, message } = refusal;
        self.field("told", &format!("{status} {kind}: {message}"))
    }

    /// What was redacted in the request, or in the answer.
    fn found(&mut self, account: &Account<'_>, of_request: bool) -> io::Result<()> {
        let findings = view::findings(account).filter(|(part, _)| part.is_request() == of_request);
        for (_, finding) in findings {
            self.field("found", &found(finding))?;
        }
        Ok(())
    }

    pub(crate) fn block(&mut self, speaker: &str, block: &Block) -> io::Result<()> {
        match block {
            Block::Text(text) => self.field(speaker, text),
            Block::Thinking(text) => self.field("thinks", text),
            Block::Tool { name, input } => self.field("tool", &format!("{name}\n{input}")),
            Block::Result { failed, text } => {
                let label = if *failed { "failed" } else { "result" };
                self.field(label, &first_lines(text, RESULT_LINES))
            }
            Block::Other { kind, json } => {
                self.field(speaker, &format!("[{kind}] {}", start_of(json, JSON_BYTES)))
            }
        }
    }

    /// A label, and text whose further lines are indented below its first.
    fn field(&mut self, label: &str, recorded: &str) -> io::Result<()> {
        let shown = terminal::text(recorded);
        let mut lines = shown.trim_end_matches('\n').split('\n');
        let first = lines.next().unwrap_or_default();
        let label = match label {
            "told" | "error" | "failed" | "gap" => self.paint.red(label),
            "tool" | "found" => self.paint.yellow(label),
            "user" | "claude" => self.paint.bold(label),
            _ => self.paint.dim(label),
        };
        writeln!(self.out, "   {label:7} {first}")?;
        for line in lines {
            writeln!(self.out, "           {line}")?;
        }
        Ok(())
    }
}

fn person(who: &Who<'_>) -> String {
    let email = who.email.as_ref().map(|email| format!(" <{email}>")).unwrap_or_default();
    let groups = if who.groups.is_empty() { "no groups" } else { &who.groups.join(", ") };
    format!("{}{email} ({groups})", who.subject)
}

fn verdict(decision: &Decision<'_>) -> String {
    let mut text = match &decision.rule {
        Some(rule) => format!("{rule}: {}", decision.effect),
        None => format!("none: {}", decision.effect),
    };
    for (place, other) in decision.not_applied.iter().enumerate() {
        text += if place == 0 { " · did not apply: " } else { ", " };
        text += &format!("{} ({})", other.rule, other.because);
    }
    text
}

fn found(finding: &Finding<'_>) -> String {
    let Finding { rule, at, count, fingerprint, action } = finding;
    let at = if at.is_empty() { "many places" } else { at };
    let start: String = fingerprint.chars().take(FINGERPRINT).collect();
    let value = if start.is_empty() { String::new() } else { format!(" ({start}…)") };
    format!("{rule} ×{count} in {at} → {action}{value}")
}

fn ending(closed: &Closed<'_>, response: Option<&Response<'_>>, took: Option<String>) -> String {
    let mut facts = vec![closed.end.why.name().to_owned()];
    facts.extend(closed.end.detail.as_ref().map(ToString::to_string));
    if let Some(response) = response {
        if response.status != 200 {
            facts.push(format!("HTTP {}", response.status));
        }
        facts.extend(response.stop_reason.as_ref().map(ToString::to_string));
        facts.extend(response.usage.map(|usage| tokens(usage.get())));
    }
    facts.extend(took);
    facts.retain(|fact| !fact.is_empty());
    facts.join(" · ")
}

/// Tokens in words; what was read is the sum of three numbers.
fn tokens(usage: &str) -> String {
    let usage: serde_json::Value = serde_json::from_str(usage).unwrap_or_default();
    let number = |name: &str| usage.get(name).and_then(serde_json::Value::as_u64);
    let read = ["input_tokens", "cache_read_input_tokens", "cache_creation_input_tokens"];
    let read = read.into_iter().filter_map(number).reduce(u64::saturating_add);
    match (read, number("output_tokens")) {
        (Some(read), Some(written)) => format!("{read} tokens in, {written} out"),
        (Some(read), None) => format!("{read} tokens in"),
        (None, Some(written)) => format!("{written} tokens out"),
        (None, None) => String::new(),
    }
}

fn other_body(bytes: u64) -> String {
    format!("{bytes} bytes that are not JSON (--json has them)")
}

fn first_lines(text: &str, most: usize) -> String {
    let total = text.lines().count();
    if total <= most {
        return text.to_owned();
    }
    let first: Vec<_> = text.lines().take(most).collect();
    format!("{}\n… {} more lines (--json has them)", first.join("\n"), total - most)
}
