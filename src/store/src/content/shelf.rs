//! Blocks and chains in the database: put there by the writer, read back by whoever has the keys.

use super::ahead::Given;
use super::keyring::{Held, Keyring};
use super::pack::Effort;
use super::seal::{Master, SessionKey};
use super::texts::{Link, Texts};
use super::{Content, Piece, Stream};
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

/// The writer's side.
#[derive(Debug)]
pub(crate) struct Shelf {
    master: Master,
    keyring: Keyring,
    /// Of each key under which there are more since the last save, the chain that was made last.
    latest: HashMap<i64, i64>,
}

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

impl Shelf {
    pub(crate) fn new(master: Master) -> Self {
        Self { master, keyring: Keyring::default(), latest: HashMap::new() }
    }

    /// Forgets what a transaction that was rolled back, or an erasure, may have made untrue.
    pub(crate) fn forget(&mut self) {
        self.keyring.clear();
        self.latest.clear();
    }

    /// A session of which nothing more is expected.
    pub(crate) fn over(&mut self, session: &str) {
        self.keyring.drop(session);
    }

    /// Writes what is to be found again of each key, before the transaction commits.
    pub(crate) fn save(&mut self, connection: &Connection) -> Result<(), StoreError> {
        let mut latest = connection.prepare_cached(
            "INSERT INTO latest (key, chain) VALUES (?1, ?2)
             ON CONFLICT (key) DO UPDATE SET chain = ?2",
        )?;
        for (key, chain) in self.latest.drain() {
            latest.execute([key, chain])?;
        }
        Ok(())
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
        effort: Effort,
    ) -> Result<Stored<'c>, StoreError> {
        let mut made = None;
        if !self.has_key(connection, session)? {
            // Without a key there is nothing that it could build on.
            if content.streams.iter().any(|stream| stream.known.is_some()) {
                return Err(StoreError::Unknown);
            }
            made = Some(self.make_key(connection, session)?);
        }
        let held = self.keyring.get(session).ok_or(StoreError::Sealing)?;
        let (id, key) = (held.texts.key(), Arc::clone(&held.given.key));
        let last = held.texts.last();
        // All of it is looked up before anything is written: a part that is refused leaves nothing.
        let streams = content.streams.iter();
        let beginnings = streams.map(|stream| beginning(held, stream));
        let beginnings = beginnings.collect::<Result<Vec<_>, _>>()?;
        let dictionary = match key.dictionary() {
            Some(_) => None,
            None => Some(make_dictionary(connection, id, &key, content)?),
        };
        let frame = content.frame.sealed(&key, effort).ok_or(StoreError::Sealing)?;
        let mut sums = Sha256::new().chain_update(Sha256::digest(&frame));
        let mut chains = Vec::with_capacity(content.streams.len());
        let texts = &mut held.texts;
        for (mut end, new) in beginnings {
            for piece in new {
                let name = key.name(&piece.digest.0);
                // A stream before may have brought the same texts.
                end = match texts.chain(&name) {
                    Some(there) => there,
                    None => {
                        let block = texts.block(connection, &key, piece, effort)?;
                        texts.grow(connection, end, &block, name, piece.text.len())?
                    }
                };
            }
            chains.push(end.id);
            sums.update(texts.sum(connection, end.id)?);
        }
        if texts.last() != last {
            self.latest.insert(id, texts.last());
        }
        let mac = key.name(&content.identity).to_vec();
        held.given.last = Arc::new(content.last());
        self.keyring.fit(session);
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
        let held = self.keyring.get(session).ok_or(StoreError::Sealing)?;
        Ok((held.texts.key(), held.given.key.seal_alone(text).ok_or(StoreError::Sealing)?, made))
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
        if self.keyring.peek(session).is_some() {
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
        let last = match self.latest.get(&id) {
            Some(last) => Some(*last),
            None => connection
                .prepare_cached("SELECT chain FROM latest WHERE key = ?1")?
                .query_row([id], |row| row.get(0))
                .optional()?,
        };
        self.keep(session, key, Texts::load(connection, id, last.unwrap_or(0))?);
        Ok(true)
    }

    fn make_key(&mut self, connection: &Connection, session: &str) -> Result<Sum, StoreError> {
        let (key, wrapped) = self.master.make(session).ok_or(StoreError::Sealing)?;
        connection
            .prepare_cached("INSERT INTO keys (session, wrapped) VALUES (?1, ?2)")?
            .execute(params![session, wrapped])?;
        self.keep(session, key, Texts::none(connection.last_insert_rowid()));
        Ok(Sha256::digest(&wrapped).into())
    }

    fn keep(&mut self, session: &str, key: SessionKey, texts: Texts) {
        let given = Given { key: Arc::new(key), last: Arc::default() };
        self.keyring.put(session, Held::new(given, texts));
        self.keyring.fit(session);
    }

    /// What a session's next part will be sealed with, if it is at hand and has sealed one.
    pub(crate) fn at_hand(&self, session: &str) -> Option<&Given> {
        let given = &self.keyring.peek(session)?.given;
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
fn beginning<'a>(held: &Held, stream: &'a Stream) -> Result<(Link, &'a [Piece]), StoreError> {
    let find = |digest: &Chain| held.texts.chain(&held.given.key.name(&digest.0));
    let (mut new, mut end) = (stream.pieces.as_slice(), None);
    while let (None, Some((last, before))) = (end, new.split_last()) {
        end = find(&last.digest);
        if end.is_none() {
            new = before;
        }
    }
    let new = stream.pieces.get(new.len()..).unwrap_or_default();
    let end = match (end, stream.known) {
        (Some(end), _) => end,
        (None, None) => Link::default(),
        (None, Some(known)) => find(&known.digest).ok_or(StoreError::Unknown)?,
    };
    let bytes = new.iter().map(|piece| piece.text.len()).fold(end.bytes, usize::saturating_add);
    if bytes == stream.bytes() { Ok((end, new)) } else { Err(StoreError::Unknown) }
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
