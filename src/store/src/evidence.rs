//! What proves a session to somebody who has nothing else: its entries with their inclusion proofs,
//! what they speak of, and the keys that open it.

use crate::error::StoreError;
use crate::ledger::tree::hashes;
use crate::reader::Reader;
use rusqlite::{Connection, OptionalExtension};
use std::cell::RefCell;
use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, HashMap, hash_map};
use tlog_tiles::{
    Checkpoint, Error, HASH_SIZE, Hash, HashReader, Tile, check_record, prove_record, prove_tree,
    record_hash,
};

/// Tiles of 2^8 hashes (C2SP tlog-tiles).
const HEIGHT: u8 = 8;

/// One session's evidence.
#[derive(Debug)]
pub struct Evidence {
    /// The last checkpoint, a signed note.
    pub checkpoint: String,
    /// The key that verifies it.
    pub public_key: String,
    /// The session's keys, by number.
    pub keys: BTreeMap<i64, Vec<u8>>,
    /// What the texts of each key are compressed against, sealed, by its number.
    pub dictionaries: BTreeMap<i64, Vec<u8>>,
    /// Sealed blocks, by number.
    pub blocks: BTreeMap<i64, Vec<u8>>,
    /// Chains, by number.
    pub chains: BTreeMap<i64, Chained>,
    /// Its entries, in their order.
    pub entries: Vec<ProvenEntry>,
}

/// A chain: it goes on from another with a block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chained {
    /// The chain before; 0: none.
    pub parent: i64,
    /// The block.
    pub block: i64,
    /// The names of chain and block, behind each other.
    pub names: Vec<u8>,
    /// Bytes of all its texts.
    pub bytes: i64,
}

/// An entry, what it speaks of, and its proof.
#[derive(Debug)]
pub struct ProvenEntry {
    /// The leaf's index.
    pub index: i64,
    /// Its canonical bytes.
    pub bytes: Vec<u8>,
    /// The inclusion proof, from the leaf to the root; each hash in base64.
    pub proof: Vec<String>,
    /// The number of its key.
    pub key: i64,
    /// The frame, sealed.
    pub frame: Vec<u8>,
    /// The chain of each stream.
    pub streams: Vec<i64>,
    /// The name under which the same part is known again.
    pub mac: Vec<u8>,
    /// What the part says in the clear of who asked: the digest of it.
    pub introduction: Option<Vec<u8>>,
    /// What it says in the clear of how it ended, in JSON.
    pub ending: Option<String>,
    /// The node of its VM.
    pub node: String,
}

impl Reader {
    /// A session's evidence, as of the last checkpoint.
    ///
    /// # Errors
    /// When the session was erased, or something of it cannot be read.
    pub fn evidence(&self, session: &str) -> Result<Evidence, StoreError> {
        let connection = self.connection();
        // One moment of the ledger: proofs and checkpoint belong together.
        let _moment = connection.unchecked_transaction()?;
        let (size, note): (i64, Vec<u8>) = connection
            .query_row("SELECT size, note FROM checkpoints ORDER BY size DESC LIMIT 1", [], |row| {
                Ok((row.get(0)?, row.get(1)?))
            })
            .optional()?
            .ok_or_else(|| StoreError::NotFound { name: session.to_owned() })?;
        let mut evidence = Evidence {
            checkpoint: String::from_utf8_lossy(&note).into_owned(),
            public_key: self.keys().public()?,
            keys: BTreeMap::new(),
            dictionaries: BTreeMap::new(),
            blocks: BTreeMap::new(),
            chains: BTreeMap::new(),
            entries: Vec::new(),
        };
        let tiles = Tiles::new(connection);
        let mut statement = connection.prepare(
            "SELECT parts.id, unpacked(entries.bytes), key, frame, streams, digest, ending, node, mac
             FROM parts
             JOIN entries ON entries.id = parts.id
             JOIN boots ON boots.boot = parts.boot
             LEFT JOIN introductions ON introductions.id = introduction
             WHERE exchange IN (SELECT id FROM exchanges WHERE session = ?1) ORDER BY parts.id",
        )?;
        let mut rows = statement.query([session])?;
        while let Some(row) = rows.next()? {
            let streams: Vec<i64> = serde_json::from_str(row.get_ref(4)?.as_str().unwrap_or(""))
                .map_err(|_| StoreError::Unreadable)?;
            let mut entry = ProvenEntry {
                index: row.get(0)?,
                bytes: row.get(1)?,
                proof: Vec::new(),
                key: row.get(2)?,
                frame: row.get(3)?,
                streams,
                introduction: row.get(5)?,
                ending: row.get(6)?,
                node: row.get(7)?,
                mac: row.get(8)?,
            };
            let mut blocks = Vec::new();
            for end in &entry.streams {
                // What a turn adds; the rest is there.
                let mut chain = *end;
                while chain != 0 && !evidence.chains.contains_key(&chain) {
                    let link = link(connection, chain)?;
                    blocks.push(link.block);
                    let parent = link.parent;
                    evidence.chains.insert(chain, link);
                    chain = parent;
                }
            }
            let index = u64::try_from(entry.index).unwrap_or(0);
            let proof = prove_record(size as u64, index, &tiles).map_err(|_| StoreError::Torn)?;
            entry.proof = proof.iter().map(ToString::to_string).collect();
            for block in blocks {
                if let Entry::Vacant(place) = evidence.blocks.entry(block) {
                    place.insert(sealed(connection, block)?);
                }
            }
            if let Entry::Vacant(place) = evidence.keys.entry(entry.key) {
                place.insert(self.session_key(entry.key, session)?);
                let dictionary: Option<Vec<u8>> = connection
                    .prepare_cached("SELECT dictionary FROM keys WHERE id = ?1")?
                    .query_row([entry.key], |row| row.get(0))?;
                evidence.dictionaries.extend(dictionary.map(|sealed| (entry.key, sealed)));
            }
            evidence.entries.push(entry);
        }
        Ok(evidence)
    }

