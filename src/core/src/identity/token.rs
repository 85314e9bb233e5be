//! One token against one policy (RFC 7519, RFC 8725).
//!
//! jwt-simple checks the signature and the header; every claim is checked here as well, on the
//! verified payload, because its defaults are looser than a gateway's: `exp` is optional there,
//! time is tolerated by 15 minutes, and times beyond 2106 wrap.

use super::jwks::Algorithm;
use super::keys::KeyStore;
use crate::config::{Issuer, Policy, hex};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hansard_record::part::Who;
use jwt_simple::prelude::*;
use serde_json::{Map, Value};

/// Longest token looked at, bytes.
const LONGEST: usize = 16 << 10;
/// Keys tried for a token without `kid`; each costs a signature check.
const MOST_TRIED: usize = 4;
/// Groups kept of a claim.
const MOST_GROUPS: usize = 512;

/// A verified caller.
#[derive(Debug)]
pub struct Identity {
    /// For rules and records.
    pub who: Who<'static>,
    not_before: u64,
    leeway_s: u64,
}

/// Why a token is refused: one sentence, fit for the caller, that quotes nothing of the token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// It was good and is not any more: a new one helps.
    #[error("The token has expired; get a new one.")]
    Expired,
    /// `nbf` lies ahead.
    #[error("The token is not valid yet; check the clock of its issuer.")]
    NotYetValid,
    /// It is no signed JWT.
    #[error("The bearer token is not a signed JWT.")]
    Malformed,
    /// Its issuer is not in the policy.
    #[error("The token's issuer is not trusted by this gateway.")]
    UnknownIssuer,
    /// Its algorithm is not accepted.
    #[error("The token's signature algorithm is not accepted by this gateway.")]
    Algorithm,
    /// No key of the issuer made the signature.
    #[error("The token's signature is not from its issuer, or its claims are malformed.")]
    Signature,
    /// It is for somebody else.
    #[error("The token is not meant for this gateway (its audience differs).")]
    Audience,
    /// A claim is missing or has the wrong type.
    #[error("The token lacks a claim that this gateway needs (`sub`, `exp`), or one is malformed.")]
    Claims,
    /// The issuer's keys have not come yet.
    #[error("The issuer's keys have not been fetched yet.")]
    KeysPending,
}

impl TokenError {
    /// Whether a new token from the same issuer would help.
    #[must_use]
    pub fn heals(self) -> bool {
        matches!(self, Self::Expired | Self::NotYetValid)
    }
}

impl Identity {
    /// Whether the token is in force at a time in Unix seconds.
    ///
    /// # Errors
    /// `Expired` or `NotYetValid`.
    pub fn check_time(&self, now_s: u64) -> Result<(), TokenError> {
        if now_s > self.who.expires_at.saturating_add(self.leeway_s) {
            Err(TokenError::Expired)
        } else if now_s.saturating_add(self.leeway_s) < self.not_before {
            Err(TokenError::NotYetValid)
        } else {
            Ok(())
        }
    }
}

/// Verifies a token whose SHA-256 is `digest`.
pub(super) fn verify(
    policy: &Policy,
    keys: &mut KeyStore,
    token: &str,
    digest: &[u8; 32],
    now_ms: u64,
) -> Result<Identity, TokenError> {
    let claims = unverified_claims(token)?;
    let named = claims.get("iss").and_then(Value::as_str).ok_or(TokenError::UnknownIssuer)?;
    let (at, issuer) = policy
        .issuers
        .iter()
        .enumerate()
        .find(|(_, issuer)| issuer.issuer == named)
        .ok_or(TokenError::UnknownIssuer)?;
    check_signature(keys, at, issuer, token, now_ms)?;
    // From here on the payload is the issuer's word.
    let identity = read_claims(issuer, &claims, digest)?;
    identity.check_time(now_ms / 1000)?;
    Ok(identity)
}

fn unverified_claims(token: &str) -> Result<Map<String, Value>, TokenError> {
    let mut segments = token.split('.');
    let (Some(_), Some(payload), Some(_), None) =
        (segments.next(), segments.next(), segments.next(), segments.next())
    else {
        return Err(TokenError::Malformed);
    };
    if token.len() > LONGEST {
        return Err(TokenError::Malformed);
    }
    let json = URL_SAFE_NO_PAD.decode(payload).map_err(|_| TokenError::Malformed)?;
    serde_json::from_slice(&json).map_err(|_| TokenError::Malformed)
}

