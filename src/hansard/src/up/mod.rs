//! `hansard up`: the whole of it on one machine.
//!
//! Enters: where to listen, what stands behind, a policy. Starts the sink in this process and
//! Envoy beside it, with the bundled configuration of `envoy/standalone` in which only addresses
//! are substituted. Leaves when told to: what is in flight finishes and is recorded first.
//!
//! ```text
//! client ─▶ Envoy (child) ─▶ upstream: --upstream | api.anthropic.com | scripted Claude (child)
//!              └─▶ sink (this process) ─▶ data folder
//! ```

mod admin;
mod banner;
mod config;
mod envoy;
mod problem;
mod redaction_key;
mod upstream;

use crate::cli::Data;
use crate::failure::Failure;
use crate::policy::{Loaded, Source};
use crate::sink::{Sink, SinkError, http, serve_http, stop_signal};
use crate::token::{AUDIENCE, DevIssuer, ISSUER};
use crate::web::{ADDRESS, OwnPages};
use banner::Banner;
use envoy::Envoy;
use hansard_core::config::Effect;
use hansard_core::config::raw::{RawIssuer, RawJwks};
use hansard_store::Options;
pub(crate) use problem::UpError;
use std::io::{self, Write};
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use upstream::Upstream;

/// The policy that is used without `--policy`.
const DEFAULT_POLICY: &str = include_str!("../../../../policies/default.yaml");
/// How long the printed token lasts.
const TOKEN_TTL: Duration = Duration::from_secs(8 * 3600);

/// Run everything on this machine: gateway, sink, ledger
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  hansard up
  ANTHROPIC_API_KEY=… hansard up
  hansard up --upstream http://127.0.0.1:8081 --policy policies/keycloak-groups.yaml")]
pub(crate) struct Args {
    /// Address that clients call
    #[arg(long, default_value = "127.0.0.1:10000", value_name = "ADDR")]
    listen: SocketAddr,
    /// What stands behind the gateway [default: api.anthropic.com when ANTHROPIC_API_KEY is set,
    /// else a scripted Claude]
    #[arg(long, value_name = "URL")]
    upstream: Option<String>,
    /// The policy [default: the bundled policies/default.yaml]
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
    /// Send records to a sink that runs elsewhere, instead of keeping them here; once for each cluster
    /// in the policy's `record.cluster`, in their order
    #[arg(long, value_name = "ADDR")]
    sink: Vec<SocketAddr>,
    /// The Envoy to run, 1.35 or later [default: `envoy` on the PATH]
    #[arg(long, env = "ENVOY", value_name = "PATH")]
    envoy: Option<PathBuf>,
    /// The filter [default: hansard_filter.wasm beside this program]
    #[arg(long, value_name = "PATH")]
    filter: Option<PathBuf>,
    /// Envoy's worker threads [default: one for each processor]
    #[arg(long, value_name = "N")]
    workers: Option<u32>,
    /// Also serve /metrics (Prometheus), /healthz and /log, and take clients' telemetry (POST /v1/logs)
    /// on this address
    #[arg(long, value_name = "ADDR", conflicts_with = "sink")]
    http: Option<SocketAddr>,
    /// Where the replay is served to browsers on this machine
    #[arg(long, default_value = ADDRESS, value_name = "ADDR")]
    ui: SocketAddr,
    #[command(flatten)]
    data: Data,
}

pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    // One thread: Envoy ties its life to the thread that starts it, which must be this one.
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(UpError::Runtime)?;
    runtime.block_on(serve(args))
}

