//! `--follow`: each entry of the log, as it is acknowledged, as a line.
//!
//! Entries have numbers without a gap, and what is read is committed: a collector that goes on with
//! the cursor of the last line that it kept misses nothing and has nothing twice.

use crate::failure::Failure;
use hansard_export::follow::{Decision, End, Exchange, News, Request, Who};
use hansard_record::Record;
use hansard_record::part::{self, Content};
use hansard_replay::model::{Finding, Status};
use hansard_store::{Leaf, Reader, Status as Stored, StoreError};
use std::io::{self, Write};
use std::thread;
use std::time::Duration;

/// How often the ledger is asked for more.
const EVERY: Duration = Duration::from_millis(250);
/// Entries that are read at once.
const AT_ONCE: usize = 256;

pub(super) fn run(reader: &Reader, since: Option<i64>) -> Result<(), Failure> {
    let mut next = match since {
        Some(entry) => entry,
        None => reader.size()?,
    };
    let mut out = io::stdout().lock();
    loop {
        let before = next;
        next = catch_up(reader, next, &mut out)?;
        if next == before {
            thread::sleep(EVERY);
        }
    }
}

/// Writes what there is from an entry on, and says where to go on.
pub(super) fn catch_up(reader: &Reader, from: i64, out: &mut dyn Write) -> Result<i64, Failure> {
    let leaves = reader.leaves(from, AT_ONCE)?;
    let mut next = from;
    for leaf in leaves {
        line(reader, &leaf, out)?;
        next = leaf.entry.saturating_add(1);
    }
    out.flush()?;
    Ok(next)
}

fn line(reader: &Reader, leaf: &Leaf, out: &mut dyn Write) -> Result<(), Failure> {
    let row = match &leaf.exchange {
        Some(exchange) => reader.exchange(exchange)?,
        None => None,
    };
    let exchange = match &row {
        Some(row) => Some(exchange(reader, row, leaf)?),
        None => None,
    };
    let exchange = exchange.as_ref();
    let news = News { entry: leaf.entry, leaf_hash: &leaf.hash, log: &leaf.bytes, exchange };
    Ok(hansard_export::follow(&news, out)?)
}

fn exchange<'a>(
    reader: &Reader,
    row: &'a hansard_store::Exchange,
    leaf: &Leaf,
) -> Result<Exchange<'a>, Failure> {
    let introduction = &row.introduction;
    let (is_end, findings) = said(reader, leaf)?;
    let end = row.ending.as_ref().filter(|_| is_end).map(|ending| End {
        status: match row.status {
            Stored::Open => Status::Open,
            Stored::Complete => Status::Complete,
            Stored::Refused => Status::Refused,
            Stored::Ended => Status::Ended,
            Stored::Interrupted => Status::Interrupted,
        },
        http_status: ending.http_status,
        why: &ending.why,
        input_tokens: ending.input_tokens,
        output_tokens: ending.output_tokens,
    });
    Ok(Exchange {
        session: &row.session,
        exchange: &row.id,
        who: (!introduction.subject.is_empty()).then(|| Who {
            issuer: &introduction.issuer,
            subject: &introduction.subject,
            email: introduction.email.as_deref(),
            groups: &introduction.groups,
        }),
        decision: Decision {
            effect: introduction.effect.as_deref(),
            rule: introduction.rule.as_deref(),
        },
        request: Request {
            method: introduction.method.as_deref(),
            path: introduction.path.as_deref(),
            model: introduction.model.as_deref(),
        },
        end,
        findings,
    })
}

/// Whether a part ends its exchange, and what was redacted in it: of an erased session's that cannot
/// be said.
fn said(reader: &Reader, leaf: &Leaf) -> Result<(bool, Vec<Finding>), Failure> {
    let outline = match reader.outline_at(leaf.entry) {
        Err(StoreError::Erased { .. } | StoreError::Damaged { .. }) => None,
        other => other?,
    };
    let Some(outline) = outline else { return Ok((leaf.ends(), Vec::new())) };
    let record = Record::parse(outline.json.as_bytes());
    let findings = record.map(|record| findings(&record.into_part().part)).unwrap_or_default();
    Ok((leaf.ends(), findings))
}

fn findings(content: &Content<'_>) -> Vec<Finding> {
    let (all, in_response): (&[part::Finding<'_>], bool) = match content {
        Content::Opened(opened) => (&opened.findings, false),
        Content::Refused(refused) => (&refused.findings, false),
        Content::Progress(progress) => (&progress.findings, true),
        Content::Closed(closed) => (&closed.findings, true),
    };
    let finding = |finding: &part::Finding<'_>| Finding {
        rule: finding.rule.to_string(),
        at: finding.at.to_string(),
        count: finding.count,
        fingerprint: finding.fingerprint.to_string(),
        action: finding.action.to_string(),
        in_response,
    };
    all.iter().map(finding).collect()
}
