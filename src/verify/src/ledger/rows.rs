//! Rows that follow from the parts, computed anew: what listings show of exchanges and sessions, which
//! of them wait for Envoy's own log, which of its streams have no record.
//!
//! Exchanges, their parts and their witnesses go side by side in the order of exchange ids: nothing is
//! looked up.

use super::exchange::Exchange;
use super::introductions::Introductions;
use super::session::Sessions;
use super::{Fallible, side_by_side};
use crate::Report;
use rusqlite::fallible_streaming_iterator::FallibleStreamingIterator;
use rusqlite::{Connection, Row, Rows, Statement, params_from_iter};
use std::collections::{BTreeSet, HashSet};

/// Exchanges from an id on, up to another one.
type Stretch = (String, Option<String>);

pub(super) fn check(
    readers: &mut [Connection],
    introductions: &Introductions,
    report: &mut Report,
) -> Fallible<()> {
    let Some(connection) = readers.first() else { return Ok(()) };
    let stretches = stretches(connection, readers.len())?;
    let found = side_by_side(readers, &stretches, |connection, stretch| {
        let mut found = Found::default();
        found.read(connection, stretch, introductions)?;
        Ok(found)
    })?;
    let mut whole = Found::default();
    found.into_iter().for_each(|stretch| whole.add(stretch));
    let Some(connection) = readers.first() else { return Ok(()) };
    let Found { used, sessions, unmatched, mut problems } = whole;
    sessions.check(connection, &mut problems)?;
    strangers(connection, unmatched, &mut problems)?;
    let unused = introductions.ids().filter(|id| !used.contains(id));
    problems.extend(unused.map(|id| format!("introduction {id} is of no part")));
    problems.into_iter().for_each(|what| report.problem(what));
    Ok(())
}

/// Stretches of exchanges, as many as there are readers: ids grow with time, about as entries do.
fn stretches(connection: &Connection, count: usize) -> Fallible<Vec<Stretch>> {
    let last: Option<i64> =
        connection.query_row("SELECT MAX(id) FROM parts", [], |row| row.get(0))?;
    let (last, count) = (i128::from(last.unwrap_or_default()), count.max(1) as i128);
    let mut ends = BTreeSet::new();
    for n in 1..count {
        let from = (last * n / count) as i64;
        let query = "SELECT exchange FROM parts WHERE id >= ?1 ORDER BY id LIMIT 1";
        let mut statement = connection.prepare_cached(query)?;
        let mut rows = statement.query([from])?;
        if let Some(row) = rows.next()? {
            ends.insert(row.get::<_, String>(0)?);
        }
    }
    let begins = std::iter::once(String::new()).chain(ends.iter().cloned());
    Ok(begins.zip(ends.iter().cloned().map(Some).chain([None])).collect())
}

/// What a stretch of exchanges says, or all of them.
#[derive(Default)]
struct Found<'a> {
    /// Introductions that some part has.
    used: HashSet<i64>,
    sessions: Sessions<'a>,
    /// Streams of Envoy's own log that no exchange answers to.
    unmatched: Vec<i64>,
    problems: Vec<String>,
}

impl<'a> Found<'a> {
    fn add(&mut self, next: Self) {
        self.used.extend(next.used);
        self.sessions.merge(next.sessions);
        self.unmatched.extend(next.unmatched);
        self.problems.extend(next.problems);
    }

