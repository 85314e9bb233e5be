//! Blame: which tool call suggested a line.
//!
//! Of several calls with the same line, those that wrote a file of the asked-for name come first, then
//! those that were carried out, then the latest.

use super::error::ArchiveError;
use super::filter::Where;
use super::schema::{key, number_of, place_of};
use super::suggested;
use super::view::View;
use crate::listing::Filter;
use crate::model::{Outcome, Session, ToolCall};
use rusqlite::params_from_iter;
use serde::{Deserialize, Serialize};
use std::cmp::Reverse;
use std::collections::{HashMap, HashSet};

/// Calls with the same line that are looked at, the latest first.
const CANDIDATES: usize = 200;
/// Calls with the most lines of the file, for lines that everybody writes.
const ELECTED: usize = 32;
/// Calls of one line that are weighed against each other.
const WEIGHED: usize = 32;

/// Who suggested a line.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Attribution {
    /// The session's id.
    pub session: String,
    /// `iss`.
    pub issuer: String,
    /// `sub`.
    pub subject: String,
    /// `email`, when the issuer gives one.
    pub email: Option<String>,
    /// The turn's number, from 1.
    pub turn: usize,
    /// The model that was asked.
    pub model: Option<String>,
    /// When it was suggested, in Unix milliseconds.
    pub at: i64,
    /// Index of the call.
    pub call: usize,
    /// The tool.
    pub tool: String,
    /// The path that it is about, as the client names it.
    pub path: String,
    /// What became of it.
    pub outcome: Outcome,
    /// Whether the line is the same with its white space.
    pub exact: bool,
}

impl View {
    /// For each line, who suggested it; none where nobody did.
    ///
    /// `path`: the file's, of which the name and as many folders as agree count. `filter`: only in
    /// sessions for which it holds.
    ///
    /// # Errors
    /// When the database fails.
    pub fn blame(
        &self,
        lines: &[&str],
        path: Option<&str>,
        filter: &Filter,
    ) -> Result<Vec<Option<Attribution>>, ArchiveError> {
        let _moment = self.connection.unchecked_transaction()?;
        let mut search =
            Search { view: self, allowed: Allowed::of(filter)?, calls: HashMap::new() };
        let digests: Vec<Option<i64>> = lines.iter().map(|line| suggested::digest(line)).collect();
        let mut candidates: HashMap<i64, Vec<i64>> = HashMap::new();
        let mut votes: HashMap<i64, usize> = HashMap::new();
        for digest in digests.iter().flatten() {
            if !candidates.contains_key(digest) {
                let found = search.candidates(*digest)?;
                // What everybody writes says nothing of whose the file is.
                if found.len() < CANDIDATES {
                    for call in &found {
                        *votes.entry(*call).or_default() += 1;
                    }
                }
                candidates.insert(*digest, found);
            }
        }
        let mut elected: Vec<i64> = votes.keys().copied().collect();
        elected.sort_unstable_by_key(|call| Reverse((votes.get(call).copied(), *call)));
        elected.truncate(ELECTED);
        let mut chosen = Vec::with_capacity(lines.len());
        for digest in &digests {
            let Some(digest) = digest else {
                chosen.push(None);
                continue;
            };
            let mut calls = candidates.get(digest).cloned().unwrap_or_default();
            if calls.len() == CANDIDATES {
                // Everybody writes such a line: who wrote those around it counts.
                calls.extend(search.of_these(*digest, &elected)?);
            }
            calls.sort_unstable_by_key(|call| Reverse((votes.get(call).copied(), *call)));
            calls.dedup();
            calls.truncate(WEIGHED);
            let mut best = None;
            for call in calls {
                let Some(known) = search.call(call)? else { continue };
                let weight =
                    (known.agrees(path), known.was_made(), votes.get(&call).copied(), call);
                best = best.max(Some(weight));
            }
            chosen.push(best.map(|(.., call)| call));
        }
        search.fill(lines, &mut chosen)?;
        lines.iter().zip(chosen).map(|(line, call)| search.attribution(line, call)).collect()
    }
}

/// Which sessions may be told of.
struct Allowed {
    wanted: Where,
    known: HashMap<i64, bool>,
}

impl Allowed {
    fn of(filter: &Filter) -> Result<Self, ArchiveError> {
        Ok(Self { wanted: Where::of(filter, None)?, known: HashMap::new() })
    }

    fn holds(&mut self, view: &View, number: i64) -> Result<bool, ArchiveError> {
        if self.wanted.is_empty() {
            return Ok(true);
        }
        if let Some(known) = self.known.get(&number) {
            return Ok(*known);
        }
        let query = format!("SELECT 1 FROM sessions WHERE {} AND number = ?", self.wanted.sql());
        let values = self.wanted.values.iter().cloned().chain([number.into()]);
        let holds = view.connection.prepare_cached(&query)?.exists(params_from_iter(values))?;
        self.known.insert(number, holds);
        Ok(holds)
    }
}

