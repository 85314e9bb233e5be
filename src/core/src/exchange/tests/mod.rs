//! One exchange from end to end, without a host: the builders, and a room for each promise.

mod admission;
mod arrival;
mod bypass;
mod chunking;
mod endings;
mod failures;
mod generated;
mod outline;
mod timed;
mod watched;
mod whole;

use super::*;
use crate::budget::Budget;
use crate::config::Policy;
use crate::identity::Verifier;
use crate::redaction::{Keys, Redactor};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hansard_record::{BootId, Record};
use serde_json::{Value, json};
use std::sync::LazyLock;

/// When every exchange of these tests begins, Unix milliseconds.
const NOW: u64 = 1_800_000_000_123;
const REQUEST: &str = r#"{"messages":[{"role":"user","content":"Hi"}],"model":"claude-haiku-4-5"}"#;
/// The issuer's signing key, and a stranger's.
const KEY: [u8; 32] = [7; 32];
const STRANGE_KEY: [u8; 32] = [9; 32];
/// A good token of a member of `engineers`.
static TOKEN: LazyLock<String> = LazyLock::new(|| token(&KEY, &claims()));

fn id() -> ExchangeId {
    ExchangeId::new(NOW, [0xab; 10])
}

fn scribe() -> Scribe {
    Scribe::new(BootId::new(NOW, [0xcd; 10]), "node-1".into(), "0.0.0-test")
}

fn claims() -> Value {
    json!({"iss": "https://issuer.example", "sub": "ada", "aud": "hansard",
           "exp": NOW / 1000 + 600, "email": "ada@example.com", "groups": ["engineers"]})
}

/// A token over any claims (jwt-simple makes only its own).
fn token(key: &[u8; 32], claims: &Value) -> String {
    use p256::ecdsa::{Signature, SigningKey, signature::Signer};
    let header = URL_SAFE_NO_PAD.encode(r#"{"alg":"ES256","typ":"JWT"}"#);
    let signed = format!("{header}.{}", URL_SAFE_NO_PAD.encode(claims.to_string()));
    let signature: Signature = SigningKey::from_slice(key).unwrap().sign(signed.as_bytes());
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature.to_bytes()))
}

/// The keys of [`KEY`]'s issuer as a JWK set.
fn keys() -> Value {
    use jwt_simple::prelude::*;
    let pair = ES256KeyPair::from_bytes(&KEY).unwrap();
    let point = pair.public_key().public_key().to_bytes_uncompressed();
    let b64 = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
    json!([{"kty": "EC", "crv": "P-256", "x": b64(&point[1..33]), "y": b64(&point[33..65])}])
}

/// A policy whose sections are replaced by those of `other`.
fn policy(other: Value) -> Policy {
    let mut policy = json!({
        "version": 1,
        "identity": {"issuers": [{
            "issuer": "https://issuer.example", "audiences": ["hansard"], "algorithms": ["ES256"],
            "jwks": {"keys": keys()},
        }]},
        "access": [
            {"name": "no-opus", "effect": "refuse", "groups": ["*"], "endpoints": ["messages"],
             "models": ["*opus*"], "message": "Opus is not for this team."},
            {"name": "team", "effect": "allow", "groups": ["engineers"],
             "endpoints": ["messages", "count_tokens", "models"], "models": ["claude-*"]},
        ],
        // What redaction does has rooms of its own.
        "redact": {"secrets": "off"},
    });
    if let Value::Object(sections) = other {
        policy.as_object_mut().unwrap().extend(sections);
    }
    Policy::parse(policy.to_string().as_bytes()).unwrap()
}

fn redactor(policy: &Policy) -> Redactor {
    let keys = Keys { placeholders: b"a key for tests alone", seen: [5; 16] };
    Redactor::new(&policy.redact, keys).unwrap()
}

fn headers(fields: &[(&str, &str)]) -> Headers {
    Headers(fields.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect())
}

/// A request's headers: method, path, the caller's good token, and more.
fn request(method: &str, path: &str, more: &[(&str, &str)]) -> Headers {
    let bearer = format!("Bearer {}", *TOKEN);
    let mut all = headers(&[
        (":method", method),
        (":path", path),
        (":authority", "claude.internal"),
        ("authorization", &bearer),
        ("user-agent", "claude-cli/2.1"),
    ]);
    all.0.extend(headers(more).0);
    all
}

/// One gateway: its policy, its verifier and its hand.
struct Gateway {
    policy: Policy,
    verifier: Verifier,
    redactor: Redactor,
    scribe: Scribe,
}

impl Gateway {
    fn new() -> Self {
        Self::under(json!({}))
    }

    fn under(sections: Value) -> Self {
        let policy = policy(sections);
        let redactor = redactor(&policy);
        Self { verifier: Verifier::new(&policy), redactor, scribe: scribe(), policy }
    }

    /// An arrival whose caller nobody has looked at.
    fn stranger(&mut self, headers: &Headers) -> Arrival {
        let head = Head::new(headers, "10.0.0.7:51000".into(), None);
        Arrival::new(id(), NOW, &self.policy, &mut self.redactor, headers, head)
    }

