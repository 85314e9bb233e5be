//! `hansard erase`, `hansard hold`, `hansard retain`: what may be taken back, and what must not.

use super::operator;
use crate::cli::Data;
use crate::failure::Failure;
use crate::policy::Loaded;
use crate::time::now;
use hansard_store::{Keep, Order};
use std::io::{self, Write};
use std::path::PathBuf;

/// Destroy a session's keys, so that nobody can read it again; its entries stay, and prove that it was
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  hansard erase s-3f2a --reason 'request 4711 under Art. 17 GDPR'")]
pub(crate) struct EraseArgs {
    /// A session id, an exchange id, the beginning of one, or the client's own session id
    #[arg(value_name = "ID")]
    id: String,
    /// Why; it goes on record
    #[arg(long)]
    reason: String,
    #[command(flatten)]
    data: Data,
}

/// Keep a session from erasure (legal hold), or release it
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  hansard hold s-3f2a --reason 'case 2026-17'
  hansard hold s-3f2a --release --reason 'case 2026-17 is closed'")]
pub(crate) struct HoldArgs {
    /// A session id, an exchange id, the beginning of one, or the client's own session id
    #[arg(value_name = "ID")]
    id: String,
    /// Why; it goes on record
    #[arg(long)]
    reason: String,
    /// The session may be erased again
    #[arg(long)]
    release: bool,
    #[command(flatten)]
    data: Data,
}

/// Erase sessions that were kept long enough; says which, and does it with --erase
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  hansard retain --policy policy.yaml
  hansard retain --policy policy.yaml --erase
  hansard retain --days 90
  hansard retain --days 7 --rule interns --rule trial --erase

A session is kept for the longest of the times that the rules ask which admitted its exchanges; a
rule of which nothing is said keeps its sessions for good.")]
pub(crate) struct RetainArgs {
    /// By what the policy says under record.retain
    #[arg(long, value_name = "FILE", required_unless_present = "days", conflicts_with_all = ["days", "rule"])]
    policy: Option<PathBuf>,
    /// Days that a session is kept after its last end
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..))]
    days: Option<u32>,
    /// Only of sessions that these policy rules alone admitted
    #[arg(long, value_name = "RULE", requires = "days")]
    rule: Vec<String>,
    /// Do it; without this, only say what would be done
    #[arg(long)]
    erase: bool,
    #[command(flatten)]
    data: Data,
}

pub(crate) fn erase(args: &EraseArgs) -> Result<(), Failure> {
    let session = args.data.reader()?.session(&args.id)?;
    let by = operator();
    let order = Order { reason: &args.reason, by: &by, at: now() as i64 };
    let erased = args.data.custodian()?.erase(&session.id, order)?;
    match erased {
        0 => writeln!(io::stdout(), "{} was erased before", session.id)?,
        _ => writeln!(io::stdout(), "{} is erased: its entries stay in the log", session.id)?,
    }
    Ok(())
}

pub(crate) fn hold(args: &HoldArgs) -> Result<(), Failure> {
    let session = args.data.reader()?.session(&args.id)?;
    let by = operator();
    let order = Order { reason: &args.reason, by: &by, at: now() as i64 };
    args.data.custodian()?.hold(&session.id, !args.release, order)?;
    let word = if args.release { "released" } else { "on hold" };
    writeln!(io::stdout(), "{} is {word}", session.id)?;
    Ok(())
}

pub(crate) fn retain(args: &RetainArgs) -> Result<(), Failure> {
    let keep = match (&args.policy, args.days) {
        (Some(path), _) => Loaded::read(path)?.bare()?.retain,
        (None, Some(days)) => vec![Keep { rules: args.rule.clone(), days }],
        (None, None) => Vec::new(),
    };
    let mut custodian = args.data.custodian()?;
    let now = now() as i64;
    let due = custodian.due(&keep, now)?;
    let mut out = io::stdout().lock();
    for session in &due {
        if args.erase {
            let (by, reason) = (operator(), "its time is over");
            custodian.erase(session, Order { reason, by: &by, at: now })?;
        }
        writeln!(out, "{session}")?;
    }
    let word = if args.erase { "erased" } else { "due; --erase does it" };
    writeln!(out, "{} sessions {word}", due.len())?;
    Ok(())
}
