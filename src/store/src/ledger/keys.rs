//! The ledger's keys: files of their own, apart from the data.
//!
//! ```text
//! .hansard        the data
//! .hansard-keys   master.key      wraps the sessions' keys
//!                 checkpoint.key  signs checkpoints (a C2SP signed-note key)
//!                 checkpoint.pub  verifies them: give it to auditors
//! ```
//!
//! Whoever has the data alone can read nothing of a conversation and sign nothing. Instead of
//! `checkpoint.key` a command can sign (`checkpoint.cmd`: its path): it gets the checkpoint's text
//! on standard input and prints the whole signed note.

use crate::content::Master;
use crate::error::StoreError;
use signed_note::{Note, StandardSigner, generate_key};
use std::ffi::OsString;
use std::fmt;
use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

const MASTER: &str = "master.key";
const SIGNING: &str = "checkpoint.key";
const COMMAND: &str = "checkpoint.cmd";
const PUBLIC: &str = "checkpoint.pub";

/// Where a data folder's keys are unless something else is said: beside it, with `-keys` behind its
/// name.
#[must_use]
pub fn beside(folder: &Path) -> PathBuf {
    let mut name = folder.file_name().map_or_else(|| OsString::from("hansard"), OsString::from);
    name.push("-keys");
    folder.with_file_name(name)
}

/// A folder of keys.
#[derive(Clone, Debug)]
pub struct Keys(PathBuf);

/// Signs checkpoints. Never printed.
pub(crate) struct Signer {
    origin: String,
    with: With,
}

enum With {
    Key(Box<StandardSigner>),
    Command(PathBuf),
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Signer({})", self.origin)
    }
}

impl Keys {
    /// The keys in a folder.
    #[must_use]
    pub fn at(folder: &Path) -> Self {
        Self(folder.to_owned())
    }

    /// The key that verifies checkpoints (C2SP signed-note, a vkey), in one line.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn public(&self) -> Result<String, StoreError> {
        Ok(self.read(PUBLIC)?.trim().to_owned())
    }

    /// Makes what is not there. A ledger that has entries must have its keys.
    pub(crate) fn prepare(&self, is_new: bool) -> Result<(), StoreError> {
        if self.0.join(MASTER).exists() {
            return Ok(());
        }
        if !is_new {
            return Err(StoreError::NoKeys { path: self.0.clone() });
        }
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&self.0)
            .map_err(|e| self.failed(e))?;
        let mut master = [0; 32];
        getrandom::fill(&mut master).map_err(|_| StoreError::Sealing)?;
        if !self.0.join(SIGNING).exists() && !self.0.join(COMMAND).exists() {
            let mut name = [0; 6];
            getrandom::fill(&mut name).map_err(|_| StoreError::Sealing)?;
            let name = format!("hansard/{}", super::entry::hex(&name));
            let (signing, public) = generate_key(&mut rand_core::OsRng, &name);
            self.write(PUBLIC, &public)?;
            self.write(SIGNING, &signing)?;
        }
        self.write(MASTER, &super::entry::hex(&master))
    }

    pub(crate) fn master(&self) -> Result<Master, StoreError> {
        let text = self.read(MASTER)?;
        let bytes = from_hex(text.trim()).ok_or_else(|| self.unusable(MASTER))?;
        Ok(Master::new(bytes))
    }

    /// What signs checkpoints: the command, where one is named, else the key.
    pub(crate) fn signer(&self) -> Result<Signer, StoreError> {
        let command = self.0.join(COMMAND);
        if command.exists() {
            let public = self.public()?;
            let origin = public.split('+').next().unwrap_or_default().to_owned();
            let path = PathBuf::from(self.read(COMMAND)?.trim());
            return Ok(Signer { origin, with: With::Command(path) });
        }
        let text = self.read(SIGNING)?;
        let signer = StandardSigner::new(text.trim()).map_err(|_| self.unusable(SIGNING))?;
        let origin = signed_note::Signer::name(&signer).to_owned();
        Ok(Signer { origin, with: With::Key(Box::new(signer)) })
    }

    /// A secret that others can read is none, and is not used.
    fn read(&self, name: &str) -> Result<String, StoreError> {
        let path = self.0.join(name);
        let mode = match fs::metadata(&path) {
            Ok(data) => data.permissions().mode(),
            Err(error) if error.kind() == io::ErrorKind::NotFound && name == MASTER => {
                return Err(StoreError::NoKeys { path: self.0.clone() });
            }
            Err(error) => return Err(self.failed(error)),
        };
        if name.ends_with(".key") && mode & 0o077 != 0 {
            return Err(StoreError::OpenKey { path });
        }
        fs::read_to_string(&path).map_err(|error| self.failed(error))
    }

    fn write(&self, name: &str, text: &str) -> Result<(), StoreError> {
        write_new(&self.0.join(name), text).map_err(|error| self.failed(error))
    }

    fn failed(&self, source: io::Error) -> StoreError {
        StoreError::Keys { path: self.0.clone(), source }
    }

    fn unusable(&self, name: &str) -> StoreError {
        StoreError::UnusableKey { path: self.0.join(name) }
    }
}

impl Signer {
    pub(crate) fn origin(&self) -> &str {
        &self.origin
    }

    /// A checkpoint as a signed note.
    pub(crate) fn sign(&self, text: &[u8]) -> Result<Vec<u8>, StoreError> {
        match &self.with {
            With::Key(signer) => {
                let mut note = Note::new(text, &[]).map_err(|_| StoreError::Sealing)?;
                note.add_sigs(&[&**signer]).map_err(|_| StoreError::Sealing)?;
                Ok(note.to_bytes())
            }
            With::Command(path) => {
                let failed = |why: String| StoreError::Signer { path: path.clone(), why };
                let signed = run(path, text).map_err(|error| failed(error.to_string()))?;
                let note = Note::from_bytes(&signed)
                    .map_err(|_| failed("it did not print a signed note".into()))?;
                if note.text() != text {
                    return Err(failed("it signed something else".into()));
                }
                Ok(signed)
            }
        }
    }
}

/// Makes a signing key (C2SP signed-note) in a new file of its owner's alone.
///
/// # Errors
/// When the file is there, or cannot be written.
pub fn make_key(path: &Path, name: &str) -> Result<(), StoreError> {
    let (signing, _) = generate_key(&mut rand_core::OsRng, name);
    write_new(path, &signing).map_err(|source| StoreError::Keys { path: path.to_owned(), source })
}

/// A file that was not there, of its owner's alone, and on disk.
fn write_new(path: &Path, text: &str) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    writeln!(file, "{text}")?;
    file.sync_all()
}

fn run(path: &Path, text: &[u8]) -> io::Result<Vec<u8>> {
    let mut child = Command::new(path).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
    if let Some(mut stdin) = child.stdin.take() {
        stdin.write_all(text)?;
    }
    let mut signed = Vec::new();
    if let Some(stdout) = child.stdout.take() {
        stdout.take(1 << 20).read_to_end(&mut signed)?;
    }
    match child.wait()? {
        status if status.success() => Ok(signed),
        status => Err(io::Error::other(format!("it ended with {status}"))),
    }
}

fn from_hex(text: &str) -> Option<[u8; 32]> {
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    let mut bytes = [0; 32];
    if !rest.is_empty() || pairs.len() != bytes.len() {
        return None;
    }
    for (byte, pair) in bytes.iter_mut().zip(pairs) {
        *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(bytes)
}
