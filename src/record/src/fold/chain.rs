//! What a text is called that both ends know: a digest over its pieces, one after the other.
//!
//! ```text
//! D0 = 32 zero bytes      Dk = SHA-256(Dk-1 ‖ SHA-256(piece k))
//! ```
//!
//! One digest stands for all pieces up to one, in their order, and the next is made from it alone.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use sha2::{Digest, Sha256};
use std::fmt;

/// The digest of the first pieces of a text.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Chain(pub [u8; 32]);

impl Chain {
    /// The digest of one piece more, by that piece's SHA-256.
    #[must_use]
    pub fn then(&self, piece: &[u8; 32]) -> Self {
        Self(Sha256::new().chain_update(self.0).chain_update(piece).finalize().into())
    }

    /// A piece's SHA-256.
    #[must_use]
    pub fn sum(piece: &[u8]) -> [u8; 32] {
        Sha256::digest(piece).into()
    }
}

impl fmt::Debug for Chain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for Chain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl Serialize for Chain {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Chain {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let invalid = || de::Error::custom("a digest is 64 hex digits");
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        let (pairs, []) = text.as_bytes().as_chunks::<2>() else { return Err(invalid()) };
        let mut digest = [0; 32];
        if pairs.len() != digest.len() {
            return Err(invalid());
        }
        for (byte, pair) in digest.iter_mut().zip(pairs) {
            let digit = |digit: u8| char::from(digit).to_digit(16);
            let (Some(high), Some(low)) = (digit(pair[0]), digit(pair[1])) else {
                return Err(invalid());
            };
            *byte = (high << 4 | low) as u8;
        }
        Ok(Self(digest))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chain_tells_order_and_borders_apart() {
        let of = |pieces: &[&str]| {
            pieces
                .iter()
                .fold(Chain::default(), |chain, piece| chain.then(&Chain::sum(piece.as_bytes())))
        };
        assert_eq!(of(&["a", "b"]), of(&["a", "b"]));
        for other in [&["b", "a"][..], &["ab"], &["a"], &["", "a", "b"]] {
            assert_ne!(of(&["a", "b"]), of(other), "{other:?}");
        }
        // Both ends have to agree on this for as long as ledgers live.
        assert_eq!(
            of(&["a", "b"]).to_string(),
            "153d5381929b50792d3b22ae9596544af3b0e4805be1555a595e6d2a2734933f"
        );
    }

    #[test]
    fn digests_are_read_as_they_are_written() {
        let chain = Chain::default().then(&Chain::sum(b"x"));
        let json = serde_json::to_string(&chain).unwrap();
        assert_eq!(serde_json::from_str::<Chain>(&json).unwrap(), chain);
        for wrong in ["\"\"", "\"00\"", &json.replace(|c: char| c.is_ascii_digit(), "g"), "1"] {
            assert!(serde_json::from_str::<Chain>(wrong).is_err(), "{wrong}");
        }
    }
}
