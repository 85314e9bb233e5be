//! Whether a match is what it seems: entropy, and checksums of the formats themselves.

use crate::rule::{Check, Rule};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

impl Rule {
    /// Whether a matched secret holds what the rule asks of it beyond its pattern.
    #[must_use]
    pub fn accepts(&self, secret: &[u8]) -> bool {
        (self.min_entropy <= 0.0 || entropy(secret) >= self.min_entropy) && self.check.holds(secret)
    }
}

impl Check {
    /// Whether the secret proves its own format.
    #[must_use]
    pub fn holds(self, secret: &[u8]) -> bool {
        let proof = match self {
            Self::Nothing => return true,
            Self::GithubCrc32 => github_crc32,
            Self::Jwt => jwt,
        };
        std::str::from_utf8(secret).ok().and_then(proof).unwrap_or(false)
    }
}

/// Shannon entropy, bits a byte: 0 for one repeated byte, 8 for all bytes alike.
#[must_use]
pub fn entropy(bytes: &[u8]) -> f32 {
    let mut counts = [0_u32; 256];
    for byte in bytes {
        if let Some(count) = counts.get_mut(usize::from(*byte)) {
            *count = count.saturating_add(1);
        }
    }
    // Once a byte's share was counted, it is taken. Bytes that stand once add nothing: log2(1) is 0.
    let repeated: f32 = bytes
        .iter()
        .filter_map(|byte| counts.get_mut(usize::from(*byte)).map(std::mem::take))
        .filter(|count| *count > 1)
        .map(|count| count as f32 * (count as f32).log2())
        .sum();
    let all = bytes.len().max(1) as f32;
    all.log2() - repeated / all
}

/// `ghp_` and its like: a prefix up to the last `_`, 30 characters, and the base-62 CRC-32 of them
/// in six. Source: GitHub's description of its token format (2021).
fn github_crc32(token: &str) -> Option<bool> {
    const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    let (_, body) = token.rsplit_once('_')?;
    let (random, checksum) = body.split_at_checked(body.len().checked_sub(6)?)?;
    let value = checksum.bytes().try_fold(0_u64, |value, byte| {
        let digit = DIGITS.iter().position(|d| *d == byte)?;
        value.checked_mul(62)?.checked_add(digit as u64)
    })?;
    Some(value == u64::from(crc32fast::hash(random.as_bytes())))
}

/// A JOSE header (RFC 7515 section 4) is a JSON object that names its algorithm.
fn jwt(token: &str) -> Option<bool> {
    let header = URL_SAFE_NO_PAD.decode(token.split('.').next()?).ok()?;
    let header = std::str::from_utf8(&header).ok()?.trim();
    Some(header.starts_with('{') && header.ends_with('}') && header.contains("\"alg\""))
}
