//! The caller's token, and the key that the policy trusts for it.
//!
//! One token for the whole run: it is verified once, then found in the filter's cache, as a real
//! client's is.

use crate::problem::Problem;
use jwt_simple::prelude::{Claims, Duration, ECDSAP256KeyPairLike, ES256KeyPair};
use serde_json::{Value, json};

const ISSUER: &str = "https://bench.hansard.invalid";
const AUDIENCE: &str = "hansard";

/// A token of one caller, and its issuer as a policy names it.
pub(crate) struct Issued {
    pub(crate) token: String,
    pub(crate) issuer: Value,
}

/// Makes a key, and signs a token that lasts longer than the run.
pub(crate) fn issue() -> Result<Issued, Problem> {
    let failed = |error: jwt_simple::Error| Problem::Token(error.to_string());
    let key = ES256KeyPair::generate();
    let id = key.jwk_thumbprint();
    let key = key.with_key_id(&id);
    let public: Value = serde_json::from_str(&key.public_key().with_key_id(&id).to_jwk())
        .map_err(|error| Problem::Token(error.to_string()))?;
    let claims = Claims::with_custom_claims(
        json!({"groups": ["developers"], "email": "bench@hansard.invalid"}),
        Duration::from_hours(8),
    )
    .with_issuer(ISSUER)
    .with_audience(AUDIENCE)
    .with_subject("bench");
    let issuer = json!({
        "issuer": ISSUER,
        "audiences": [AUDIENCE],
        "algorithms": ["ES256"],
        "jwks": {"keys": [public]},
    });
    Ok(Issued { token: key.sign(claims).map_err(failed)?, issuer })
}
