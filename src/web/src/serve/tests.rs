//! The site as a browser without a script sees it: rights, headers, forms, and what is on record.

use super::router;
use crate::{Audit, Login, Prices, Roles, Settings, Source, api, fixture};
use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Request, StatusCode, header};
use hansard_store::Access;
use http_body_util::BodyExt;
use serde_json::Value;
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use tempfile::TempDir;
use tower::ServiceExt;

struct Bench {
    router: Router,
    looks: Arc<Mutex<Vec<Access>>>,
    cookie: String,
    _index: TempDir,
}

struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    text: String,
}

fn settings(index: &TempDir, audit: Audit, public_url: &str) -> Settings {
    let mut sessions = fixture::day();
    sessions.push(fixture::hostile());
    Settings {
        source: Source::made_up(index.path(), &sessions).unwrap(),
        audit,
        roles: Roles::default(),
        prices: Prices::default(),
        login: Login::Token("the token".into()),
        public_url: public_url.into(),
    }
}

impl Bench {
    async fn new() -> Self {
        let index = tempfile::tempdir().unwrap();
        let looks = Arc::new(Mutex::new(Vec::new()));
        let noted = looks.clone();
        let audit = Audit::with(move |access| {
            noted.lock().unwrap().push(access.clone());
            Ok(())
        });
        let router = router(settings(&index, audit, "http://127.0.0.1"));
        let mut bench = Self { router, looks, cookie: String::new(), _index: index };
        let answer = bench.get("/login?token=the%20token").await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER);
        let cookie = answer.headers.get(header::SET_COOKIE).unwrap().to_str().unwrap();
        assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Lax"), "{cookie}");
        bench.cookie = cookie.split(';').next().unwrap().to_owned();
        bench
    }

    async fn get(&self, path: &str) -> Answer {
        self.send(Request::get(path), "").await
    }

    async fn post(&self, path: &str, form: &str) -> Answer {
        let request =
            Request::post(path).header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        self.send(request, form).await
    }

    async fn send(&self, request: axum::http::request::Builder, body: &str) -> Answer {
        let request = request.header(header::COOKIE, &self.cookie);
        let request = request.body(Body::from(body.to_owned())).unwrap();
        let (parts, body) = self.router.clone().oneshot(request).await.unwrap().into_parts();
        let bytes = body.collect().await.unwrap().to_bytes();
        let text = String::from_utf8(bytes.to_vec()).unwrap();
        Answer { status: parts.status, headers: parts.headers, text }
    }

    fn looks(&self) -> Vec<(String, String)> {
        let looks = self.looks.lock().unwrap();
        looks.iter().map(|look| (look.action.clone(), look.target.clone())).collect()
    }

    async fn csrf(&self) -> String {
        let page = self.get("/sessions").await.text;
        page.split("name=\"csrf\" value=\"").nth(1).unwrap().split('"').next().unwrap().to_owned()
    }
}

const SESSION: &str = "s-3f2a91c04be2d7705a11";
const EXCHANGE: &str = "01997f6e-3c1b-7cc2-9d0a-000000000001";

fn pages() -> Vec<String> {
    vec![
        "/sessions".into(),
        "/search?q=cargo".into(),
        format!("/sessions/{SESSION}"),
        format!("/sessions/{SESSION}/turns?from=0"),
        format!("/sessions/{SESSION}/outline"),
        format!("/sessions/{SESSION}/files"),
        format!("/sessions/{SESSION}/files/0?change=0"),
        format!("/sessions/{SESSION}/commands"),
        format!("/exchanges/{EXCHANGE}/raw"),
        "/settings".into(),
    ]
}

#[tokio::test]
async fn every_page_answers_and_is_on_record() {
    let bench = Bench::new().await;
    for (done, path) in pages().iter().enumerate() {
        let answer = bench.get(path).await;
        assert_eq!(answer.status, StatusCode::OK, "{path}: {}", answer.text);
        // The login is the first.
        assert_eq!(bench.looks().len(), done + 2, "{path} is on record once");
    }
    let looks = bench.looks();
    assert!(looks.contains(&("view".into(), SESSION.into())), "{looks:?}");
    assert!(looks.contains(&("search".into(), "cargo".into())), "{looks:?}");
    assert!(looks.contains(&("raw".into(), EXCHANGE.into())), "{looks:?}");
}

