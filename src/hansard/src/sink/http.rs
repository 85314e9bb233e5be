//! What the sink says over HTTP: figures for Prometheus, and the log for monitors and witnesses
//! (C2SP tlog-tiles). Nothing of a conversation is here.

use crate::ledger::status;
use crate::time::now;
use axum::Router;
use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use hansard_store::{Reader, StoreError};
use std::path::PathBuf;
use std::sync::Arc;

/// Where the ledger is: a reader is opened for each request, in a thread that may wait.
#[derive(Clone, Debug)]
pub(crate) struct Source {
    pub(crate) data: PathBuf,
    pub(crate) keys: PathBuf,
}

impl Source {
    async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Reader) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, Response> {
        let Self { data, keys } = self.clone();
        let done = tokio::task::spawn_blocking(move || read(&Reader::open_with(&data, &keys)?));
        match done.await {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(error)) => {
                tracing::warn!(%error, "cannot be read");
                Err(StatusCode::SERVICE_UNAVAILABLE.into_response())
            }
            Err(_) => Err(StatusCode::INTERNAL_SERVER_ERROR.into_response()),
        }
    }
}

pub(crate) fn router(source: Source) -> Router {
    Router::new()
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/metrics", get(metrics))
        .route("/log/checkpoint", get(checkpoint))
        .route("/log/tile/{*path}", get(tile))
        .with_state(Arc::new(source))
}

async fn metrics(State(source): State<Arc<Source>>) -> Response {
    let at = now() as i64;
    match source.read(move |reader| reader.status(at, status::GRACE)).await {
        Ok(figures) => {
            let kind = [(header::CONTENT_TYPE, "text/plain; version=0.0.4")];
            (kind, status::metrics(&figures, at)).into_response()
        }
        Err(response) => response,
    }
}

async fn checkpoint(State(source): State<Arc<Source>>) -> Response {
    match source.read(|reader| reader.checkpoint_since(0)).await {
        Ok(Some((note, _))) => note.into_response(),
        Ok(None) => StatusCode::NOT_FOUND.into_response(),
        Err(response) => response,
    }
}

async fn tile(State(source): State<Arc<Source>>, Path(path): Path<String>) -> Response {
    match source.read(move |reader| reader.tile(&path)).await {
        Ok(Some(bytes)) => {
            let kind = [(header::CONTENT_TYPE, "application/octet-stream")];
            (kind, bytes).into_response()
        }
        Ok(None) => StatusCode::NOT_FOUND.into_response(),
        Err(response) => response,
    }
}
