//! `hansard sink`: Envoy's gRPC access-log service, in front of the ledger.
//!
//! Enters: parts of records from the filter, and Envoy's own log, on one port. Leaves: a ledger in
//! the data folder. Promises: a call of the filter is answered when everything in it is on disk,
//! and only then; Envoy's own log is stored as it comes and never answered.
//!
//! To stop, it takes no new call, ends the streams of Envoy's own log (they would never end by
//! themselves), lets the filter's calls finish, and writes what waits.

mod cosign;
mod entries;
mod grpc;
pub(crate) mod http;
mod retention;
mod service;
mod telemetry;
mod witness;

pub(crate) use cosign::COSIGNED;

use crate::cli::Data;
use crate::failure::Failure;
use crate::policy::Loaded;
use crate::redact;
use grpc::Server as AccessLogs;
use hansard_store::{Options, StoreError, Writer};
use service::Service;
use std::future::{Future, IntoFuture};
use std::io::{self, Write};
use std::net::SocketAddr;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::time::Duration;
use thiserror::Error;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tonic::codegen::http::Uri;
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;

/// The largest message taken: of a 32 MB stream, every event and the message they add up to.
const MESSAGE_LIMIT: usize = 192 << 20;
/// How long the filter's calls may take to finish when the sink stops.
const DRAIN: Duration = Duration::from_secs(10);

/// Keep the record: receive parts from gateways and store them
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  hansard sink
  hansard sink --listen 0.0.0.0:7070 --data /var/lib/hansard --keys /etc/hansard/keys
  hansard sink --http 127.0.0.1:7072 --witness http://witness.example:7071
  hansard sink --http 0.0.0.0:7072 --policy /etc/hansard/policy.yaml --retain")]
pub(crate) struct Args {
    /// Address to listen on; port 0 takes a free one
    #[arg(long, default_value = "127.0.0.1:7070", value_name = "ADDRESS")]
    listen: SocketAddr,
    /// Also serve /metrics (Prometheus), /healthz and /log (C2SP tlog-tiles) on this address
    #[arg(long, value_name = "ADDRESS")]
    http: Option<SocketAddr>,
    /// Also take clients' telemetry on --http (POST /v1/logs, OTLP), from callers whom this policy's
    /// issuers vouch for, redacted by its rules under the gateway's key, HANSARD_REDACT_KEY
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
    /// Each hour, erase the sessions that the policy keeps no longer (record.retain); `hansard retain`
    /// says beforehand which
    #[arg(long, requires = "policy")]
    retain: bool,
    /// Have each checkpoint co-signed by the witness at this URL (http://)
    #[arg(long, value_name = "URL")]
    witness: Option<Uri>,
    /// Refuse records while less space than this is free on the data folder's disk, in megabytes
    #[arg(long, default_value_t = 256, value_name = "MB")]
    least_free: u64,
    #[command(flatten)]
    data: Data,
}

pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    let runtime = tokio::runtime::Runtime::new().map_err(SinkError::Runtime)?;
    runtime.block_on(async {
        let keys = args.data.folder_of_keys();
        let options = Options {
            keys: Some(keys.clone()),
            least_free: args.least_free << 20,
            ..Options::default()
        };
        let sink = Sink::bind(args.listen, &args.data.data, options).await?;
        let source = http::Source { data: args.data.data.clone(), keys };
        if let Some(address) = args.http {
            let policy = match &args.policy {
                Some(path) => Some((Loaded::read(path)?.bare()?, redaction_key()?)),
                None => None,
            };
            serve_http(address, &sink, source.clone(), policy).await?;
        }
        if let (true, Some(path)) = (args.retain, &args.policy) {
            let keep = Loaded::read(path)?.bare()?.retain;
            tokio::spawn(retention::run(source.clone(), keep));
        }
        if let Some(witness) = &args.witness {
            tokio::spawn(cosign::run(source, witness.clone()));
        }
        let stop = stop_signal().map_err(SinkError::Runtime)?;
        let (addr, data) = (sink.addr(), args.data.data.display());
        writeln!(io::stdout(), "hansard sink: listening on {addr}, ledger in {data}")?;
        Ok(sink.serve(stop).await?)
    })
}

