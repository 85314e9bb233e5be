//! An exchange's parts without what they share: for readers that take a whole session.
//!
//! ```text
//! outline       {…"body":{"model":…,"messages":[],"tools":null,…}…}
//! streams                             chain 9       chain 4
//! blocks_after  9 ─▶ 8 ─▶ 7 (known)   one for each message that is new
//! ```
//!
//! A request repeats its conversation. Who follows its chains back to what is known already, and
//! reads each block once, reads a session of n turns in O(n).

use crate::content::unwrapped;
use crate::error::StoreError;
use crate::reader::Reader;
use hansard_record::Members;
use hansard_record::fold::Pieces;
use rusqlite::{OptionalExtension, ToSql};

/// A part, less the texts that it shares with others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outline {
    /// `opened`, `progress`, `closed` or `refused`.
    pub kind: String,
    /// The VM that wrote it.
    pub boot: String,
    /// Its number within the boot.
    pub seq: i64,
    /// When it was made, in Unix milliseconds.
    pub at: i64,
    /// The record, with `null` for the tools and the system prompt and an empty list for the
    /// messages, where these are streams.
    pub json: String,
    /// The texts that are not in it.
    pub streams: Vec<Stream>,
    /// The `cache_control` members that were taken out of them, and where they stood: the same for
    /// the same body.
    pub markers: String,
}

/// A text that a part shares, by the end of its chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stream {
    /// What it is in the request's body.
    pub member: Member,
    /// The chain's last node. A node's number never means another text.
    pub chain: i64,
    key: i64,
}

/// A member of a request's body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Member {
    /// `tools`, as one block: a JSON value.
    Tools,
    /// `system`, as one block: a JSON value.
    System,
    /// `messages`, one block each: a JSON value, behind a comma if it is not the first.
    Messages,
}

/// A node of a chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Link {
    /// The node.
    pub chain: i64,
    /// The node before; 0 for none.
    pub parent: i64,
    /// The node's text.
    pub block: i64,
}

impl Reader {
    /// The parts of an exchange, in the order of their numbers, without what they share.
    ///
    /// # Errors
    /// When the database fails, or the session was erased.
    pub fn outline(&self, exchange: &str) -> Result<Vec<Outline>, StoreError> {
        self.outlines("exchange = ?1", &exchange, exchange)
    }

    /// The part of one entry, without what it shares; none when the entry is of no part.
    ///
    /// # Errors
    /// As [`Reader::outline`].
    pub fn outline_at(&self, entry: i64) -> Result<Option<Outline>, StoreError> {
        Ok(self.outlines("parts.id = ?1", &entry, "this part")?.pop())
    }

    fn outlines(
        &self,
        which: &str,
        argument: &dyn ToSql,
        name: &str,
    ) -> Result<Vec<Outline>, StoreError> {
        let mut statement = self.connection().prepare_cached(&format!(
            "SELECT kind, boot, seq, at, key, frame, streams FROM parts
             WHERE {which} ORDER BY boot, seq"
        ))?;
        let mut rows = statement.query([argument])?;
        let mut outlines = Vec::new();
        while let Some(row) = rows.next()? {
            let (boot, seq): (String, i64) = (row.get(1)?, row.get(2)?);
            let damaged = || StoreError::Damaged { boot: boot.clone(), seq };
            let id: i64 = row.get(4)?;
            let key = unwrapped(self.connection(), self.master()?, id)?
                .ok_or_else(|| StoreError::Erased { name: name.to_owned() })?;
            let sealed = row.get_ref(5)?.as_blob().map_err(|_| damaged())?;
            let frame = key.open(sealed).ok_or_else(damaged)?;
            let (json, places, markers) = Pieces::outline(&frame).ok_or_else(damaged)?;
            let json = String::from_utf8(json).map_err(|_| damaged())?;
            let chains: Vec<i64> =
                serde_json::from_str(&row.get::<_, String>(6)?).map_err(|_| damaged())?;
            let members = members(&json, &places).ok_or_else(damaged)?;
            if members.len() != chains.len() {
                return Err(damaged());
            }
            let streams = members.into_iter().zip(chains);
            outlines.push(Outline {
                kind: row.get(0)?,
                at: row.get(3)?,
                streams: streams.map(|(member, chain)| Stream { member, chain, key: id }).collect(),
                boot,
                seq,
                json,
                markers,
            });
        }
        Ok(outlines)
    }

    /// A chain's nodes in their order, from behind the last that is known.
    ///
    /// # Errors
    /// When the database fails, or a node is missing.
    pub fn blocks_after(
        &self,
        stream: &Stream,
        known: impl Fn(i64) -> bool,
    ) -> Result<Vec<Link>, StoreError> {
        let mut statement =
            self.connection().prepare_cached("SELECT parent, block FROM chains WHERE id = ?1")?;
        let mut links = Vec::new();
        let mut chain = stream.chain;
        while chain != 0 && !known(chain) {
            let (parent, block) = statement
                .query_row([chain], |row| Ok((row.get(0)?, row.get(1)?)))
                .optional()?
                .ok_or(StoreError::Unreadable)?;
            // A chain only ever grows from what is there: anything else was put in from outside.
            if parent >= chain {
                return Err(StoreError::Unreadable);
            }
            links.push(Link { chain, parent, block });
            chain = parent;
        }
        links.reverse();
        Ok(links)
    }

    /// The texts of blocks of a stream.
    ///
    /// # Errors
    /// When the session was erased, or a block can no longer be read.
    pub fn block_texts(&self, stream: &Stream, blocks: &[i64]) -> Result<Vec<String>, StoreError> {
        let key = unwrapped(self.connection(), self.master()?, stream.key)?
            .ok_or(StoreError::Unreadable)?;
        let mut statement =
            self.connection().prepare_cached("SELECT sealed FROM blocks WHERE id = ?1")?;
        let mut texts = Vec::with_capacity(blocks.len());
        for block in blocks {
            let sealed: Option<Vec<u8>> =
                statement.query_row([block], |row| row.get(0)).optional()?;
            let text = sealed.and_then(|sealed| key.open(&sealed));
            let text = text.and_then(|text| String::from_utf8(text).ok());
            texts.push(text.ok_or(StoreError::Unreadable)?);
        }
        Ok(texts)
    }
}

/// Which members of the body stand at these places; `None` when one is no member.
fn members(part: &str, places: &[usize]) -> Option<Vec<Member>> {
    if places.is_empty() {
        return Some(Vec::new());
    }
    let record: Members<'_> = serde_json::from_str(part).ok()?;
    let record = record.0.first()?.1;
    let content = ["part", "", "request", "body"].iter().try_fold(record, |value, name| {
        let members: Members<'_> = serde_json::from_str(value.get()).ok()?;
        let found = members.0.into_iter().find(|member| name.is_empty() || member.0 == *name);
        found.map(|member| member.1)
    })?;
    let body: Members<'_> = serde_json::from_str(content.get()).ok()?;
    let member = |place: &usize| {
        body.0.iter().find_map(|(name, value)| {
            let start = (value.get().as_ptr() as usize).checked_sub(part.as_ptr() as usize)?;
            let end = start.checked_add(value.get().len())?;
            if !(start..end).contains(place) {
                return None;
            }
            match name.as_str() {
                "tools" => Some(Member::Tools),
                "system" => Some(Member::System),
                "messages" => Some(Member::Messages),
                _ => None,
            }
        })
    };
    places.iter().map(member).collect()
}

#[cfg(test)]
mod tests;
