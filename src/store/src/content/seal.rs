//! Keys, and what is sealed with them.
//!
//! ```text
//! master key (a file apart from the data) ─wraps─▶ a key for each session ─seals─▶ its blocks
//! ```
//!
//! Keys are wrapped with XChaCha20-Poly1305 (draft-irtf-cfrg-xchacha), texts compressed and sealed with
//! ChaCha20-Poly1305 (RFC 8439): both under random nonces, of which 96 bits are enough for the 2^32
//! texts that no session has. What a session's first part says is the dictionary that its texts are
//! compressed against. A block's name is an HMAC of its text under the session's key: equal texts of one session share
//! a block, and a name says nothing without the key. A destroyed session key cannot be made again.

use super::pack::{Dictionary, Effort, packed, unpack};
use crate::intake::Position;
use chacha20poly1305::aead::{Aead, AeadInOut, KeyInit, Payload};
use chacha20poly1305::{ChaCha20Poly1305, Nonce, XChaCha20Poly1305, XNonce};
use hmac::{Hmac, Mac};
use sha2::Sha256;
use std::fmt;
use std::sync::OnceLock;

const KEY: usize = 32;
pub(crate) const NONCE: usize = 24;
const SHORT_NONCE: usize = 12;
pub(crate) const TAG: usize = 16;
/// Bytes of a block's name.
const NAME: usize = 16;
/// No block is larger when it is unpacked: above the largest part.
const MOST: usize = 256 << 20;

/// The key of one generation of the intake. Never printed.
pub(crate) struct IntakeKey(XChaCha20Poly1305);

impl fmt::Debug for IntakeKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("IntakeKey")
    }
}

impl IntakeKey {
    /// Seals a text for a place where it stands; what goes before it, and what behind it.
    pub(crate) fn seal(
        &self,
        nonce: &mut [u8; NONCE],
        text: &mut [u8],
        at: Position,
    ) -> Option<[u8; TAG]> {
        *nonce = random()?;
        let nonce = XNonce::from(*nonce);
        let tag = self.0.encrypt_inout_detached(&nonce, &at.to_bytes(), text.into());
        Some(tag.ok()?.into())
    }

    /// The text that was sealed for a place.
    pub(crate) fn open(&self, sealed: &[u8], at: Position) -> Option<Vec<u8>> {
        open(&self.0, sealed, &at.to_bytes())
    }
}

/// The key that wraps every session's. Never printed.
pub(crate) struct Master([u8; KEY]);

/// One session's key. Never printed.
pub(crate) struct SessionKey {
    sealing: ChaCha20Poly1305,
    naming: Hmac<Sha256>,
    /// Once its first part is here.
    dictionary: OnceLock<Dictionary>,
}

impl fmt::Debug for Master {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Master")
    }
}

impl fmt::Debug for SessionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SessionKey")
    }
}

impl Master {
    pub(crate) fn new(bytes: [u8; KEY]) -> Self {
        Self(bytes)
    }

    /// A new key for a session, and the key wrapped.
    pub(crate) fn make(&self, session: &str) -> Option<(SessionKey, Vec<u8>)> {
        let key = random::<KEY>()?;
        let wrapped = seal(&self.cipher()?, &key, session.as_bytes())?;
        Some((SessionKey::new(&key)?, wrapped))
    }

    /// The key that was wrapped for a session; `None` when it is of another master or was changed.
    pub(crate) fn unwrap(&self, session: &str, wrapped: &[u8]) -> Option<SessionKey> {
        SessionKey::new(&open(&self.cipher()?, wrapped, session.as_bytes())?)
    }

    /// The same, bare: for a bundle that proves the session to others.
    pub(crate) fn raw(&self, session: &str, wrapped: &[u8]) -> Option<Vec<u8>> {
        open(&self.cipher()?, wrapped, session.as_bytes())
    }

    /// A new key for a generation of the intake, and the key wrapped: 72 bytes.
    pub(crate) fn make_intake(&self, generation: u64) -> Option<(IntakeKey, Vec<u8>)> {
        let key = random::<KEY>()?;
        let wrapped = seal(&self.intake_cipher()?, &key, &generation.to_be_bytes())?;
        Some((IntakeKey(XChaCha20Poly1305::new_from_slice(&key).ok()?), wrapped))
    }

    /// The key that was wrapped for a generation of the intake.
    pub(crate) fn unwrap_intake(&self, generation: u64, wrapped: &[u8]) -> Option<IntakeKey> {
        let key = open(&self.intake_cipher()?, wrapped, &generation.to_be_bytes())?;
        Some(IntakeKey(XChaCha20Poly1305::new_from_slice(&key).ok()?))
    }

    fn intake_cipher(&self) -> Option<XChaCha20Poly1305> {
        XChaCha20Poly1305::new_from_slice(&derived(&self.0, b"hansard intake")?).ok()
    }

    fn cipher(&self) -> Option<XChaCha20Poly1305> {
        XChaCha20Poly1305::new_from_slice(&derived(&self.0, b"hansard wrap")?).ok()
    }
}

