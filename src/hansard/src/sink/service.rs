//! One stream of messages: decoded, stored, and answered as its kind wants.
//!
//! ```text
//! the filter's call   message · half-close   ─▶ answered, once all of it is on disk
//! Envoy's own log     message · message · …  ─▶ stored as it comes; waits when the disk is slow
//! ```
//!
//! A stream never has more than one message in memory here: the next is read when the one before
//! it is on disk, and HTTP/2 flow control holds the sender.

use super::entries;
use super::grpc::Taken;
use crate::time::now;
use envoy_types::pb::envoy::service::accesslog::v3::StreamAccessLogsMessage;
use hansard_store::{
    Accepted, AppendError, Defect, Incoming, Receipt, Rejected, StoreError, WriterHandle,
};
use std::time::Duration;
use tokio::sync::{oneshot, watch};
use tonic::{Code, Request, Status, Streaming};

/// The log name under which the filter sends its own parts.
pub(super) const FILTER_LOG: &str = "hansard";
/// Reading this much takes milliseconds, which other streams should not wait for.
const LARGE: usize = 256 << 10;
/// How often a stream that may wait asks again for room.
const AGAIN: Duration = Duration::from_millis(20);

pub(super) struct Service {
    writer: WriterHandle,
    stopping: watch::Receiver<bool>,
}

impl Service {
    pub(super) fn new(writer: WriterHandle, stopping: watch::Receiver<bool>) -> Self {
        Self { writer, stopping }
    }

    /// Returns when everything of a call is on disk.
    pub(super) async fn stream_access_logs(
        &self,
        request: Request<Streaming<StreamAccessLogsMessage>>,
    ) -> Result<Taken, Status> {
        let mut messages = request.into_inner();
        // Only the first message of a stream names its log.
        let mut log_name = None;
        let mut stopping = self.stopping.clone();
        loop {
            let endless = log_name.as_deref().is_some_and(|name| name != FILTER_LOG);
            let message = tokio::select! {
                message = messages.message() => message,
                _ = stopping.wait_for(|stop| *stop && endless) => {
                    return Err(Status::unavailable("the sink is stopping"));
                }
            };
            match message {
                Ok(Some(mut message)) => {
                    let named = message.identifier.take().map(|identifier| identifier.log_name);
                    let log_name: &String = log_name.get_or_insert(named.unwrap_or_default());
                    self.take(message, log_name).await?;
                }
                Ok(None) => return Ok(Taken),
                Err(status) => return Err(self.broken(status, log_name.as_deref()).await),
            }
        }
    }

    /// Returns when everything of the message is on disk.
    async fn take(&self, message: StreamAccessLogsMessage, log_name: &str) -> Result<(), Status> {
        let received_at = now();
        let batch = if entries::size(&message) < LARGE {
            entries::read(message, log_name, received_at)
        } else {
            let name = log_name.to_owned();
            tokio::task::spawn_blocking(move || entries::read(message, &name, received_at))
                .await
                .map_err(|_| Status::internal("the message could not be read"))?
        };
        let defects = batch.iter().filter_map(Incoming::defect);
        if let Some(defect) = defects.clone().next() {
            tracing::warn!(count = defects.count(), log = ?short(log_name), %defect, "malformed");
        }
        self.store(batch, log_name != FILTER_LOG).await
    }

    /// `waits`: whoever sends this does not wait for an answer, so it may be held back.
    async fn store(&self, mut batch: Vec<Incoming>, waits: bool) -> Result<(), Status> {
        if batch.is_empty() {
            return Ok(());
        }
        loop {
            let (done, answer) = oneshot::channel();
            let queued = self.writer.accept(batch, move |result| {
                // The stream may be gone; what it sent is stored nevertheless.
                let _ = done.send(result);
            });
            match queued {
                Ok(()) => {
                    let accepted = answer.await.unwrap_or(Err(AppendError::Closed));
                    if let Accepted::Stored(Receipt { conflicts: count @ 1.., .. }) =
                        accepted.map_err(status)?
                    {
                        tracing::warn!(count, "a part came twice, and differs");
                    }
                    return Ok(());
                }
                Err(Rejected { batch: back, error: AppendError::Busy { .. } }) if waits => {
                    batch = back;
                    tokio::time::sleep(AGAIN).await;
                }
                Err(rejected) => return Err(status(rejected.error)),
            }
        }
    }

    /// A stream that ended otherwise than by half-close: its sender went away, or sent what is no
    /// message at all. The second is evidence.
    async fn broken(&self, status: Status, log_name: Option<&str>) -> Status {
        let code = status.code();
        // Connections that break and messages that cannot be read share a code.
        let unreadable = code == Code::OutOfRange
            || code == Code::Internal && !status.message().starts_with("h2 protocol error");
        if unreadable {
            tracing::warn!(?code, "a message could not be decoded");
            let log_name = log_name.unwrap_or_default();
            let malformed = Incoming::malformed(Defect::Message, &[], now(), log_name);
            if let Err(failed) = self.store(vec![malformed], false).await {
                tracing::warn!(code = ?failed.code(), "and this could not be stored");
            }
        } else {
            tracing::debug!(?code, "a stream broke off");
        }
        status
    }
}

fn status(error: AppendError) -> Status {
    match error {
        AppendError::Busy { .. } => Status::resource_exhausted(error.to_string()),
        // No fault: the gateway is told, and sends all of it.
        AppendError::Failed(cause) if matches!(*cause, StoreError::Unknown) => {
            Status::failed_precondition(cause.to_string())
        }
        _ => {
            tracing::error!(%error, "not stored, not acknowledged");
            Status::unavailable(error.to_string())
        }
    }
}

/// Names come from the network.
fn short(log_name: &str) -> String {
    log_name.chars().take(64).collect()
}
