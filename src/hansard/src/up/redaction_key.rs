//! The key under which this machine's gateway makes placeholders.

use super::UpError;
use crate::token::create_once;
use std::fs;
use std::path::Path;

/// The variable in which the filter looks for it.
pub(super) const VARIABLE: &str = "HANSARD_REDACT_KEY";
const FILE: &str = "redaction.key";

/// The key that the environment names, else the data folder's own, made on first use: placeholders
/// stay the same from run to run.
pub(super) fn open(folder: &Path) -> Result<String, UpError> {
    if let Ok(key) = std::env::var(VARIABLE)
        && !key.is_empty()
    {
        return Ok(key);
    }
    let path = folder.join(FILE);
    let failed = |source| UpError::File { path: path.clone(), source };
    if !path.exists() {
        let mut key = [0; 32];
        getrandom::fill(&mut key).map_err(|error| failed(error.into()))?;
        let key: String = key.iter().map(|byte| format!("{byte:02x}")).collect();
        create_once(folder, &path, &key).map_err(failed)?;
    }
    // Another process may have been first: its key is the one.
    Ok(fs::read_to_string(&path).map_err(failed)?.trim().to_owned())
}
