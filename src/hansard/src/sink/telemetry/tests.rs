//! The endpoint as a client meets it, with a ledger and the development issuer's tokens.

use super::router;
use crate::policy::Source;
use crate::token::{AUDIENCE, DevIssuer, ISSUER};
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Request, StatusCode};
use hansard_core::config::raw::{RawIssuer, RawJwks};
use hansard_store::{Reader, SessionId, Writer};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::time::Duration;
use tower::ServiceExt;

const POLICY: &str = include_str!("../../../../../policies/default.yaml");

struct Bench {
    _folder: tempfile::TempDir,
    data: PathBuf,
    issuer: DevIssuer,
    routes: Router,
    writer: Writer,
}

impl Bench {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        let issuer = DevIssuer::open(&data).unwrap();
        let keys = issuer.jwks()["keys"].as_array().unwrap().clone();
        let trusted = RawIssuer {
            issuer: ISSUER.into(),
            audiences: vec![AUDIENCE.into()],
            algorithms: vec!["ES256".into()],
            jwks: RawJwks { keys: Some(keys), ..RawJwks::default() },
            groups_claim: "groups".into(),
            leeway_s: 30,
        };
        let loaded = Source::parse(Path::new("default.yaml"), POLICY).unwrap().or_trust(trusted);
        let writer = Writer::start(&data).unwrap();
        let key = b"a key for the placeholders of tests".to_vec();
        let routes = router(loaded.unwrap(), key, writer.handle()).unwrap();
        Self { _folder: folder, data, issuer, routes, writer }
    }

    fn token(&self, subject: &str) -> String {
        self.issuer.issue(subject, &["developers".into()], None, Duration::from_secs(60)).unwrap()
    }

    async fn post(&self, headers: &[(&str, &str)], body: impl Into<Body>) -> (StatusCode, String) {
        let mut request = Request::post("/v1/logs");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(body.into()).unwrap();
        let response = self.routes.clone().oneshot(request).await.unwrap();
        let status = response.status();
        let body = to_bytes(response.into_body(), 1 << 20).await.unwrap();
        (status, String::from_utf8_lossy(&body).into_owned())
    }

    fn said(&self, subject: &str, session: &str) -> Vec<(String, Value)> {
        let id = SessionId::hinted(ISSUER, subject, session).to_string();
        let said = Reader::open(&self.data).unwrap().telemetry(&id).unwrap();
        said.into_iter()
            .map(|one| (one.name, serde_json::from_slice(&one.attributes).unwrap()))
            .collect()
    }
}

fn logs(session: &str, more: &str) -> String {
    json!({"resourceLogs": [{"scopeLogs": [{"logRecords": [{
        "timeUnixNano": "1700000000000000000",
        "body": {"stringValue": "claude_code.tool_result"},
        "attributes": [
            {"key": "session.id", "value": {"stringValue": session}},
            {"key": "tool_parameters", "value": {"stringValue": more}}]}]}]}]})
    .to_string()
}

#[tokio::test]
async fn what_is_sent_is_bound_to_the_verified_subject() {
    let bench = Bench::new();
    let bearer = format!("Bearer {}", bench.token("alice"));
    let headers = [("authorization", &*bearer), ("content-type", "application/json")];
    let (status, said) = bench.post(&headers, logs("one", "ls")).await;
    assert_eq!((status, &*said), (StatusCode::OK, r#"{"partialSuccess":null}"#));
    let kept = bench.said("alice", "one");
    assert_eq!(kept.len(), 1);
    assert_eq!((&*kept[0].0, &kept[0].1["tool_parameters"]), ("tool_result", &json!("ls")));
    assert_eq!(bench.said("bob", "one"), [], "nobody speaks for another");
    bench.writer.close();
}

#[tokio::test]
async fn a_secret_in_it_is_redacted_before_it_is_stored() {
    let bench = Bench::new();
    let bearer = format!("Bearer {}", bench.token("alice"));
    let headers = [("authorization", &*bearer), ("content-type", "application/json")];
    let secret = concat!("ghp_", "x7Kq2mN9pL4vR8sT1wZ5yB3cD6fG0h2v5mzQ");
    let command = format!("curl -H 'Authorization: token {secret}' https://api.github.com");
    let (status, _) = bench.post(&headers, logs("one", &command)).await;
    assert_eq!(status, StatusCode::OK);
    let kept = bench.said("alice", "one")[0].1["tool_parameters"].as_str().unwrap().to_owned();
    assert!(!kept.contains(secret) && kept.starts_with("curl -H"), "{kept}");
    bench.writer.close();
}

#[tokio::test]
async fn who_shows_no_good_token_is_refused() {
    let bench = Bench::new();
    let other = tempfile::tempdir().unwrap();
    let forged = DevIssuer::open(other.path()).unwrap();
    let forged = forged.issue("alice", &[], None, Duration::from_secs(60)).unwrap();
    let forged = format!("Bearer {forged}");
    for authorization in [None, Some("Bearer nonsense"), Some("Basic YTpi"), Some(&*forged)] {
        let mut headers = vec![("content-type", "application/json")];
        headers.extend(authorization.map(|value| ("authorization", value)));
        let (status, said) = bench.post(&headers, logs("one", "ls")).await;
        assert_eq!(status, StatusCode::UNAUTHORIZED, "{authorization:?}: {said}");
        assert!(!said.contains("nonsense"));
    }
    assert_eq!(bench.said("alice", "one"), []);
    bench.writer.close();
}

#[tokio::test]
async fn what_cannot_be_read_is_answered_with_the_reason() {
    let bench = Bench::new();
    let bearer = format!("Bearer {}", bench.token("alice"));
    let json = "application/json";
    for (kind, encoding, body, status, word) in [
        ("text/plain", "", "{}".to_owned(), StatusCode::UNSUPPORTED_MEDIA_TYPE, "send application"),
        (json, "gzip", "{}".to_owned(), StatusCode::UNSUPPORTED_MEDIA_TYPE, "content encoding"),
        (json, "", "{".to_owned(), StatusCode::BAD_REQUEST, "ExportLogsServiceRequest"),
        (json, "", " ".repeat(9 << 20), StatusCode::PAYLOAD_TOO_LARGE, "length limit"),
        (json, "", logs("", "ls"), StatusCode::OK, "without session.id"),
    ] {
        let mut headers = vec![("authorization", &*bearer), ("content-type", kind)];
        headers.extend((!encoding.is_empty()).then_some(("content-encoding", encoding)));
        let (found, said) = bench.post(&headers, body).await;
        assert_eq!(found, status, "{said}");
        assert!(said.contains(word), "{said}");
    }
    bench.writer.close();
}

#[tokio::test]
async fn a_sink_that_cannot_store_takes_nothing() {
    let bench = Bench::new();
    let bearer = format!("Bearer {}", bench.token("alice"));
    let Bench { writer, routes, .. } = bench;
    writer.close();
    let request = Request::post("/v1/logs")
        .header("authorization", bearer)
        .header("content-type", "application/json")
        .body(Body::from(logs("one", "ls")))
        .unwrap();
    let response = routes.oneshot(request).await.unwrap();
    assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(response.headers()["retry-after"], "5");
}
