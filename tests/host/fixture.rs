//! Policies, tokens, requests and responses that the tests play.

use crate::abi::Headers;
use crate::stream::Ask;
use crate::world::{SINKS, START_MS};
use jwt_simple::prelude::*;
use jwt_simple::reexports::ct_codecs::{Base64UrlSafeNoPadding, Encoder};
use serde_json::{Value, json};
use std::sync::LazyLock;

/// A text in every request body and every response that has no place in a log.
pub(crate) const CONTENT: &str = "the-secret-plan";

const ISSUER: &str = "https://idp.example";

/// How long a part may wait, by the policies here.
pub(crate) const TIMEOUT_MS: u64 = 1000;

#[derive(Serialize, Deserialize)]
struct Groups {
    groups: Vec<String>,
}

static KEY: LazyLock<Ed25519KeyPair> =
    LazyLock::new(|| Ed25519KeyPair::generate().with_key_id("k1"));

/// A token of the trusted issuer, good for an hour of virtual time, for these groups.
pub(crate) fn token(groups: &[&str]) -> String {
    let groups = Groups { groups: groups.iter().map(ToString::to_string).collect() };
    let mut claims = Claims::with_custom_claims(groups, Duration::from_hours(1))
        .with_issuer(ISSUER)
        .with_subject("alice")
        .with_audience("hansard");
    let now = UnixTimeStamp::from_millis(START_MS);
    claims.issued_at = Some(now);
    claims.invalid_before = Some(now);
    claims.expires_at = Some(now + Duration::from_hours(1));
    KEY.sign(claims).unwrap()
}

/// The token that most requests carry: the same one, so that a VM verifies it once.
pub(crate) static DEVELOPER: LazyLock<String> = LazyLock::new(|| token(&["developers"]));

/// The issuer's key set.
pub(crate) fn jwks() -> Value {
    let x = Base64UrlSafeNoPadding::encode_to_string(KEY.public_key().to_bytes()).unwrap();
    json!({"keys": [
        {"kty": "OKP", "crv": "Ed25519", "use": "sig", "alg": "EdDSA", "kid": "k1", "x": x},
    ]})
}

/// A policy with the keys in place, as JSON, to be changed before it is used.
pub(crate) fn policy() -> Value {
    json!({
        "version": 1,
        // What is redacted has tests of its own; here the host fails.
        "redact": {"secrets": "off"},
        "identity": {"issuers": [{
            "issuer": ISSUER,
            "audiences": ["hansard"],
            "algorithms": ["EdDSA"],
            "jwks": jwks(),
        }]},
        "access": [
            {
                "name": "no-secret-models",
                "effect": "refuse",
                "groups": ["*"],
                "endpoints": ["messages"],
                "models": ["claude-secret-*"],
                "message": "Secret models are not for use.",
            },
            {
                "name": "developers",
                "effect": "allow",
                "groups": ["developers"],
                "endpoints": ["messages", "count_tokens", "models"],
            },
        ],
        "record": {"timeout_ms": TIMEOUT_MS},
    })
}

/// The same with members of `record` or `limits` set: `with("record", json!({…}))`.
pub(crate) fn with(section: &str, members: Value) -> String {
    let mut policy = policy();
    for (name, value) in members.as_object().unwrap() {
        policy[section][name] = value.clone();
    }
    policy.to_string()
}

/// The policy that names two sinks.
pub(crate) fn two_sinks() -> String {
    with("record", json!({"cluster": SINKS}))
}

/// The policy whose keys are fetched over the cluster `idp`.
pub(crate) fn fetched_keys() -> String {
    let mut policy = policy();
    policy["identity"]["issuers"][0]["jwks"] =
        json!({"uri": "https://idp.example/keys", "cluster": "idp"});
    policy["limits"] = json!({"key_wait_ms": 2000});
    policy.to_string()
}

// === requests ===

impl Ask {
    /// A request to the Messages API in a session, by which the tests tell its parts.
    pub(crate) fn messages(session: &str) -> Self {
        let body = json!({
            "model": "claude-sonnet-4-5",
            "max_tokens": 64,
            "messages": [{"role": "user", "content": format!("{CONTENT} {session}")}],
        });
        Self::new("POST", "/v1/messages", session, body.to_string().into_bytes())
    }

