//! One file of the intake.
//!
//! ```text
//! page 0    HANSINT1 ‖ generation (8) ‖ the generation's key, wrapped (72)
//! page 1…   frames, each of whole pages
//! ```
//!
//! A frame is sealed under its generation's key and bound to its place. A file is written over by its next generation, whose key is another: what is left of the
//! one before is noise then. A frame begins with a page of its own, so that a write that is torn
//! touches nothing that was synced.

use super::Position;
use super::frame::{Frame, HEAD, check};
use crate::content::{IntakeKey, Master};
use crate::error::StoreError;
use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

const MAGIC: [u8; 8] = *b"HANSINT1";
pub(super) const PAGE: u64 = 4096;
/// The bytes that a file grows by at least: writing into what is there costs the disk no journal.
const GROWTH: u64 = 256 << 10;
/// And at most.
const MOST_GROWTH: u64 = 1 << 20;

/// A file of the intake.
#[derive(Debug)]
pub(super) struct Area {
    file: File,
    path: PathBuf,
}

/// What a generation of it is.
#[derive(Debug)]
pub(super) struct Generation {
    pub(super) number: u64,
    key: IntakeKey,
    /// Where the next frame goes.
    pub(super) end: u64,
    /// Bytes of the file that are written already, with anything.
    size: u64,
    /// Whether the file could be made longer, the last time that there was no need yet.
    grows: bool,
}

