//! Blocks and chains in the database: put there by the writer, read back by whoever has the keys.

use super::pieces::Pieces;
use super::seal::{Master, Packer, SessionKey};
use crate::error::StoreError;
use rusqlite::{Connection, OptionalExtension, params};
use sha2::{Digest, Sha256};
use std::collections::HashMap;

/// SHA-256 of a sealed block, or of a chain up to a block.
pub(crate) type Sum = [u8; 32];

/// Session keys that are kept unwrapped.
const KEYS: usize = 4096;

/// The writer's side.
#[derive(Debug)]
pub(crate) struct Shelf {
    master: Master,
    keys: HashMap<String, (i64, SessionKey)>,
    packer: Packer,
}

/// Where a part's content went, and what the log says of it.
#[derive(Debug)]
pub(crate) struct Stored {
    pub(crate) key: i64,
    pub(crate) frame: i64,
    pub(crate) chains: Vec<i64>,
    pub(crate) frame_sum: Sum,
    pub(crate) chain_sums: Vec<Sum>,
    /// Tells the same part from another, under the session's key.
    pub(crate) mac: Vec<u8>,
}

impl Shelf {
    pub(crate) fn new(master: Master) -> Result<Self, StoreError> {
        let packer = Packer::new().ok_or(StoreError::Sealing)?;
        Ok(Self { master, keys: HashMap::new(), packer })
    }

    /// Forgets what a transaction that was rolled back, or an erasure, may have made untrue.
    pub(crate) fn forget(&mut self) {
        self.keys.clear();
    }

    /// Stores a part's content under a session's key. What is there already is not stored again.
    pub(crate) fn store(
        &mut self,
        connection: &Connection,
        session: &str,
        part: &[u8],
        pieces: &Pieces,
    ) -> Result<Stored, StoreError> {
        self.find_key(connection, session)?;
        let Self { keys, packer, .. } = self;
        let (id, key) = keys.get(session).ok_or(StoreError::Sealing)?;
        let id = *id;
        let (frame, frame_sum) = block(connection, id, key, packer, &pieces.frame)?;
        let mut chains = Vec::with_capacity(pieces.streams.len());
        let mut chain_sums = Vec::with_capacity(pieces.streams.len());
        for stream in &pieces.streams {
            let mut end = (0, [0; 32]);
            for piece in stream {
                let block = block(connection, id, key, packer, piece)?;
                end = link(connection, end, block)?;
            }
            chains.push(end.0);
            chain_sums.push(end.1);
        }
        let mac = key.name(part).to_vec();
        Ok(Stored { key: id, frame, chains, frame_sum, chain_sums, mac })
    }

    /// Stores one text under a session's key: the key, the block and its digest.
    pub(crate) fn store_text(
        &mut self,
        connection: &Connection,
        session: &str,
        text: &[u8],
    ) -> Result<(i64, i64, Sum), StoreError> {
        self.find_key(connection, session)?;
        let Self { keys, packer, .. } = self;
        let (id, key) = keys.get(session).ok_or(StoreError::Sealing)?;
        let (block, sum) = block(connection, *id, key, packer, text)?;
        Ok((*id, block, sum))
    }

    /// Whether a stored part has these bytes; `true` also when its key was destroyed.
    pub(crate) fn is_same(
        &self,
        connection: &Connection,
        key: i64,
        mac: &[u8],
        part: &[u8],
    ) -> Result<bool, StoreError> {
        let key = unwrapped(connection, &self.master, key)?;
        Ok(key.is_none_or(|key| key.name(part) == *mac))
    }

    /// Makes sure that a session's key is at hand.
    fn find_key(&mut self, connection: &Connection, session: &str) -> Result<(), StoreError> {
        if self.keys.len() >= KEYS {
            self.keys.clear();
        }
        if !self.keys.contains_key(session) {
            let there: Option<(i64, Vec<u8>)> = connection
                .prepare_cached(
                    "SELECT id, wrapped FROM keys WHERE session = ?1 AND wrapped IS NOT NULL
                     ORDER BY id DESC LIMIT 1",
                )?
                .query_row([session], |row| Ok((row.get(0)?, row.get(1)?)))
                .optional()?;
            let key = match there {
                Some((id, wrapped)) => {
                    (id, self.master.unwrap(session, &wrapped).ok_or(StoreError::WrongKey)?)
                }
                None => {
                    let (key, wrapped) = self.master.make(session).ok_or(StoreError::Sealing)?;
                    connection
                        .prepare_cached("INSERT INTO keys (session, wrapped) VALUES (?1, ?2)")?
                        .execute(params![session, wrapped])?;
                    (connection.last_insert_rowid(), key)
                }
            };
            self.keys.insert(session.to_owned(), key);
        }
        Ok(())
    }
}