#[tokio::test]
async fn every_answer_carries_the_headers() {
    let bench = Bench::new().await;
    let stranger = ["/healthz", "/login", "/nowhere", "/assets/hansard.css", "/api/v1/sessions"];
    for path in pages().iter().map(String::as_str).chain(stranger) {
        let headers = bench.get(path).await.headers;
        let policy = headers["content-security-policy"].to_str().unwrap();
        assert!(policy.starts_with("default-src 'none';"), "{path}");
        assert!(!policy.contains("unsafe") && !policy.contains("data:"), "{path}");
        assert_eq!(headers["x-content-type-options"], "nosniff", "{path}");
        assert_eq!(headers["referrer-policy"], "no-referrer", "{path}");
        assert_eq!(headers["cross-origin-opener-policy"], "same-origin", "{path}");
        assert_eq!(headers["cross-origin-resource-policy"], "same-origin", "{path}");
        let kept = path.starts_with("/assets") == (headers["cache-control"] != "no-store");
        assert!(kept, "{path}");
        assert!(!headers.contains_key("strict-transport-security"));
    }
}

#[tokio::test]
async fn strangers_see_nothing() {
    let mut bench = Bench::new().await;
    for cookie in ["", "hansard=guess", "hansard-login=x"] {
        bench.cookie = cookie.into();
        for path in pages().iter().map(String::as_str).chain(["/live", "/", "/nowhere"]) {
            let answer = bench.get(path).await;
            assert_eq!(answer.status, StatusCode::SEE_OTHER, "{path}");
            let to = answer.headers[header::LOCATION].to_str().unwrap();
            assert!(path == "/" || to.starts_with("/login?next=%2F"), "{path}: {to}");
        }
        let answer = bench.get("/api/v1/sessions").await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
        for path in ["/logout", &format!("/sessions/{SESSION}/export")] {
            assert_eq!(bench.post(path, "csrf=").await.status, StatusCode::SEE_OTHER, "{path}");
        }
    }
    assert_eq!(bench.looks().len(), 1, "the login alone");
    let wrong = bench.get("/login?token=guess").await;
    assert_eq!(wrong.status, StatusCode::FORBIDDEN);
    assert!(!wrong.headers.contains_key(header::SET_COOKIE));
}