async fn serve(args: &Args) -> Result<(), Failure> {
    let data = &args.data.data;
    let program = envoy::find(args.envoy.as_deref())?;
    let filter = envoy::filter(args.filter.as_deref())?;
    let issuer = DevIssuer::open(data)?;
    let loaded = policy(args, &issuer)?;
    loaded.tell()?;
    let token = own_token(&loaded, &issuer)?;
    drop(TcpListener::bind(args.listen).map_err(|source| UpError::port(args.listen, source))?);

    let upstream = Upstream::choose(args.upstream.as_deref())?;
    let clusters = &loaded.policy.record.clusters;
    if !args.sink.is_empty() && args.sink.len() != clusters.len() {
        let (clusters, sinks) = (clusters.len(), args.sink.len());
        return Err(UpError::Sinks { clusters, sinks }.into());
    }
    let key = redaction_key::open(data)?;
    let http = match args.http {
        Some(address) => Some((address, policy(args, &issuer)?, key.clone().into_bytes())),
        None => None,
    };
    let sink = OwnSink::unless(args.sink.first().copied(), &args.data, http).await?;
    // What is kept here is one sink, by whatever names.
    let at = args.sink.iter().copied().chain(std::iter::repeat(sink.addr));
    let setup = config::Setup {
        listen: args.listen,
        sinks: clusters.iter().map(String::as_str).zip(at).collect(),
        upstream: &upstream.target,
        key: upstream.key.as_deref(),
        policy: &loaded.json,
        filter: &filter,
    };
    let files = config::write(&data.join("envoy"), &setup)?;
    let stop = stop_signal().map_err(UpError::Runtime)?;
    let mut stop = std::pin::pin!(stop);
    let mut envoy = Envoy::start(&program, &files, args.workers, &key)?;
    let version = tokio::select! {
        ready = envoy.ready() => ready?,
        () = &mut stop => return Ok(()),
    };
    // Records that go elsewhere are shown elsewhere.
    let pages = match args.sink.is_empty() {
        true => Some(OwnPages::start(args.ui, &args.data).await?),
        false => None,
    };
    Banner {
        listen: args.listen,
        version: &version,
        policy: args.policy.as_deref(),
        digest: &loaded.policy.digest,
        upstream: &upstream,
        sinks: &args.sink,
        data,
        token: token.as_deref(),
        login: pages.as_ref().map(|pages| pages.login.as_str()),
    }
    .print()?;
    let outcome = tokio::select! {
        () = &mut stop => envoy.drain().await,
        died = envoy.died() => Err(died),
    };
    if let Some(pages) = pages {
        pages.stop();
    }
    sink.stop().await?;
    outcome?;
    writeln!(io::stdout(), "Stopped; what was in flight is on record.")?;
    Ok(())
}

/// The one that was named, or the bundled one.
fn policy(args: &Args, issuer: &DevIssuer) -> Result<Loaded, Failure> {
    let source = match &args.policy {
        Some(path) => Loaded::read(path)?,
        None => Source::parse(Path::new("policies/default.yaml"), DEFAULT_POLICY)?,
    };
    Ok(source.or_trust(development(issuer))?)
}

/// The sink of this process, unless records go elsewhere.
struct OwnSink {
    addr: SocketAddr,
    running: Option<(oneshot::Sender<()>, JoinHandle<Result<(), SinkError>>)>,
}

impl OwnSink {
    /// `http`: where it is to speak HTTP as well, with the policy and the key for telemetry.
    async fn unless(
        elsewhere: Option<SocketAddr>,
        data: &Data,
        http: Option<(SocketAddr, Loaded, Vec<u8>)>,
    ) -> Result<Self, Failure> {
        if let Some(addr) = elsewhere {
            return Ok(Self { addr, running: None });
        }
        let keys = data.folder_of_keys();
        let options = Options { keys: Some(keys.clone()), ..Options::default() };
        let sink = Sink::bind(SocketAddr::from(([127, 0, 0, 1], 0)), &data.data, options).await?;
        if let Some((address, policy, key)) = http {
            let source = http::Source { data: data.data.clone(), keys };
            serve_http(address, &sink, source, Some((policy, key))).await?;
        }
        let addr = sink.addr();
        let (stop, stopped) = oneshot::channel::<()>();
        let serving = tokio::spawn(sink.serve(async {
            let _ends_as_well_when_dropped = stopped.await;
        }));
        Ok(Self { addr, running: Some((stop, serving)) })
    }

    async fn stop(self) -> Result<(), Failure> {
        let Some((stop, serving)) = self.running else { return Ok(()) };
        let _it_may_have_ended = stop.send(());
        Ok(serving.await.map_err(|_| UpError::SinkDied)??)
    }
}

/// The development issuer, as a policy names it.
fn development(issuer: &DevIssuer) -> RawIssuer {
    let keys = issuer.jwks().get("keys").and_then(|keys| keys.as_array().cloned());
    RawIssuer {
        issuer: ISSUER.into(),
        audiences: vec![AUDIENCE.into()],
        algorithms: vec!["ES256".into()],
        jwks: RawJwks { keys: Some(keys.unwrap_or_default()), ..RawJwks::default() },
        groups_claim: "groups".into(),
        leeway_s: 30,
    }
}

/// A token that the policy admits, when it trusts the development issuer.
fn own_token(loaded: &Loaded, issuer: &DevIssuer) -> Result<Option<String>, Failure> {
    if !loaded.policy.issuers.iter().any(|trusted| trusted.issuer == ISSUER) {
        return Ok(None);
    }
    let allowing = loaded.policy.rules.iter().find(|rule| rule.effect == Effect::Allow);
    let groups: Vec<String> = allowing.map(|rule| rule.groups.clone()).unwrap_or_default();
    let user = std::env::var("USER").ok().filter(|user| !user.is_empty());
    let user = user.unwrap_or_else(|| "developer".into());
    Ok(Some(issuer.issue(&user, &groups, None, TOKEN_TTL)?))
}
