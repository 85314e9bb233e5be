//! `hansard policy rules`: what a policy can name without describing it.

use crate::failure::Failure;
use crate::paint::Paint;
use hansard_core::config::{Pii, rules};
use serde::Serialize;
use std::io::{self, BufWriter, Write};

/// List the built-in redaction rules, and the kinds of personal data
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  hansard policy rules | grep aws
  hansard policy rules --json | jq -r '.personal[].id'")]
pub(crate) struct Args {
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct All {
    /// For `redact.secrets` and `redact.rules`.
    secrets: Vec<Entry>,
    /// For `redact.personal`.
    personal: Vec<Entry>,
}

#[derive(Serialize)]
struct Entry {
    id: &'static str,
    description: &'static str,
}

pub(super) fn run(args: &Args) -> Result<(), Failure> {
    let mut out = BufWriter::new(io::stdout().lock());
    let all = All::new();
    if args.json {
        writeln!(out, "{}", serde_json::to_string_pretty(&all)?)?;
    } else {
        table(&mut out, Paint::of_stdout(), &all)?;
    }
    Ok(out.flush()?)
}

fn table(out: &mut impl Write, paint: Paint, all: &All) -> io::Result<()> {
    let ids = all.secrets.iter().chain(&all.personal).map(|entry| entry.id.len());
    let width = ids.max().unwrap_or_default();
    for (title, entries) in [("SECRETS", &all.secrets), ("PERSONAL DATA", &all.personal)] {
        writeln!(out, "{}", paint.bold(format_args!("{title} ({})", entries.len())))?;
        for Entry { id, description } in entries {
            writeln!(out, "{id:width$}  {description}")?;
        }
    }
    Ok(())
}

impl All {
    fn new() -> Self {
        let entry = |id, description| Entry { id, description };
        let mut secrets: Vec<_> = rules().map(|rule| entry(rule.id, rule.description)).collect();
        secrets.sort_by_key(|entry| entry.id);
        let personal = Pii::ALL.iter().map(|kind| entry(kind.id(), kind.description())).collect();
        Self { secrets, personal }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rule_is_listed_by_the_name_that_a_policy_uses() {
        let mut out = Vec::new();
        table(&mut out, Paint::Plain, &All::new()).unwrap();
        let text = String::from_utf8(out).unwrap();
        assert_eq!(text.lines().count(), rules().count() + Pii::ALL.len() + 2);
        assert!(text.contains("\naws-access-key-id  "), "{text}");
        assert!(text.contains("\nemail  "), "{text}");
        assert!(text.lines().all(|line| line == line.trim_end()));
    }
}