    /// An arrival whose caller was looked at.
    fn arrival(&mut self, headers: &Headers) -> Arrival {
        let mut arrival = self.stranger(headers);
        arrival.identify(&self.policy, &mut self.verifier, NOW);
        arrival
    }

    /// What becomes of a request whose whole body is here.
    fn concluded(&mut self, headers: &Headers, body: &[u8]) -> Opening {
        let mut arrival = self.arrival(headers);
        arrival.measure(&self.policy, &Budget::default(), body.len());
        arrival.conclude(&self.policy, &mut self.redactor, &mut self.scribe, body, NOW)
    }

    fn opened(&mut self) -> (Opened, Parcel) {
        match self.concluded(&request("POST", "/v1/messages", &[]), REQUEST.as_bytes()) {
            Opening::Opened(opened, parcel) => (opened, parcel),
            Opening::Refused(refused) => panic!("refused: {}", refused.answer.body),
        }
    }

    fn forwarded(&mut self) -> Forwarded {
        self.opened().0.forward(true)
    }

    fn responding(&mut self, response: &[(&str, &str)]) -> Responding {
        self.forwarded().answered(&self.policy, &headers(response), NOW)
    }

    fn stream(&mut self) -> Stream {
        match self.responding(&STREAM_HEAD) {
            Responding::Stream(stream) => stream,
            Responding::Whole(_) => panic!("not taken for a stream"),
        }
    }

    fn whole(&mut self, response: &[(&str, &str)]) -> Whole {
        match self.responding(response) {
            Responding::Whole(whole) => whole,
            Responding::Stream(_) => panic!("taken for a stream"),
        }
    }
}

const STREAM_HEAD: [(&str, &str); 3] = [
    (":status", "200"),
    ("content-type", "text/event-stream; charset=utf-8"),
    ("request-id", "req_1"),
];

/// A part's record, which must read back under its schema.
fn part(parcel: &Parcel) -> Value {
    let text = parcel.message.record();
    if let Err(error) = Record::parse(text) {
        panic!("{error}: {}", String::from_utf8_lossy(text));
    }
    let mut record: Value = serde_json::from_slice(text).unwrap();
    record["hansard.v2"].take()
}

/// The content of a part that must be of a kind.
fn content(parcel: &Parcel, kind: &str) -> Value {
    let mut part = part(parcel);
    assert!(part["part"][kind].is_object(), "not {kind}: {part}");
    part["part"][kind].take()
}

/// An answer's or an error event's JSON, which must be an error in the API's shape that names the
/// exchange. Its type and message.
fn api_error(body: &str) -> (String, String) {
    let json: Value = serde_json::from_str(body).unwrap();
    assert_eq!(json["type"], "error", "{body}");
    assert_eq!(json["request_id"], id().to_string(), "{body}");
    let text = |name: &str| json["error"][name].as_str().unwrap().to_owned();
    assert!(text("message").contains(&id().to_string()), "{body}");
    (text("type"), text("message"))
}

#[test]
fn the_access_log_entry_names_the_exchange() {
    let cases = [
        ("10.0.0.7:51000", "10.0.0.7", 51000),
        ("[2001:db8::7]:443", "2001:db8::7", 443),
        ("10.0.0.7:x", "10.0.0.7", 0),
        ("@unix", "", 0),
        ("", "", 0),
    ];
    for (address, ip, port) in cases {
        let mut gateway = Gateway::new();
        let mut forwarded = gateway.forwarded();
        forwarded.subject.head.peer.address = address.into();
        let entry = forwarded.subject.entry("the-id", 201);
        assert_eq!((entry.address, entry.port), (ip, port), "{address}");
        assert_eq!((entry.started_at, entry.status, entry.request_id), (NOW, 201, "the-id"));
        assert_eq!((entry.method, entry.path), ("POST", "/v1/messages"));
        assert_eq!((entry.authority, entry.user_agent), ("claude.internal", "claude-cli/2.1"));
    }
}

#[test]
fn parts_are_numbered_from_one_without_a_gap_and_carry_the_gateway() {
    let mut gateway = Gateway::new();
    let (opened, first) = gateway.opened();
    assert_eq!(opened.part(), 1);
    let forwarded = opened.forward(true);
    let ending = Ending::own(EndWhy::ClientGone);
    let second = forwarded.ended(ending, &mut gateway.scribe, NOW + 5).unwrap();
    for (parcel, seq, at) in [(&first, 1, NOW), (&second, 2, NOW + 5)] {
        let part = part(parcel);
        assert_eq!((&part["seq"], &part["at"]), (&json!(seq), &json!(at)));
        assert_eq!(parcel.seq, seq);
        assert_eq!(part["exchange"], id().to_string());
        assert_eq!(part["boot"], BootId::new(NOW, [0xcd; 10]).to_string());
        let gateway =
            json!({"node": "node-1", "filter": "0.0.0-test", "policy": gateway.policy.digest});
        assert_eq!(part["gateway"], gateway);
    }
}
