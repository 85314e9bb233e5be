//! What stands in a value's place, and how values are told apart without naming them.
//!
//! ```text
//! HANSARD-aws-access-key-id-k3v7q2mxw5b4dztr
//!         rule              tag: 60 bits of HMAC-SHA-256(key, value), 20 bits that prove it ours
//! ```
//!
//! The same value under the same key has the same placeholder, in every worker, request and year:
//! prompt caches and signed thinking stay whole. A placeholder is never taken for a secret, and
//! only the key's owner can make one. It holds no character that JSON, a URL, a shell or markdown
//! would read as its own.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use std::fmt;

/// How every placeholder begins.
pub(crate) const PREFIX: &str = "HANSARD-";
/// No placeholder is longer, bytes.
pub(crate) const LONGEST: usize = PREFIX.len() + MOST_ID + 1 + TAG;
/// The longest name of a rule, bytes.
const MOST_ID: usize = 80;
/// Characters of a tag, five bits each.
const TAG: usize = 16;
/// Those that depend on the value.
const VALUE: usize = 12;
/// Those that prove the tag.
const PROOF: usize = TAG - VALUE;
/// Base 32 of RFC 4648, lower case.
const DIGITS: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";
/// The least length of a key, bytes.
const LEAST_KEY: usize = 16;

/// The key under which placeholders and fingerprints are made. Never printed.
#[derive(Clone)]
pub struct Keyring {
    values: Hmac<Sha256>,
    proofs: Hmac<Sha256>,
}

impl fmt::Debug for Keyring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Keyring")
    }
}

/// A key that is too short to keep anything secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ShortKey;

impl fmt::Display for ShortKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the redaction key is shorter than {LEAST_KEY} bytes")
    }
}

impl std::error::Error for ShortKey {}

impl Keyring {
    /// Takes a key of at least 16 bytes.
    ///
    /// # Errors
    /// [`ShortKey`].
    pub fn new(key: &[u8]) -> Result<Self, ShortKey> {
        if key.len() < LEAST_KEY {
            return Err(ShortKey);
        }
        // A key for each purpose: short messages then fit into one block of the hash.
        let whole = Hmac::<Sha256>::new_from_slice(key).map_err(|_| ShortKey)?;
        let keyed = |purpose: &[u8]| {
            Hmac::new_from_slice(&digest(&whole, &[purpose])).map_err(|_| ShortKey)
        };
        Ok(Self { values: keyed(b"hansard value")?, proofs: keyed(b"hansard placeholder")? })
    }

    /// The placeholder of a value that a rule found.
    #[must_use]
    pub fn placeholder(&self, rule: &str, value: &[u8]) -> String {
        self.names(rule, value).0
    }

    /// Tells values apart in records: 16 hex digits, the same for the same value under this key.
    #[must_use]
    pub fn fingerprint(&self, value: &[u8]) -> String {
        fingerprint(&digest(&self.values, &[value]))
    }

    /// A value's placeholder and its fingerprint.
    pub(crate) fn names(&self, rule: &str, value: &[u8]) -> (String, String) {
        let digest_of_value = digest(&self.values, &[value]);
        let mut placeholder = String::with_capacity(LONGEST);
        placeholder.push_str(PREFIX);
        placeholder.push_str(rule);
        placeholder.push('-');
        let tag = placeholder.len();
        base32(&digest_of_value, VALUE, &mut placeholder);
        let value = placeholder.get(tag..).unwrap_or_default().as_bytes();
        let proof = digest(&self.proofs, &[rule.as_bytes(), value]);
        base32(&proof, PROOF, &mut placeholder);
        (placeholder, fingerprint(&digest_of_value))
    }