    /// The last checkpoint and, when it is larger, the proof that it goes on from one of `from`
    /// entries (RFC 6962 section 2.1.2), each hash in base64.
    ///
    /// # Errors
    /// When there is no checkpoint of at least that size.
    pub fn checkpoint_since(&self, from: u64) -> Result<Option<(String, Vec<String>)>, StoreError> {
        let connection = self.connection();
        let _moment = connection.unchecked_transaction()?;
        let last: Option<(i64, Vec<u8>)> = connection
            .query_row("SELECT size, note FROM checkpoints ORDER BY size DESC LIMIT 1", [], |row| {
                Ok((row.get(0)?, row.get(1)?))
            })
            .optional()?;
        let Some((size, note)) = last else { return Ok(None) };
        let size = u64::try_from(size).unwrap_or(0);
        if size < from {
            return Err(StoreError::Torn);
        }
        let proof = if from == 0 || from == size {
            Vec::new()
        } else {
            prove_tree(size, from, &Tiles::new(connection)).map_err(|_| StoreError::Torn)?
        };
        let proof = proof.iter().map(ToString::to_string).collect();
        Ok(Some((String::from_utf8_lossy(&note).into_owned(), proof)))
    }
}

/// Entries of the log, proven to be under its last checkpoint.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Inclusion {
    /// The entries' indexes.
    pub entries: Vec<u64>,
    /// The checkpoint's size; absent while none covers them all.
    pub checkpoint: Option<u64>,
}

impl Reader {
    /// The entries of an exchange's parts, each hashed anew and proven against the root that the last
    /// checkpoint names. The checkpoint's signature is not looked at.
    ///
    /// # Errors
    /// [`StoreError::Torn`] when an entry is not under that root.
    pub fn inclusion(&self, exchange: &str) -> Result<Inclusion, StoreError> {
        self.inclusions(&[exchange])?.pop().unwrap_or(Err(StoreError::Torn))
    }

    /// The same of several exchanges, at one moment: each with its own outcome, in their order.
    ///
    /// # Errors
    /// When the database fails, or the last checkpoint is none.
    pub fn inclusions(
        &self,
        exchanges: &[&str],
    ) -> Result<Vec<Result<Inclusion, StoreError>>, StoreError> {
        let connection = self.connection();
        let _moment = connection.unchecked_transaction()?;
        let note: Option<Vec<u8>> = connection
            .query_row("SELECT note FROM checkpoints ORDER BY size DESC LIMIT 1", [], |row| {
                row.get(0)
            })
            .optional()?;
        // The signatures stand behind an empty line.
        let text = note.as_deref().map(|note| {
            let end =
                note.windows(2).position(|two| two == b"\n\n").map_or(note.len(), |at| at + 1);
            note.get(..end).unwrap_or(note)
        });
        let checkpoint = text
            .map(|text| Checkpoint::from_bytes(text).map_err(|_| StoreError::Torn))
            .transpose()?;
        let tiles = Tiles::new(connection);
        Ok(exchanges.iter().map(|one| included(&tiles, checkpoint.as_ref(), one)).collect())
    }

    /// A tile, or a bundle of entries, by its path (C2SP tlog-tiles, behind `tile/`).
    ///
    /// # Errors
    /// When the database fails.
    pub fn tile(&self, path: &str) -> Result<Option<Vec<u8>>, StoreError> {
        let own = match path.strip_prefix("entries/") {
            Some(rest) => format!("tile/{HEIGHT}/data/{rest}"),
            None => format!("tile/{HEIGHT}/{path}"),
        };
        let Ok(tile) = Tile::from_path(&own) else { return Ok(None) };
        let (number, width) = (tile.level_index() as i64, tile.width() as usize);
        if tile.is_data() {
            return self.entries(number.saturating_mul(1 << HEIGHT), width);
        }
        let hashes = hashes(self.connection(), usize::from(tile.level()), number, width)?;
        Ok((hashes.len() == width).then(|| hashes.iter().flat_map(|hash| hash.0).collect()))
    }

