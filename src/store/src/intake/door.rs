//! Who may use the intake: its writer, or an erasure alone.
//!
//! Two locks of the system's (flock), which end with their process: whoever goes in passes through the
//! first and stays under the second. Who closes holds both, and does not have to wait until nobody
//! happens to be inside.

use crate::error::StoreError;
use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

#[derive(Debug)]
pub(super) struct Door {
    outer: Arc<File>,
    inner: Arc<File>,
    folder: PathBuf,
}

/// Inside, until it is dropped.
#[derive(Debug)]
pub(crate) struct Inside(Vec<Arc<File>>);

impl Door {
    pub(super) fn of(folder: &Path) -> Result<Self, StoreError> {
        let open = |name: &str| {
            let mut options = OpenOptions::new();
            options.read(true).write(true).create(true).truncate(false).mode(0o600);
            let path = folder.join(name);
            let file = options.open(&path);
            file.map(Arc::new).map_err(|source| StoreError::Intake { path, source })
        };
        let (outer, inner) = (open("intake.door")?, open("intake.lock")?);
        Ok(Self { outer, inner, folder: folder.to_owned() })
    }

    /// Goes in, beside others.
    pub(super) fn enter(&self) -> Result<Inside, StoreError> {
        let entered = || {
            self.outer.lock_shared()?;
            self.outer.unlock()?;
            self.inner.lock_shared()
        };
        entered().map_err(|source| self.failed(source))?;
        Ok(Inside(vec![Arc::clone(&self.inner)]))
    }

    /// Goes in alone: whoever is inside is waited for, and nobody follows.
    pub(super) fn close(&self) -> Result<Inside, StoreError> {
        self.outer.lock().map_err(|source| self.failed(source))?;
        let mut inside = Inside(vec![Arc::clone(&self.outer)]);
        self.inner.lock().map_err(|source| self.failed(source))?;
        inside.0.push(Arc::clone(&self.inner));
        Ok(inside)
    }

    fn failed(&self, source: io::Error) -> StoreError {
        StoreError::Intake { path: self.folder.clone(), source }
    }
}

impl Drop for Inside {
    fn drop(&mut self) {
        for file in &self.0 {
            // It ends with the process in any case.
            let _ = file.unlock();
        }
    }
}