    /// The length of the placeholder of ours that a text begins with.
    pub(crate) fn placeholder_at(&self, text: &[u8]) -> Option<usize> {
        let rest = text.strip_prefix(PREFIX.as_bytes())?;
        let is_part =
            |byte: &&u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || **byte == b'-';
        let length = rest.iter().take(MOST_ID + 1 + TAG).take_while(is_part).count();
        let name = rest.get(..length)?;
        // The rule's name can hold any number of dashes, and a letter can follow: the tag proves
        // where the placeholder ends. A tag holds no dash, so few ends need a proof.
        let dashes = name.iter().enumerate().rev().filter(|(_, byte)| **byte == b'-');
        let mut expected = String::new();
        dashes.map(|(dash, _)| dash).find_map(|dash| {
            let (rule, tag) = (name.get(..dash)?, name.get(dash.saturating_add(1)..)?);
            let tag = tag.get(..TAG).filter(|tag| tag.iter().all(|byte| DIGITS.contains(byte)))?;
            let (value, proof) = tag.split_at_checked(VALUE)?;
            expected.clear();
            base32(&digest(&self.proofs, &[rule, value]), PROOF, &mut expected);
            let is_ours = !rule.is_empty() && expected.as_bytes() == proof;
            is_ours.then_some(PREFIX.len().saturating_add(dash).saturating_add(1 + TAG))
        })
    }
}

fn digest(keyed: &Hmac<Sha256>, parts: &[&[u8]]) -> [u8; 32] {
    let mut hmac = keyed.clone();
    for part in parts {
        hmac.update(&(part.len() as u64).to_be_bytes());
        hmac.update(part);
    }
    hmac.finalize().into_bytes().into()
}

fn fingerprint(digest: &[u8; 32]) -> String {
    let (eight, _) = digest.split_at(8);
    let mut hex = String::with_capacity(16);
    for byte in eight {
        for nibble in [byte >> 4, byte & 15] {
            hex.push(char::from_digit(u32::from(nibble), 16).unwrap_or('0'));
        }
    }
    hex
}

/// So many digits of base 32, five bits each.
fn base32(bytes: &[u8; 32], digits: usize, out: &mut String) {
    let mut bits = bytes.first_chunk().map_or(0, |first| u128::from_be_bytes(*first));
    for _ in 0..digits {
        let digit = (bits >> 123) as usize;
        out.push(char::from(DIGITS.get(digit).copied().unwrap_or(b'a')));
        bits <<= 5;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keyring() -> Keyring {
        Keyring::new(b"a key for tests alone").unwrap()
    }

    #[test]
    fn a_placeholder_is_stable_and_proves_itself() {
        let keyring = keyring();
        let placeholder = keyring.placeholder("aws-access-key-id", b"AKIA");
        assert_eq!(placeholder, keyring.placeholder("aws-access-key-id", b"AKIA"));
        assert_ne!(placeholder, keyring.placeholder("aws-access-key-id", b"AKIB"));
        assert!(placeholder.len() <= LONGEST);
        let text = format!("{placeholder}x and more");
        assert_eq!(keyring.placeholder_at(placeholder.as_bytes()), Some(placeholder.len()));
        assert_eq!(keyring.placeholder_at(text.as_bytes()), Some(placeholder.len()));
        let other = Keyring::new(b"another key for tests").unwrap();
        assert_eq!(other.placeholder_at(placeholder.as_bytes()), None);
        for cut in 0..placeholder.len() {
            assert_eq!(keyring.placeholder_at(&placeholder.as_bytes()[..cut]), None, "{cut}");
        }
        assert_eq!(keyring.placeholder_at(b"HANSARD-x-aaaaaaaaaaaaaaaa"), None);
    }

    #[test]
    fn keys_are_long_enough_and_never_shown() {
        assert_eq!(Keyring::new(b"short").unwrap_err(), ShortKey);
        assert_eq!(format!("{:?}", keyring()), "Keyring");
        assert_eq!(keyring().fingerprint(b"x").len(), 16);
        assert_ne!(keyring().fingerprint(b"x"), keyring().fingerprint(b"y"));
    }
}
