//! `hansard erase`, `hansard hold`, `hansard retain`: what may be taken back, and what must not.

use super::operator;
use crate::cli::Data;
use crate::failure::Failure;
use crate::time::now;
use hansard_store::{Custodian, Order};
use std::io::{self, Write};

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

/// Erase sessions that ended longer ago than a number of days; says which, and does it with --erase
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  hansard retain --days 90
  hansard retain --days 90 --erase
  hansard retain --days 7 --rule interns --rule trial --erase")]
pub(crate) struct RetainArgs {
    /// Days that a session is kept after its last end
    #[arg(long)]
    days: u32,
    /// Only sessions that one of these policy rules admitted
    #[arg(long, value_name = "RULE")]
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
    let mut custodian: Custodian = args.data.custodian()?;
    let now = now() as i64;
    let before = now.saturating_sub(i64::from(args.days).saturating_mul(86_400_000));
    let due = custodian.due(before, &args.rule)?;
    let (by, reason) = (operator(), format!("kept for {} days", args.days));
    let mut out = io::stdout().lock();
    for session in &due {
        if args.erase {
            custodian.erase(session, Order { reason: &reason, by: &by, at: now })?;
        }
        writeln!(out, "{session}")?;
    }
    let word = if args.erase { "erased" } else { "due; --erase does it" };
    writeln!(out, "{} sessions {word}", due.len())?;
    Ok(())
}
