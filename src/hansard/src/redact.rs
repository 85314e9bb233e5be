//! `hansard redact`: a text or a request as the gateway would redact it, for trying rules.
//!
//! Enters: a file, and a policy or every built-in rule. Leaves: on standard output the text as the
//! record would show it, on standard error what was found, with what would be done about it on the
//! wire. Nothing is sent, and nothing is recorded.

use crate::failure::Failure;
use crate::policy::{Loaded, Source};
use crate::terminal;
use hansard_core::redaction::{Blocked, Redactor};
use serde::Serialize;
use std::ffi::OsString;
use std::io::{self, IsTerminal, Read, Write};
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};
use thiserror::Error;

/// Under which trials are made where no key is given. No secret: what it makes is not the gateway's.
pub(crate) const TRIAL_KEY: &[u8] = b"hansard: a key for trying rules, and for nothing else";
/// The variable that holds the gateway's key.
pub(crate) const KEY: &str = "HANSARD_REDACT_KEY";
/// Every built-in rule for secrets, masked.
const EVERY_RULE: &str = "{ version: 1, access: [] }";
/// What texts are called in the place of a finding.
const TEXT: &str = "text";

/// Redact a text or a request, to try rules
#[derive(Debug, clap::Args)]
#[command(
    after_help = "The redacted text goes to standard output as the record would show it, the findings to
standard error. A file that holds a JSON object or list is read as a request body, any other
as a text.

HANSARD_REDACT_KEY is the gateway's key of placeholders; without it they differ from the
gateway's.

The exit code is 0 whether or not something was found, as this is for trying rules; it is 2 when
the policy or the file cannot be read.

Examples:
  hansard redact notes.txt
  git diff | hansard redact --policy policies/default.yaml > diff.txt
  hansard redact request.json --json | jq '.findings[].rule'"
)]
pub(crate) struct Args {
    /// The file; `-` is standard input
    #[arg(default_value = "-", value_name = "FILE")]
    file: PathBuf,
    /// The policy [default: every built-in rule for secrets, action mask]
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
    /// Print text and findings as one JSON object
    #[arg(long)]
    json: bool,
}

/// Why a trial could not be made.
#[derive(Debug, Error)]
pub(crate) enum RedactError {
    #[error("cannot read {}: {source}; name a file, or `-` for standard input", path.display())]
    Unreadable { path: PathBuf, source: io::Error },
    #[error("{KEY} is too short for a key; give it 16 bytes or more, or unset it")]
    ShortKey,
}

pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    trial(args).map_err(Failure::unanswered)
}

fn trial(args: &Args) -> Result<(), Failure> {
    let source = match &args.policy {
        Some(path) => Loaded::read(path)?,
        None => Source::parse(Path::new("the built-in rules"), EVERY_RULE)?,
    };
    let loaded = source.bare()?;
    loaded.tell()?;
    let mut redactor = redactor(&loaded, std::env::var_os(KEY))?;
    let bytes = read(&args.file)?;
    let done = if is_json(&bytes) {
        Redaction::of_body(&mut redactor, &bytes)
    } else {
        Redaction::of_text(&mut redactor, &bytes)
    };
    let stdout = io::stdout();
    let to_person = stdout.is_terminal();
    if args.json {
        let json = serde_json::to_string(&Shown {
            text: &String::from_utf8_lossy(&done.record),
            findings: &done.findings,
        })?;
        let json = if to_person { terminal::json(&json) } else { json.into() };
        return Ok(writeln!(stdout.lock(), "{json}")?);
    }
    if to_person {
        let text = String::from_utf8_lossy(&done.record);
        let shown = if done.is_json { terminal::json(&text) } else { terminal::text(&text) };
        let end = if shown.ends_with('\n') { "" } else { "\n" };
        write!(stdout.lock(), "{shown}{end}")?;
    } else {
        stdout.lock().write_all(&done.record)?;
    }
    report(&mut io::stderr().lock(), &done)?;
    Ok(())
}

/// Under the gateway's key if there is one.
fn redactor(loaded: &Loaded, key: Option<OsString>) -> Result<Redactor, Failure> {
    match key.filter(|key| !key.is_empty()) {
        // The policy itself has made a redactor before: what is wrong now is the key.
        Some(key) => loaded.redactor(&key.into_vec()).map_err(|_| RedactError::ShortKey.into()),
        None => {
            writeln!(
                io::stderr(),
                "hansard: {KEY} is not set: placeholders and fingerprints differ from the gateway's"
            )?;
            Ok(loaded.redactor(TRIAL_KEY)?)
        }
    }
}

