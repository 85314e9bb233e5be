//! `hansard accesses`: who looked into the ledger, and at what.

use crate::cli::Data;
use crate::failure::Failure;
use crate::terminal;
use hansard_shown::{rfc3339, short};
use hansard_store::{Access, Accessed};
use serde_json::json;
use std::io::{self, BufWriter, Write};

/// List who looked into the ledger, and at what, the newest first
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  hansard accesses
  hansard accesses --limit 1000 --json | jq -r '.by' | sort | uniq -c")]
pub(crate) struct Args {
    /// Print JSON, one line for each
    #[arg(long)]
    json: bool,
    /// List at most so many
    #[arg(long, default_value_t = 50, value_name = "N")]
    limit: usize,
    #[command(flatten)]
    data: Data,
}

pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    let all = args.data.reader()?.accesses(i64::MAX, args.limit)?;
    let mut out = BufWriter::new(io::stdout().lock());
    for one in &all {
        if args.json {
            writeln!(out, "{}", view(one))?;
        } else {
            writeln!(out, "{}", line(&one.access))?;
        }
    }
    if all.is_empty() && !args.json {
        writeln!(out, "nobody is on record as having looked into {}", args.data.data.display())?;
    }
    Ok(out.flush()?)
}

fn line(access: &Access) -> String {
    let Access { at, by, role, action, target } = access;
    let [by, role, action, target] = [by, role, action, target].map(|text| terminal::line(text));
    format!("{:19}  {action:7}  {role:8}  {by}  {target}", short(*at)).trim_end().to_owned()
}

fn view(one: &Accessed) -> serde_json::Value {
    let Accessed { entry, access: Access { at, by, role, action, target } } = one;
    json!({
        "entry": entry, "at": rfc3339(*at), "by": by, "role": role, "action": action,
        "target": target,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_look_is_one_line_whatever_was_searched_for() {
        let access = Access {
            at: 1_709_208_000_000,
            by: "https://issuer|bob".into(),
            role: "auditor".into(),
            action: "search".into(),
            target: "pass\u{1b}[31m\nword".into(),
        };
        let shown = line(&access);
        assert!(
            shown.starts_with("2024-02-29 12:00:00  search   auditor   https://issuer|bob  pass")
        );
        assert!(!shown.contains(['\n', '\u{1b}']), "{shown:?}");
        let one = Accessed { entry: 7, access };
        assert_eq!(view(&one)["entry"], 7);
        assert_eq!(view(&one)["target"], "pass\u{1b}[31m\nword");
    }
}
