//! `hansard show`: one session read back, as a transcript or as JSON.
//!
//! One exchange at a time is in memory: a long session prints as it is read.

use crate::cli::Data;
use crate::failure::Failure;
use crate::paint::Paint;
use crate::terminal;
use crate::transcript::Transcript;
use crate::view::{ExchangeView, SessionView};
use hansard_store::{Account, Reader, Session};
use std::io::{self, BufWriter, IsTerminal, Write};

/// Show a recorded session
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  hansard show s-3f2a
  hansard show 01997f6e-3c1b-7cc2-9d0a-8f1f2b3c4d5e
  hansard show s-3f2a --json | jq '.exchanges[].response.usage'")]
pub(crate) struct Args {
    /// A session id, an exchange id, the beginning of one, or the client's own session id
    #[arg(value_name = "ID")]
    id: String,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    data: Data,
}

pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    let reader = args.data.reader()?;
    let session = reader.session(&args.id)?;
    let stdout = io::stdout();
    let to_person = stdout.is_terminal();
    let mut out = BufWriter::new(stdout.lock());
    if args.json {
        json(&mut out, &reader, &session, to_person)?;
    } else {
        transcript(&mut out, Paint::of_stdout(), &reader, &session)?;
    }
    Ok(out.flush()?)
}

fn transcript(
    out: &mut impl Write,
    paint: Paint,
    reader: &Reader,
    session: &Session,
) -> Result<(), Failure> {
    let mut transcript = Transcript { out, paint };
    transcript.session(session)?;
    for (place, exchange) in reader.exchanges(&session.id)?.iter().enumerate() {
        let stored = reader.parts(&exchange.id)?;
        let account = Account::read(&stored)?;
        transcript.request(place + 1, exchange, &account)?;
        transcript.response(&account)?;
    }
    Ok(())
}

/// `to_person`: what a terminal would act on is escaped; the JSON stays the same JSON.
fn json(
    out: &mut impl Write,
    reader: &Reader,
    session: &Session,
    to_person: bool,
) -> Result<(), Failure> {
    let mut print = |json: &str| match to_person {
        true => out.write_all(terminal::json(json).as_bytes()),
        false => out.write_all(json.as_bytes()),
    };
    print("{\"session\":")?;
    print(&serde_json::to_string(&SessionView::new(session))?)?;
    print(",\"exchanges\":[")?;
    for (place, exchange) in reader.exchanges(&session.id)?.iter().enumerate() {
        let stored = reader.parts(&exchange.id)?;
        let account = Account::read(&stored)?;
        print(if place == 0 { "\n" } else { ",\n" })?;
        print(&serde_json::to_string(&ExchangeView::new(exchange, &account, &stored))?)?;
    }
    Ok(print("]}\n")?)
}

#[cfg(test)]
mod tests;