    /// So many entries from one on, each behind its length in two bytes.
    fn entries(&self, first: i64, count: usize) -> Result<Option<Vec<u8>>, StoreError> {
        let mut statement = self.connection().prepare_cached(
            "SELECT unpacked(bytes) FROM entries WHERE id >= ?1 ORDER BY id LIMIT ?2",
        )?;
        let mut rows = statement.query([first, count as i64])?;
        let (mut bundle, mut found) = (Vec::new(), 0);
        while let Some(row) = rows.next()? {
            let entry = row.get_ref(0)?.as_blob().unwrap_or_default();
            let Ok(length) = u16::try_from(entry.len()) else { return Ok(None) };
            bundle.extend_from_slice(&length.to_be_bytes());
            bundle.extend_from_slice(entry);
            found += 1;
        }
        Ok((found == count).then_some(bundle))
    }
}

fn sealed(connection: &Connection, block: i64) -> Result<Vec<u8>, StoreError> {
    connection
        .prepare_cached("SELECT sealed FROM blocks WHERE id = ?1")?
        .query_row([block], |row| row.get(0))
        .optional()?
        .ok_or(StoreError::Unreadable)
}

fn link(connection: &Connection, chain: i64) -> Result<Chained, StoreError> {
    connection
        .prepare_cached(
            "SELECT parent, block, chains.name || blocks.name, bytes FROM chains
             JOIN blocks ON blocks.id = block WHERE chains.id = ?1",
        )?
        .query_row([chain], |row| {
            let names = row.get_ref(2)?.as_bytes().unwrap_or_default().to_vec();
            Ok(Chained { parent: row.get(0)?, block: row.get(1)?, names, bytes: row.get(3)? })
        })
        .optional()?
        .ok_or(StoreError::Unreadable)
}

/// An exchange's entries, and the size of the checkpoint if all of them are proven to be under it.
fn included(
    tiles: &Tiles<'_>,
    checkpoint: Option<&Checkpoint>,
    exchange: &str,
) -> Result<Inclusion, StoreError> {
    let mut statement = tiles.connection.prepare_cached(
        "SELECT parts.id, unpacked(entries.bytes) FROM parts JOIN entries ON entries.id = parts.id
         WHERE exchange = ?1 ORDER BY parts.id",
    )?;
    let rows = statement.query_map([exchange], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let entries: Vec<(i64, Vec<u8>)> = rows.collect::<Result<_, _>>()?;
    let indexes = entries.iter().map(|(index, _)| u64::try_from(*index).unwrap_or(0));
    let indexes: Vec<u64> = indexes.collect();
    let covers = |checkpoint: &&Checkpoint| indexes.iter().all(|at| *at < checkpoint.size());
    let Some(checkpoint) = checkpoint.filter(covers) else {
        return Ok(Inclusion { entries: indexes, checkpoint: None });
    };
    let size = checkpoint.size();
    for (index, (_, bytes)) in indexes.iter().zip(&entries) {
        prove_record(size, *index, tiles)
            .and_then(|proof| {
                check_record(&proof, size, *checkpoint.hash(), *index, record_hash(bytes))
            })
            .map_err(|_| StoreError::Torn)?;
    }
    Ok(Inclusion { entries: indexes, checkpoint: Some(size) })
}

/// Hashes of the tree, from its tiles; each is read once.
struct Tiles<'c> {
    connection: &'c Connection,
    read: RefCell<HashMap<(u8, u64), Vec<u8>>>,
}

impl HashReader for Tiles<'_> {
    fn read_hashes(&self, indexes: &[u64]) -> Result<Vec<Hash>, Error> {
        indexes.iter().map(|index| self.hash(*index).ok_or(Error::MalformedHash)).collect()
    }
}

impl<'c> Tiles<'c> {
    fn new(connection: &'c Connection) -> Self {
        Self { connection, read: RefCell::default() }
    }

    fn hash(&self, index: u64) -> Option<Hash> {
        let tile = Tile::from_index(HEIGHT, index);
        let place = (tile.level(), tile.level_index());
        let mut read = self.read.borrow_mut();
        let bytes = match read.entry(place) {
            hash_map::Entry::Occupied(bytes) => bytes.into_mut(),
            hash_map::Entry::Vacant(vacant) => {
                let (level, number) = (usize::from(place.0), place.1 as i64);
                let hashes = hashes(self.connection, level, number, 1 << HEIGHT).ok()?;
                vacant.insert(hashes.iter().flat_map(|hash| hash.0).collect())
            }
        };
        let width = (tile.width() as usize).checked_mul(HASH_SIZE)?;
        tile.hash_at_index(bytes.get(..width)?, index).ok()
    }
}
