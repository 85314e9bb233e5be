//! Tokens of a real OpenID Connect provider, whose keys are fetched over Envoy.

use crate::{Bench, any_port, ask, envoys};
use hansard_tests::gateway::{Gateway, Options};
use hansard_tests::outside;
use hansard_tests::scripted::ScriptedClaude;
use hansard_tests::sink::{ControlledSink, Mode, content};
use jwt_simple::prelude::*;
use serde_json::json;

/// A token of the gateway's development issuer that has expired.
pub(crate) fn expired(gateway: &Gateway) -> String {
    let pem = std::fs::read_to_string(gateway.data().join("dev-issuer.key")).unwrap();
    let key = ES256KeyPair::from_pem(&pem).unwrap();
    let custom = json!({"groups": ["developers"]});
    let mut claims = Claims::with_custom_claims(custom, Duration::from_secs(1))
        .with_issuer("https://development.hansard.invalid")
        .with_audience("hansard")
        .with_subject("tester");
    let past = |time: Option<UnixTimeStamp>| time.map(|time| time - Duration::from_mins(5));
    claims.issued_at = past(claims.issued_at);
    claims.invalid_before = past(claims.invalid_before);
    claims.expires_at = past(claims.expires_at);
    key.sign(claims).unwrap()
}

fn policy(issuer: &str, jwks_uri: &str, wait_ms: u32) -> String {
    format!(
        "version: 1
identity:
  issuers:
    - issuer: {issuer}
      audiences: [hansard]
      algorithms: [RS256]
      jwks: {{ uri: {jwks_uri}, cluster: oidc, refresh_s: 1 }}
access:
  - {{ name: staff, effect: allow, groups: [engineering], endpoints: [messages] }}
limits: {{ key_wait_ms: {wait_ms} }}
"
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_of_a_real_provider_are_verified_with_its_fetched_keys() {
    let provider = outside::OidcProvider::start(&["engineering"]);
    for envoy in envoys() {
        let claude = ScriptedClaude::start(any_port()).unwrap();
        let sink = ControlledSink::start(any_port(), Mode::Acknowledge).await.unwrap();
        let mut options = Options::new(&envoy, claude.url());
        options.sink = Some(sink.addr());
        options.policy = policy(&provider.issuer, &provider.jwks_uri, 5000);
        let gateway = Gateway::start(&options);
        assert_eq!(gateway.token(), "", "the development issuer is not trusted beside another");
        let client = gateway.stranger().with_token(&provider.token);
        let answer = client.message(&ask(true)).await.unwrap();
        assert_eq!(answer.status, 200, "{}", answer.text());
        let parts = sink.parts();
        assert_eq!(content(&parts[0])["who"]["issuer"], provider.issuer.as_str());
        assert_eq!(content(&parts[0])["who"]["groups"], json!(["engineering"]));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_wait_for_the_first_keys_and_give_up_in_time() {
    for envoy in envoys() {
        // A provider that is not there yet: its port is known, nobody listens.
        let later = hansard_tests::gateway::free_port().unwrap();
        let issuer = format!("http://{later}");
        let claude = ScriptedClaude::start(any_port()).unwrap();
        let sink = ControlledSink::start(any_port(), Mode::Acknowledge).await.unwrap();
        let mut options = Options::new(&envoy, claude.url());
        options.sink = Some(sink.addr());
        options.policy = policy(&issuer, &format!("{issuer}/jwks"), 3000);
        let gateway = Gateway::start(&options);

        let key = RS256KeyPair::generate(2048).unwrap().with_key_id("k1");
        let claims =
            Claims::with_custom_claims(json!({"groups": "engineering"}), Duration::from_mins(5))
                .with_issuer(&issuer)
                .with_audience("hansard")
                .with_subject("ada");
        let token = key.sign(claims).unwrap();
        let client = gateway.stranger().with_token(&token);
        let begun = std::time::Instant::now();
        let answer = client.message(&ask(true)).await.unwrap();
        assert_eq!(answer.status, 503, "{}", answer.text());
        assert!(answer.text().contains("keys"), "{}", answer.text());
        assert!((2500..4500).contains(&begun.elapsed().as_millis()), "{:?}", begun.elapsed());
        assert!(claude.received().is_empty());

        // Now it comes up while a request waits.
        let running =
            client.begin(http::Method::POST, "/v1/messages", ask(true).to_string().into());
        let keys = outside::Jwks::serve(later, &key).await;
        let answer = running.whole().await.unwrap();
        assert_eq!(answer.status, 200, "{}", answer.text());
        drop(keys);
        // The last good set stays in force when the provider is gone.
        tokio::time::sleep(std::time::Duration::from_millis(1500)).await;
        assert_eq!(client.message(&ask(true)).await.unwrap().status, 200);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_policy_takes_force_without_touching_what_runs() {
    for envoy in envoys() {
        let bench = Bench::new(&envoy, None).await;
        let client = bench.gateway.client().script("stall");
        let mut running =
            client.begin(http::Method::POST, "/v1/messages", ask(true).to_string().into());
        running.until(|text| text.contains("text_delta")).await.unwrap();

        let file = bench.gateway.data().join("envoy/filter.json");
        let old = std::fs::read_to_string(&file).unwrap();
        let replace = |text: &str| {
            let draft = file.with_extension("new");
            std::fs::write(&draft, text).unwrap();
            std::fs::rename(&draft, &file).unwrap();
        };
        // A policy that does not hold is rejected, and the old one stays.
        replace(&old.replace("\\\"version\\\": 1", "\\\"version\\\": 9"));
        let stat = "extension_config_discovery.http_filter.hansard.config_fail";
        outside::until("the rejection", || bench.gateway.stat(stat) > 0).await;
        let plain = bench.gateway.client();
        assert_eq!(plain.message(&ask(true)).await.unwrap().status, 200);
        // One that refuses takes force for what is new.
        replace(&old.replace("\\\"effect\\\": \\\"allow\\\"", "\\\"effect\\\": \\\"refuse\\\""));
        let stat = "extension_config_discovery.http_filter.hansard.config_reload";
        outside::until("the reload", || bench.gateway.stat(stat) > 1).await;
        let refused = async || plain.message(&ask(true)).await.unwrap().status == 400;
        let deadline = std::time::Instant::now() + std::time::Duration::from_secs(10);
        while !refused().await {
            assert!(std::time::Instant::now() < deadline, "the new policy never took force");
        }
        bench.claude.open("stall");
        let answer = running.whole().await.unwrap();
        assert!(answer.clean && answer.text().contains("message_stop"));
        let parts = bench.sink.parts();
        let closed = parts.iter().rev().find(|p| hansard_tests::sink::kind(p) == "closed").unwrap();
        assert_eq!(content(closed)["end"]["why"], "complete");
    }
}
