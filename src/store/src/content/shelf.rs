//! Blocks and chains in the database: put there by the writer, read back by whoever has the keys.

use super::names::Names;
use super::seal::{Master, SessionKey};
use super::{Content, Given, Piece, Stream};
use crate::error::StoreError;
use hansard_record::fold::{Chain, Pieces};
use rusqlite::{Connection, OptionalExtension, params};
use sha2::{Digest, Sha256};
use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

/// SHA-256 of a sealed block, or of a chain up to a block.
pub(crate) type Sum = [u8; 32];

/// HMAC of a digest, under which a block or a chain is found again.
pub(super) type Name = [u8; 16];

/// Session keys that are kept unwrapped, with their dictionaries.
const KEYS: usize = 4096;
/// Digests of chains that are kept: about 16 MB.
const SUMS: usize = 1 << 18;
/// Names that are kept, of all keys: about 8 MB.
const NAMES: usize = 1 << 18;

/// The writer's side.
#[derive(Debug)]
pub(crate) struct Shelf {
    master: Master,
    keys: HashMap<String, Held>,
    /// Names that are kept with them.
    named: usize,
    sums: Sums,
}

/// A session's key.
#[derive(Debug)]
struct Held {
    id: i64,
    given: Given,
    names: Names,
}

/// Digests of chains. They follow from what is stored: one that is not here is computed anew.
#[derive(Debug, Default)]
struct Sums(HashMap<i64, Sum>);

/// Where a part's content went, and what the log says of it.
#[derive(Debug)]
pub(crate) struct Stored<'c> {
    pub(crate) key: i64,
    /// The frame, sealed.
    pub(crate) frame: Cow<'c, [u8]>,
    pub(crate) chains: Vec<i64>,
    /// SHA-256 of the sealed frame's and each chain's digest, `mac`, `key` (8 bytes, the highest first),
    /// and the digest of what is said in the clear.
    pub(crate) content: Sum,
    /// SHA-256 of the key, wrapped, if it was made for this part.
    pub(crate) made: Option<Sum>,
    /// SHA-256 of the session's dictionary, sealed, if it was made of this part.
    pub(crate) dictionary: Option<Sum>,
    /// Bytes of the part, with what was here before.
    pub(crate) bytes: usize,
    /// Tells the same part from another, under the session's key.
    pub(crate) mac: Vec<u8>,
}

/// A chain that is there.
#[derive(Clone, Copy, Default)]
struct Link {
    id: i64,
    /// Of all its blocks' texts.
    bytes: usize,
}

impl Shelf {
    pub(crate) fn new(master: Master) -> Self {
        Self { master, keys: HashMap::new(), named: 0, sums: Sums::default() }
    }

    /// Forgets what a transaction that was rolled back, or an erasure, may have made untrue.
    pub(crate) fn forget(&mut self) {
        self.keys.clear();
        self.named = 0;
        self.sums.0.clear();
    }

