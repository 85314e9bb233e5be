//! Blocks and chains in the database: put there by the writer, read back by whoever has the keys.

use super::seal::{Master, SessionKey};
use super::{Content, Piece, Stream, packed};
use crate::error::StoreError;
use hansard_record::fold::{Chain, Pieces};
use rusqlite::{Connection, OptionalExtension, params};
use sha2::{Digest, Sha256};
use std::borrow::Cow;
use std::collections::HashMap;

/// SHA-256 of a sealed block, or of a chain up to a block.
pub(crate) type Sum = [u8; 32];

/// HMAC of a digest, under which a block or a chain is found again.
type Name = [u8; 16];

/// Session keys that are kept unwrapped.
const KEYS: usize = 4096;

/// The writer's side.
#[derive(Debug)]
pub(crate) struct Shelf {
    master: Master,
    keys: HashMap<String, (i64, SessionKey)>,
}

/// Where a part's content went, and what the log says of it.
#[derive(Debug)]
pub(crate) struct Stored {
    pub(crate) key: i64,
    pub(crate) frame: i64,
    pub(crate) chains: Vec<i64>,
    pub(crate) frame_sum: Sum,
    pub(crate) chain_sums: Vec<Sum>,
    /// Bytes of the part, with what was here before.
    pub(crate) bytes: usize,
    /// Tells the same part from another, under the session's key.
    pub(crate) mac: Vec<u8>,
}

/// A chain that is there.
#[derive(Clone, Copy, Default)]
struct Link {
    id: i64,
    sum: Sum,
    /// Of all its blocks' texts.
    bytes: usize,
}

impl Shelf {
    pub(crate) fn new(master: Master) -> Self {
        Self { master, keys: HashMap::new() }
    }

    /// Forgets what a transaction that was rolled back, or an erasure, may have made untrue.
    pub(crate) fn forget(&mut self) {
        self.keys.clear();
    }

    /// Stores a part's content under a session's key. What is there already is not stored again.
    ///
    /// # Errors
    /// [`StoreError::Unknown`] when the part builds on what this session's key has not sealed.
    pub(crate) fn store(
        &mut self,
        connection: &Connection,
        session: &str,
        content: &Content,
    ) -> Result<Stored, StoreError> {
        if !self.has_key(connection, session)? {
            // Without a key there is nothing that it could build on.
            if content.streams.iter().any(|stream| stream.known.is_some()) {
                return Err(StoreError::Unknown);
            }
            self.make_key(connection, session)?;
        }
        let (id, key) = self.keys.get(session).ok_or(StoreError::Sealing)?;
        let id = *id;
        // All of it is looked up before anything is written: a part that is refused leaves nothing.
        let beginnings = content.streams.iter().map(|stream| beginning(connection, key, stream));
        let beginnings = beginnings.collect::<Result<Vec<_>, _>>()?;
        let (frame, frame_sum) = new_block(connection, id, key, None, content.packed_frame())?;
        let mut chains = Vec::with_capacity(content.streams.len());
        let mut chain_sums = Vec::with_capacity(content.streams.len());
        for (number, (mut end, new)) in beginnings.into_iter().enumerate() {
            for piece in new {
                let name = key.name(&piece.digest.0);
                // A stream before may have brought the same texts.
                let there = if number > 0 { link(connection, &name)? } else { None };
                end = match there {
                    Some(there) => there,
                    None => {
                        let block = block(connection, id, key, piece)?;
                        grow(connection, end, block, &name, piece.text.len())?
                    }
                };
            }
            chains.push(end.id);
            chain_sums.push(end.sum);
        }
        let mac = key.name(&content.identity).to_vec();
        Ok(Stored { key: id, frame, chains, frame_sum, chain_sums, bytes: content.bytes, mac })
    }

    /// Stores one text under a session's key: the key, the block and its digest.
    pub(crate) fn store_text(
        &mut self,
        connection: &Connection,
        session: &str,
        text: &[u8],
    ) -> Result<(i64, i64, Sum), StoreError> {
        if !self.has_key(connection, session)? {
            self.make_key(connection, session)?;
        }
        let (id, key) = self.keys.get(session).ok_or(StoreError::Sealing)?;
        let (block, sum) = new_block(connection, *id, key, None, packed(text).map(Cow::Owned))?;
        Ok((*id, block, sum))
    }

    /// Whether a stored part says this; `true` also when its key was destroyed.
    pub(crate) fn is_same(
        &self,
        connection: &Connection,
        key: i64,
        mac: &[u8],
        content: &Content,
    ) -> Result<bool, StoreError> {
        let key = unwrapped(connection, &self.master, key)?;
        Ok(key.is_none_or(|key| key.name(&content.identity) == *mac))
    }

    /// Takes a session's key to hand; false when it has none.
    fn has_key(&mut self, connection: &Connection, session: &str) -> Result<bool, StoreError> {
        if self.keys.contains_key(session) {
            return Ok(true);
        }
        let there: Option<(i64, Vec<u8>)> = connection
            .prepare_cached(
                "SELECT id, wrapped FROM keys WHERE session = ?1 AND wrapped IS NOT NULL
                 ORDER BY id DESC LIMIT 1",
            )?
            .query_row([session], |row| Ok((row.get(0)?, row.get(1)?)))
            .optional()?;
        let Some((id, wrapped)) = there else { return Ok(false) };
        let key = self.master.unwrap(session, &wrapped).ok_or(StoreError::WrongKey)?;
        self.keep(session, id, key);
        Ok(true)
    }

