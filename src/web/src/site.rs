//! The site: what every request shares, and the one way in which something is shown.

use crate::access::User;
use crate::access::cookies::Jar;
use crate::access::logins::Remembered;
use crate::access::oidc::{Oidc, Provider};
use crate::access::roles::Roles;
use crate::audit::Audit;
use crate::prices::Prices;
use crate::show::page::problem;
use crate::show::time::now;
use crate::source::{Reach, Source, SourceError};
use axum::Json;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use hansard_store::Access;
use serde_json::json;
use std::fmt;
use std::sync::Arc;

/// A login ends after an hour without a request, and after twelve in any case.
const IDLE: i64 = 3_600_000;
const MOST: i64 = 12 * IDLE;
/// Logins at a time.
const LOGINS: usize = 10_000;
/// The cookie of a login.
pub(crate) const LOGIN: &str = "hansard";

/// How people log in.
pub enum Login {
    /// At an OpenID Connect provider.
    Oidc(Provider),
    /// With a token that is printed where the server runs: whoever has it is an admin.
    Token(String),
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Oidc(provider) => f.debug_tuple("Oidc").field(provider).finish(),
            Self::Token(_) => f.write_str("Token"),
        }
    }
}

/// What a site is made of.
#[derive(Debug)]
pub struct Settings {
    /// Where sessions come from.
    pub source: Source,
    /// Where looks are put on record.
    pub audit: Audit,
    /// Who may do what.
    pub roles: Roles,
    /// What tokens cost.
    pub prices: Prices,
    /// How people log in.
    pub login: Login,
    /// How browsers reach the site, as `https://hansard.example.com`.
    pub public_url: String,
}

pub(crate) enum Door {
    Oidc(Box<Oidc>),
    Token(String),
}

pub(crate) struct Site {
    pub(crate) source: Source,
    pub(crate) audit: Audit,
    pub(crate) roles: Roles,
    pub(crate) prices: Prices,
    pub(crate) door: Door,
    pub(crate) public_url: String,
    pub(crate) jar: Jar,
    pub(crate) logins: Remembered<User>,
}

pub(crate) type Shared = Arc<Site>;

impl Site {
    pub(crate) fn new(settings: Settings) -> Shared {
        let Settings { source, audit, roles, prices, login, public_url } = settings;
        let door = match login {
            Login::Oidc(provider) => Door::Oidc(Box::new(Oidc::new(provider, &public_url))),
            Login::Token(token) => Door::Token(token),
        };
        let jar = Jar { secure: public_url.starts_with("https://") };
        let logins = Remembered::new(IDLE, MOST, LOGINS);
        Arc::new(Self { source, audit, roles, prices, door, public_url, jar, logins })
    }

    /// How long a browser keeps a login's cookie, seconds.
    pub(crate) fn cookie_age() -> i64 {
        MOST / 1_000
    }
}

/// Puts a look on record, and then reads: the one way to anything that is shown.
///
/// # Errors
/// When it cannot be put on record, or not be read.
pub(crate) async fn look<T: Send + 'static>(
    site: &Shared,
    user: &User,
    action: &'static str,
    target: String,
    read: impl FnOnce(&Source, &Reach) -> Result<T, SourceError> + Send + 'static,
) -> Result<T, Problem> {
    let (site, reach) = (site.clone(), user.reach());
    let access = access(user, action, target);
    // The ledger is a file: what waits for it must not hold up other requests.
    let done = tokio::task::spawn_blocking(move || {
        site.audit.record(&access).map_err(|error| {
            tracing::error!(%error, "refused to show");
            Problem::new(StatusCode::SERVICE_UNAVAILABLE, error.to_string())
        })?;
        read(&site.source, &reach).map_err(Problem::from)
    });
    done.await.unwrap_or_else(|_| {
        Err(Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "this page failed: report it".into()))
    })
}

pub(crate) fn access(user: &User, action: &'static str, target: String) -> Access {
    Access {
        at: now(),
        by: format!("{} {}", user.issuer, user.subject),
        role: user.role.name().into(),
        action: action.into(),
        target,
    }
}

/// Why something is not shown.
#[derive(Debug)]
pub(crate) struct Problem {
    pub(crate) status: StatusCode,
    pub(crate) text: String,
}

impl Problem {
    pub(crate) fn new(status: StatusCode, text: String) -> Self {
        Self { status, text }
    }

    pub(crate) fn not_understood(text: String) -> Self {
        Self::new(StatusCode::BAD_REQUEST, text)
    }

    pub(crate) fn forbidden(text: &str) -> Self {
        Self::new(StatusCode::FORBIDDEN, text.to_owned())
    }

    pub(crate) fn page(self, user: Option<&User>) -> Response {
        let title = match self.status {
            StatusCode::NOT_FOUND => "Not found",
            StatusCode::FORBIDDEN => "Not allowed",
            StatusCode::BAD_REQUEST => "Not understood",
            StatusCode::UNAUTHORIZED => "Not logged in",
            _ => "Not available",
        };
        (self.status, Html(problem(title, &self.text, user).into_string())).into_response()
    }

    pub(crate) fn json(self) -> Response {
        (self.status, Json(json!({"error": self.text}))).into_response()
    }
}

impl From<SourceError> for Problem {
    fn from(error: SourceError) -> Self {
        let status = match &error {
            SourceError::NotFound => StatusCode::NOT_FOUND,
            SourceError::NotUnderstood(_) => StatusCode::BAD_REQUEST,
            SourceError::Ledger(problem) => {
                tracing::error!(%problem, "the ledger cannot be read");
                StatusCode::SERVICE_UNAVAILABLE
            }
        };
        Self::new(status, error.to_string())
    }
}

/// Whoever sends a request with the cookie of a login.
pub(crate) struct Visitor(pub(crate) Arc<User>);

impl FromRequestParts<Shared> for Visitor {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, site: &Shared) -> Result<Self, Response> {
        let cookie = site.jar.find(&parts.headers, LOGIN);
        if let Some(user) = cookie.and_then(|secret| site.logins.find(&secret, now())) {
            return Ok(Self(user));
        }
        let path = parts.uri.path();
        if path.starts_with("/api/") {
            let text = "log in first, and send the cookie of the login".to_owned();
            return Err(Problem::new(StatusCode::UNAUTHORIZED, text).json());
        }
        let next = parts.uri.path_and_query().map_or("/sessions", |path| path.as_str());
        let location = format!("/login?next={}", crate::show::page::encoded(next));
        Err((StatusCode::SEE_OTHER, [(header::LOCATION, location)]).into_response())
    }
}
