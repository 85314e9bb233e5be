//! Every credential at every endpoint with every body: what is opened, what is refused, what the
//! client is told, what the part says, and that no secret is in any of it.

use super::*;
use crate::http::Answer;
use std::fmt::Debug;

const API_KEY: &str = "sk-ant-api03-MdLc0XvQhQ";
const COOKIE: &str = "session=c0okie-s3cret";
const PROXY: &str = "Basic cHJveHk6czNjcmV0";
/// Limits that the bodies below can exceed.
pub(super) const SMALL: usize = 2048;

// === the table ===

/// A caller by its credential, and what it gets before anything else is looked at.
struct Caller {
    name: &'static str,
    fields: Vec<(&'static str, String)>,
    /// `None`: the caller is verified.
    refused: Option<&'static str>,
}

fn callers() -> Vec<Caller> {
    let mut callers = Vec::new();
    let mut caller = |name, fields: &[(&'static str, String)], refused| {
        callers.push(Caller { name, fields: fields.to_vec(), refused });
    };
    let bearer = |token: &str| ("authorization", format!("Bearer {token}"));
    let with = |claim: &str, value: Value| {
        let mut claims = claims();
        claims[claim] = value;
        bearer(&token(&KEY, &claims))
    };
    let key = || ("x-api-key", API_KEY.to_owned());
    let good = || bearer(&TOKEN);
    // A new token would not help: `final`. A new token helps, or a later try: `again`.
    let never = Some("401 authentication_error final");
    let anew = Some("401 authentication_error again");

    caller("bearer", &[good()], None);
    caller("bearer in lower case", &[("authorization", format!("bearer  {} ", *TOKEN))], None);
    caller("bearer, and the same as a key", &[good(), ("x-api-key", TOKEN.clone())], None);
    caller("none", &[], never);
    caller("token as a key only", &[("x-api-key", TOKEN.clone())], never);
    caller("anthropic key", &[key()], never);
    caller("bearer and an anthropic key", &[good(), key()], never);
    caller("anthropic key as bearer", &[bearer(API_KEY)], never);
    caller("anthropic key without a scheme", &[("authorization", API_KEY.into())], never);
    caller("basic", &[("authorization", PROXY.into())], never);
    caller("two bearers", &[good(), good()], never);
    caller("empty bearer", &[bearer("")], never);
    caller("no jwt", &[bearer("opaque-s3cret")], never);
    caller("signed by a stranger", &[bearer(&token(&STRANGE_KEY, &claims()))], never);
    caller("another issuer", &[with("iss", json!("https://elsewhere.example"))], never);
    caller("another audience", &[with("aud", json!("elsewhere"))], never);
    caller("expired", &[with("exp", json!(NOW / 1000 - 60))], anew);
    caller("not valid yet", &[with("nbf", json!(NOW / 1000 + 60))], anew);
    callers
}

/// A request of a verified caller in `engineers`: method, path, body, and its outcome.
fn requests() -> Vec<(&'static str, &'static str, &'static str, &'static str)> {
    const NO_RULE: &str = "400 policy_blocked final";
    const NOT_OPEN: &str = "400 policy_blocked final; no-opus: endpoint; team: endpoint";
    const NOT_THIS_MODEL: &str = "400 policy_blocked final; no-opus: model; team: model";
    const TEAM: &str = "opened by team; no-opus: model";
    const TEAM_ELSEWHERE: &str = "opened by team; no-opus: endpoint";
    const TOO_LARGE: &str = "413 request_too_large final";
    const ENCODED: &str = "415 invalid_request_error final";
    let mut requests = vec![
        ("POST", "/v1/messages?beta=true", "opus", "400 policy_blocked final by no-opus"),
        ("POST", "/v1/messages", "valid", TEAM),
        ("POST", "/v1/messages", "padded", TEAM),
        ("POST", "/v1/messages", "another model", NOT_THIS_MODEL),
        ("POST", "/v1/messages/count_tokens?beta=true", "valid", TEAM_ELSEWHERE),
        ("POST", "/v1/messages/count_tokens", "opus", TEAM_ELSEWHERE),
        (
            "POST",
            "/v1/messages/count_tokens",
            "another model",
            "400 policy_blocked final; no-opus: endpoint; team: model",
        ),
        ("GET", "/v1/models?limit=1000", "empty", TEAM_ELSEWHERE),
        ("GET", "/v1/models/claude-haiku-4-5", "empty", TEAM_ELSEWHERE),
        ("GET", "/v1/models", "another model", TEAM_ELSEWHERE),
        ("GET", "/v1/models", "not json", NO_RULE),
        ("GET", "/v1/models", "duplicate model", NO_RULE),
        ("POST", "/v1/messages/batches", "valid", NOT_OPEN),
        ("POST", "/v1/messages/batches", "not json", NOT_OPEN),
        ("POST", "/v1/complete", "empty", NOT_OPEN),
        ("GET", "/v1/messages", "empty", NOT_OPEN),
        ("DELETE", "/v1/files/file_1", "empty", NOT_OPEN),
        ("HEAD", "/", "empty", NOT_OPEN),
    ];
    for path in ["/v1/messages", "/v1/messages/count_tokens"] {
        for body in [
            "empty",
            "duplicate model",
            "escaped duplicate",
            "no model",
            "list",
            "not json",
            "not utf-8",
        ] {
            requests.push(("POST", path, body, NO_RULE));
        }
    }
    for (method, path) in [
        ("POST", "/v1/messages"),
        ("POST", "/v1/messages/count_tokens"),
        ("GET", "/v1/models"),
        ("POST", "/v1/files"),
    ] {
        requests.push((method, path, "too large", TOO_LARGE));
        requests.push((method, path, "encoded", ENCODED));
        requests.push((method, path, "too large, encoded", ENCODED));
    }
    requests
}

fn body(name: &str) -> Vec<u8> {
    let text = match name {
        "empty" => "",
        "valid" => REQUEST,
        "padded" => " \r\n{\"model\":\"claude-haiku-4-5\"}\t",
        "opus" => r#"{"model":"claude-opus-4-5"}"#,
        "another model" => r#"{"model":"gpt-5"}"#,
        "duplicate model" => r#"{"model":"claude-haiku-4-5","model":"claude-opus-4-5"}"#,
        "escaped duplicate" => r#"{"model":"claude-haiku-4-5","\u006dodel":"claude-opus-4-5"}"#,
        "no model" => r#"{"messages":[]}"#,
        "list" => r#"["claude-haiku-4-5"]"#,
        "not json" => "model=claude-haiku-4-5",
        "encoded" => "\u{1f}\u{8b}",
        "not utf-8" => return b"{\"model\":\"claude-haiku-4-5\",\"x\":\"\xff\"}".to_vec(),
        "too large" | "too large, encoded" => return vec![b' '; SMALL + 1],
        other => panic!("no body {other}"),
    };
    text.as_bytes().to_vec()
}

#[test]
fn every_caller_at_every_endpoint_with_every_body() {
    for caller in callers() {
        // One for each: refused tokens are looked at every time, which a gateway does not do for long.
        let mut gateway = Gateway::under(json!({"limits": {"request_bytes": SMALL}}));
        for (method, path, body_name, outcome) in requests() {
            let case = format!("{}: {method} {path}, {body_name}", caller.name);
            let secrets = Secrets::of(&caller, case.clone());
            let headers = secrets.request(method, path, body_name.contains("encoded"), &caller);
            let body = body(body_name);

            secrets.hidden_in_debug(&gateway.stranger(&headers));
            let mut arrival = gateway.arrival(&headers);
            arrival.measure(&gateway.policy, &Budget::default(), body.len());
            secrets.hidden_in_debug(&arrival);
            let opening = arrival.conclude(
                &gateway.policy,
                &mut gateway.redactor,
                &mut gateway.scribe,
                &body,
                NOW,
            );
            secrets.hidden_in_debug(&opening);

            let expected = caller.refused.unwrap_or(outcome);
            match opening {
                Opening::Opened(_, parcel) => {
                    secrets.hidden_in(&parcel.message);
                    let opened = content(&parcel, "opened");
                    assert_eq!(told("opened", &opened["decision"]), expected, "{case}");
                    assert_eq!(opened["decision"]["effect"], "allow", "{case}");
                    assert_eq!(opened["who"], who(), "{case}");
                    assert_request(&opened["request"], method, path, &body, &case);
                }
                Opening::Refused(refused) => {
                    let parcel = refused.parcel.as_ref().unwrap();
                    secrets.hidden_in(&parcel.message);
                    secrets.hidden_in_debug(&refused);
                    let part = content(parcel, "refused");
                    let answer = answered(&refused.answer, &part);
                    assert_eq!(told(&answer, &part["decision"]), expected, "{case}");
                    assert_eq!(part["decision"]["effect"], "refuse", "{case}");
                    let verified = if caller.refused.is_none() { who() } else { Value::Null };
                    assert_eq!(part["who"], verified, "{case}");
                    assert_eq!(part["abandoned"], Value::Null, "{case}");
                    assert_request(&part["request"], method, path, &body, &case);
                    // When not even this part can be put on record.
                    let unrecorded = &refused.unrecorded;
                    assert_eq!(unrecorded.status, 503, "{case}");
                    assert_eq!(api_error(&unrecorded.body).0, "api_error", "{case}");
                    assert!(!has_header(unrecorded, "x-should-retry"), "{case}");
                }
            }
        }
    }
}

// === what is told ===

/// An outcome with the rule that decided and those that did not apply, as in the table.
fn told(outcome: &str, decision: &Value) -> String {
    let mut told = outcome.to_owned();
    if let Some(rule) = decision["rule"].as_str() {
        told += &format!(" by {rule}");
    }
    for rule in decision["not_applied"].as_array().into_iter().flatten() {
        told +=
            &format!("; {}: {}", rule["rule"].as_str().unwrap(), rule["because"].as_str().unwrap());
    }
    told
}

/// Checks an answer against its part. Its status, its type, and whether to try again.
pub(super) fn answered(answer: &Answer, part: &Value) -> String {
    let (kind, message) = api_error(&answer.body);
    let refusal = json!({"status": answer.status, "kind": kind, "message": message});
    assert_eq!(part["refusal"], refusal, "the part says what the client was told");
    assert!(answer.headers.contains(&("content-type", "application/json".into())));
    assert!(answer.headers.contains(&("request-id", id().to_string())));
    assert_eq!(has_header(answer, "www-authenticate"), answer.status == 401);
    let again = if has_header(answer, "x-should-retry") {
        assert!(answer.headers.contains(&("x-should-retry", "false".into())));
        "final"
    } else {
        "again"
    };
    format!("{} {kind} {again}", answer.status)
}

fn has_header(answer: &Answer, name: &str) -> bool {
    answer.headers.iter().any(|(header, _)| *header == name)
}

pub(super) fn who() -> Value {
    use sha2::{Digest, Sha256};
    let digest = crate::config::hex(&Sha256::digest(TOKEN.as_bytes()));
    json!({"issuer": "https://issuer.example", "subject": "ada", "email": "ada@example.com",
           "groups": ["engineers"], "expires_at": NOW / 1000 + 600, "token": digest[..16]})
}

/// The request in a part: its body verbatim, or in base64, or as much of it as the limit lets in.
fn assert_request(request: &Value, method: &str, path: &str, body: &[u8], case: &str) {
    use base64::engine::general_purpose::STANDARD;
    assert_eq!((&request["method"], &request["path"]), (&json!(method), &json!(path)), "{case}");
    let recorded = json!([["user-agent", "claude-cli/2.1"], ["anthropic-version", "2023-06-01"]]);
    assert_eq!(request["headers"], recorded, "{case}");
    let body = &body[..body.len().min(SMALL)];
    assert_eq!(request["bytes"], body.len(), "{case}");
    match request["body_base64"].as_str() {
        Some(text) => {
            assert_eq!(STANDARD.decode(text).unwrap(), body, "{case}");
            assert_eq!(request["body"], Value::Null, "{case}");
        }
        None if body.is_empty() => assert_eq!(request["body"], Value::Null, "{case}"),
        None => {
            let json: Value = serde_json::from_slice(body).unwrap();
            assert_eq!(request["body"], json, "{case}");
            assert_eq!(request["model"], json["model"], "{case}");
        }
    }
}

// === secrets ===

/// Texts that must be nowhere but in the request's own headers.
struct Secrets {
    texts: Vec<String>,
    case: String,
}

impl Secrets {
    fn of(caller: &Caller, case: String) -> Self {
        let mut texts: Vec<String> = [COOKIE, PROXY, "sk-ant-"].map(str::to_owned).into();
        for (_, value) in &caller.fields {
            let token = value.split_whitespace().last().unwrap_or_default();
            // The header of every token is the same; its claims and its signature are not.
            texts
                .extend(token.split('.').skip(usize::from(token.contains('.'))).map(str::to_owned));
        }
        texts.retain(|text| text.len() > 6);
        Self { texts, case }
    }

    fn request(&self, method: &str, path: &str, encoded: bool, caller: &Caller) -> Headers {
        let mut all = headers(&[
            (":method", method),
            (":path", path),
            (":authority", "claude.internal"),
            ("user-agent", "claude-cli/2.1"),
            ("cookie", COOKIE),
            ("proxy-authorization", PROXY),
            ("anthropic-version", "2023-06-01"),
        ]);
        if encoded {
            all.0.push(("content-encoding".into(), "gzip".into()));
        }
        all.0.extend(caller.fields.iter().map(|(name, value)| ((*name).into(), value.clone())));
        all
    }

    fn hidden_in(&self, bytes: &[u8]) {
        for secret in &self.texts {
            let found = bytes.windows(secret.len()).any(|window| window == secret.as_bytes());
            assert!(!found, "{}: a credential is in {}", self.case, String::from_utf8_lossy(bytes));
        }
    }

    /// In what a log line would show; answers are part of it.
    fn hidden_in_debug(&self, value: &impl Debug) {
        self.hidden_in(format!("{value:?}").as_bytes());
    }
}

#[test]
fn the_search_for_secrets_finds_them() {
    for caller in callers().iter().filter(|caller| !caller.fields.is_empty()) {
        let secrets = Secrets::of(caller, String::new());
        let (_, value) = &caller.fields[0];
        let leaked = std::panic::catch_unwind(|| secrets.hidden_in(value.as_bytes()));
        assert!(leaked.is_err() || value == "Bearer ", "{}", caller.name);
    }
}