fn read(path: &Path) -> Result<Vec<u8>, RedactError> {
    let read = if path == Path::new("-") {
        let mut bytes = Vec::new();
        io::stdin().lock().read_to_end(&mut bytes).map(|_| bytes)
    } else {
        std::fs::read(path)
    };
    read.map_err(|source| RedactError::Unreadable { path: path.to_owned(), source })
}

/// Whether to read it as a body: a number alone would be JSON as well, and is a text.
fn is_json(bytes: &[u8]) -> bool {
    matches!(bytes.trim_ascii_start().first(), Some(b'{' | b'['))
}

/// What was found, and what was said of it.
fn report(out: &mut impl Write, done: &Redaction) -> io::Result<()> {
    if let Some(fault) = &done.fault {
        writeln!(out, "hansard: {fault}: read as a text")?;
    }
    if done.findings.is_empty() {
        writeln!(out, "nothing found")?;
    } else {
        table(out, &done.findings)?;
    }
    if let Some(Blocked { message, .. }) = &done.blocked {
        writeln!(out, "refused: {}", terminal::line(message))?;
    }
    Ok(())
}

fn table(out: &mut impl Write, findings: &[Found]) -> io::Result<()> {
    let rows: Vec<_> =
        findings.iter().map(|found| (found, terminal::line(found.place()))).collect();
    let width = |title: &str, longest: Option<usize>| longest.unwrap_or_default().max(title.len());
    let rule = width("RULE", findings.iter().map(|found| found.rule.len()).max());
    let place = width("PLACE", rows.iter().map(|(_, place)| place.chars().count()).max());
    writeln!(
        out,
        "{:rule$}  {:place$}  {:12}  {:16}  {:>5}",
        "RULE", "PLACE", "ACTION", "FINGERPRINT", "COUNT"
    )?;
    for (found, at) in rows {
        let fingerprint = if found.fingerprint.is_empty() { "-" } else { &found.fingerprint };
        writeln!(
            out,
            "{:rule$}  {at:place$}  {:12}  {fingerprint:16}  {:>5}",
            found.rule, found.action, found.count
        )?;
    }
    Ok(())
}

#[derive(Serialize)]
struct Shown<'a> {
    text: &'a str,
    findings: &'a [Found],
}

/// What came of a text.
#[derive(Debug)]
pub(crate) struct Redaction {
    /// As the record shows it.
    pub(crate) record: Vec<u8>,
    /// As it goes over the wire, if it does.
    pub(crate) wire: Vec<u8>,
    pub(crate) findings: Vec<Found>,
    /// Why it does not go over the wire.
    pub(crate) blocked: Option<Blocked>,
    /// Why it was not read as the JSON that it was taken for.
    pub(crate) fault: Option<String>,
    is_json: bool,
}

/// Values that one rule found in one place.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Found {
    pub(crate) rule: String,
    /// A JSON pointer (RFC 6901), `text`, or nothing where there were too many to name each place.
    pub(crate) at: String,
    pub(crate) count: u64,
    /// Empty where several values are counted.
    pub(crate) fingerprint: String,
    pub(crate) action: &'static str,
}

impl Found {
    /// The place, for people.
    pub(crate) fn place(&self) -> &str {
        if self.at.is_empty() { "many places" } else { &self.at }
    }
}

impl Redaction {
    /// Redacts a request's body. What is not JSON is redacted as a text.
    pub(crate) fn of_body(redactor: &mut Redactor, bytes: &[u8]) -> Self {
        let body = redactor.request(bytes);
        let findings = body.tallies.all().iter().map(|tally| Found {
            rule: tally.rule.clone(),
            at: tally.place.clone(),
            count: tally.count,
            fingerprint: tally.fingerprint.to_string(),
            action: tally.action.name(),
        });
        let fault = body.fault.map(|fault| fault.to_string());
        let mut done = Self {
            findings: findings.collect(),
            record: body.record.into_inner().into_owned(),
            wire: body.wire.unwrap_or_else(|| bytes.to_owned()),
            blocked: body.blocked,
            is_json: fault.is_none(),
            fault,
        };
        if !done.is_json {
            done.findings.iter_mut().for_each(|found| found.at = TEXT.to_owned());
        }
        done
    }