    fn make_key(&mut self, connection: &Connection, session: &str) -> Result<(), StoreError> {
        let (key, wrapped) = self.master.make(session).ok_or(StoreError::Sealing)?;
        connection
            .prepare_cached("INSERT INTO keys (session, wrapped) VALUES (?1, ?2)")?
            .execute(params![session, wrapped])?;
        self.keep(session, connection.last_insert_rowid(), key);
        Ok(())
    }

    fn keep(&mut self, session: &str, id: i64, key: SessionKey) {
        if self.keys.len() >= KEYS {
            self.keys.clear();
        }
        self.keys.insert(session.to_owned(), (id, key));
    }
}

/// The longest beginning of a stream that is there, and the pieces behind it.
///
/// # Errors
/// [`StoreError::Unknown`] when the stream builds on what is not there.
fn beginning<'a>(
    connection: &Connection,
    key: &SessionKey,
    stream: &'a Stream,
) -> Result<(Link, &'a [Piece]), StoreError> {
    let find = |digest: &Chain| link(connection, &key.name(&digest.0));
    let (mut new, mut end) = (stream.pieces.as_slice(), None);
    while let (None, Some((last, before))) = (end, new.split_last()) {
        end = find(&last.digest)?;
        if end.is_none() {
            new = before;
        }
    }
    let new = stream.pieces.get(new.len()..).unwrap_or_default();
    let end = match (end, stream.known) {
        (Some(end), _) => end,
        (None, None) => Link::default(),
        (None, Some(known)) => find(&known.digest)?.ok_or(StoreError::Unknown)?,
    };
    let bytes = new.iter().map(|piece| piece.text.len()).fold(end.bytes, usize::saturating_add);
    if bytes == stream.bytes() { Ok((end, new)) } else { Err(StoreError::Unknown) }
}

/// The block of a piece, stored if it is not there: its id, its digest and its name.
fn block(
    connection: &Connection,
    key_id: i64,
    key: &SessionKey,
    piece: &Piece,
) -> Result<(i64, Sum, Name), StoreError> {
    let name = key.name(&piece.sum);
    let there = connection
        .prepare_cached("SELECT id, sum FROM blocks WHERE name = ?1")?
        .query_row([name], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    let (id, sum) = match there {
        Some(there) => there,
        None => new_block(connection, key_id, key, Some(name), piece.packed())?,
    };
    Ok((id, sum, name))
}

/// A block of its own, found again by its name, if it has one.
fn new_block(
    connection: &Connection,
    key_id: i64,
    key: &SessionKey,
    name: Option<Name>,
    packed: Option<Cow<'_, [u8]>>,
) -> Result<(i64, Sum), StoreError> {
    let sealed = packed.and_then(|packed| key.seal(&packed)).ok_or(StoreError::Sealing)?;
    let sum: Sum = Sha256::digest(&sealed).into();
    connection
        .prepare_cached("INSERT INTO blocks (key, name, sum, sealed) VALUES (?1, ?2, ?3, ?4)")?
        .execute(params![key_id, name, sum, sealed])?;
    Ok((connection.last_insert_rowid(), sum))
}

/// The chain of a name, if it is there.
fn link(connection: &Connection, name: &Name) -> Result<Option<Link>, StoreError> {
    Ok(connection
        .prepare_cached("SELECT id, sum, bytes FROM chains WHERE name = ?1")?
        .query_row([name], |row| {
            Ok(Link { id: row.get(0)?, sum: row.get(1)?, bytes: row.get::<_, i64>(2)? as usize })
        })
        .optional()?)
}

/// A new chain, one block longer.
fn grow(
    connection: &Connection,
    parent: Link,
    (block, block_sum, block_name): (i64, Sum, Name),
    name: &Name,
    bytes: usize,
) -> Result<Link, StoreError> {
    let bytes = parent.bytes.saturating_add(bytes);
    let sum = chain_sum(&parent.sum, &block_sum, [name, &block_name], bytes as u64);
    connection
        .prepare_cached(
            "INSERT INTO chains (parent, block, name, sum, bytes) VALUES (?1, ?2, ?3, ?4, ?5)",
        )?
        .execute(params![parent.id, block, name, sum, bytes as i64])?;
    Ok(Link { id: connection.last_insert_rowid(), sum, bytes })
}

/// SHA-256 over the chain so far (32 zero bytes for none), the next block's digest, the names under
/// which chain and block are found again (16 bytes each), and the bytes of all texts (8 bytes, the
/// highest first).
fn chain_sum(parent: &Sum, block: &Sum, names: [&Name; 2], bytes: u64) -> Sum {
    let mut sum = Sha256::new().chain_update(parent).chain_update(block);
    names.into_iter().for_each(|name| sum.update(name));
    sum.chain_update(bytes.to_be_bytes()).finalize().into()
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
