//! The replay in a real browser, with people logging in at a real identity provider.
//!
//! What is shown is made up (`hansard_web::fixture`): one of everything, hostile texts in every
//! field, 5,000 turns. `tests/clients/web.mjs` is the person at the browser.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use hansard_tests::outside::{Helper, node, run, script};
use hansard_web::{Audit, Login, Prices, Provider, Roles, Settings, Source, fixture, router};
use serde_json::{Value, json};
use std::net::SocketAddr;
use tempfile::TempDir;
use tokio::net::TcpListener;

/// Until a session of 5,000 turns is seen, and until another place of it is, in milliseconds; held to
/// by `cargo test --release`. A server that is not optimised, on a machine that does other things as
/// well, shows only whether the page grows with its session.
const PAINT_MS: u32 = 500;
const JUMP_MS: u32 = 100;
const SLOWER: u32 = if cfg!(debug_assertions) { 5 } else { 1 };

const ROLES: &str = "
groups_claim = 'groups'
admin = ['platform']
auditor = ['compliance']
[lead]
heads = ['engineering']
";

fn source(index: &TempDir, issuer: &str) -> Source {
    let mut sessions = fixture::day();
    sessions.push(fixture::hostile());
    sessions.push(fixture::long(5_000));
    for replay in &mut sessions {
        replay.session.issuer = issuer.to_owned();
    }
    Source::made_up(index.path(), &sessions).unwrap()
}

/// Serves until the test ends.
fn serve(listener: TcpListener, settings: Settings) {
    tokio::spawn(async move { axum::serve(listener, router(settings)).await.unwrap() });
}

async fn listen() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_auditor_sees_what_happened_and_nothing_acts() {
    let browser = hansard_tests::outside::named("HANSARD_TEST_BROWSER");
    let index = tempfile::tempdir().unwrap();
    let (listener, address) = listen().await;
    let public_url = format!("http://{address}");
    let token = hansard_web::token().unwrap();
    let login = format!("{public_url}/login?token={token}");
    let settings = Settings {
        source: source(&index, "https://login.example.com"),
        audit: Audit::with(|_| Ok(())),
        roles: Roles::default(),
        prices: Prices::default(),
        login: Login::Token(token),
        public_url,
    };
    serve(listener, settings);

    let indexed = tempfile::tempdir().unwrap();
    let (listener, address) = listen().await;
    let public_url = format!("http://{address}");
    let people = json!({
        "ada": ["engineering"], "lin": ["heads"], "audrey": ["compliance"], "root": ["platform"],
    });
    let redirect = format!("{public_url}/login/callback");
    let provider =
        Helper::start(node().arg(script("oidc_login.mjs")).arg(redirect).arg(people.to_string()));
    let told: Value = serde_json::from_str(&provider.first_line).unwrap();
    let text = |name: &str| told[name].as_str().unwrap().to_owned();
    let access = indexed.path().join("access.toml");
    std::fs::write(&access, ROLES).unwrap();
    let settings = Settings {
        source: source(&indexed, &text("issuer")),
        audit: Audit::with(|_| Ok(())),
        roles: Roles::read(&access).unwrap(),
        prices: Prices::default(),
        login: Login::Oidc(Provider {
            issuer: text("issuer"),
            client_id: text("client_id"),
            client_secret: Some(text("client_secret")),
            scopes: vec!["email".into(), "groups".into()],
        }),
        public_url: public_url.clone(),
    };
    serve(listener, settings);

    let told = json!({
        "browser": browser, "login": login, "oidc": public_url,
        "paint_ms": PAINT_MS * SLOWER, "jump_ms": JUMP_MS * SLOWER,
    })
    .to_string();
    let measured =
        tokio::task::spawn_blocking(move || run(node().arg(script("web.mjs")).arg(told)));
    let measured = measured.await.unwrap();
    println!("{measured}");
    assert!(measured["pages_without_violations"].as_u64() >= Some(40), "{measured}");
}
