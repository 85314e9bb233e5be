//! Who looked at what: every view, search and export is on record before it is answered.

use hansard_store::{Access, Custodian};
use std::fmt;
use std::sync::{Mutex, PoisonError};
use thiserror::Error;

/// It is not on record, so it is not answered.
#[derive(Debug, Error)]
#[error("this look cannot be put on record, so nothing is shown: {0}")]
pub struct AuditError(pub String);

type Record = dyn Fn(&Access) -> Result<(), String> + Send + Sync;

/// Where looks are put on record.
pub struct Audit {
    record: Box<Record>,
}

impl fmt::Debug for Audit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Audit")
    }
}

impl Audit {
    /// In the ledger itself: each look is an entry of the log, and on disk when it is answered.
    #[must_use]
    pub fn ledger(custodian: Custodian) -> Self {
        let custodian = Mutex::new(custodian);
        Self::with(move |access| {
            let mut custodian = custodian.lock().unwrap_or_else(PoisonError::into_inner);
            custodian.looked(std::slice::from_ref(access)).map_err(|error| error.to_string())
        })
    }

    /// `record` returns once the look is on record, or says why it is not. It may block.
    pub fn with(record: impl Fn(&Access) -> Result<(), String> + Send + Sync + 'static) -> Self {
        Self { record: Box::new(record) }
    }

    pub(crate) fn record(&self, access: &Access) -> Result<(), AuditError> {
        (self.record)(access).map_err(AuditError)
    }
}
