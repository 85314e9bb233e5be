//! `hansard web`: the replay in a browser.
//!
//! Enters: where the ledger is, who may log in. Runs the site of `hansard_web`, and beside it a thread
//! that brings the index up to date with the ledger. Without an identity provider a token that is
//! printed once logs in, on this machine alone.

mod follow;

use crate::cli::Data;
use crate::failure::Failure;
use crate::sink::stop_signal;
use follow::Follower;
use hansard_web::{
    Audit, Login, Prices, PricesError, Provider, Roles, RolesError, Settings, Source,
};
use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use thiserror::Error;
use tokio::net::TcpListener;

/// Where the pages are served. Browsers refuse some ports, 10080 among them.
pub(crate) const ADDRESS: &str = "127.0.0.1:10090";

/// Show recorded sessions in a browser
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  hansard web
  hansard web --listen 127.0.0.1:10090 --data /var/lib/hansard --keys /etc/hansard/keys
  hansard web --public-url https://hansard.example.com --access access.toml --prices prices.toml \\
    --oidc-issuer https://login.example.com/realms/acme --client-id hansard --client-secret-file secret

access.toml says which groups of the identity provider may do what:
  groups_claim = \"realm_access.roles\"      # in the ID token; default: groups
  admin = [\"platform\"]                     # everything, and the settings
  auditor = [\"compliance\"]                 # every session: read, search, export
  [lead]                                   # sessions of people in these groups: read, search
  team-leads = [\"engineering\", \"interns\"]
Everybody else who logs in sees their own sessions.

prices.toml says what a million tokens cost; without it no cost is shown:
  currency = \"$\"
  [models.\"claude-sonnet-*\"]
  input = 3
  output = 15
  cache_read = 0.3
  cache_write = 3.75")]
pub(crate) struct Args {
    /// Address to listen on; TLS is for the proxy in front
    #[arg(long, default_value = ADDRESS, value_name = "ADDR")]
    listen: SocketAddr,
    /// How browsers reach it [default: http:// and the address]
    #[arg(long, value_name = "URL")]
    public_url: Option<String>,
    /// The identity provider's issuer; without one a printed token logs in, on this machine alone
    #[arg(long, value_name = "URL", requires = "client_id")]
    oidc_issuer: Option<String>,
    /// Our client id at the identity provider
    #[arg(long, value_name = "ID", requires = "oidc_issuer")]
    client_id: Option<String>,
    /// A file with our secret at the identity provider
    #[arg(long, value_name = "FILE", requires = "oidc_issuer")]
    client_secret_file: Option<PathBuf>,
    /// What to ask the identity provider for besides `openid`; once for each
    #[arg(long, value_name = "NAME", default_values = ["email"])]
    oidc_scope: Vec<String>,
    /// Which groups may do what (TOML) [default: everybody sees their own sessions]
    #[arg(long, value_name = "FILE")]
    access: Option<PathBuf>,
    /// What tokens cost (TOML or JSON) [default: no cost is shown]
    #[arg(long, value_name = "FILE")]
    prices: Option<PathBuf>,
    /// The folder of the index, which holds plain text [default: beside the data folder, DIR-index]
    #[arg(long, env = "HANSARD_INDEX", value_name = "DIR")]
    index: Option<PathBuf>,
    #[command(flatten)]
    data: Data,
}

pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    let runtime = tokio::runtime::Runtime::new().map_err(WebError::Runtime)?;
    runtime.block_on(async {
        let stop = stop_signal().map_err(WebError::Runtime)?;
        let listener = listen(args.listen).await?;
        let public_url = match &args.public_url {
            Some(url) => url.clone(),
            None => format!("http://{}", listener.local_addr().map_err(WebError::Runtime)?),
        };
        let (login, hint) = login(args, &public_url)?;
        let roles = args.access.as_deref().map(Roles::read).transpose().map_err(WebError::from)?;
        let prices =
            args.prices.as_deref().map(Prices::read).transpose().map_err(WebError::from)?;
        let index = args.index.clone().unwrap_or_else(|| beside(&args.data.data));
        let settings = Settings {
            source: source(&args.data, &index),
            audit: Audit::ledger(args.data.custodian()?),
            roles: roles.unwrap_or_default(),
            prices: prices.unwrap_or_default(),
            login,
            public_url,
        };
        let follower = Follower::start(&args.data, &index);
        writeln!(io::stdout(), "hansard web: {hint}")?;
        let routes = hansard_web::router(settings);
        tokio::select! {
            ended = axum::serve(listener, routes).into_future() => ended.map_err(WebError::Serve)?,
            () = stop => {}
        }
        follower.stop();
        Ok(())
    })
}

/// The pages of `hansard up`, until it is dropped: where a browser logs in.
pub(crate) struct OwnPages {
    pub(crate) login: String,
    follower: Follower,
}

impl OwnPages {
    pub(crate) async fn start(address: SocketAddr, data: &Data) -> Result<Self, Failure> {
        let listener = listen(address).await?;
        let at = listener.local_addr().map_err(WebError::Runtime)?;
        let public_url = format!("http://{at}");
        let token = hansard_web::token().map_err(WebError::Random)?;
        let login = format!("{public_url}/login?token={token}");
        let index = beside(&data.data);
        let settings = Settings {
            source: source(data, &index),
            audit: Audit::ledger(data.custodian()?),
            roles: Roles::default(),
            prices: Prices::default(),
            login: Login::Token(token),
            public_url,
        };
        let follower = Follower::start(data, &index);
        tokio::spawn(axum::serve(listener, hansard_web::router(settings)).into_future());
        Ok(Self { login, follower })
    }

    pub(crate) fn stop(self) {
        self.follower.stop();
    }
}

async fn listen(address: SocketAddr) -> Result<TcpListener, WebError> {
    TcpListener::bind(address).await.map_err(|source| WebError::Listen { address, source })
}

/// How people log in, and what to tell whoever started the server.
fn login(args: &Args, public_url: &str) -> Result<(Login, String), WebError> {
    let Some(issuer) = args.oidc_issuer.clone() else {
        if !args.listen.ip().is_loopback() {
            return Err(WebError::Strangers(args.listen));
        }
        let token = hansard_web::token().map_err(WebError::Random)?;
        let hint = format!("open {public_url}/login?token={token}");
        return Ok((Login::Token(token), hint));
    };
    let secret = args.client_secret_file.as_ref().map(|path| {
        let secret = std::fs::read_to_string(path);
        secret.map_err(|source| WebError::Secret { path: path.clone(), source })
    });
    let provider = Provider {
        issuer,
        client_id: args.client_id.clone().unwrap_or_default(),
        client_secret: secret.transpose()?.map(|secret| secret.trim().to_owned()),
        scopes: args.oidc_scope.clone(),
    };
    Ok((Login::Oidc(provider), format!("serving {public_url}")))
}

fn source(data: &Data, index: &Path) -> Source {
    Source::new(index, &data.data, &data.folder_of_keys())
}

/// Beside the data folder, not in it: what is copied with the ledger must not be readable.
fn beside(data: &Path) -> PathBuf {
    let mut name = data.as_os_str().to_owned();
    name.push("-index");
    name.into()
}

/// Why the pages cannot be served.
#[derive(Debug, Error)]
pub(crate) enum WebError {
    #[error("cannot listen on {address}: {source}; stop what uses it, or choose another address")]
    Listen { address: SocketAddr, source: io::Error },
    #[error("{0} can be reached by others: give --oidc-issuer, or listen on 127.0.0.1")]
    Strangers(SocketAddr),
    #[error("cannot read the client secret in {path}: {source}; name another file", path = path.display())]
    Secret { path: PathBuf, source: io::Error },
    #[error("the system gives no threads, signals or sockets: {0}; raise its limits")]
    Runtime(io::Error),
    #[error("the system gives no random bytes: {0}; check its entropy source")]
    Random(getrandom::Error),
    #[error("the HTTP server failed: {0}; start it again")]
    Serve(io::Error),
    #[error(transparent)]
    Roles(#[from] RolesError),
    #[error(transparent)]
    Prices(#[from] PricesError),
}

#[cfg(test)]
mod tests;