#[tokio::test]
async fn forms_are_our_own_and_a_logout_ends_the_login() {
    let bench = Bench::new().await;
    let export = format!("/sessions/{SESSION}/export");
    for forged in ["", "csrf=", "csrf=guess"] {
        assert_eq!(bench.post(&export, forged).await.status, StatusCode::FORBIDDEN, "{forged}");
        assert_eq!(bench.post("/logout", forged).await.status, StatusCode::FORBIDDEN, "{forged}");
    }
    let form = format!("csrf={}", bench.csrf().await);
    let exported = bench.post(&export, &form).await;
    assert_eq!(exported.status, StatusCode::OK);
    assert!(exported.headers["content-disposition"].to_str().unwrap().contains(SESSION));
    let replay: hansard_replay::Replay = serde_json::from_str(&exported.text).unwrap();
    assert_eq!(replay, fixture::everything());
    assert!(bench.looks().contains(&("export".into(), SESSION.into())));
    assert_eq!(bench.post("/logout", &form).await.status, StatusCode::SEE_OTHER);
    assert_eq!(bench.get("/sessions").await.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn what_cannot_be_put_on_record_is_not_shown() {
    let index = tempfile::tempdir().unwrap();
    let full = Arc::new(Mutex::new(false));
    let now = full.clone();
    let audit = Audit::with(move |_| match *now.lock().unwrap() {
        true => Err("the disk is full".into()),
        false => Ok(()),
    });
    let router = router(settings(&index, audit, "http://127.0.0.1"));
    let mut bench = Bench { router, looks: Arc::default(), cookie: String::new(), _index: index };
    let answer = bench.get("/login?token=the%20token").await;
    let cookie = answer.headers[header::SET_COOKIE].to_str().unwrap();
    bench.cookie = cookie.split(';').next().unwrap().to_owned();
    *full.lock().unwrap() = true;
    for path in pages() {
        let answer = bench.get(&path).await;
        assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE, "{path}");
        assert!(!answer.text.contains("cargo test"), "{path}");
    }
    let answer = bench.get("/login?token=the%20token").await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
}

#[tokio::test]
async fn over_tls_cookies_are_bound_to_the_host() {
    let index = tempfile::tempdir().unwrap();
    let router = router(settings(&index, Audit::with(|_| Ok(())), "https://hansard.example.com"));
    let bench = Bench { router, looks: Arc::default(), cookie: String::new(), _index: index };
    let answer = bench.get("/login?token=the%20token").await;
    let cookie = answer.headers[header::SET_COOKIE].to_str().unwrap();
    assert!(cookie.starts_with("__Host-hansard=") && cookie.contains("; Secure"), "{cookie}");
    assert!(answer.headers.contains_key("strict-transport-security"));
}

#[tokio::test]
async fn pages_of_a_list_follow_each_other_without_a_gap() {
    let bench = Bench::new().await;
    let (mut path, mut seen) = ("/api/v1/sessions?limit=7".to_owned(), Vec::new());
    loop {
        let page: Value = serde_json::from_str(&bench.get(&path).await.text).unwrap();
        let items = page["items"].as_array().unwrap();
        seen.extend(items.iter().map(|row| row["id"].as_str().unwrap().to_owned()));
        let Some(next) = page["next"].as_str() else { break };
        path = format!("/api/v1/sessions?limit=7&after={next}");
    }
    assert_eq!(seen.len(), 74);
    assert_eq!(seen.iter().collect::<BTreeSet<_>>().len(), 74);
}

#[tokio::test]
async fn what_makes_no_sense_is_said_and_what_is_not_there_is_not_found() {
    let bench = Bench::new().await;
    for (path, status) in [
        ("/sessions?persn=x", StatusCode::BAD_REQUEST),
        ("/sessions?after=x", StatusCode::BAD_REQUEST),
        ("/search?q=%2B%2B", StatusCode::BAD_REQUEST),
        ("/sessions/s-none", StatusCode::NOT_FOUND),
        ("/sessions/s-none/files", StatusCode::NOT_FOUND),
        ("/exchanges/none/raw", StatusCode::NOT_FOUND),
        ("/exchanges/01997f6e/raw", StatusCode::NOT_FOUND),
        ("/nowhere", StatusCode::NOT_FOUND),
        ("/assets/../lib.rs", StatusCode::NOT_FOUND),
        ("/api/v1/sessions/s-none", StatusCode::NOT_FOUND),
        ("/api/v1/search", StatusCode::BAD_REQUEST),
    ] {
        assert_eq!(bench.get(path).await.status, status, "{path}");
    }
    assert_eq!(
        bench.get(&format!("/sessions/{SESSION}/files/99")).await.status,
        StatusCode::NOT_FOUND
    );
    // Beyond the end there is nothing, and no error.
    let beyond = bench.get(&format!("/sessions/{SESSION}?turn=18446744073709551615")).await;
    assert_eq!(beyond.status, StatusCode::OK);
}

#[tokio::test]
async fn the_description_of_the_api_and_the_api_are_one() {
    let bench = Bench::new().await;
    let served: BTreeSet<&str> = api::routes().iter().map(|(path, _)| *path).collect();
    let described: Value = serde_json::from_str(api::OPENAPI).unwrap();
    let paths = described["paths"].as_object().unwrap();
    let described: BTreeSet<&str> = paths.keys().map(String::as_str).collect();
    assert_eq!(served, described);
    for path in described {
        let id = if path.contains("exchanges") { EXCHANGE } else { SESSION };
        let query = if path.ends_with("search") { "?q=cargo" } else { "" };
        let answer = bench.get(&format!("{}{query}", path.replace("{id}", id))).await;
        assert_eq!(answer.status, StatusCode::OK, "{path}");
        assert_eq!(answer.headers[header::CONTENT_TYPE], "application/json", "{path}");
        let _: Value = serde_json::from_str(&answer.text).unwrap();
    }
}

#[tokio::test]
async fn hostile_text_is_text_in_every_page() {
    let bench = Bench::new().await;
    let hostile = fixture::hostile();
    let id = &hostile.session.id;
    let exchanges = hostile.turns.iter().map(|turn| format!("/exchanges/{}/raw", turn.exchange));
    let pages = ["", "/files", "/files/0", "/commands", "/turns"];
    let pages = pages.iter().map(|page| format!("/sessions/{id}{page}"));
    for path in pages.chain(exchanges).chain(["/sessions".into(), "/search?q=owned".into()]) {
        let answer = bench.get(&path).await;
        assert_eq!(answer.status, StatusCode::OK, "{path}");
        assert!(answer.text.contains("window.owned"), "{path} shows it");
        for forbidden in [
            "<iframe",
            "<img",
            "<svg/",
            "<style",
            "<base",
            "<meta http",
            "<a href=\"javascript",
            " onload=\"",
            " onerror=\"",
            "\u{202e}",
            "\u{1b}",
            "\u{200b}",
        ] {
            let before = answer.text.split_once(forbidden).map(|(before, _)| before.to_owned());
            let before: Option<String> = before.map(|before| {
                before.chars().rev().take(200).collect::<Vec<_>>().into_iter().rev().collect()
            });
            assert_eq!(before, None, "{path} has {forbidden:?}");
        }
        assert_eq!(
            answer.text.matches("<script").count(),
            usize::from(!path.ends_with("/turns")),
            "{path}"
        );
    }
}

mod reach {
    use crate::{Reach, Source, SourceError, fixture};
    use hansard_replay::listing::Filter;

    /// Each role's reach, by the methods that pages use.
    #[test]
    fn each_sees_what_is_theirs_by_every_way() {
        let index = tempfile::tempdir().unwrap();
        let source = Source::made_up(index.path(), &fixture::day()).unwrap();
        let issuer = "https://login.example.com/realms/acme".to_owned();
        let reach = |everyone, groups: &[&str], subject: &str| Reach {
            everyone,
            groups: groups.iter().map(|group| (*group).to_owned()).collect(),
            own: (issuer.clone(), subject.to_owned()),
        };
        let ada = "s-3f2a91c04be2d7705a11";
        let grace = "s-91d04ac2aa0b1177ef03";
        let barbara = "s-77ac0012aa0b1177ef04";
        for (reach, sees) in [
            (reach(true, &[], "auditor"), [true, true, true]),
            (reach(false, &["engineering"], "lead"), [true, false, true]),
            (reach(false, &["ops"], "grace"), [false, true, true]),
            (reach(false, &[], "ada"), [true, false, false]),
            (reach(false, &[], "ad"), [false, false, false]),
            (reach(false, &[], ""), [false, false, false]),
        ] {
            let rows = source.sessions(&Filter::default(), &reach, None, 500).unwrap().items;
            let hits = source.search("Opus OR certificates", &Filter::default(), &reach, None, 500);
            for (id, sees) in [ada, grace, barbara].into_iter().zip(sees) {
                assert_eq!(rows.iter().any(|row| row.id == id), sees, "{reach:?} {id}");
                assert_eq!(source.head(id, &reach).is_ok(), sees, "{reach:?} {id}");
                assert_eq!(source.turns(id, &reach, 0, 1).is_ok(), sees);
                assert_eq!(source.files(id, &reach, None, 9).is_ok(), sees);
                assert_eq!(source.commands(id, &reach, 0, 9).is_ok(), sees);
                assert_eq!(source.replay(id, &reach).is_ok(), sees);
            }
            let exchange = "01997f6e-3c1b-7cc2-9d0a-000000000001";
            assert_eq!(source.parts(exchange, &reach).is_ok(), sees[0]);
            let unseen = source.proof(exchange, &reach);
            assert!(sees[0] || matches!(unseen, Err(SourceError::NotFound)));
            for hit in hits.unwrap().items {
                assert!(rows.iter().any(|row| row.id == hit.session), "{reach:?} {hit:?}");
            }
        }
    }

    #[test]
    fn a_filter_of_a_person_cannot_widen_the_reach() {
        let index = tempfile::tempdir().unwrap();
        let source = Source::made_up(index.path(), &fixture::day()).unwrap();
        let own = ("https://login.example.com/realms/acme".to_owned(), "ada".to_owned());
        let reach = Reach { everyone: false, groups: Vec::new(), own };
        let wide = Filter {
            only: Some(("https://login.example.com/realms/acme".into(), "grace".into())),
            only_groups: Some(vec!["interns".into()]),
            ..Filter::default()
        };
        let rows = source.sessions(&wide, &reach, None, 500).unwrap().items;
        assert!(rows.iter().all(|row| row.subject == "ada") && !rows.is_empty());
    }
}
