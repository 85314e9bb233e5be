//! Asks a witness to co-sign each new checkpoint (C2SP tlog-witness). The last one that it did is
//! kept in the data folder, as `cosigned`: `hansard verify --witness-key` holds it against the log.

use super::http::Source;
use crate::time::now;
use bytes::Bytes;
use hansard_store::Reader;
use http_body_util::{BodyExt, Full, Limited};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use std::io;
use std::time::Duration;
use thiserror::Error;
use tokio::time::timeout;
use tonic::codegen::http::{Request, StatusCode, Uri};

/// How often a new checkpoint is looked for.
const EVERY: Duration = Duration::from_secs(2);
const PATIENCE: Duration = Duration::from_secs(10);
/// An answer is one line.
const ANSWER: usize = 64 << 10;
pub(crate) const COSIGNED: &str = "cosigned";

#[derive(Debug, Error)]
enum Refused {
    #[error("{0}")]
    Ledger(#[from] hansard_store::StoreError),
    #[error("the witness cannot be reached")]
    Unreachable,
    #[error("the witness says {0}: this log does not go on from what it co-signed last")]
    No(StatusCode),
    #[error("the witness's answer is not of the protocol")]
    Answer,
    #[error("{0}")]
    File(#[from] io::Error),
}

/// Never ends.
pub(crate) async fn run(source: Source, witness: Uri) {
    let client: Client<HttpConnector, Full<Bytes>> =
        Client::builder(TokioExecutor::new()).build_http();
    let mut last = 0;
    let mut failing = false;
    loop {
        tokio::time::sleep(EVERY).await;
        match step(&source, &client, &witness, &mut last).await {
            Ok(()) => failing = false,
            // Once, not each time.
            Err(error) if !failing => {
                failing = true;
                tracing::error!(%error, %witness, "the checkpoint is not co-signed");
            }
            Err(_) => {}
        }
    }
}

async fn step(
    source: &Source,
    client: &Client<HttpConnector, Full<Bytes>>,
    witness: &Uri,
    last: &mut u64,
) -> Result<(), Refused> {
    for _ in 0..2 {
        let (from, place) = (*last, source.clone());
        let read = tokio::task::spawn_blocking(move || {
            Reader::open_with(&place.data, &place.keys)?.checkpoint_since(from)
        });
        let Some((note, proof)) = read.await.map_err(|_| Refused::Answer)?? else { return Ok(()) };
        let size: u64 =
            note.lines().nth(1).and_then(|size| size.parse().ok()).ok_or(Refused::Answer)?;
        if size == from {
            return Ok(());
        }
        let proof: String = proof.iter().map(|hash| format!("{hash}\n")).collect();
        let body = format!("old {from}\n{proof}\n{note}");
        let uri = format!("{}/add-checkpoint", witness.to_string().trim_end_matches('/'));
        let request =
            Request::post(uri).body(Full::new(Bytes::from(body))).map_err(|_| Refused::Answer)?;
        let response = timeout(PATIENCE, client.request(request)).await;
        let response = response.ok().and_then(Result::ok).ok_or(Refused::Unreachable)?;
        let status = response.status();
        let text = timeout(PATIENCE, Limited::new(response.into_body(), ANSWER).collect()).await;
        let text = text.ok().and_then(Result::ok).ok_or(Refused::Unreachable)?.to_bytes();
        let text = String::from_utf8_lossy(&text).into_owned();
        match status {
            StatusCode::OK => {
                *last = size;
                return Ok(keep(source, &format!("{note}{text}"))?);
            }
            // It knows another size: from a start before, or from another sink of this ledger.
            StatusCode::CONFLICT => *last = text.trim().parse().map_err(|_| Refused::Answer)?,
            other => return Err(Refused::No(other)),
        }
    }
    Ok(())
}

/// Replaces the file as a whole.
fn keep(source: &Source, cosigned: &str) -> io::Result<()> {
    let new = source.data.join(format!("{COSIGNED}.{}", now()));
    std::fs::write(&new, cosigned)?;
    std::fs::rename(new, source.data.join(COSIGNED))
}