    fn read(
        &mut self,
        connection: &Connection,
        stretch: &Stretch,
        introductions: &'a Introductions,
    ) -> Fallible<()> {
        let columns = "exchange, id, boot, seq, at, introduction, ending, received_at";
        let mut parts = select(connection, columns, "parts", "exchange", stretch)?;
        let columns = "id, session, status, started_at, introduced_by, ended_by";
        let mut rows = select(connection, columns, "exchanges", "id", stretch)?;
        let mut witnesses = select(connection, "exchange, id", "witness", "exchange", stretch)?;
        let mut waiting = select(connection, "exchange, at", "unwitnessed", "exchange", stretch)?;
        let mut parts = begun(&mut parts, stretch)?;
        let mut rows = begun(&mut rows, stretch)?;
        let mut witnesses = begun(&mut witnesses, stretch)?;
        let mut waiting = begun(&mut waiting, stretch)?;
        loop {
            let exchange = Exchange::read(&mut parts, introductions, &mut self.used)?;
            let id = exchange.as_ref().map(|exchange| exchange.id.as_str());
            while let Some(row) = before(&rows, id)? {
                self.problems.push(format!("exchange {} has no part", named(row)?));
                rows.advance()?;
            }
            while let Some(row) = before(&waiting, id)? {
                self.problems.push(format!("exchange {} waits and has no part", named(row)?));
                waiting.advance()?;
            }
            while let Some(row) = before(&witnesses, id)? {
                self.unmatched.push(row.get(1)?);
                witnesses.advance()?;
            }
            let Some(exchange) = exchange else { return Ok(()) };
            let id = &exchange.id;
            let session = exchange.session();
            let is_right = match at(&rows, id)? {
                Some(row) => exchange.is_row(row, &session)?,
                None => false,
            };
            if !is_right {
                self.problems.push(format!("exchange {id} is listed as what its parts do not say"));
            }
            let since = match at(&waiting, id)? {
                Some(row) => Some(row.get(1)?),
                None => None,
            };
            let has_witness = at(&witnesses, id)?.is_some();
            if since != Some(exchange.received_at()).filter(|_| !has_witness) {
                self.problems
                    .push(format!("what waits for Envoy's log is not as exchange {id} says"));
            }
            for others in [&mut rows, &mut witnesses, &mut waiting] {
                while at(others, id)?.is_some() {
                    others.advance()?;
                }
            }
            self.sessions.add(session, &exchange);
        }
    }
}

/// Rows of a stretch in the order of their exchange, which is their first column.
fn select<'c>(
    connection: &'c Connection,
    columns: &str,
    table: &str,
    exchange: &str,
    (_, to): &Stretch,
) -> Fallible<Statement<'c>> {
    let end = to.as_ref().map_or(String::new(), |_| format!("AND {exchange} < ?2"));
    connection.prepare(&format!(
        "SELECT {columns} FROM {table} WHERE {exchange} >= ?1 {end} ORDER BY {exchange}"
    ))
}

fn begun<'s>(statement: &'s mut Statement<'_>, (from, to): &Stretch) -> Fallible<Rows<'s>> {
    let mut rows = statement.query(params_from_iter(std::iter::once(from).chain(to)))?;
    rows.advance()?;
    Ok(rows)
}

/// The row, if its exchange comes before one; before none, any.
fn before<'r>(rows: &'r Rows<'_>, id: Option<&str>) -> Fallible<Option<&'r Row<'r>>> {
    let Some(row) = rows.get() else { return Ok(None) };
    let key = row.get_ref(0)?.as_bytes().unwrap_or_default();
    Ok(id.is_none_or(|id| key < id.as_bytes()).then_some(row))
}

/// The row, if it is of this exchange.
fn at<'r>(rows: &'r Rows<'_>, id: &str) -> Fallible<Option<&'r Row<'r>>> {
    let Some(row) = rows.get() else { return Ok(None) };
    let key = row.get_ref(0)?.as_bytes().unwrap_or_default();
    Ok((key == id.as_bytes()).then_some(row))
}

fn named(row: &Row<'_>) -> Fallible<String> {
    Ok(String::from_utf8_lossy(row.get_ref(0)?.as_bytes().unwrap_or_default()).into_owned())
}

/// Streams without a record: those that no exchange answers to, and those that name none.
fn strangers(
    connection: &Connection,
    mut found: Vec<i64>,
    problems: &mut Vec<String>,
) -> Fallible<()> {
    let ids = |query: &str| {
        let mut statement = connection.prepare(query)?;
        let ids = statement.query_map([], |row| row.get(0))?;
        ids.collect::<Fallible<Vec<i64>>>()
    };
    found.append(&mut ids("SELECT id FROM witness WHERE exchange IS NULL")?);
    found.sort_unstable();
    let noted = ids("SELECT witness FROM unmatched JOIN witness ON witness.id = witness
         WHERE unmatched.exchange IS witness.exchange AND at = received_at ORDER BY witness")?;
    let all = ids("SELECT COUNT(*) FROM unmatched")?;
    if noted != found || all != [found.len() as i64] {
        problems.push("the streams without a record are not those of Envoy's log".to_owned());
    }
    Ok(())
}
