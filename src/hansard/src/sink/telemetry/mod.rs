//! `POST /v1/logs`: what clients' own telemetry says (OpenTelemetry's OTLP over HTTP, in JSON or
//! protobuf), as Claude Code sends it.
//!
//! Only it tells who let a tool run and with which input; the network sees what the model suggested
//! and what the client says came of it. Whoever sends it shows the token that the gateway asks for;
//! what is sent belongs to the sessions of that subject alone, is redacted like a request, and is
//! answered once it is on disk.

mod desk;
mod keys;
mod otlp;

use crate::policy::{Loaded, PolicyError};
use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use desk::{Desk, Turned};
use hansard_core::identity::TokenError;
use hansard_store::WriterHandle;
use opentelemetry_proto::tonic::collector::logs::v1::{
    ExportLogsPartialSuccess, ExportLogsServiceResponse,
};
use otlp::{Events, Format};
use prost::Message;
use tokio::sync::oneshot;

/// The largest body taken, in bytes.
const LARGEST: usize = 8 << 20;
/// A sender that was told to come back does so after this.
const AGAIN_S: &str = "5";

#[derive(Clone)]
struct Endpoint {
    desk: Desk,
    writer: WriterHandle,
}

/// The endpoint, for callers whom a policy's issuers vouch for. `key`: the gateway's key of
/// placeholders.
pub(crate) fn router(
    loaded: Loaded,
    key: Vec<u8>,
    writer: WriterHandle,
) -> Result<Router, PolicyError> {
    let places = keys::places(&loaded);
    let desk = Desk::open(loaded, key)?;
    tokio::spawn(keys::run(desk.clone(), places));
    Ok(Router::new()
        .route("/v1/logs", post(take))
        .layer(DefaultBodyLimit::max(LARGEST))
        .with_state(Endpoint { desk, writer }))
}

/// What a sender is told.
enum Refusal {
    /// The body's format is not one of ours.
    Format,
    Encoded,
    Unreadable,
    NoToken,
    Token(TokenError),
    Later,
}

async fn take(
    State(endpoint): State<Endpoint>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Refusal> {
    let format = format(&headers)?;
    let token = bearer(&headers).ok_or(Refusal::NoToken)?;
    let read = tokio::task::spawn_blocking(move || otlp::read(&body, format)).await;
    let Events { events, without } = read.ok().flatten().ok_or(Refusal::Unreadable)?;
    let batch = endpoint.desk.take(token, events).await.map_err(|turned| match turned {
        Turned::Token(error) => Refusal::Token(error),
        Turned::Later => Refusal::Later,
    })?;
    if !batch.is_empty() {
        let (done, answer) = oneshot::channel();
        let queued = endpoint.writer.append(batch, move |result| {
            let _ = done.send(result);
        });
        queued.map_err(|_| Refusal::Later)?;
        if let Err(error) = answer.await.unwrap_or(Err(hansard_store::AppendError::Closed)) {
            tracing::error!(%error, "telemetry is not stored");
            return Err(Refusal::Later);
        }
    }
    Ok(taken(format, without))
}

fn format(headers: &HeaderMap) -> Result<Format, Refusal> {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if !matches!(text(header::CONTENT_ENCODING), "" | "identity") {
        return Err(Refusal::Encoded);
    }
    let kind = text(header::CONTENT_TYPE);
    match kind.split(';').next().unwrap_or_default().trim() {
        "application/json" => Ok(Format::Json),
        "application/x-protobuf" => Ok(Format::Protobuf),
        _ => Err(Refusal::Format),
    }
}

fn bearer(headers: &HeaderMap) -> Option<String> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim().to_owned())
}

fn taken(format: Format, without: i64) -> Response {
    let partial_success = (without > 0).then(|| ExportLogsPartialSuccess {
        rejected_log_records: without,
        error_message: "records without session.id belong to no session and are not kept".into(),
    });
    let said = ExportLogsServiceResponse { partial_success };
    match format {
        Format::Json => {
            let json = serde_json::to_vec(&said).unwrap_or_default();
            ([(header::CONTENT_TYPE, "application/json")], json).into_response()
        }
        Format::Protobuf => {
            ([(header::CONTENT_TYPE, "application/x-protobuf")], said.encode_to_vec())
                .into_response()
        }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let (status, text) = match self {
            Self::Format => (
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "send application/json or application/x-protobuf".to_owned(),
            ),
            Self::Encoded => (
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "send it without a content encoding".to_owned(),
            ),
            Self::Unreadable => {
                (StatusCode::BAD_REQUEST, "this is no ExportLogsServiceRequest".to_owned())
            }
            Self::NoToken => (
                StatusCode::UNAUTHORIZED,
                "send the token that the gateway takes: Authorization: Bearer …".to_owned(),
            ),
            Self::Token(error) => (StatusCode::UNAUTHORIZED, error.to_string()),
            Self::Later => {
                (StatusCode::SERVICE_UNAVAILABLE, "not stored; send it again".to_owned())
            }
        };
        let mut response = (status, format!("{text}\n")).into_response();
        if status == StatusCode::SERVICE_UNAVAILABLE {
            let again = axum::http::HeaderValue::from_static(AGAIN_S);
            response.headers_mut().insert(header::RETRY_AFTER, again);
        }
        response
    }
}

#[cfg(test)]
mod tests;