impl Area {
    /// Opens the file, or makes an empty one.
    pub(super) fn open(path: PathBuf) -> Result<Self, StoreError> {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false).mode(0o600);
        match options.open(&path) {
            Ok(file) => Ok(Self { file, path }),
            Err(source) => Err(StoreError::Intake { path, source }),
        }
    }

    /// The same, only if it is there.
    pub(super) fn there(path: &Path) -> Result<Option<Self>, StoreError> {
        match OpenOptions::new().read(true).open(path) {
            Ok(file) => Ok(Some(Self { file, path: path.to_owned() })),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(source) => Err(StoreError::Intake { path: path.to_owned(), source }),
        }
    }

    /// The generation that stands in it, if one does.
    pub(super) fn number(&self) -> Result<Option<u64>, StoreError> {
        let mut bytes = [0; 16];
        self.read(&mut bytes, 0)?;
        let (magic, number) = bytes.split_at(8);
        let number = number.iter().fold(0, |number, byte| number << 8 | u64::from(*byte));
        Ok((magic == MAGIC && number > 0).then_some(number))
    }

    /// Begins a generation: whatever the file held is gone.
    pub(super) fn begin(&self, master: &Master, number: u64) -> Result<Generation, StoreError> {
        let (key, wrapped) = master.make_intake(number).ok_or(StoreError::Sealing)?;
        let mut page = [MAGIC.as_slice(), &number.to_be_bytes(), &wrapped].concat();
        page.resize(PAGE as usize, 0);
        let size = self.file.metadata().map_err(|source| self.failed(source))?.len();
        self.write(&page, 0)?;
        self.sync()?;
        Ok(Generation { number, key, end: PAGE, size: size.max(PAGE), grows: true })
    }

    /// Makes what it holds unreadable, for whoever has the master key too.
    pub(super) fn wipe(&self) -> Result<(), StoreError> {
        if self.number()?.is_some() {
            self.write(&[0; PAGE as usize], 0)?;
            self.sync()?;
        }
        Ok(())
    }

    /// Appends a frame; when this returns it is on disk. Where it ends comes back.
    pub(super) fn append(
        &self,
        generation: &mut Generation,
        frame: &mut Frame,
    ) -> Result<u64, StoreError> {
        let at = Position { generation: generation.number, offset: generation.end };
        let frame = frame.sealed(&generation.key, at).ok_or(StoreError::Sealing)?;
        let end = generation.end.saturating_add(frame.len() as u64);
        if end > generation.size {
            self.grow(generation, end)?;
        }
        self.write(frame, generation.end)?;
        self.sync()?;
        generation.end = end;
        Ok(end)
    }

    /// Every frame from a place on that opens, with the place behind it.
    pub(super) fn frames(
        &self,
        master: &Master,
        number: u64,
        from: u64,
    ) -> Result<Vec<(Vec<u8>, u64)>, StoreError> {
        let mut wrapped = [0; 72];
        self.read(&mut wrapped, 16)?;
        // A header that was torn has no frames: they come after it.
        let Some(key) = master.unwrap_intake(number, &wrapped) else { return Ok(Vec::new()) };
        let (mut frames, mut at) = (Vec::new(), from.max(PAGE));
        while let Some((sealed, end)) = self.frame(number, at)? {
            let Some(text) = key.open(&sealed, Position { generation: number, offset: at }) else {
                break;
            };
            frames.push((text, end));
            at = end;
        }
        Ok(frames)
    }

    /// Where its frames end.
    pub(super) fn end(&self, number: u64, from: u64) -> Result<u64, StoreError> {
        let mut at = from.max(PAGE);
        while let Some((_, end)) = self.frame(number, at)? {
            at = end;
        }
        Ok(at)
    }

    /// The sealed text of the frame that begins at a place, and the place behind it.
    fn frame(&self, number: u64, at: u64) -> Result<Option<(Vec<u8>, u64)>, StoreError> {
        let mut head = [0; HEAD];
        self.read(&mut head, at)?;
        let (length, rest) = head.split_at(4);
        let length = length.iter().fold(0, |length, byte| length << 8 | u64::from(*byte));
        let Some(checked) = rest.strip_prefix(&number.to_be_bytes()) else { return Ok(None) };
        let size = self.file.metadata().map_err(|source| self.failed(source))?.len();
        let end = at.saturating_add(HEAD as u64).saturating_add(length).next_multiple_of(PAGE);
        if length == 0 || end > size {
            return Ok(None);
        }
        let mut sealed = vec![0; length as usize];
        self.read(&mut sealed, at.saturating_add(HEAD as u64))?;
        Ok((check(&sealed) == checked).then_some((sealed, end)))
    }

    /// Makes room for the next frames, where more than a few were written and little is left: after the
    /// answers, and not before them. What fails here is met by the frame that finds no room.
    pub(super) fn grow_ahead(&self, generation: &mut Generation) {
        let room = generation.size.saturating_sub(generation.end);
        if generation.grows && generation.end > GROWTH / 2 && room < MOST_GROWTH / 2 {
            generation.grows = self.grow(generation, generation.size).is_ok();
        }
    }

    /// Makes the file longer, up to `least` and some more: zeros behind what is there, on disk with the new
    /// size.
    fn grow(&self, generation: &mut Generation, least: u64) -> Result<(), StoreError> {
        let (from, growth) = (generation.size, generation.size.clamp(GROWTH, MOST_GROWTH));
        let size = least.max(from.saturating_add(growth));
        let zeros = vec![0; usize::try_from(size.saturating_sub(from)).unwrap_or(usize::MAX)];
        self.write(&zeros, from)?;
        self.file.sync_all().map_err(|source| self.failed(source))?;
        generation.size = size;
        Ok(())
    }

    /// What is not there is zero.
    fn read(&self, mut bytes: &mut [u8], mut at: u64) -> Result<(), StoreError> {
        bytes.fill(0);
        while !bytes.is_empty() {
            match self.file.read_at(bytes, at) {
                Ok(0) => return Ok(()),
                Ok(read) => {
                    bytes = bytes.get_mut(read..).unwrap_or_default();
                    at = at.saturating_add(read as u64);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(source) => return Err(self.failed(source)),
            }
        }
        Ok(())
    }

    fn write(&self, bytes: &[u8], at: u64) -> Result<(), StoreError> {
        self.file.write_all_at(bytes, at).map_err(|source| self.failed(source))
    }

    fn sync(&self) -> Result<(), StoreError> {
        self.file.sync_data().map_err(|source| self.failed(source))
    }

    fn failed(&self, source: io::Error) -> StoreError {
        StoreError::Intake { path: self.path.clone(), source }
    }
}
