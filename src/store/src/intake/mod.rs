//! Where parts are on disk before the ledger has them: a file that is only appended to, synced once
//! for all that wait, so that an acknowledgement costs one `fdatasync` and not a transaction.
//!
//! ```text
//! parts ─▶ intake.0 │ intake.1 (sealed, synced) ─▶ acknowledged
//!       └▶ the ledger's transaction, moments later: entries, tree, checkpoint, and how far it came
//! ```
//!
//! What a crash left behind the place that the ledger came to is taken in when the writer starts; a
//! part that it has already is a duplicate then, and stored once.
//!
//! Two files take turns: one is begun anew when all of it is in the ledger. An erasure lets nothing
//! in while it waits for what is there to be taken in, and destroys both files' keys.

mod area;
mod door;
mod frame;
mod item;
mod known;

pub(crate) use door::Inside;
pub(crate) use item::Raw;
pub(crate) use known::Known;

use crate::content::Master;
use crate::error::StoreError;
use crate::incoming::Incoming;
use crate::schema::is_written;
use area::{Area, Generation};
use door::Door;
use frame::Frame;
use rusqlite::{Connection, OptionalExtension, params};
use std::cmp::Ordering;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// Bytes of a generation from which on the other file is taken, if it is free.
const TURN: u64 = 8 << 20;
/// How often somebody who waits for the ledger looks again.
const AGAIN: Duration = Duration::from_millis(2);
/// How long an erasure waits for the ledger.
const PATIENCE: Duration = Duration::from_secs(5);

/// A place in the intake.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Position {
    pub(crate) generation: u64,
    pub(crate) offset: u64,
}

impl Position {
    /// What a frame there is bound to.
    pub(crate) fn to_bytes(self) -> [u8; 16] {
        let bytes = u128::from(self.generation) << 64 | u128::from(self.offset);
        bytes.to_be_bytes()
    }

    /// How far the ledger came.
    pub(crate) fn load(connection: &Connection) -> Result<Self, StoreError> {
        let found: Option<(i64, i64)> = connection
            .prepare_cached("SELECT generation, offset FROM intake")?
            .query_row([], |row| Ok((row.get(0)?, row.get(1)?)))
            .optional()?;
        let (generation, offset) = found.unwrap_or_default();
        Ok(Self { generation: generation as u64, offset: offset as u64 })
    }

    /// Says how far it came, in the transaction that brings it there.
    pub(crate) fn save(self, connection: &Connection) -> Result<(), StoreError> {
        connection
            .prepare_cached(
                "INSERT OR REPLACE INTO intake (one, generation, offset) VALUES (1, ?1, ?2)",
            )?
            .execute(params![self.generation as i64, self.offset as i64])?;
        Ok(())
    }
}

/// The writer's side.
#[derive(Debug)]
pub(crate) struct Intake {
    areas: [Area; 2],
    /// Behind the last part of each file that was acknowledged.
    ends: [Position; 2],
    door: Door,
    master: Master,
    known: Arc<Mutex<Known>>,
    /// Which file is written, and its generation. None at the start, and when a write failed: what is
    /// on disk of it is not certain then.
    active: Option<(usize, Generation)>,
    /// The last generation's number.
    last: u64,
    /// The memory of the last frame.
    frame: Frame,
}

/// Parts that a crash left, with the place behind them.
#[derive(Debug)]
pub(crate) struct Left {
    pub(crate) items: Vec<Incoming>,
    pub(crate) at: Position,
}

impl Intake {
    /// Opens the intake of a folder, and reads what lies behind the place that the ledger came to: it
    /// is to be stored before anything else is taken.
    pub(crate) fn open(
        folder: &Path,
        master: Master,
        connection: &Connection,
    ) -> Result<(Self, Vec<Left>), StoreError> {
        let reached = Position::load(connection)?;
        let areas = [Area::open(path(folder, 0))?, Area::open(path(folder, 1))?];
        let door = Door::of(folder)?;
        sync_folder(folder)?;
        let mut generations = Vec::new();
        for area in &areas {
            generations.extend(area.number()?.map(|number| (number, area)));
        }
        generations.sort_unstable_by_key(|(number, _)| *number);
        let last = generations.last().map_or(0, |(number, _)| *number).max(reached.generation);
        let mut left = Vec::new();
        for (number, area) in generations {
            let from = match number.cmp(&reached.generation) {
                Ordering::Less => continue,
                Ordering::Equal => reached.offset,
                Ordering::Greater => 0,
            };
            for (text, offset) in area.frames(&master, number, from)? {
                let at = Position { generation: number, offset };
                left.push(Left { items: item::all(&text), at });
            }
        }
        let (known, frame) = Default::default();
        let ends = Default::default();
        Ok((Self { areas, ends, door, master, known, active: None, last, frame }, left))
    }

    /// What is known of boots and sessions, for who stores what the intake does not take.
    pub(crate) fn known(&self) -> Arc<Mutex<Known>> {
        Arc::clone(&self.known)
    }