    /// Stores a part's content under a session's key. What is there already is not stored again.
    /// `clear`: the digest of what the part says in the clear.
    ///
    /// # Errors
    /// [`StoreError::Unknown`] when the part builds on what this session's key has not sealed.
    pub(crate) fn store<'c>(
        &mut self,
        connection: &Connection,
        session: &str,
        content: &'c Content,
        clear: &Sum,
    ) -> Result<Stored<'c>, StoreError> {
        let mut made = None;
        if !self.has_key(connection, session)? {
            // Without a key there is nothing that it could build on.
            if content.streams.iter().any(|stream| stream.known.is_some()) {
                return Err(StoreError::Unknown);
            }
            made = Some(self.make_key(connection, session)?);
        }
        let held = self.keys.get_mut(session).ok_or(StoreError::Sealing)?;
        let (id, key, before) = (held.id, Arc::clone(&held.given.key), held.names.len());
        // All of it is looked up before anything is written: a part that is refused leaves nothing.
        let streams = content.streams.iter();
        let beginnings = streams.map(|stream| beginning(connection, held, stream));
        let beginnings = beginnings.collect::<Result<Vec<_>, _>>()?;
        let dictionary = match key.dictionary() {
            Some(_) => None,
            None => Some(make_dictionary(connection, id, &key, content)?),
        };
        let frame = content.frame.sealed(&key).ok_or(StoreError::Sealing)?;
        let mut sums = Sha256::new().chain_update(Sha256::digest(&frame));
        let mut chains = Vec::with_capacity(content.streams.len());
        for (number, (mut end, new)) in beginnings.into_iter().enumerate() {
            for piece in new {
                let name = key.name(&piece.digest.0);
                // A stream before may have brought the same texts.
                let there = if number > 0 { held.link(connection, &name)? } else { None };
                end = match there {
                    Some(there) => there,
                    None => {
                        let block = held.block(connection, piece)?;
                        let sums = &mut self.sums;
                        let grown =
                            grow(connection, sums, id, end, block, &name, piece.text.len())?;
                        held.names.add(name);
                        grown
                    }
                };
            }
            chains.push(end.id);
            sums.update(self.sums.of(connection, end.id)?);
        }
        let mac = key.name(&content.identity).to_vec();
        held.given.last = Arc::new(content.last());
        self.named += held.names.len().saturating_sub(before);
        if self.named > NAMES {
            self.keys.values_mut().for_each(|held| held.names = Names::unknown());
            self.named = 0;
        }
        let bytes = content.bytes;
        let content = sums
            .chain_update(&mac)
            .chain_update(id.to_be_bytes())
            .chain_update(clear)
            .finalize()
            .into();
        Ok(Stored { key: id, frame, chains, content, made, dictionary, bytes, mac })
    }

    /// Seals one text under a session's key: the key's number, the text, and of a key that was made for
    /// it SHA-256 of the key, wrapped.
    pub(crate) fn seal_text(
        &mut self,
        connection: &Connection,
        session: &str,
        text: &[u8],
    ) -> Result<(i64, Vec<u8>, Option<Sum>), StoreError> {
        let made = match self.has_key(connection, session)? {
            true => None,
            false => Some(self.make_key(connection, session)?),
        };
        let held = self.keys.get(session).ok_or(StoreError::Sealing)?;
        Ok((held.id, held.given.key.seal_alone(text).ok_or(StoreError::Sealing)?, made))
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
        let there: Option<(i64, Vec<u8>, Option<Vec<u8>>)> = connection
            .prepare_cached(
                "SELECT id, wrapped, dictionary FROM keys WHERE session = ?1 AND wrapped IS NOT NULL
                 ORDER BY id DESC LIMIT 1",
            )?
            .query_row([session], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
            .optional()?;
        let Some((id, wrapped, dictionary)) = there else { return Ok(false) };
        let key = usable(&self.master, session, &wrapped, dictionary)?;
        self.keep(session, id, key, Names::unknown());
        Ok(true)
    }

    fn make_key(&mut self, connection: &Connection, session: &str) -> Result<Sum, StoreError> {
        let (key, wrapped) = self.master.make(session).ok_or(StoreError::Sealing)?;
        connection
            .prepare_cached("INSERT INTO keys (session, wrapped) VALUES (?1, ?2)")?
            .execute(params![session, wrapped])?;
        self.keep(session, connection.last_insert_rowid(), key, Names::none());
        Ok(Sha256::digest(&wrapped).into())
    }

    fn keep(&mut self, session: &str, id: i64, key: SessionKey, names: Names) {
        if self.keys.len() >= KEYS {
            self.keys.clear();
            self.named = 0;
        }
        let given = Given { key: Arc::new(key), last: Arc::default() };
        self.keys.insert(session.to_owned(), Held { id, given, names });
    }

    /// What a session's next part will be sealed with, if it is at hand and has sealed one.
    pub(crate) fn at_hand(&self, session: &str) -> Option<&Given> {
        let given = &self.keys.get(session)?.given;
        given.key.dictionary().map(|_| given)
    }
}