/// Serves what the sink says over HTTP, and takes telemetry when there is a policy for it, with the
/// key of its placeholders.
pub(crate) async fn serve_http(
    address: SocketAddr,
    sink: &Sink,
    source: http::Source,
    policy: Option<(Loaded, Vec<u8>)>,
) -> Result<(), Failure> {
    let mut routes = http::router(source);
    if let Some((loaded, key)) = policy {
        routes = routes.merge(telemetry::router(loaded, key, sink.writer.handle())?);
    }
    let refused = |source| SinkError::Listen { address, source };
    let listener = TcpListener::bind(address).await.map_err(refused)?;
    tokio::spawn(axum::serve(listener, routes).into_future());
    Ok(())
}

/// The gateway's: the same value has the same placeholder, wherever it was redacted.
fn redaction_key() -> Result<Vec<u8>, SinkError> {
    let key = std::env::var_os(redact::KEY).filter(|key| !key.is_empty());
    key.map(OsStringExt::into_vec).ok_or(SinkError::NoKey)
}

/// Completes at Ctrl-C or SIGTERM.
pub(crate) fn stop_signal() -> io::Result<impl Future<Output = ()>> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    })
}

/// Why the sink cannot run.
#[derive(Debug, Error)]
pub(crate) enum SinkError {
    #[error("cannot listen on {address}: {source}; stop what uses it, or choose another --listen")]
    Listen { address: SocketAddr, source: io::Error },
    #[error("{} is not set; set it to the gateway's, or leave out --policy", redact::KEY)]
    NoKey,
    #[error("the system gives no threads or signals: {0}; raise its limits")]
    Runtime(io::Error),
    #[error("the gRPC server failed: {0}; start the sink again")]
    Server(#[from] tonic::transport::Error),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A bound port and an open ledger.
pub(crate) struct Sink {
    listener: TcpListener,
    addr: SocketAddr,
    writer: Writer,
}

impl Sink {
    /// Takes the port and the data folder; answers nobody yet.
    pub(crate) async fn bind(
        listen: SocketAddr,
        data: &Path,
        options: Options,
    ) -> Result<Self, SinkError> {
        let refused = |source| SinkError::Listen { address: listen, source };
        let listener = TcpListener::bind(listen).await.map_err(refused)?;
        let addr = listener.local_addr().map_err(refused)?;
        Ok(Self { listener, addr, writer: Writer::start_with(data, options)? })
    }

    /// The address that gateways reach.
    pub(crate) fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Serves until `shutdown` completes; then everything that was acknowledged, and everything
    /// that still arrives within ten seconds, is on disk when this returns.
    pub(crate) async fn serve(self, shutdown: impl Future<Output = ()>) -> Result<(), SinkError> {
        let Self { listener, addr: _, writer } = self;
        let (stop, stopping) = watch::channel(false);
        let service = AccessLogs::new(Service::new(writer.handle(), stopping.clone()));
        let mut stopped = stopping;
        let server = Server::builder()
            .http2_keepalive_interval(Some(Duration::from_secs(30)))
            .http2_keepalive_timeout(Some(Duration::from_secs(20)))
            // A large part should not wait for a round trip each 64 KiB.
            .initial_stream_window_size(4 << 20)
            .initial_connection_window_size(16 << 20)
            .add_service(service)
            .serve_with_incoming_shutdown(
                TcpIncoming::from(listener).with_nodelay(Some(true)),
                async move {
                    // An error means that `stop` is gone, which ends the server as well.
                    let _ = stopped.wait_for(|stop| *stop).await;
                },
            );
        let mut server = pin!(server);
        tokio::select! {
            ended = &mut server => ended?,
            () = shutdown => {
                stop.send_replace(true);
                match tokio::time::timeout(DRAIN, &mut server).await {
                    Ok(ended) => ended?,
                    Err(_) => tracing::warn!("calls were still running when the sink stopped"),
                }
            }
        }
        // Joins the writer's thread; a panic there was logged by the runtime.
        let _ = tokio::task::spawn_blocking(move || writer.close()).await;
        Ok(())
    }
}

#[cfg(test)]
mod tests;
