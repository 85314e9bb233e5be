//! Search over everything that was said: the newest session first, and of one the last turn first.
//!
//! Rights and filters are part of the query. When few sessions are asked for, each is searched by its
//! own range of keys; else the words are, and sessions that were not asked for are passed over.

use super::error::ArchiveError;
use super::filter::Where;
use super::query::phrases;
use super::schema::{key, number_of, place_of};
use super::snippet::Snippets;
use super::texts::{self, PLACES, STRIDE};
use super::view::View;
use crate::listing::{Filter, Hit, Page, Row};
use crate::model::{Block, ToolCall, Turn};
use rusqlite::types::Value;
use rusqlite::{params, params_from_iter};
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

/// Hits of a page, at most.
const PAGE: usize = 200;
/// Sessions that are searched one by one.
const FEW: usize = 2000;

impl View {
    /// Where words stand: every word, in one text of a turn (its prompt, its answer, …), in any order.
    /// A phrase in quotes, and a word with punctuation within it, stands as it is; `conf*` is any word
    /// that begins so (three characters or more). Letters' case and accents do not matter. A word is a run
    /// of letters and digits: one within a longer word is not found.
    ///
    /// `after` is the `next` of the page before; at most 200 hits a page.
    ///
    /// # Errors
    /// [`ArchiveError::NoWords`]; when `after` is no cursor, or the database fails.
    pub fn search(
        &self,
        text: &str,
        filter: &Filter,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Page<Hit>, ArchiveError> {
        let limit = limit.clamp(1, PAGE);
        let phrases = phrases(text)?;
        let before = match after {
            Some(after) => after.parse::<i64>().map_err(|_| ArchiveError::Cursor)?,
            None => i64::MAX,
        };
        let _moment = self.connection.unchecked_transaction()?;
        let wanted = Where::of(filter, self.now)?;
        let mut found = self.found(&phrases.join(" AND "), &wanted, before, limit + 1)?;
        let more = found.len() > limit;
        found.truncate(limit);
        let next = found.last().filter(|_| more).map(ToString::to_string);
        let mut rows = BTreeMap::new();
        let mut items = Vec::with_capacity(found.len());
        for id in found {
            items.extend(self.hit(id, &phrases, &mut rows)?);
        }
        Ok(Page { items, next })
    }

    /// Keys of texts, the last first.
    fn found(
        &self,
        expression: &str,
        wanted: &Where,
        before: i64,
        limit: usize,
    ) -> Result<Vec<i64>, ArchiveError> {
        let few = if wanted.is_empty() { None } else { self.few(wanted, before)? };
        if let Some(few) = few {
            let mut statement = self.connection.prepare_cached(
                "SELECT rowid FROM search WHERE search MATCH ?1 AND rowid >= ?2 AND rowid < ?3
                 ORDER BY rowid DESC LIMIT ?4",
            )?;
            let mut found = Vec::new();
            for number in few {
                let end = key(number + 1, 0).min(before);
                let left = (limit - found.len()) as i64;
                let rows = statement
                    .query_map(params![expression, key(number, 0), end, left], |row| row.get(0))?;
                for id in rows {
                    found.push(id?);
                }
                if found.len() >= limit {
                    break;
                }
            }
            return Ok(found);
        }
        let condition = if wanted.is_empty() {
            String::new()
        } else {
            format!(" AND (rowid >> 24) IN (SELECT number FROM sessions WHERE {})", wanted.sql())
        };
        let query = format!(
            "SELECT rowid FROM search WHERE search MATCH ? AND rowid < ?{condition}
             ORDER BY rowid DESC LIMIT ?"
        );
        let mut values = vec![Value::from(expression.to_owned()), Value::from(before)];
        values.extend(wanted.values.iter().cloned());
        values.push(Value::from(limit as i64));
        let mut statement = self.connection.prepare_cached(&query)?;
        let rows = statement.query_map(params_from_iter(values), |row| row.get(0))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// The sessions that are asked for, the newest first, if they are few.
    fn few(&self, wanted: &Where, before: i64) -> Result<Option<Vec<i64>>, ArchiveError> {
        let query = format!(
            "SELECT number FROM sessions WHERE {} AND number <= ? ORDER BY number DESC LIMIT ?",
            wanted.sql()
        );
        let mut values = wanted.values.clone();
        values.push(Value::from(number_of(before)));
        values.push(Value::from(FEW as i64 + 1));
        let mut statement = self.connection.prepare_cached(&query)?;
        let rows = statement.query_map(params_from_iter(values), |row| row.get(0))?;
        let numbers: Vec<i64> = rows.collect::<Result<_, _>>()?;
        Ok((numbers.len() <= FEW).then_some(numbers))
    }

    fn hit(
        &self,
        id: i64,
        phrases: &[String],
        rows: &mut BTreeMap<i64, Option<Row>>,
    ) -> Result<Option<Hit>, ArchiveError> {
        let (number, place) = (number_of(id), place_of(id));
        let (index, kind) = (place / STRIDE, place % STRIDE);
        if let Entry::Vacant(place) = rows.entry(number) {
            place.insert(self.one("SELECT json FROM rows WHERE number = ?1", number, number)?);
        }
        let turn: Option<Turn> =
            self.one("SELECT json FROM turns WHERE id = ?1", key(number, index), number)?;
        let (Some(Some(row)), Some(turn)) = (rows.get(&number), turn) else { return Ok(None) };
        let mut calls: BTreeMap<usize, ToolCall> = BTreeMap::new();
        for block in &turn.answer {
            if let Block::ToolUse { call } = block
                && let Some(found) = self.call_of(number, *call)?
            {
                calls.insert(*call, found);
            }
        }
        let texts = texts::of_turn(&turn, |call| calls.get(&call));
        let text = texts.get(kind).map(String::as_str).unwrap_or_default();
        let snippets = match self.snippets.get() {
            Some(snippets) => snippets,
            None => {
                let snippets = Snippets::new()?;
                self.snippets.get_or_init(|| snippets)
            }
        };
        Ok(Some(Hit {
            session: row.id.clone(),
            title: row.title.clone(),
            subject: row.subject.clone(),
            turn: turn.number,
            at: turn.started_at,
            place: PLACES.get(kind).map(|place| place.name()).unwrap_or_default().to_owned(),
            snippet: snippets.of(text, phrases)?,
        }))
    }
}