/// A session's key, with its dictionary.
fn usable(
    master: &Master,
    session: &str,
    wrapped: &[u8],
    dictionary: Option<Vec<u8>>,
) -> Result<SessionKey, StoreError> {
    let key = master.unwrap(session, wrapped).ok_or(StoreError::WrongKey)?;
    if let Some(sealed) = dictionary {
        let text = key.open_alone(&sealed).ok_or(StoreError::Unreadable)?;
        key.set_dictionary(text);
    }
    Ok(key)
}

/// Makes a session's dictionary of its first part; the digest of it, sealed.
fn make_dictionary(
    connection: &Connection,
    id: i64,
    key: &SessionKey,
    content: &Content,
) -> Result<Sum, StoreError> {
    let text = content.dictionary();
    let sealed = key.seal_alone(&text).ok_or(StoreError::Sealing)?;
    connection
        .prepare_cached("UPDATE keys SET dictionary = ?2 WHERE id = ?1")?
        .execute(params![id, sealed])?;
    key.set_dictionary(text);
    Ok(Sha256::digest(&sealed).into())
}

/// The longest beginning of a stream that is there, and the pieces behind it.
///
/// # Errors
/// [`StoreError::Unknown`] when the stream builds on what is not there.
fn beginning<'a>(
    connection: &Connection,
    held: &Held,
    stream: &'a Stream,
) -> Result<(Link, &'a [Piece]), StoreError> {
    let find = |digest: &Chain| held.link(connection, &held.given.key.name(&digest.0));
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

impl Held {
    /// The block of a piece, stored if it is not there: its id, its digest and its name.
    fn block(
        &mut self,
        connection: &Connection,
        piece: &Piece,
    ) -> Result<(i64, Sum, Name), StoreError> {
        let key = &self.given.key;
        let name = key.name(&piece.sum);
        if self.names.may_have(&name) {
            let there = connection
                .prepare_cached("SELECT id, sealed FROM blocks WHERE key = ?1 AND name = ?2")?
                .query_row(params![self.id, name], |row| {
                    let sealed = row.get_ref(1)?.as_blob().unwrap_or_default();
                    Ok((row.get(0)?, Sha256::digest(sealed).into()))
                })
                .optional()?;
            if let Some((id, sum)) = there {
                return Ok((id, sum, name));
            }
        }
        let sealed = piece.text.sealed(key).ok_or(StoreError::Sealing)?;
        connection
            .prepare_cached("INSERT INTO blocks (key, name, sealed) VALUES (?1, ?2, ?3)")?
            .execute(params![self.id, name, sealed])?;
        let sum = Sha256::digest(&sealed).into();
        self.names.add(name);
        Ok((connection.last_insert_rowid(), sum, name))
    }

    /// The chain of a name, if it is there.
    fn link(&self, connection: &Connection, name: &Name) -> Result<Option<Link>, StoreError> {
        if !self.names.may_have(name) {
            return Ok(None);
        }
        Ok(connection
            .prepare_cached("SELECT id, bytes FROM chains WHERE key = ?1 AND name = ?2")?
            .query_row(params![self.id, name], |row| {
                Ok(Link { id: row.get(0)?, bytes: row.get::<_, i64>(1)? as usize })
            })
            .optional()?)
    }
}

/// A new chain, one block longer.
fn grow(
    connection: &Connection,
    sums: &mut Sums,
    key: i64,
    parent: Link,
    (block, block_sum, block_name): (i64, Sum, Name),
    name: &Name,
    bytes: usize,
) -> Result<Link, StoreError> {
    let bytes = parent.bytes.saturating_add(bytes);
    let before = sums.of(connection, parent.id)?;
    connection
        .prepare_cached(
            "INSERT INTO chains (key, parent, block, name, bytes) VALUES (?1, ?2, ?3, ?4, ?5)",
        )?
        .execute(params![key, parent.id, block, name, bytes as i64])?;
    let id = connection.last_insert_rowid();
    sums.keep(id, chain_sum(&before, &block_sum, [name, &block_name], bytes as u64));
    Ok(Link { id, bytes })
}

impl Sums {
    /// A chain's digest.
    fn of(&mut self, connection: &Connection, id: i64) -> Result<Sum, StoreError> {
        let mut parents = connection.prepare_cached("SELECT parent FROM chains WHERE id = ?1")?;
        let (mut unknown, mut at) = (Vec::new(), id);
        let mut sum = loop {
            if at == 0 {
                break [0; 32];
            }
            if let Some(sum) = self.0.get(&at) {
                break *sum;
            }
            unknown.push(at);
            let parent = parents.query_row([at], |row| row.get(0)).optional()?;
            // A chain only ever grows from what is there: anything else was put in from outside.
            at = parent.filter(|parent| *parent < at).ok_or(StoreError::Unreadable)?;
        };
        let mut link = connection.prepare_cached(
            "SELECT sealed, chains.name, blocks.name, bytes FROM chains
             JOIN blocks ON blocks.id = block WHERE chains.id = ?1",
        )?;
        for id in unknown.into_iter().rev() {
            sum = link
                .query_row([id], |row| {
                    let block = Sha256::digest(row.get_ref(0)?.as_blob().unwrap_or_default());
                    let names: [Name; 2] = [row.get(1)?, row.get(2)?];
                    let bytes = row.get::<_, i64>(3)? as u64;
                    Ok(chain_sum(&sum, &block.into(), names.each_ref(), bytes))
                })
                .optional()?
                .ok_or(StoreError::Unreadable)?;
            self.keep(id, sum);
        }
        Ok(sum)
    }

    fn keep(&mut self, id: i64, sum: Sum) {
        if self.0.len() >= SUMS {
            self.0.clear();
        }
        self.0.insert(id, sum);
    }
}

/// SHA-256 over the chain so far (32 zero bytes for none), the next block's digest, the names under
/// which chain and block are found again (16 bytes each), and the bytes of all texts (8 bytes, the
/// highest first).
fn chain_sum(parent: &Sum, block: &Sum, names: [&Name; 2], bytes: u64) -> Sum {
    let mut sum = Sha256::new().chain_update(parent).chain_update(block);
    names.into_iter().for_each(|name| sum.update(name));
    sum.chain_update(bytes.to_be_bytes()).finalize().into()
}

/// What a stored part says, by its sealed frame and its chains. `None`: its session was erased.
pub(crate) fn read_part(
    connection: &Connection,
    master: &Master,
    key: i64,
    frame: &[u8],
    chains: &[i64],
) -> Result<Option<Vec<u8>>, StoreError> {
    let Some(key) = unwrapped(connection, master, key)? else { return Ok(None) };
    let open = |sealed: &[u8]| key.open(sealed).ok_or(StoreError::Unreadable);
    let frame = open(frame)?;
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
            stream.append(&mut open(row.get_ref(0)?.as_blob().unwrap_or_default())?);
        }
        streams.push(stream);
    }
    Pieces::join(&frame, &streams).map(Some).ok_or(StoreError::Unreadable)
}

/// What a text says that was sealed alone. `None`: its session was erased.
pub(crate) fn read_text(
    connection: &Connection,
    master: &Master,
    key: i64,
    sealed: &[u8],
) -> Result<Option<Vec<u8>>, StoreError> {
    let Some(key) = unwrapped(connection, master, key)? else { return Ok(None) };
    key.open_alone(sealed).map(Some).ok_or(StoreError::Unreadable)
}

/// A session's key by its id. `None`: it was destroyed.
pub(crate) fn unwrapped(
    connection: &Connection,
    master: &Master,
    id: i64,
) -> Result<Option<SessionKey>, StoreError> {
    let (session, wrapped, dictionary): (String, Option<Vec<u8>>, Option<Vec<u8>>) = connection
        .prepare_cached("SELECT session, wrapped, dictionary FROM keys WHERE id = ?1")?
        .query_row([id], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
        .optional()?
        .ok_or(StoreError::Unreadable)?;
    let Some(wrapped) = wrapped else { return Ok(None) };
    usable(master, &session, &wrapped, dictionary).map(Some)
}