    /// Redacts a text as the gateway does within a request: as the content of a string.
    pub(crate) fn of_text(redactor: &mut Redactor, bytes: &[u8]) -> Self {
        let quoted =
            std::str::from_utf8(bytes).ok().and_then(|text| serde_json::to_string(text).ok());
        // Bytes that are no text cannot stand in a string; they are looked through as they are.
        let Some(quoted) = quoted else {
            return Self { fault: None, ..Self::of_body(redactor, bytes) };
        };
        let mut done = Self::of_body(redactor, quoted.as_bytes());
        // What holds too many values comes back empty.
        let unquoted = |json: &[u8]| serde_json::from_slice::<String>(json).unwrap_or_default();
        done.record = unquoted(&done.record).into_bytes();
        done.wire = unquoted(&done.wire).into_bytes();
        done.findings.iter_mut().for_each(|found| found.at = TEXT.to_owned());
        Self { is_json: false, ..done }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AWS: &str = "AKIAZ7Q4XWN5K2MBT3PD";

    fn policy(text: &str) -> Redactor {
        let source = Source::parse(Path::new("p.yaml"), text).unwrap();
        source.bare().unwrap().redactor(TRIAL_KEY).unwrap()
    }

    fn found(redaction: &Redaction) -> Vec<(&str, &str, u64, &str)> {
        let found = redaction.findings.iter();
        found.map(|one| (&*one.rule, &*one.at, one.count, one.action)).collect()
    }

    #[test]
    fn a_text_and_a_body_are_redacted_as_the_record_shows_them() {
        let mut redactor = policy(EVERY_RULE);
        let text = format!("key {AWS}\nand \"{AWS}\"");
        let done = Redaction::of_text(&mut redactor, text.as_bytes());
        let record = String::from_utf8(done.record.clone()).unwrap();
        assert!(record.starts_with("key HANSARD-aws-access-key-id-"), "{record}");
        assert!(record.ends_with('"') && !record.contains(AWS), "{record}");
        assert_eq!(found(&done), [("aws-access-key-id", "text", 2, "mask")]);
        assert_eq!(done.findings[0].fingerprint.len(), 16);

        let body = format!(r#"{{"messages":[{{"role":"user","content":"{AWS}"}}]}}"#);
        let done = Redaction::of_body(&mut redactor, body.as_bytes());
        assert_eq!(found(&done), [("aws-access-key-id", "/messages/0/content", 1, "mask")]);
        assert_eq!(done.record, done.wire);
        assert!(is_json(body.as_bytes()) && !is_json(b"12 {}") && !is_json(b""));
    }

    #[test]
    fn what_passes_on_the_wire_is_hidden_in_the_record_all_the_same() {
        let mut redactor = policy("{ version: 1, access: [], redact: { secrets: observe } }");
        let done = Redaction::of_text(&mut redactor, AWS.as_bytes());
        assert_eq!(done.wire, AWS.as_bytes());
        assert!(done.record.starts_with(b"HANSARD-aws-access-key-id-"));
        assert_eq!(found(&done), [("aws-access-key-id", "text", 1, "observe")]);
    }

    #[test]
    fn bytes_that_are_no_text_are_looked_through_too() {
        let mut redactor = policy(EVERY_RULE);
        let bytes = [b"\xff ", AWS.as_bytes(), b" \xfe"].concat();
        let done = Redaction::of_text(&mut redactor, &bytes);
        assert_eq!(found(&done), [("aws-access-key-id", "text", 1, "mask")]);
        assert!(done.record.starts_with(b"\xff HANSARD-") && done.record.ends_with(b" \xfe"));
        let cut = format!("[{AWS}");
        let done = Redaction::of_body(&mut redactor, cut.as_bytes());
        assert_eq!(found(&done), [("aws-access-key-id", "text", 1, "mask")]);
        assert!(done.fault.is_some());
    }

    #[test]
    fn findings_are_a_table_and_what_is_refused_says_why() {
        let mut redactor = policy("{ version: 1, access: [], redact: { secrets: block } }");
        let body = format!(r#"{{"\u001b[2J{AWS}":1,"b":"{AWS}"}}"#);
        let done = Redaction::of_body(&mut redactor, body.as_bytes());
        let mut out = Vec::new();
        report(&mut out, &done).unwrap();
        let text = String::from_utf8(out).unwrap();
        let lines: Vec<_> = text.lines().collect();
        assert!(lines[0].starts_with("RULE               PLACE"), "{text}");
        assert!(
            lines.iter().any(|line| line.contains("  /b ") && line.ends_with("      1")),
            "{text}"
        );
        assert!(lines[lines.len() - 1].starts_with("refused: This request holds"), "{text}");
        assert!(!text.contains('\u{1b}') && !text.contains(AWS), "{text}");

        let mut out = Vec::new();
        report(&mut out, &Redaction::of_text(&mut redactor, b"harmless")).unwrap();
        assert_eq!(out, b"nothing found\n");
    }

    #[test]
    fn a_key_that_is_too_short_is_named_with_its_cure() {
        let loaded = Source::parse(Path::new("p.yaml"), EVERY_RULE).unwrap().bare().unwrap();
        let error = redactor(&loaded, Some("short".into())).err().unwrap().to_string();
        assert!(error.starts_with(KEY) && error.ends_with("or unset it"), "{error}");
        assert!(!error.contains("\"short\""), "{error}");
    }
}