/// The block of a text, stored if it is not there.
fn block(
    connection: &Connection,
    key_id: i64,
    key: &SessionKey,
    packer: &mut Packer,
    text: &[u8],
) -> Result<(i64, Sum), StoreError> {
    let name = key.name(text);
    let there = connection
        .prepare_cached("SELECT id, sum FROM blocks WHERE key = ?1 AND name = ?2")?
        .query_row(params![key_id, name], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    if let Some(there) = there {
        return Ok(there);
    }
    let sealed = key.seal(packer, text).ok_or(StoreError::Sealing)?;
    let sum: Sum = Sha256::digest(&sealed).into();
    connection
        .prepare_cached("INSERT INTO blocks (key, name, sum, sealed) VALUES (?1, ?2, ?3, ?4)")?
        .execute(params![key_id, name, sum, sealed])?;
    Ok((connection.last_insert_rowid(), sum))
}

/// A chain that goes on with a block.
fn link(
    connection: &Connection,
    (parent, parent_sum): (i64, Sum),
    (block, block_sum): (i64, Sum),
) -> Result<(i64, Sum), StoreError> {
    let there = connection
        .prepare_cached("SELECT id, sum FROM chains WHERE parent = ?1 AND block = ?2")?
        .query_row([parent, block], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    if let Some(there) = there {
        return Ok(there);
    }
    let sum = chain_sum(&parent_sum, &block_sum);
    connection
        .prepare_cached("INSERT INTO chains (parent, block, sum) VALUES (?1, ?2, ?3)")?
        .execute(params![parent, block, sum])?;
    Ok((connection.last_insert_rowid(), sum))
}

/// SHA-256 over the chain so far (32 zero bytes for none) and the next block's.
pub(crate) fn chain_sum(parent: &Sum, block: &Sum) -> Sum {
    Sha256::new().chain_update(parent).chain_update(block).finalize().into()
}

/// What a stored part says. `None`: its session was erased.
pub(crate) fn read_part(
    connection: &Connection,
    master: &Master,
    key: i64,
    frame: i64,
    chains: &[i64],
) -> Result<Option<Vec<u8>>, StoreError> {
    let Some(key) = unwrapped(connection, master, key)? else { return Ok(None) };
    let open = |sealed: Vec<u8>| key.open(&sealed).ok_or(StoreError::Unreadable);
    let frame = connection
        .prepare_cached("SELECT sealed FROM blocks WHERE id = ?1")?
        .query_row([frame], |row| row.get(0))
        .optional()?
        .ok_or(StoreError::Unreadable)
        .and_then(open)?;
    let mut streams = Vec::with_capacity(chains.len());
    let mut chain = connection.prepare_cached(
        "WITH RECURSIVE back (parent, block, place) AS (
             SELECT parent, block, 0 FROM chains WHERE id = ?1
             UNION ALL
             SELECT chains.parent, chains.block, place + 1 FROM chains JOIN back
             ON chains.id = back.parent)
         SELECT sealed FROM back JOIN blocks ON blocks.id = back.block ORDER BY place DESC",
    )?;
    for end in chains {
        let mut stream = Vec::new();
        let mut rows = chain.query([end])?;
        while let Some(row) = rows.next()? {
            stream.append(&mut open(row.get(0)?)?);
        }
        streams.push(stream);
    }
    Pieces::join(&frame, &streams).map(Some).ok_or(StoreError::Unreadable)
}

/// What a stored text says. `None`: its session was erased.
pub(crate) fn read_text(
    connection: &Connection,
    master: &Master,
    key: i64,
    block: i64,
) -> Result<Option<Vec<u8>>, StoreError> {
    let Some(key) = unwrapped(connection, master, key)? else { return Ok(None) };
    let sealed: Vec<u8> = connection
        .prepare_cached("SELECT sealed FROM blocks WHERE id = ?1")?
        .query_row([block], |row| row.get(0))
        .optional()?
        .ok_or(StoreError::Unreadable)?;
    key.open(&sealed).map(Some).ok_or(StoreError::Unreadable)
}

/// A session's key by its id. `None`: it was destroyed.
pub(crate) fn unwrapped(
    connection: &Connection,
    master: &Master,
    id: i64,
) -> Result<Option<SessionKey>, StoreError> {
    let (session, wrapped): (String, Option<Vec<u8>>) = connection
        .prepare_cached("SELECT session, wrapped FROM keys WHERE id = ?1")?
        .query_row([id], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?
        .ok_or(StoreError::Unreadable)?;
    match wrapped {
        Some(wrapped) => master.unwrap(&session, &wrapped).map(Some).ok_or(StoreError::WrongKey),
        None => Ok(None),
    }
}