    /// Puts on disk what can be acknowledged at once, of batches that come one after the other: for
    /// each whether it is, and the place behind the last. A batch comes with whether its sender asks
    /// for no more than that. `reached`: how far the ledger came.
    ///
    /// # Errors
    /// When the disk refuses: none of it is.
    pub(crate) fn take<'a>(
        &mut self,
        batches: impl Iterator<Item = (&'a [Incoming], bool)>,
        reached: Position,
    ) -> Result<(Vec<bool>, Option<Position>), StoreError> {
        let _inside = self.door.enter()?;
        let shared = Arc::clone(&self.known);
        let mut known = lock(&shared);
        // An erasure has destroyed the keys since.
        if let Some((place, generation)) = &self.active
            && self.areas.get(*place).map(Area::number).transpose()?.flatten()
                != Some(generation.number)
        {
            self.active = None;
            known.forget();
        }
        let mut frame = std::mem::take(&mut self.frame);
        frame.begin();
        let mut taken = Vec::new();
        for (items, may_be_taken) in batches {
            let is_taken = may_be_taken && !items.is_empty() && known.admits(items);
            if is_taken {
                items.iter().for_each(|item| item::put(item, frame.text()));
            } else {
                known.saw(items);
            }
            taken.push(is_taken);
        }
        drop(known);
        if frame.is_empty() {
            self.frame = frame;
            return Ok((taken, None));
        }
        let written = self.write(&mut frame, reached);
        self.frame = frame;
        match written {
            Ok(at) => Ok((taken, Some(at))),
            Err(error) => {
                // Whether it is on disk is not certain: nothing is built on it.
                self.active = None;
                lock(&shared).forget();
                Err(error)
            }
        }
    }

    /// Makes room for what comes next.
    pub(crate) fn grow_ahead(&mut self) {
        if let Some((place, generation)) = &mut self.active
            && generation.end < TURN
            && let Some(area) = self.areas.get(*place)
        {
            area.grow_ahead(generation);
        }
    }

    fn write(&mut self, frame: &mut Frame, reached: Position) -> Result<Position, StoreError> {
        let free = self.ends.iter().position(|end| *end <= reached);
        let mut active = match (self.active.take(), free) {
            // The other file, or the same one, whatever is free.
            (Some((_, generation)), Some(place)) if generation.end > TURN => self.begin(place)?,
            (Some(active), _) => active,
            (None, Some(place)) => self.begin(place)?,
            (None, None) => return Err(StoreError::Behind),
        };
        let (place, generation) = &mut active;
        let area = self.areas.get(*place).ok_or(StoreError::Behind)?;
        let offset = area.append(generation, frame)?;
        let at = Position { generation: generation.number, offset };
        if let Some(end) = self.ends.get_mut(*place) {
            *end = at;
        }
        self.active = Some(active);
        Ok(at)
    }

    fn begin(&mut self, place: usize) -> Result<(usize, Generation), StoreError> {
        let area = self.areas.get(place).ok_or(StoreError::Behind)?;
        let generation = area.begin(&self.master, self.last.saturating_add(1))?;
        self.last = generation.number;
        Ok((place, generation))
    }
}

/// Waits until the ledger has what was acknowledged before now, as long as somebody writes it; at most
/// `most`. Whether it has.
pub(crate) fn caught_up(
    folder: &Path,
    connection: &Connection,
    most: Duration,
) -> Result<bool, StoreError> {
    let reached = Position::load(connection)?;
    let target = end(folder, reached)?;
    let deadline = Instant::now() + most;
    let mut tries: u32 = 0;
    while Position::load(connection)? < target {
        tries = tries.saturating_add(1);
        let is_over = tries.is_multiple_of(16) && !is_written(folder);
        if is_over || Instant::now() >= deadline {
            return Ok(false);
        }
        thread::sleep(AGAIN);
    }
    Ok(true)
}

/// Where the intake ends, seen from the place that the ledger came to.
fn end(folder: &Path, reached: Position) -> Result<Position, StoreError> {
    let mut last = reached;
    for place in 0..2 {
        let Some(area) = Area::there(&path(folder, place))? else { continue };
        let Some(number) = area.number()? else { continue };
        let from = if number == reached.generation { reached.offset } else { 0 };
        let offset = area.end(number, from)?;
        if number >= reached.generation && offset > from.max(area::PAGE) {
            last = last.max(Position { generation: number, offset });
        }
    }
    Ok(last)
}

/// Closes the intake to everybody, until it is dropped, with all of it in the ledger and nothing of it
/// readable any more.
///
/// # Errors
/// When the ledger does not come to its end.
pub(crate) fn close(folder: &Path, connection: &Connection) -> Result<Inside, StoreError> {
    let inside = Door::of(folder)?.close()?;
    if !caught_up(folder, connection, PATIENCE)? {
        return Err(StoreError::Behind);
    }
    for place in 0..2 {
        let path = path(folder, place);
        if path.exists() {
            Area::open(path)?.wipe()?;
        }
    }
    Ok(inside)
}

fn path(folder: &Path, place: usize) -> PathBuf {
    folder.join(format!("intake.{place}"))
}

/// New files' names are on disk only when their folder is synced.
fn sync_folder(folder: &Path) -> Result<(), StoreError> {
    let synced = File::open(folder).and_then(|folder| folder.sync_all());
    synced.map_err(|source| StoreError::Folder { path: folder.to_owned(), source })
}

/// A poisoned lock holds what is whole: no method leaves it half changed.
pub(crate) fn lock<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}