/// A call, and what it would write.
struct Known {
    call: ToolCall,
    lines: HashSet<String>,
}

impl Known {
    /// How many parts of the path agree, from its end.
    fn agrees(&self, path: Option<&str>) -> usize {
        let Some(path) = path else { return 0 };
        let parts = |path: &str| -> Vec<String> {
            path.rsplit(['/', '\\']).filter(|part| *part != ".").map(str::to_owned).collect()
        };
        let (own, asked) = (parts(&self.call.about), parts(path));
        own.iter().zip(&asked).take_while(|(own, asked)| own == asked).count()
    }

    fn was_made(&self) -> bool {
        self.call.outcome == Outcome::Ran
    }
}

struct Search<'v> {
    view: &'v View,
    allowed: Allowed,
    calls: HashMap<i64, Option<Known>>,
}

impl Search<'_> {
    /// The latest calls with a line.
    fn candidates(&mut self, digest: i64) -> Result<Vec<i64>, ArchiveError> {
        let mut statement = self.view.connection.prepare_cached(
            "SELECT call FROM lines WHERE digest = ?1 ORDER BY call DESC LIMIT ?2",
        )?;
        let rows = statement.query_map([digest, CANDIDATES as i64], |row| row.get(0))?;
        let mut calls = Vec::new();
        for call in rows {
            let call = call?;
            if self.allowed.holds(self.view, number_of(call))? {
                calls.push(call);
            }
        }
        Ok(calls)
    }

    /// Of these calls, those with a line.
    fn of_these(&self, digest: i64, calls: &[i64]) -> Result<Vec<i64>, ArchiveError> {
        let mut statement = self
            .view
            .connection
            .prepare_cached("SELECT 1 FROM lines WHERE digest = ?1 AND call = ?2")?;
        let mut found = Vec::new();
        for call in calls {
            if statement.exists([digest, *call])? {
                found.push(*call);
            }
        }
        Ok(found)
    }

    fn call(&mut self, id: i64) -> Result<Option<&Known>, ArchiveError> {
        if !self.calls.contains_key(&id) {
            let call = self.view.call_of(number_of(id), place_of(id))?;
            let known = call.map(|call| Known {
                lines: suggested::texts(&call)
                    .iter()
                    .flat_map(|text| text.lines())
                    .map(str::to_owned)
                    .collect(),
                call,
            });
            self.calls.insert(id, known);
        }
        Ok(self.calls.get(&id).and_then(Option::as_ref))
    }

    /// A line that says nothing (`}`) is of the call whose lines stand around it, if it has such a one.
    fn fill(&mut self, lines: &[&str], chosen: &mut [Option<i64>]) -> Result<(), ArchiveError> {
        let mut behind: Vec<Option<i64>> = vec![None; chosen.len()];
        let mut next = None;
        let says = |line: &str| suggested::digest(line).is_some();
        for ((line, call), behind) in lines.iter().zip(chosen.iter()).zip(&mut behind).rev() {
            *behind = next;
            if says(line) {
                next = *call;
            }
        }
        let mut before = None;
        for ((line, call), behind) in lines.iter().zip(chosen).zip(behind) {
            if says(line) {
                before = *call;
            } else if let (Some(above), true) = (before, before == behind || behind.is_none())
                && let Some(known) = self.call(above)?
                && known.lines.iter().any(|own| own.trim() == line.trim())
            {
                *call = Some(above);
            }
        }
        Ok(())
    }

    fn attribution(
        &mut self,
        line: &str,
        call: Option<i64>,
    ) -> Result<Option<Attribution>, ArchiveError> {
        let Some(id) = call else { return Ok(None) };
        let (view, number) = (self.view, number_of(id));
        let Some(known) = self.call(id)? else { return Ok(None) };
        let row: Option<Whose> =
            view.one("SELECT json FROM heads WHERE number = ?1", number, number)?;
        let turn: Option<Asked> =
            view.one("SELECT json FROM turns WHERE id = ?1", key(number, known.call.turn), number)?;
        let (Some(Whose { session }), Some(turn)) = (row, turn) else { return Ok(None) };
        Ok(Some(Attribution {
            session: session.id,
            issuer: session.issuer,
            subject: session.subject,
            email: session.email,
            turn: turn.number,
            model: turn.model,
            at: known.call.at,
            call: place_of(id),
            tool: known.call.name.clone(),
            path: known.call.about.clone(),
            outcome: known.call.outcome.clone(),
            exact: known.lines.contains(line.trim_end_matches(['\r', '\n'])),
        }))
    }
}

/// Of a head, whose session it is.
#[derive(Deserialize)]
struct Whose {
    session: Session,
}

/// Of a turn, what was asked.
#[derive(Deserialize)]
struct Asked {
    number: usize,
    model: Option<String>,
}
