//! Token tables: every way in which a token can be wrong, and what it is told.

use super::*;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jwt_simple::prelude::*;
use serde_json::{Value, json};

const NOW: u64 = 1_800_000_000;

struct Issued {
    rsa: RS256KeyPair,
    pss: PS256KeyPair,
    ec: ES256KeyPair,
    ed: Ed25519KeyPair,
}

impl Issued {
    fn new() -> Self {
        let rsa = RS256KeyPair::generate(2048).unwrap();
        let pss = PS256KeyPair::from_der(&rsa.to_der().unwrap()).unwrap();
        Self { rsa, pss, ec: ES256KeyPair::generate(), ed: Ed25519KeyPair::generate() }
    }

    fn keys(&self) -> Value {
        let b64 = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        let rsa = self.rsa.public_key().to_components();
        let ec = self.ec.public_key().public_key().to_bytes_uncompressed();
        json!([
            {"kty": "RSA", "kid": "r", "n": b64(&rsa.n), "e": b64(&rsa.e)},
            {"kty": "EC", "crv": "P-256", "kid": "e", "use": "sig", "x": b64(&ec[1..33]), "y": b64(&ec[33..65])},
            {"kty": "OKP", "crv": "Ed25519", "kid": "d", "x": b64(&self.ed.public_key().to_bytes())},
            {"kty": "oct", "k": "c2VjcmV0"},
            {"kty": 7},
        ])
    }

    fn policy(&self) -> Policy {
        let policy = json!({
            "version": 1, "access": [],
            "identity": {"issuers": [{
                "issuer": "https://i", "audiences": ["hansard", "other"],
                "algorithms": ["RS256", "PS256", "ES256", "EdDSA"],
                "jwks": {"keys": self.keys()}, "groups_claim": "realm.roles", "leeway_s": 30,
            }]},
        });
        Policy::parse(policy.to_string().as_bytes()).unwrap()
    }

    /// A token over any payload, signed with the EC key under any header.
    fn raw(&self, header: &Value, payload: &str) -> String {
        let signed = format!(
            "{}.{}",
            URL_SAFE_NO_PAD.encode(header.to_string()),
            URL_SAFE_NO_PAD.encode(payload)
        );
        use p256_signer::sign;
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(sign(&self.ec, signed.as_bytes())))
    }
}

/// jwt-simple signs claims of its own making only; arbitrary payloads need the raw key.
mod p256_signer {
    use jwt_simple::prelude::*;

    pub(super) fn sign(pair: &ES256KeyPair, message: &[u8]) -> Vec<u8> {
        use jwt_simple::algorithms::ECDSAP256KeyPairLike as _;
        use p256::ecdsa::{Signature, SigningKey, signature::Signer};
        let key = SigningKey::from_slice(&pair.key_pair().to_bytes()).unwrap();
        let signature: Signature = key.sign(message);
        signature.to_bytes().to_vec()
    }
}

fn good() -> Value {
    json!({"iss": "https://i", "sub": "alice", "aud": "hansard", "exp": NOW + 60,
           "email": "a@example.com", "realm": {"roles": ["dev", 7, "ops"]}})
}

fn outcome(policy: &Policy, token: &str) -> String {
    match Verifier::new(policy).verify(policy, token, NOW * 1000) {
        Verification::Verified(identity) => {
            format!("{} {}", identity.who.subject, identity.who.groups.join(","))
        }
        Verification::Refused(error) => format!("{error:?}"),
        Verification::KeysPending => "pending".into(),
        Verification::Busy => "busy".into(),
    }
}

