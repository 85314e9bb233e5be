//! The routes, and the headers that every answer carries.

use crate::site::{Settings, Shared, Site};
use crate::{access, api, assets, doors, pages};
use axum::Router;
use axum::extract::Path;
use axum::http::{HeaderValue, header};
use axum::middleware::map_response;
use axum::response::Response;
use axum::routing::{get, post};

/// Nothing but our own files, no frames, no forms to elsewhere.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
                      connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'";

/// The site, for a server to serve.
pub fn router(settings: Settings) -> Router {
    let site: Shared = Site::new(settings);
    let mut router = Router::new()
        .route("/healthz", get(async || "ok\n"))
        .route("/assets/{name}", get(async |Path(name): Path<String>| assets::serve(&name)))
        .route("/login", get(doors::login))
        .route("/login/start", get(doors::start))
        .route("/login/callback", get(doors::callback))
        .route("/logout", post(doors::logout))
        .route("/", get(pages::home))
        .route("/sessions", get(pages::sessions))
        .route("/search", get(pages::search))
        .route("/live", get(pages::live))
        .route("/settings", get(pages::settings))
        .route("/sessions/{id}", get(pages::session))
        .route("/sessions/{id}/turns", get(pages::turns))
        .route("/sessions/{id}/outline", get(pages::outline))
        .route("/sessions/{id}/files", get(pages::all_files))
        .route("/sessions/{id}/files/{file}", get(pages::one_file))
        .route("/sessions/{id}/commands", get(pages::commands))
        .route("/sessions/{id}/export", post(pages::export))
        .route("/exchanges/{id}/raw", get(pages::raw));
    for (path, method) in api::routes() {
        router = router.route(path, method);
    }
    let secure = site.jar.secure;
    router
        .fallback(pages::missing)
        .with_state(site)
        .layer(map_response(move |response: Response| guarded(response, secure)))
}

/// A token for [`crate::Login::Token`].
///
/// # Errors
/// When the system gives no random bytes.
pub fn token() -> Result<String, getrandom::Error> {
    access::secret()
}

async fn guarded(mut response: Response, secure: bool) -> Response {
    let headers = response.headers_mut();
    for (name, value) in [
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
        (header::HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
        (
            header::HeaderName::from_static("permissions-policy"),
            "camera=(), microphone=(), geolocation=()",
        ),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    if secure {
        let kept = HeaderValue::from_static("max-age=31536000");
        headers.insert(header::STRICT_TRANSPORT_SECURITY, kept);
    }
    // What is on record stays out of caches; our own files say otherwise themselves.
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}

#[cfg(test)]
mod tests;
