//! Why `hansard up` cannot run: one line each, with its cure.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use thiserror::Error;

#[derive(Debug, Error)]
pub(crate) enum UpError {
    #[error("{address} is in use; stop what listens there, or pass another --listen")]
    PortInUse { address: SocketAddr },
    #[error("cannot listen on {address}: {source}; pass another --listen")]
    Listen { address: SocketAddr, source: io::Error },
    #[error(
        "no Envoy was found; `make run` installs one, or name yours with --envoy PATH (1.35 or later)"
    )]
    NoEnvoy,
    #[error("cannot run {}: {source}; name an Envoy with --envoy PATH", path.display())]
    EnvoyUnusable { path: PathBuf, source: io::Error },
    #[error("{} is Envoy {version}; Hansard needs 1.35 or later", path.display())]
    EnvoyTooOld { path: PathBuf, version: String },
    #[error("the filter {} is missing; build it with `make build`, or name it with --filter", path.display())]
    NoFilter { path: PathBuf },
    #[error("the upstream {url:?} is not http://HOST[:PORT] or https://HOST[:PORT]")]
    Upstream { url: String },
    #[error(
        "cannot start the scripted Claude {}: {source}; build it with `make build`, or pass --upstream",
        path.display()
    )]
    Scripted { path: PathBuf, source: io::Error },
    #[error("the API key in ANTHROPIC_API_KEY holds a character that no header can")]
    Key,
    #[error("cannot write {}: {source}; pass a --data folder that is yours", path.display())]
    File { path: PathBuf, source: io::Error },
    #[error("the bundled Envoy configuration lacks {place}; the build is broken")]
    Bundled { place: String },
    #[error("Envoy ended before it was ready; its log is {}:\n{tail}", log.display())]
    EnvoyFailed { log: PathBuf, tail: String },
    #[error("Envoy was not ready within 30 seconds; its log is {}", log.display())]
    EnvoySlow { log: PathBuf },
    #[error("Envoy did not take the filter or its policy; its log is {}:\n{tail}", log.display())]
    FilterRefused { log: PathBuf, tail: String },
    #[error("Envoy ended by itself ({status}); its log is {}", log.display())]
    EnvoyDied { status: String, log: PathBuf },
    #[error(
        "the policy's record.cluster names {clusters} sinks and --sink {sinks}; give --sink once for each"
    )]
    Sinks { clusters: usize, sinks: usize },
    #[error("the sink ended by itself; nothing was forwarded after that")]
    SinkDied,
    #[error("cannot set up this process: {0}")]
    Runtime(io::Error),
}

impl UpError {
    /// Why a port could not be taken.
    pub(super) fn port(address: SocketAddr, source: io::Error) -> Self {
        if source.kind() == io::ErrorKind::AddrInUse {
            Self::PortInUse { address }
        } else {
            Self::Listen { address, source }
        }
    }
}
