//! `hansard witness`: co-signs a ledger's checkpoints (C2SP tlog-witness over HTTP).

use crate::failure::Failure;
use crate::sink::stop_signal;
use crate::time::now;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use hansard_verify::{Refusal, Witness};
use std::fs;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::net::TcpListener;

/// Co-sign a ledger's checkpoints as long as each goes on from the one before
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  hansard witness --log \"$(cat checkpoint.pub)\" --key witness.key --memory witness.db
  hansard sink --witness http://witness.example:7071

Run it where the sink's operator is not: then that operator alone cannot show two people two logs.
The key is a C2SP signed-note key; one is made if the file is not there.")]
pub(crate) struct Args {
    /// The ledger's public key
    #[arg(long, value_name = "VKEY")]
    log: String,
    /// The witness's own key
    #[arg(long, default_value = "witness.key", value_name = "FILE")]
    key: PathBuf,
    /// Where the last checkpoint is remembered
    #[arg(long, default_value = "witness.db", value_name = "FILE")]
    memory: PathBuf,
    /// Address to listen on
    #[arg(long, default_value = "127.0.0.1:7071", value_name = "ADDRESS")]
    listen: SocketAddr,
}

pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    let failed = |source| Failure::File { path: args.key.clone(), source };
    if !args.key.exists() {
        hansard_store::make_key(&args.key, "hansard/witness")?;
    }
    let key = fs::read_to_string(&args.key).map_err(failed)?;
    let witness = Witness::open(&args.memory, &args.log, &key)?;
    let public = witness.public_key();
    let runtime = tokio::runtime::Runtime::new().map_err(crate::sink::SinkError::Runtime)?;
    runtime.block_on(async {
        let listener = TcpListener::bind(args.listen)
            .await
            .map_err(|source| crate::sink::SinkError::Listen { address: args.listen, source })?;
        let address = listener.local_addr().unwrap_or(args.listen);
        writeln!(io::stdout(), "hansard witness: listening on {address}, public key {public}")?;
        let stop = stop_signal().map_err(crate::sink::SinkError::Runtime)?;
        axum::serve(listener, router(witness)).with_graceful_shutdown(stop).await?;
        Ok(())
    })
}

pub(crate) fn router(witness: Witness) -> axum::Router {
    axum::Router::new()
        .route("/add-checkpoint", post(add))
        .with_state(Arc::new(Mutex::new(witness)))
}

async fn add(State(witness): State<Arc<Mutex<Witness>>>, body: Bytes) -> Response {
    let added = {
        let mut witness = witness.lock().unwrap_or_else(PoisonError::into_inner);
        witness.add(&body, now() / 1000)
    };
    match added {
        Ok(line) => line.into_response(),
        Err(Refusal::Conflict(size)) => (
            StatusCode::CONFLICT,
            [(header::CONTENT_TYPE, "text/x.tlog.size")],
            format!("{size}\n"),
        )
            .into_response(),
        Err(Refusal::Malformed) => StatusCode::BAD_REQUEST.into_response(),
        Err(Refusal::Unknown) => StatusCode::FORBIDDEN.into_response(),
        Err(Refusal::Inconsistent) => StatusCode::UNPROCESSABLE_ENTITY.into_response(),
        Err(Refusal::Failed) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}