impl SessionKey {
    fn new(key: &[u8]) -> Option<Self> {
        Some(Self {
            sealing: ChaCha20Poly1305::new_from_slice(&derived(key, b"hansard seal")?).ok()?,
            naming: Hmac::new_from_slice(&derived(key, b"hansard name")?).ok()?,
            dictionary: OnceLock::new(),
        })
    }

    /// The name of a text's block.
    pub(crate) fn name(&self, text: &[u8]) -> [u8; NAME] {
        let mut naming = self.naming.clone();
        naming.update(text);
        let digest = naming.finalize().into_bytes();
        let mut name = [0; NAME];
        for (to, byte) in name.iter_mut().zip(digest) {
            *to = byte;
        }
        name
    }

    /// Seals a text, compressed under the session's dictionary.
    pub(crate) fn seal(&self, text: &[u8], effort: Effort) -> Option<Vec<u8>> {
        self.sealed(text, self.dictionary.get(), effort)
    }

    /// The text; `None` when it was changed, or is another session's.
    pub(crate) fn open(&self, sealed: &[u8]) -> Option<Vec<u8>> {
        unpack(&self.opened(sealed)?, self.dictionary.get(), MOST)
    }

    /// The same, of a text that does not need the dictionary.
    pub(crate) fn seal_alone(&self, text: &[u8]) -> Option<Vec<u8>> {
        self.sealed(text, None, Effort::Usual)
    }

    pub(crate) fn open_alone(&self, sealed: &[u8]) -> Option<Vec<u8>> {
        unpack(&self.opened(sealed)?, None, MOST)
    }

    pub(crate) fn dictionary(&self) -> Option<&Dictionary> {
        self.dictionary.get()
    }

    /// Done once, when the first part is here.
    pub(crate) fn set_dictionary(&self, text: Vec<u8>) {
        self.dictionary.get_or_init(|| Dictionary::new(text));
    }

    fn sealed(
        &self,
        text: &[u8],
        dictionary: Option<&Dictionary>,
        effort: Effort,
    ) -> Option<Vec<u8>> {
        let mut sealed = packed(text, dictionary, effort, [SHORT_NONCE, TAG])?;
        let (nonce, rest) = sealed.split_first_chunk_mut::<SHORT_NONCE>()?;
        *nonce = random()?;
        let tag = self.sealing.encrypt_inout_detached(&Nonce::from(*nonce), b"", rest.into());
        sealed.extend_from_slice(&tag.ok()?);
        Some(sealed)
    }

    fn opened(&self, sealed: &[u8]) -> Option<Vec<u8>> {
        let (nonce, sealed) = sealed.split_first_chunk::<SHORT_NONCE>()?;
        self.sealing.decrypt(&Nonce::from(*nonce), sealed).ok()
    }
}

fn derived(key: &[u8], purpose: &[u8]) -> Option<[u8; KEY]> {
    let mut hmac = Hmac::<Sha256>::new_from_slice(key).ok()?;
    hmac.update(purpose);
    Some(hmac.finalize().into_bytes().into())
}

fn seal(cipher: &XChaCha20Poly1305, text: &[u8], aad: &[u8]) -> Option<Vec<u8>> {
    let nonce = random::<NONCE>()?;
    let sealed = cipher.encrypt(&XNonce::from(nonce), Payload { msg: text, aad }).ok()?;
    Some([nonce.as_slice(), &sealed].concat())
}

fn open(cipher: &XChaCha20Poly1305, sealed: &[u8], aad: &[u8]) -> Option<Vec<u8>> {
    let (nonce, sealed) = sealed.split_first_chunk::<NONCE>()?;
    cipher.decrypt(&XNonce::from(*nonce), Payload { msg: sealed, aad }).ok()
}

/// `None` when the system gives none.
fn random<const N: usize>() -> Option<[u8; N]> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).ok()?;
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sealed_opens_under_its_own_key_alone() {
        let master = Master::new([7; 32]);
        let (key, wrapped) = master.make("s-1").unwrap();
        let (other, _) = master.make("s-1").unwrap();
        let sealed = key.seal(b"text text text", Effort::Usual).unwrap();
        assert_eq!(key.open(&sealed).unwrap(), b"text text text");
        assert_eq!(other.open(&sealed), None);
        let again = master.unwrap("s-1", &wrapped).unwrap();
        assert_eq!(again.open(&sealed).unwrap(), b"text text text");
        assert!(master.unwrap("s-2", &wrapped).is_none());
        assert!(Master::new([8; 32]).unwrap("s-1", &wrapped).is_none());
        for bit in 0..sealed.len() * 8 {
            let mut changed = sealed.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(key.open(&changed), None, "bit {bit}");
        }
    }

    #[test]
    fn names_are_equal_for_equal_texts_of_one_session() {
        let master = Master::new([7; 32]);
        let ((a, _), (b, _)) = (master.make("s").unwrap(), master.make("s").unwrap());
        assert_eq!(a.name(b"x"), a.name(b"x"));
        assert_ne!(a.name(b"x"), a.name(b"y"));
        assert_ne!(a.name(b"x"), b.name(b"x"));
        assert_ne!(
            a.seal(b"x", Effort::Usual),
            a.seal(b"x", Effort::Usual),
            "a nonce of its own each time"
        );
        assert_eq!(format!("{master:?} {a:?}"), "Master SessionKey");
    }
}
