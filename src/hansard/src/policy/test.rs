//! `hansard policy test`: what a policy answers to the tests that it carries.
//!
//! Enters: policy files. Leaves: one line a test, and whether all hold. Requests are asked as the
//! gateway asks them: first the access rules, then, for an admitted one, the redactor, whose `block`
//! refuses too. Placeholders are made under a key that is always the same, so that they can be
//! written down.

use super::{Loaded, PolicyError};
use crate::failure::Failure;
use crate::redact::{Found, Redaction, TRIAL_KEY};
use crate::terminal;
use hansard_core::access::{Ask, Verdict, decide};
use hansard_core::http::Endpoint;
use hansard_core::redaction::Redactor;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::fmt;
use std::io::{self, BufWriter, Write};
use std::path::PathBuf;
use thiserror::Error;

/// Run the tests that policies carry
#[derive(Debug, clap::Args)]
#[command(after_help = "A test names who asks, what for, and what must come of it:

  tests:
    - name: a developer's key stays here
      who: { groups: [developers] }
      request:
        endpoint: messages
        model: claude-opus-5-5
        body: { messages: [{ role: user, content: \"AKIA…\" }] }
      expect:
        effect: allow
        findings: [{ rule: aws-access-key-id, at: /messages/0/content, action: mask, count: 1 }]

`request.body` is a mapping, or the body's bytes as a string; `request.text` is a text by itself.
`expect.findings` lists all that is found, in any order, and [] says that nothing is; `rule` is the
only member that must be there. `expect.redacted` is the body or text as it goes over the wire. A
value that does not pass refuses the request, by the rule `redact/ID`.

The exit code is 0 when every test holds, 1 when one does not, 2 when a policy or a test cannot be
read.

Examples:
  hansard policy test policies/default.yaml
  hansard policy test --json policies/*.yaml | jq '.tests[] | select(.passed | not)'")]
pub(crate) struct Args {
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Tests that do not hold.
#[derive(Debug, Error)]
#[error("{failed} of {total} tests failed; each says what came of it instead")]
pub(crate) struct Failed {
    failed: usize,
    total: usize,
}

pub(super) fn run(args: &Args) -> Result<(), Failure> {
    asked(args).map_err(Failure::unanswered)
}

fn asked(args: &Args) -> Result<(), Failure> {
    let mut out = BufWriter::new(io::stdout().lock());
    let mut outcomes = Vec::new();
    for file in &args.files {
        let loaded = Loaded::read(file)?.bare()?;
        loaded.tell()?;
        let mut redactor = loaded.redactor(TRIAL_KEY)?;
        let file = file.display().to_string();
        for case in Case::all(&loaded)? {
            let problems = case.problems(&loaded, &mut redactor);
            let passed = problems.is_empty();
            outcomes.push(Outcome { file: file.clone(), name: case.name, passed, problems });
        }
        if !args.json && loaded.tests.is_empty() {
            writeln!(out, "none    {file}: has no tests")?;
        }
    }
    let total = outcomes.len();
    let failed = outcomes.iter().filter(|outcome| !outcome.passed).count();
    if args.json {
        let summary = Summary { passed: total - failed, failed, tests: &outcomes };
        writeln!(out, "{}", serde_json::to_string_pretty(&summary)?)?;
    } else {
        outcomes.iter().try_for_each(|outcome| write!(out, "{outcome}"))?;
        writeln!(out, "{total} tests, {failed} failed")?;
    }
    out.flush()?;
    if failed > 0 { Err(Failed { failed, total }.into()) } else { Ok(()) }
}

#[derive(Serialize)]
struct Summary<'a> {
    passed: usize,
    failed: usize,
    tests: &'a [Outcome],
}

#[derive(Serialize)]
struct Outcome {
    file: String,
    name: String,
    passed: bool,
    /// What came of it instead.
    problems: Vec<String>,
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let label = if self.passed { "ok" } else { "FAILED" };
        writeln!(f, "{label:6}  {}: {}", self.file, terminal::line(&self.name))?;
        for problem in &self.problems {
            writeln!(f, "        {}", terminal::line(problem))?;
        }
        Ok(())
    }
}

/// A test as it was written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Case {
    name: String,
    #[serde(default)]
    who: Option<Who>,
    request: Request,
    expect: Expect,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Who {
    groups: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Request {
    #[serde(default)]
    endpoint: Option<String>,
    /// Left out: the one that the body names.
    #[serde(default)]
    model: Option<String>,
    #[serde(default)]
    body: Option<Value>,
    #[serde(default)]
    text: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Expect {
    #[serde(default)]
    effect: Option<Effect>,
    #[serde(default)]
    rule: Option<String>,
    #[serde(default)]
    findings: Option<Vec<Wanted>>,
    #[serde(default)]
    redacted: Option<Value>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Effect {
    Allow,
    Refuse,
}

impl Effect {
    fn name(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Refuse => "refuse",
        }
    }
}

/// A finding that must be there. What it does not name may be anything.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    rule: String,
    #[serde(default)]
    at: Option<String>,
    #[serde(default)]
    action: Option<String>,
    #[serde(default)]
    count: Option<u64>,
}

impl Case {
    /// A policy's tests, each of which can be asked.
    pub(super) fn all(loaded: &Loaded) -> Result<Vec<Self>, PolicyError> {
        let wrong = |what: String| PolicyError::Wrong { path: loaded.path.clone(), what };
        let read = |(at, value): (usize, &Value)| {
            let case: Self =
                serde_path_to_error::deserialize(value).map_err(|error| {
                    match error.path().to_string().as_str() {
                        "." => wrong(format!("tests[{at}]: {}", error.inner())),
                        path => wrong(format!("tests[{at}].{path}: {}", error.inner())),
                    }
                })?;
            match case.fault() {
                Some(fault) => Err(wrong(format!("tests[{at}].{fault}"))),
                None => Ok(case),
            }
        };
        loaded.tests.iter().enumerate().map(read).collect()
    }

    /// What is missing for asking it.
    fn fault(&self) -> Option<String> {
        let Self { who, request, expect, .. } = self;
        let Expect { effect, rule, findings, redacted } = expect;
        let asks_access = effect.is_some() || rule.is_some();
        let asks_redactor = findings.is_some() || redacted.is_some();
        if !asks_access && !asks_redactor {
            return Some(
                "expect: is empty; give it `effect`, `rule`, `findings` or `redacted`".into(),
            );
        }
        if request.body.is_some() && request.text.is_some() {
            return Some("request: has both `body` and `text`".into());
        }
        if asks_redactor && request.body.is_none() && request.text.is_none() {
            return Some("request: needs `body` or `text` for what is expected to be found".into());
        }
        if asks_access && who.is_none() {
            return Some("who: is missing; the rules ask for groups".into());
        }
        match &request.endpoint {
            None if asks_access => {
                Some("request.endpoint: is missing; the rules ask for it".into())
            }
            Some(name) if Endpoint::named(name).is_none() => Some(format!(
                "request.endpoint: {name:?} is not one of messages, count_tokens, models"
            )),
            Some(_) | None => None,
        }
    }

    /// What came of it that was not expected.
    fn problems(&self, loaded: &Loaded, redactor: &mut Redactor) -> Vec<String> {
        let mut problems = Vec::new();
        let redaction = self.redaction(redactor);
        if let Some(who) = &self.who
            && self.request.endpoint.is_some()
        {
            self.check_access(who, loaded, redaction.as_ref(), &mut problems);
        }
        if let Some(redaction) = &redaction {
            if let Some(wanted) = &self.expect.findings {
                compare(wanted, &redaction.findings, &mut problems);
            }
            if let Some(wanted) = &self.expect.redacted {
                problems.extend(self.check_wire(wanted, redaction));
            }
        }
        problems
    }

    fn redaction(&self, redactor: &mut Redactor) -> Option<Redaction> {
        match (&self.request.body, &self.request.text) {
            (Some(Value::String(body)), _) => Some(Redaction::of_body(redactor, body.as_bytes())),
            (Some(body), _) => Some(Redaction::of_body(redactor, body.to_string().as_bytes())),
            (None, Some(text)) => Some(Redaction::of_text(redactor, text.as_bytes())),
            (None, None) => None,
        }
    }

    fn check_access(
        &self,
        who: &Who,
        loaded: &Loaded,
        redaction: Option<&Redaction>,
        problems: &mut Vec<String>,
    ) {
        let Request { endpoint, model, body, .. } = &self.request;
        let parsed = match body {
            Some(Value::String(body)) => serde_json::from_str(body).ok(),
            body => body.clone(),
        };
        let named = parsed.as_ref().and_then(|body| body.get("model")).and_then(Value::as_str);
        let ask = Ask {
            endpoint: endpoint.as_deref().and_then(Endpoint::named),
            model: model.as_deref().or(named),
        };
        let blocked = redaction.and_then(|redaction| redaction.blocked.as_ref());
        let (effect, rule) = match (decide(&loaded.policy, &who.groups, ask), blocked) {
            (Verdict::Admitted(_), Some(blocked)) => {
                (Effect::Refuse, Some(format!("redact/{}", blocked.rule)))
            }
            (Verdict::Admitted(admitted), None) => {
                (Effect::Allow, admitted.decision().rule.as_ref().map(ToString::to_string))
            }
            (Verdict::Refused { decision, .. }, _) => {
                (Effect::Refuse, decision.rule.map(|rule| rule.to_string()))
            }
        };
        if let Some(wanted) = self.expect.effect
            && wanted != effect
        {
            let by = rule.as_deref().map(|rule| format!(" by {rule}")).unwrap_or_default();
            problems.push(format!("effect is {}{by}, not {}", effect.name(), wanted.name()));
        }
        if let Some(wanted) = &self.expect.rule
            && rule.as_ref() != Some(wanted)
        {
            let rule = rule.as_deref().unwrap_or("none");
            problems.push(format!("rule is {rule}, not {wanted}"));
        }
    }

    fn check_wire(&self, wanted: &Value, redaction: &Redaction) -> Option<String> {
        if let Some(blocked) = &redaction.blocked {
            return Some(format!("nothing goes over the wire: rule {} refuses it", blocked.rule));
        }
        let wire = String::from_utf8_lossy(&redaction.wire);
        let parsed = |text: &str| serde_json::from_str::<Value>(text).ok();
        // A mapping has no bytes of its own to compare.
        let is_mapping = self.request.body.as_ref().is_some_and(|body| !body.is_string());
        let is_same = match wanted {
            Value::String(text) if is_mapping => {
                parsed(text).is_some_and(|it| Some(it) == parsed(&wire))
            }
            Value::String(text) => *text == wire,
            other => parsed(&wire).as_ref() == Some(other),
        };
        (!is_same).then(|| format!("redacted is {wire}"))
    }
}

/// Matches what was wanted with what was found, one to one.
fn compare(wanted: &[Wanted], found: &[Found], problems: &mut Vec<String>) {
    // For each finding, which of the wanted it answers.
    let mut answers = vec![None; found.len()];
    for (at, one) in wanted.iter().enumerate() {
        if !one.assign(at, wanted, found, &mut answers, &mut vec![false; found.len()]) {
            problems.push(format!("is not found: {one}"));
        }
    }
    for (one, answer) in found.iter().zip(&answers) {
        if answer.is_none() {
            let Found { rule, count, action, .. } = one;
            problems.push(format!("is found: {rule} ×{count} in {} → {action}", one.place()));
        }
    }
}

impl Wanted {
    fn is(&self, found: &Found) -> bool {
        let Self { rule, at, action, count } = self;
        *rule == found.rule
            && at.as_ref().is_none_or(|at| *at == found.at)
            && action.as_ref().is_none_or(|action| action == found.action)
            && count.is_none_or(|count| count == found.count)
    }

    /// Takes a finding for itself; one that another holds, if that finds itself another.
    fn assign(
        &self,
        at: usize,
        wanted: &[Self],
        found: &[Found],
        answers: &mut [Option<usize>],
        asked: &mut [bool],
    ) -> bool {
        for (place, one) in found.iter().enumerate() {
            let Some(asked_before) = asked.get_mut(place) else { continue };
            if !self.is(one) || std::mem::replace(asked_before, true) {
                continue;
            }
            let holder = answers.get(place).copied().flatten();
            let is_free = holder.is_none_or(|holder| {
                wanted
                    .get(holder)
                    .is_some_and(|other| other.assign(holder, wanted, found, answers, asked))
            });
            if is_free && let Some(answer) = answers.get_mut(place) {
                *answer = Some(at);
                return true;
            }
        }
        false
    }
}

impl fmt::Display for Wanted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { rule, at, action, count } = self;
        f.write_str(rule)?;
        count.iter().try_for_each(|count| write!(f, " ×{count}"))?;
        at.iter().try_for_each(|at| write!(f, " in {at}"))?;
        action.iter().try_for_each(|action| write!(f, " → {action}"))
    }
}

#[cfg(test)]
mod tests;
