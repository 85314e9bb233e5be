//! Entries as they stand in the database: compressed against what all of them look like.
//!
//! The dictionary (RFC 8878 section 5) is that, and how often each character stands in entries, which
//! zstd counted (`ZDICT_finalizeDictionary`); it has no number, as frames would repeat it.
//!
//! A leaf of the tree is the entry itself; how it is kept is no part of the log.

use crate::content::{Dictionary, pack, unpack};
use crate::error::StoreError;
use rusqlite::Connection;
use rusqlite::functions::FunctionFlags;

/// No entry is larger.
const MOST: usize = 16 << 20;

thread_local! {
    /// For as long as ledgers of this form live: it is not to be changed.
    static DICTIONARY: Dictionary =
        Dictionary::prepared(include_bytes!("entry.dictionary").to_vec());
}

/// An entry's bytes, packed.
pub(super) fn packed(bytes: &[u8]) -> Option<Vec<u8>> {
    DICTIONARY.with(|dictionary| pack(bytes, Some(dictionary)))
}

/// An entry's bytes. What cannot be read is an entry of no bytes, which no digest fits.
pub(crate) fn unpacked(bytes: &[u8]) -> Vec<u8> {
    DICTIONARY.with(|dictionary| unpack(bytes, Some(dictionary), MOST)).unwrap_or_default()
}

/// Lets queries say `unpacked(bytes)`.
pub(crate) fn know(connection: &Connection) -> Result<(), StoreError> {
    let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC;
    Ok(connection.create_scalar_function("unpacked", 1, flags, |context| {
        Ok(unpacked(context.get_raw(0).as_blob().unwrap_or_default()))
    })?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::entry::hex;
    use sha2::{Digest, Sha256};

    #[test]
    fn the_dictionary_is_that_of_every_ledger_of_this_form() {
        let digest = hex(&Sha256::digest(include_bytes!("entry.dictionary")));
        assert_eq!(digest, "44792347bc5bde81e5fbc3f0b172be73e619a2c5a2f184eff3d761ee39850878");
        let entry = br#"{"entry":"part","exchange":"0199c4a2-5000-7000-8000-000000000001"}"#;
        assert_eq!(unpacked(&packed(entry).unwrap()), entry);
        assert_eq!(unpacked(b"nothing that was packed"), b"");
    }
}