fn check_signature(
    keys: &mut KeyStore,
    at: usize,
    issuer: &Issuer,
    token: &str,
    now_ms: u64,
) -> Result<(), TokenError> {
    let header = Token::decode_metadata(token).map_err(|_| TokenError::Malformed)?;
    let algorithm = Algorithm::named(header.algorithm())
        .filter(|algorithm| issuer.algorithms.contains(algorithm))
        .ok_or(TokenError::Algorithm)?;
    let set = keys.of(at).ok_or(TokenError::KeysPending)?;
    let fits = |key: &&super::jwks::Key| {
        key.algorithm == algorithm
            && header.key_id().is_none_or(|kid| key.kid.as_deref() == Some(kid))
    };
    let mut tried = 0;
    for key in set.iter().filter(fits).take(MOST_TRIED) {
        tried += 1;
        if key.signed(token, signature_only(now_ms)) {
            return Ok(());
        }
    }
    if tried == 0 {
        keys.unknown_key(at, now_ms);
    }
    Err(TokenError::Signature)
}

/// Options under which jwt-simple judges the header and the signature, and leaves time to us.
fn signature_only(now_ms: u64) -> VerificationOptions {
    VerificationOptions {
        accept_future: true,
        time_tolerance: Some(Duration::from_days(20 * 365)),
        max_token_length: Some(LONGEST),
        artificial_time: Some(UnixTimeStamp::from_millis(now_ms)),
        ..VerificationOptions::default()
    }
}

fn read_claims(
    issuer: &Issuer,
    claims: &Map<String, Value>,
    digest: &[u8; 32],
) -> Result<Identity, TokenError> {
    let expires_at = numeric_date(claims, "exp")?.ok_or(TokenError::Claims)?;
    let not_before = numeric_date(claims, "nbf")?.unwrap_or(0);
    let subject = claims.get("sub").and_then(Value::as_str).filter(|sub| !sub.is_empty());
    let meant_for_us = match claims.get("aud") {
        Some(Value::String(one)) => issuer.audiences.contains(one),
        Some(Value::Array(many)) => many
            .iter()
            .any(|one| one.as_str().is_some_and(|one| issuer.audiences.iter().any(|a| a == one))),
        _ => false,
    };
    if !meant_for_us {
        return Err(TokenError::Audience);
    }
    Ok(Identity {
        who: Who {
            issuer: issuer.issuer.clone().into(),
            subject: subject.ok_or(TokenError::Claims)?.to_owned().into(),
            email: claims.get("email").and_then(Value::as_str).map(|email| email.to_owned().into()),
            groups: groups(claims, &issuer.groups_claim).into_iter().map(Into::into).collect(),
            expires_at,
            token: hex(digest.get(..8).unwrap_or_default()).into(),
        },
        not_before,
        leeway_s: issuer.leeway_s,
    })
}

/// A NumericDate (RFC 7519 section 2), of which only the whole seconds matter.
fn numeric_date(claims: &Map<String, Value>, name: &str) -> Result<Option<u64>, TokenError> {
    match claims.get(name) {
        None => Ok(None),
        Some(Value::Number(number)) => match (number.as_u64(), number.as_f64()) {
            (Some(seconds), _) => Ok(Some(seconds)),
            (None, Some(seconds)) if (0.0..1e15).contains(&seconds) => Ok(Some(seconds as u64)),
            _ => Err(TokenError::Claims),
        },
        Some(_) => Err(TokenError::Claims),
    }
}

/// The groups at a path: a string, or an array whose strings count. Anything else is no group.
fn groups(claims: &Map<String, Value>, path: &[String]) -> Vec<String> {
    let Some((first, rest)) = path.split_first() else { return Vec::new() };
    // A claim whose own name holds dots (as in namespaced claims) is found by its whole name.
    let whole = (!rest.is_empty()).then(|| claims.get(&path.join("."))).flatten();
    let found = whole.or_else(|| rest.iter().try_fold(claims.get(first)?, |at, name| at.get(name)));
    match found {
        Some(Value::String(one)) => vec![one.clone()],
        Some(Value::Array(many)) => {
            many.iter().filter_map(Value::as_str).take(MOST_GROUPS).map(str::to_owned).collect()
        }
        _ => Vec::new(),
    }
}
