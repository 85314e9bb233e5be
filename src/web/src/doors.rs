//! Logging in and out. These addresses alone answer to strangers.

use crate::access::oidc::{Identity, LoginError};
use crate::access::roles::Role;
use crate::access::{User, same, secret};
use crate::show::page::{Frame, Tab, encoded, page};
use crate::show::time::now;
use crate::site::{Door, LOGIN, Problem, Shared, Site, Visitor, access};
use axum::extract::{Form, Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{AppendHeaders, Html, IntoResponse, Response};
use maud::html;
use serde::Deserialize;

/// The cookie of a login that was begun.
const BEGUN: &str = "hansard-login";
const BEGUN_AGE: i64 = 600;

#[derive(Debug, Default, Deserialize)]
pub(crate) struct Arriving {
    token: Option<String>,
    next: Option<String>,
}

/// Where to go after the login: within this site, or to the sessions.
fn inside(next: Option<&str>) -> String {
    let is_inside = |next: &&str| {
        let mut bytes = next.bytes();
        bytes.next() == Some(b'/')
            && !matches!(bytes.next(), Some(b'/' | b'\\'))
            && next.bytes().all(|byte| byte.is_ascii_graphic())
            && !next.starts_with("/login")
    };
    next.filter(is_inside).unwrap_or("/sessions").to_owned()
}

/// The page of the login; with the token of `hansard up` the login itself.
pub(crate) async fn login(State(site): State<Shared>, Query(query): Query<Arriving>) -> Response {
    let next = inside(query.next.as_deref());
    match (&site.door, query.token) {
        (Door::Token(token), Some(given)) if same(token, &given) => {
            let user = User {
                issuer: "hansard up".into(),
                subject: "local".into(),
                name: "local".into(),
                role: Role::Admin,
                leads: Vec::new(),
                csrf: String::new(),
            };
            enter(&site, user, &next, None).await
        }
        (Door::Token(_), given) => {
            let wrong = given.is_some();
            let status = if wrong { StatusCode::FORBIDDEN } else { StatusCode::OK };
            let body = html! {
                h1 { "Log in" }
                @if wrong { p.notice.bad role="alert" { strong { "This token is not valid." } " The server makes a new one each time it starts." } }
                p { "Open the address that " code { "hansard up" } " or " code { "hansard web" } " printed when it started. It holds a token, and logs this browser in." }
                form.login method="get" action="/login" {
                    input type="hidden" name="next" value=(next);
                    label.field { span { "Token" } input type="password" name="token" autocomplete="off" required; }
                    button.primary type="submit" { "Log in" }
                }
            };
            (status, stranger("Log in", &body)).into_response()
        }
        (Door::Oidc(oidc), _) => stranger(
            "Log in",
            &html! {
                h1 { "Log in" }
                p { "Your identity provider says who you are and which groups you are in." }
                p { a.button.primary href={ "/login/start?next=" (encoded(&next)) } { "Log in with " (host(&oidc.provider().issuer)) } }
            },
        )
        .into_response(),
    }
}

/// Sends the browser to the provider.
pub(crate) async fn start(State(site): State<Shared>, Query(query): Query<Arriving>) -> Response {
    let Door::Oidc(oidc) = &site.door else { return StatusCode::NOT_FOUND.into_response() };
    match oidc.begin(&inside(query.next.as_deref()), now()).await {
        Ok((url, key)) => {
            let cookie = site.jar.set(BEGUN, &key, BEGUN_AGE);
            let headers = [(header::LOCATION, url), (header::SET_COOKIE, cookie)];
            (StatusCode::SEE_OTHER, headers).into_response()
        }
        Err(error) => refused(&error),
    }
}

#[derive(Debug, Deserialize)]
pub(crate) struct Returning {
    #[serde(default)]
    state: String,
    code: Option<String>,
    error: Option<String>,
    error_description: Option<String>,
}

/// The browser comes back from the provider.
pub(crate) async fn callback(
    State(site): State<Shared>,
    headers: HeaderMap,
    Query(query): Query<Returning>,
) -> Response {
    let Door::Oidc(oidc) = &site.door else { return StatusCode::NOT_FOUND.into_response() };
    let Some(key) = site.jar.find(&headers, BEGUN) else { return refused(&LoginError::NotBegun) };
    let answer = match (query.code, query.error) {
        (Some(code), None) => Ok(code),
        (_, error) => Err(query.error_description.or(error).unwrap_or_else(|| "no code".into())),
    };
    match oidc.finish(&key, &query.state, answer, now()).await {
        Ok((identity, next)) => {
            let user = user(&site, identity);
            enter(&site, user, &next, Some(site.jar.clear(BEGUN))).await
        }
        Err(error) => refused(&error),
    }
}

fn user(site: &Site, identity: Identity) -> User {
    let groups = site.roles.groups(&identity.claims);
    let (role, leads) = site.roles.of(&groups);
    let Identity { issuer, subject, email, claims: _ } = identity;
    let name = email.unwrap_or_else(|| subject.clone());
    User { issuer, subject, name, role, leads, csrf: String::new() }
}

/// Puts the login on record, remembers it, and goes on.
async fn enter(site: &Shared, mut user: User, next: &str, clear: Option<String>) -> Response {
    let recorded = access(&user, "login", String::new());
    let blocking = site.clone();
    let done = tokio::task::spawn_blocking(move || blocking.audit.record(&recorded)).await;
    if !matches!(done, Ok(Ok(()))) {
        let text = "the login cannot be put on record, so it is refused: check the ledger";
        return Problem::new(StatusCode::SERVICE_UNAVAILABLE, text.into()).page(None);
    }
    let (Ok(cookie), Ok(csrf)) = (secret(), secret()) else {
        let text = "the system gives no random bytes: check the server";
        return Problem::new(StatusCode::SERVICE_UNAVAILABLE, text.into()).page(None);
    };
    user.csrf = csrf;
    site.logins.put(&cookie, user, now());
    let cookies = [Some(site.jar.set(LOGIN, &cookie, Site::cookie_age())), clear];
    let cookies = cookies.into_iter().flatten().map(|cookie| (header::SET_COOKIE, cookie));
    let location = [(header::LOCATION, next.to_owned())];
    (StatusCode::SEE_OTHER, location, AppendHeaders(cookies.collect::<Vec<_>>())).into_response()
}

#[derive(Debug, Deserialize)]
pub(crate) struct Signed {
    #[serde(default)]
    pub(crate) csrf: String,
}

pub(crate) async fn logout(
    State(site): State<Shared>,
    Visitor(user): Visitor,
    headers: HeaderMap,
    Form(form): Form<Signed>,
) -> Response {
    if let Err(problem) = meant(&user, &form) {
        return problem.page(Some(&user));
    }
    if let Some(cookie) = site.jar.find(&headers, LOGIN) {
        site.logins.take(&cookie, now());
    }
    let headers =
        [(header::LOCATION, "/login".to_owned()), (header::SET_COOKIE, site.jar.clear(LOGIN))];
    (StatusCode::SEE_OTHER, headers).into_response()
}

/// That a form was sent from a page of ours, to this very person.
pub(crate) fn meant(user: &User, form: &Signed) -> Result<(), Problem> {
    if !user.csrf.is_empty() && same(&user.csrf, &form.csrf) {
        return Ok(());
    }
    Err(Problem::forbidden("this form is not from a page of this login: open the page again"))
}

fn refused(error: &LoginError) -> Response {
    tracing::warn!(%error, "no login");
    let status = match error {
        LoginError::Provider { .. } | LoginError::Random(_) => StatusCode::SERVICE_UNAVAILABLE,
        LoginError::NotBegun | LoginError::Refused(_) | LoginError::Token(_) => {
            StatusCode::FORBIDDEN
        }
    };
    let body = html! {
        h1 { "Not logged in" }
        p role="alert" { (crate::show::text::Line(&error.to_string())) }
        p { a.button href="/login" { "Begin again" } }
    };
    (status, stranger("Not logged in", &body)).into_response()
}

fn stranger(title: &str, body: &maud::Markup) -> Html<String> {
    let frame = Frame { title, tab: Tab::None, user: None, class: "plain" };
    Html(page(&frame, body).into_string())
}

fn host(issuer: &str) -> &str {
    issuer.split("//").nth(1).and_then(|rest| rest.split('/').next()).unwrap_or(issuer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_way_goes_on_within_the_site() {
        for (next, goes) in [
            (Some("/sessions/s-1?turn=3"), "/sessions/s-1?turn=3"),
            (Some("//evil.example"), "/sessions"),
            (Some("/\\evil.example"), "/sessions"),
            (Some("https://evil.example"), "/sessions"),
            (Some("/a\r\nset-cookie: x"), "/sessions"),
            (Some("/login?token=x"), "/sessions"),
            (Some(""), "/sessions"),
            (None, "/sessions"),
        ] {
            assert_eq!(inside(next), goes, "{next:?}");
        }
    }
}
