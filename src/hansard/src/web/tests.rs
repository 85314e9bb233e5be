//! The pages over a real ledger: what the sink wrote is shown, proven, and who looked is in it.

use super::follow::step;
use crate::fixture;
use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use hansard_store::{Custodian, Reader, beside};
use hansard_web::{Audit, Login, Prices, Roles, Settings, Source, router};
use http_body_util::BodyExt;
use tower::ServiceExt;

async fn get(router: &Router, cookie: &str, path: &str) -> (StatusCode, String, String) {
    let request = Request::get(path).header(header::COOKIE, cookie).body(Body::empty()).unwrap();
    let answer = router.clone().oneshot(request).await.unwrap();
    let status = answer.status();
    let cookie = answer.headers().get(header::SET_COOKIE).map(|value| value.to_str().unwrap());
    let cookie = cookie.and_then(|cookie| cookie.split(';').next()).unwrap_or_default().to_owned();
    let bytes = answer.into_body().collect().await.unwrap().to_bytes();
    (status, cookie, String::from_utf8(bytes.to_vec()).unwrap())
}

#[tokio::test]
async fn what_the_sink_wrote_is_shown_and_who_looked_is_in_the_ledger() {
    let ledger = fixture::ledger();
    let (data, keys) = (ledger.path(), beside(ledger.path()));
    let folder = tempfile::tempdir().unwrap();
    let index = folder.path().join("index");
    let settings = Settings {
        source: Source::new(&index, data, &keys),
        audit: Audit::ledger(Custodian::open(data, None).unwrap()),
        roles: Roles::default(),
        prices: Prices::default(),
        login: Login::Token("token".into()),
        public_url: "http://127.0.0.1".into(),
    };
    let router = router(settings);
    let (_, cookie, _) = get(&router, "", "/login?token=token").await;
    let (status, _, text) = get(&router, &cookie, "/sessions").await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(text.contains("there is no index yet"), "{text}");

    step(&mut None, data, &keys, &index).unwrap();
    let (status, _, text) = get(&router, &cookie, "/sessions").await;
    assert_eq!(status, StatusCode::OK, "{text}");
    let id = text.split("data-id=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
    let (status, _, text) = get(&router, &cookie, &format!("/sessions/{id}")).await;
    assert_eq!(status, StatusCode::OK, "{text}");

    let exchange = fixture::exchange(1);
    let (status, _, text) = get(&router, &cookie, &format!("/exchanges/{exchange}/raw")).await;
    assert_eq!(status, StatusCode::OK, "{text}");
    assert!(text.contains("in the checkpoint of"), "{text}");
    assert!(text.contains("123456789012345678901234567890"), "digit for digit: {text}");

    let reader = Reader::open(data).unwrap();
    let looks = reader.accesses(i64::MAX, 10).unwrap();
    let looks: Vec<_> = looks.iter().map(|look| look.access.action.as_str()).collect();
    assert_eq!(looks, ["raw", "view", "list", "list", "login"]);
}
