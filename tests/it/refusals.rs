//! Promise 4: what is refused, how the caller is told, and that it is on record.

use crate::{BOTH, Bench, ask, envoys};
use hansard_tests::client::Client;
use hansard_tests::sink::{content, kind};
use http::Method;
use serde_json::Value;

struct Case {
    name: &'static str,
    client: Client,
    method: Method,
    path: &'static str,
    body: String,
    status: u16,
    error: &'static str,
    retry: bool,
    subject: Option<&'static str>,
}

#[tokio::test(flavor = "multi_thread")]
async fn each_refusal_is_told_in_the_shape_that_clients_show_and_is_on_record() {
    for envoy in envoys() {
        let bench = Bench::new(&envoy, None).await;
        let signature = bench.gateway.token().rsplit('.').next().unwrap();
        for http in BOTH {
            for case in cases(&bench) {
                let name = format!("{} over {http:?}", case.name);
                bench.claude.reset();
                let n = bench.sink.parts().len();
                let client = case.client.over(http);
                let answer = client.send(case.method, case.path, case.body.into()).await.unwrap();
                assert_eq!(answer.status, case.status, "{name}: {}", answer.text());
                let body = answer.json();
                assert_eq!(body["type"], "error", "{name}");
                assert_eq!(body["error"]["type"], case.error, "{name}");
                assert_eq!(answer.header("x-should-retry").is_none(), case.retry, "{name}");
                let id = body["request_id"].as_str().unwrap().to_owned();
                assert_eq!(answer.header("request-id"), Some(id.as_str()), "{name}");
                assert!(body["error"]["message"].as_str().unwrap().contains(&id), "{name}");
                assert!(bench.claude.received().is_empty(), "{name}");

                let parts = bench.sink.parts();
                assert_eq!(parts.len(), n + 1, "{name}");
                let part = parts.last().unwrap();
                assert_eq!((kind(part).as_str(), &part["exchange"]), ("refused", &Value::from(id)));
                let refused = content(part);
                assert_eq!(refused["refusal"]["status"], case.status, "{name}");
                assert_eq!(refused["who"]["subject"].as_str(), case.subject, "{name}");
                assert_eq!(refused["decision"]["effect"], "refuse", "{name}");
                let text = part.to_string();
                assert!(
                    !text.contains("sk-ant-") && !text.contains(signature),
                    "{name}: a credential"
                );
            }
        }
        assert!(!bench.gateway.envoy_log().contains("eyJ"), "a token in Envoy's log");
    }
}

fn cases(bench: &Bench) -> Vec<Case> {
    let gateway = &bench.gateway;
    let base = |name, client, status, error| Case {
        name,
        client,
        method: Method::POST,
        path: "/v1/messages",
        body: ask(true).to_string(),
        status,
        error,
        retry: false,
        subject: None,
    };
    let known = || gateway.client();
    let of = |token: &str| gateway.stranger().with_token(token);
    let intern = gateway.issue("ivy", "interns", "1h");
    let nobody = gateway.issue("eve", "guests", "1h");
    let opus = ask(true).to_string().replace("sonnet", "opus");
    let tester = Some("tester");
    let blocked =
        |name, client, subject| Case { subject, ..base(name, client, 400, "policy_blocked") };
    vec![
        base("no token", gateway.stranger(), 401, "authentication_error"),
        base(
            "an API key",
            gateway.stranger().with("x-api-key", "sk-ant-api03-zzz"),
            401,
            "authentication_error",
        ),
        base("an API key as bearer", of("sk-ant-oat01-zzz"), 401, "authentication_error"),
        base("no JWT", of("abc"), 401, "authentication_error"),
        base("a forged token", of(&forged(gateway.token())), 401, "authentication_error"),
        base(
            "basic",
            gateway.stranger().with("authorization", "Basic YTpi"),
            401,
            "authentication_error",
        ),
        Case { body: opus, ..blocked("a rule that refuses", of(&intern), Some("ivy")) },
        blocked("no group", of(&nobody), Some("eve")),
        Case { path: "/v1/files", ..blocked("another path", known(), tester) },
        Case { path: "/v1/messages/", ..blocked("a slash more", known(), tester) },
        Case {
            method: Method::GET,
            body: String::new(),
            ..blocked("another method", known(), tester)
        },
        Case { body: "{\"model\":".into(), ..blocked("broken JSON", known(), tester) },
        Case {
            body: r#"{"model":"claude-a","model":"gpt"}"#.into(),
            ..blocked("two models", known(), tester)
        },
        Case { body: String::new(), ..blocked("no body", known(), tester) },
        Case {
            subject: tester,
            ..base(
                "an encoded body",
                known().with("content-encoding", "gzip"),
                415,
                "invalid_request_error",
            )
        },
    ]
}

fn forged(token: &str) -> String {
    let (signed, signature) = token.rsplit_once('.').unwrap();
    let swapped: String = signature.chars().rev().collect();
    format!("{signed}.{swapped}")
}

#[tokio::test(flavor = "multi_thread")]
async fn an_expired_token_is_told_apart_from_one_that_can_never_work() {
    for envoy in envoys() {
        let bench = Bench::new(&envoy, None).await;
        // The leeway is 30 s, so the shortest life is over once the issue lies 31 s back; a token
        // of the past is made by the clock of the issuer.
        let expired = crate::keys::expired(&bench.gateway);
        let client = bench.gateway.stranger().with_token(&expired);
        let answer = client.message(&ask(true)).await.unwrap();
        assert_eq!(answer.status, 401);
        assert!(answer.header("x-should-retry").is_none(), "a new token heals it");
        assert!(answer.text().contains("has expired"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_look_of_claude_code_gets_a_plain_answer_and_no_record() {
    for envoy in envoys() {
        let bench = Bench::new(&envoy, None).await;
        for (path, http) in [("/", BOTH[0]), ("/api/hello", BOTH[0]), ("/", BOTH[1])] {
            let client = bench.gateway.stranger().over(http);
            let answer = client.send(Method::HEAD, path, "".into()).await.unwrap();
            assert_eq!(answer.status, 200, "{path}");
        }
        assert!(bench.sink.parts().is_empty() && bench.claude.received().is_empty());
    }
}
