//! JSON Web Key sets (RFC 7517, RFC 7518 section 6, RFC 8037): public keys fit to verify with.
//!
//! A key that is not understood, not for signatures, or not for an accepted algorithm is left out;
//! the others of its set stay usable.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jwt_simple::prelude::*;
use serde::Deserialize;

/// Keys kept of one set; more is no set of signing keys.
const MOST_KEYS: usize = 64;

/// The algorithms that a policy can accept (RFC 7518 section 3.1, RFC 8037).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    Rs256,
    /// RSASSA-PSS with SHA-256.
    Ps256,
    /// ECDSA on P-256 with SHA-256.
    Es256,
    /// Ed25519.
    EdDsa,
}

impl Algorithm {
    /// The algorithm of an `alg` value.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "RS256" => Some(Self::Rs256),
            "PS256" => Some(Self::Ps256),
            "ES256" => Some(Self::Es256),
            "EdDSA" => Some(Self::EdDsa),
            _ => None,
        }
    }

    /// Its `alg` value.
    fn name(self) -> &'static str {
        match self {
            Self::Rs256 => "RS256",
            Self::Ps256 => "PS256",
            Self::Es256 => "ES256",
            Self::EdDsa => "EdDSA",
        }
    }
}

/// A key and the one algorithm it is used with.
pub(super) struct Key {
    pub(super) kid: Option<String>,
    pub(super) algorithm: Algorithm,
    public: PublicKey,
}

enum PublicKey {
    Rs256(RS256PublicKey),
    Ps256(PS256PublicKey),
    Es256(ES256PublicKey),
    EdDsa(Ed25519PublicKey),
}

impl Key {
    /// Whether the key signed the token.
    pub(super) fn signed(&self, token: &str, options: VerificationOptions) -> bool {
        let options = Some(options);
        match &self.public {
            PublicKey::Rs256(key) => key.verify_token::<NoCustomClaims>(token, options).is_ok(),
            PublicKey::Ps256(key) => key.verify_token::<NoCustomClaims>(token, options).is_ok(),
            PublicKey::Es256(key) => key.verify_token::<NoCustomClaims>(token, options).is_ok(),
            PublicKey::EdDsa(key) => key.verify_token::<NoCustomClaims>(token, options).is_ok(),
        }
    }
}

/// A set of JWKs as it is written.
#[derive(Deserialize)]
struct JwkSet {
    keys: Vec<serde_json::Value>,
}

#[derive(Deserialize)]
struct Jwk {
    kty: String,
    #[serde(rename = "use")]
    purpose: Option<String>,
    key_ops: Option<Vec<String>>,
    alg: Option<String>,
    kid: Option<String>,
    crv: Option<String>,
    n: Option<String>,
    e: Option<String>,
    x: Option<String>,
    y: Option<String>,
}

/// Reads a set for some algorithms; `None` when it is no JWK set at all.
pub(super) fn parse(json: &[u8], accepted: &[Algorithm]) -> Option<Vec<Key>> {
    let set: JwkSet = serde_json::from_slice(json).ok()?;
    let readable = set.keys.into_iter().filter_map(|jwk| serde_json::from_value::<Jwk>(jwk).ok());
    Some(readable.flat_map(|jwk| usable(&jwk, accepted)).take(MOST_KEYS).collect())
}

fn usable(jwk: &Jwk, accepted: &[Algorithm]) -> Vec<Key> {
    let signs = jwk.purpose.as_deref().is_none_or(|u| u == "sig")
        && jwk.key_ops.as_ref().is_none_or(|ops| ops.iter().any(|op| op == "verify"));
    if !signs {
        return Vec::new();
    }
    accepted
        .iter()
        .filter(|algorithm| jwk.alg.as_deref().is_none_or(|alg| alg == algorithm.name()))
        .filter_map(|&algorithm| {
            let public = public_key(jwk, algorithm)?;
            Some(Key { kid: jwk.kid.clone(), algorithm, public })
        })
        .collect()
}

fn public_key(jwk: &Jwk, algorithm: Algorithm) -> Option<PublicKey> {
    let bytes = |text: &Option<String>| URL_SAFE_NO_PAD.decode(text.as_deref()?).ok();
    let crv = jwk.crv.as_deref();
    match (algorithm, jwk.kty.as_str()) {
        (Algorithm::Rs256, "RSA") => {
            RS256PublicKey::from_components(&bytes(&jwk.n)?, &bytes(&jwk.e)?)
                .ok()
                .map(PublicKey::Rs256)
        }
        (Algorithm::Ps256, "RSA") => {
            PS256PublicKey::from_components(&bytes(&jwk.n)?, &bytes(&jwk.e)?)
                .ok()
                .map(PublicKey::Ps256)
        }
        (Algorithm::Es256, "EC") if crv == Some("P-256") => {
            // SEC 1, section 2.3.3: an uncompressed point is 04 ‖ x ‖ y.
            let (x, y) = (bytes(&jwk.x)?, bytes(&jwk.y)?);
            if (x.len(), y.len()) != (32, 32) {
                return None;
            }
            let point = [&[4], x.as_slice(), y.as_slice()].concat();
            ES256PublicKey::from_bytes(&point).ok().map(PublicKey::Es256)
        }
        (Algorithm::EdDsa, "OKP") if crv == Some("Ed25519") => {
            Ed25519PublicKey::from_bytes(&bytes(&jwk.x)?).ok().map(PublicKey::EdDsa)
        }
        _ => None,
    }
}