#[test]
fn every_accepted_algorithm_verifies() {
    let issued = Issued::new();
    let policy = issued.policy();
    let claims = || {
        Claims::with_custom_claims(json!({"realm": {"roles": "dev"}}), Duration::from_mins(5))
            .with_issuer("https://i")
            .with_subject("alice")
            .with_audience("hansard")
    };
    let now = Clock::now_since_epoch().as_secs() * 1000;
    for token in [
        issued.rsa.clone().with_key_id("r").sign(claims()).unwrap(),
        issued.pss.clone().with_key_id("r").sign(claims()).unwrap(),
        ES256KeyPair::from_bytes(&issued.ec.to_bytes())
            .unwrap()
            .with_key_id("e")
            .sign(claims())
            .unwrap(),
        issued.ed.clone().with_key_id("d").sign(claims()).unwrap(),
        issued.ec.sign(claims()).unwrap(),
    ] {
        match Verifier::new(&policy).verify(&policy, &token, now) {
            Verification::Verified(identity) => assert_eq!(identity.who.groups, ["dev"]),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn claims_are_checked_one_by_one() {
    let issued = Issued::new();
    let policy = issued.policy();
    let es = json!({"alg": "ES256", "kid": "e", "typ": "JWT"});
    let with = |name: &str, value: Value| {
        let mut claims = good();
        match value {
            Value::Null => drop(claims.as_object_mut().unwrap().remove(name)),
            value => claims[name] = value,
        }
        claims.to_string()
    };
    let cases: Vec<(&str, String, &str)> = vec![
        ("good", good().to_string(), "alice dev,ops"),
        ("aud list", with("aud", json!(["x", "other"])), "alice dev,ops"),
        ("aud of others", with("aud", json!(["x"])), "Audience"),
        ("aud number", with("aud", json!(7)), "Audience"),
        ("no aud", with("aud", Value::Null), "Audience"),
        ("no exp", with("exp", Value::Null), "Claims"),
        ("exp text", with("exp", json!("2030")), "Claims"),
        ("exp negative", with("exp", json!(-5)), "Claims"),
        ("exp float", with("exp", json!(NOW as f64 + 0.5)), "alice dev,ops"),
        ("exp within leeway", with("exp", json!(NOW - 30)), "alice dev,ops"),
        ("exp past leeway", with("exp", json!(NOW - 31)), "Expired"),
        ("exp far beyond 2106", with("exp", json!(99_999_999_999_u64)), "alice dev,ops"),
        ("nbf within leeway", with("nbf", json!(NOW + 30)), "alice dev,ops"),
        ("nbf past leeway", with("nbf", json!(NOW + 31)), "NotYetValid"),
        ("nbf text", with("nbf", json!("now")), "Claims"),
        ("no iss", with("iss", Value::Null), "UnknownIssuer"),
        ("iss list", with("iss", json!(["https://i"])), "UnknownIssuer"),
        ("iss prefix", with("iss", json!("https://i/")), "UnknownIssuer"),
        ("no sub", with("sub", Value::Null), "Claims"),
        ("sub empty", with("sub", json!("")), "Claims"),
        ("sub number", with("sub", json!(1)), "Claims"),
        ("groups string", with("realm", json!({"roles": "dev"})), "alice dev"),
        ("groups by dotted name", with("realm.roles", json!(["flat"])), "alice flat"),
        ("groups object", with("realm", json!({"roles": {"a": 1}})), "alice "),
        ("groups absent", with("realm", Value::Null), "alice "),
        ("payload array", "[1]".into(), "Malformed"),
        ("payload text", "x".into(), "Malformed"),
    ];
    for (name, payload, expected) in cases {
        let told = outcome(&policy, &issued.raw(&es, &payload));
        // Where jwt-simple cannot read a claim it reports no verified token at all.
        let unread = expected == "Claims" || expected == "Audience";
        assert!(told == expected || (unread && told == "Signature"), "{name}: {told}");
    }
}

#[test]
fn headers_are_checked_one_by_one() {
    let issued = Issued::new();
    let policy = issued.policy();
    let payload = good().to_string();
    let cases = [
        ("no kid", json!({"alg": "ES256"}), "alice dev,ops"),
        ("at+jwt", json!({"alg": "ES256", "typ": "at+jwt"}), "alice dev,ops"),
        ("alg none", json!({"alg": "none"}), "Algorithm"),
        ("alg HS256", json!({"alg": "HS256"}), "Algorithm"),
        ("alg of another key", json!({"alg": "RS256", "kid": "e"}), "Signature"),
        ("alg swapped", json!({"alg": "EdDSA"}), "Signature"),
        ("unknown kid", json!({"alg": "ES256", "kid": "zz"}), "Signature"),
        ("crit", json!({"alg": "ES256", "crit": ["b64"], "b64": false}), "Signature"),
        ("typ", json!({"alg": "ES256", "typ": "secevent"}), "Signature"),
        ("kid number", json!({"alg": "ES256", "kid": 7}), "Malformed"),
    ];
    for (name, header, expected) in cases {
        assert_eq!(outcome(&policy, &issued.raw(&header, &payload)), expected, "{name}");
    }
}

#[test]
fn broken_tokens_are_refused() {
    let issued = Issued::new();
    let policy = issued.policy();
    let token = issued.raw(&json!({"alg": "ES256"}), &good().to_string());
    let (signed, signature) = token.rsplit_once('.').unwrap();
    let mut flipped = signature.to_owned();
    let last = flipped.pop().unwrap();
    flipped.push(if last == 'A' { 'Q' } else { 'A' });
    for broken in [
        String::new(),
        "a".into(),
        "a.b".into(),
        "a.b.c".into(),
        format!("{token}.x"),
        signed.into(),
        format!("{signed}."),
        format!("{signed}.{flipped}"),
        format!(" {token}"),
        "x".repeat(20_000),
        format!("{}.{}.x", "a".repeat(9000), "b".repeat(9000)),
    ] {
        let told = outcome(&policy, &broken);
        assert!(["Malformed", "Signature"].contains(&told.as_str()), "{told}: {broken:.40}");
    }
}

#[test]
fn a_token_is_remembered_until_it_expires_or_the_keys_change() {
    let issued = Issued::new();
    let mut policy = issued.policy();
    let token = issued.raw(&json!({"alg": "ES256"}), &good().to_string());
    let mut verifier = Verifier::new(&policy);
    assert!(matches!(verifier.verify(&policy, &token, NOW * 1000), Verification::Verified(_)));
    // Remembered: the policy no longer knows the issuer, and the token still passes …
    policy.issuers.clear();
    assert!(matches!(verifier.verify(&policy, &token, NOW * 1000), Verification::Verified(_)));
    // … but not beyond its time.
    let late = (NOW + 60 + 31) * 1000;
    assert!(matches!(
        verifier.verify(&policy, &token, late),
        Verification::Refused(TokenError::Expired)
    ));
}

#[test]
fn new_tokens_are_rate_limited_and_the_limit_recovers() {
    let policy = Issued::new().policy();
    let mut verifier = Verifier::new(&policy);
    let mut busy = 0;
    for i in 0..BURST + 10 {
        let token = format!("a.{i}.c");
        busy += u32::from(matches!(verifier.verify(&policy, &token, NOW), Verification::Busy));
    }
    assert_eq!(busy, 10);
    assert!(!matches!(verifier.verify(&policy, "x.y.z", NOW + 10), Verification::Busy));
}

#[test]
fn fetched_keys_come_late_are_refreshed_and_the_last_good_set_stays() {
    let issued = Issued::new();
    let mut policy = issued.policy();
    policy.issuers[0].jwks = crate::config::JwksSource::Fetch {
        authority: "i".into(),
        path: "/certs".into(),
        cluster: "oidc".into(),
        refresh_ms: 300_000,
    };
    let token = issued.raw(&json!({"alg": "ES256", "kid": "e"}), &good().to_string());
    let strange = issued.raw(&json!({"alg": "ES256", "kid": "new"}), &good().to_string());
    let t = NOW * 1000;
    let mut v = Verifier::new(&policy);
    assert!(matches!(v.verify(&policy, &token, t), Verification::KeysPending));
    assert_eq!(v.keys().due(t).len(), 1);
    assert!(v.keys().due(t + 1).is_empty(), "one fetch at a time");
    v.keys_arrived(0, None, t);
    assert!(v.keys().due(t + 500).is_empty(), "a failed fetch is repeated after a second");
    assert_eq!(v.keys().due(t + 1000).len(), 1);
    let set = json!({"keys": issued.keys()}).to_string();
    v.keys_arrived(0, Some(set.as_bytes()), t + 1000);
    assert!(v.keys().complete());
    assert!(matches!(v.verify(&policy, &token, t + 1000), Verification::Verified(_)));
    // An unknown key brings the next fetch forward, but not at once.
    assert!(matches!(v.verify(&policy, &strange, t + 2000), Verification::Refused(_)));
    assert!(v.keys().due(t + 2001).is_empty());
    assert_eq!(v.keys().due(t + 11_000).len(), 1);
    // Garbage, or a set without a usable key, leaves the last good set in force.
    v.keys_arrived(0, Some(b"<html>"), t + 11_000);
    v.keys_arrived(0, Some(br#"{"keys":[]}"#), t + 11_000);
    assert!(matches!(v.verify(&policy, &token, t + 12_000), Verification::Verified(_)));
}