    /// A turn of a session: so many messages, long enough to be left out when they come back.
    pub(crate) fn turn(session: &str, messages: usize) -> Self {
        let said = |i: usize| json!({"role": "user", "content": format!("{i} {CONTENT} {session} ").repeat(40)});
        let body = json!({
            "model": "claude-sonnet-4-5",
            "max_tokens": 64,
            "messages": (0..messages).map(said).collect::<Vec<_>>(),
        });
        Self::new("POST", "/v1/messages", session, body.to_string().into_bytes())
    }

    /// The list of models: a request without a body.
    pub(crate) fn models(session: &str) -> Self {
        Self::new("GET", "/v1/models", session, Vec::new())
    }

    fn new(method: &str, path: &str, session: &str, body: Vec<u8>) -> Self {
        let mut headers = Headers::new(&[
            (":method", method),
            (":path", path),
            (":authority", "api.example"),
            ("authorization", &format!("Bearer {}", *DEVELOPER)),
            ("x-api-key", &DEVELOPER),
            ("x-claude-code-session-id", session),
            ("accept-encoding", "gzip"),
        ]);
        if !body.is_empty() {
            headers.set("content-type", "application/json");
            headers.set("content-length", &body.len().to_string());
        }
        Self { headers, body }
    }

    pub(crate) fn with_header(mut self, name: &str, value: &str) -> Self {
        self.headers.set(name, value);
        self
    }

    pub(crate) fn without_header(mut self, name: &str) -> Self {
        self.headers.remove(name);
        self
    }

    pub(crate) fn of_model(mut self, model: &str) -> Self {
        let body = String::from_utf8(self.body).unwrap();
        self.body = body.replace("claude-sonnet-4-5", model).into_bytes();
        self
    }
}

// === responses ===

pub(crate) fn json_head(body: &[u8]) -> Headers {
    Headers::new(&[
        (":status", "200"),
        ("content-type", "application/json"),
        ("content-length", &body.len().to_string()),
        ("request-id", "req_1"),
    ])
}

pub(crate) fn sse_head() -> Headers {
    Headers::new(&[
        (":status", "200"),
        ("content-type", "text/event-stream; charset=utf-8"),
        ("request-id", "req_2"),
    ])
}

pub(crate) fn message() -> Vec<u8> {
    json!({
        "id": "msg_1", "type": "message", "role": "assistant", "model": "claude-sonnet-4-5",
        "content": [{"type": "text", "text": CONTENT}], "stop_reason": "end_turn",
        "usage": {"input_tokens": 3, "output_tokens": 5},
    })
    .to_string()
    .into_bytes()
}

fn event(data: &Value) -> String {
    format!("event: {}\ndata: {data}\n\n", data["type"].as_str().unwrap())
}

fn block(index: u64, start: &Value, delta: &Value) -> Vec<String> {
    vec![
        event(&json!({"type": "content_block_start", "index": index, "content_block": start})),
        event(&json!({"type": "content_block_delta", "index": index, "delta": delta})),
        event(&json!({"type": "content_block_stop", "index": index})),
    ]
}

/// A stream of events, one text each, with a block of text and then so many tool calls.
pub(crate) fn events(tools: u64) -> Vec<String> {
    let envelope = json!({
        "id": "msg_2", "type": "message", "role": "assistant", "model": "claude-sonnet-4-5",
        "content": [], "usage": {"input_tokens": 3, "output_tokens": 1},
    });
    let mut events = vec![event(&json!({"type": "message_start", "message": envelope}))];
    events.extend(block(
        0,
        &json!({"type": "text", "text": ""}),
        &json!({"type": "text_delta", "text": CONTENT}),
    ));
    for tool in 1..=tools {
        let id = format!("toolu_{tool}");
        events.extend(block(
            tool,
            &json!({"type": "tool_use", "id": id, "name": "Bash", "input": {}}),
            &json!({"type": "input_json_delta", "partial_json": "{\"command\":\"ls\"}"}),
        ));
    }
    let reason = if tools == 0 { "end_turn" } else { "tool_use" };
    events.push(event(&json!({
        "type": "message_delta", "delta": {"stop_reason": reason}, "usage": {"output_tokens": 9},
    })));
    events.push(event(&json!({"type": "message_stop"})));
    events
}
