//! Programs that are not ours: the official SDKs, a plain access-log server, an OpenID Connect
//! provider, Claude Code. `make test` installs them; where they are is named in the environment.

use bytes::Bytes;
use http_body_util::Full;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use jwt_simple::prelude::RS256KeyPair;
use serde_json::{Value, json};
use std::convert::Infallible;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::time::{Duration, Instant};

/// Waits until something holds that nothing announces.
pub async fn until(what: &str, holds: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while !holds() {
        assert!(Instant::now() < deadline, "waited in vain for {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// The Python with the packages of tests/python-requirements.txt.
pub fn python() -> Command {
    Command::new(named("HANSARD_TEST_PYTHON"))
}

/// Node.js, with the packages of tests/clients/package.json beside the scripts.
pub fn node() -> Command {
    Command::new("node")
}

/// A program or folder that `make` names.
#[expect(clippy::panic, reason = "a test that cannot run has failed")]
pub fn named(variable: &str) -> PathBuf {
    match std::env::var_os(variable) {
        Some(path) => path.into(),
        None => panic!("{variable} is not set; run the tests by `make test`"),
    }
}

/// A script of tests/clients.
pub fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("clients").join(name)
}

/// Runs a script that prints one JSON line when all is well.
#[expect(clippy::panic, reason = "a client that fails is a failed test")]
pub fn run(command: &mut Command) -> Value {
    let output = command.output();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    match &output {
        Ok(out) if out.status.success() => {
            serde_json::from_str(text(&out.stdout).trim()).unwrap_or_default()
        }
        Ok(out) => {
            panic!("{command:?}: {}\n{}{}", out.status, text(&out.stdout), text(&out.stderr))
        }
        Err(error) => panic!("{command:?}: {error}"),
    }
}

/// A child that tells its first line and ends with its standard input.
pub struct Helper {
    child: Child,
    stdin: Option<ChildStdin>,
    pub first_line: String,
}

impl Helper {
    #[expect(clippy::panic, reason = "a helper that does not start is a failed test")]
    pub fn start(command: &mut Command) -> Self {
        let spawned = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
        let mut child = match spawned {
            Ok(child) => child,
            Err(error) => panic!("{command:?}: {error}"),
        };
        let mut first_line = String::new();
        if let Some(out) = child.stdout.take() {
            let _an_empty_line_says_it = BufReader::new(out).read_line(&mut first_line);
        }
        assert!(!first_line.trim().is_empty(), "{command:?} ended without a word");
        Self { stdin: child.stdin.take(), child, first_line: first_line.trim().to_owned() }
    }
}

impl Drop for Helper {
    fn drop(&mut self) {
        drop(self.stdin.take());
        let _it_may_be_gone = self.child.kill();
        let _it_may_be_gone = self.child.wait();
    }
}

/// npm `oidc-provider`, issuing JWT access tokens.
pub struct OidcProvider {
    _helper: Helper,
    pub issuer: String,
    pub jwks_uri: String,
    pub token: String,
}

impl OidcProvider {
    pub fn start(groups: &[&str]) -> Self {
        let helper = Helper::start(node().arg(script("oidc_provider.mjs")).args(groups));
        let told: Value = serde_json::from_str(&helper.first_line).unwrap_or_default();
        let text =
            |name: &str| told.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        Self {
            issuer: text("issuer"),
            jwks_uri: text("jwks_uri"),
            token: text("token"),
            _helper: helper,
        }
    }
}

/// A key set behind a port, for a provider that comes late.
pub struct Jwks(tokio::task::JoinHandle<()>);

impl Jwks {
    #[expect(clippy::panic, reason = "a port that is taken is a failed test")]
    pub async fn serve(addr: SocketAddr, key: &RS256KeyPair) -> Self {
        let jwk: Value = serde_json::from_str(&key.public_key().to_jwk()).unwrap_or_default();
        let set = Bytes::from(json!({"keys": [jwk]}).to_string());
        let listener = match tokio::net::TcpListener::bind(addr).await {
            Ok(listener) => listener,
            Err(error) => panic!("{addr}: {error}"),
        };
        Self(tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let set = set.clone();
                let service = service_fn(move |_| {
                    let answer = http::Response::new(Full::new(set.clone()));
                    async move { Ok::<_, Infallible>(answer) }
                });
                let connection = hyper::server::conn::http1::Builder::new()
                    .keep_alive(false)
                    .serve_connection(TokioIo::new(stream), service);
                tokio::spawn(connection);
            }
        }))
    }
}

impl Drop for Jwks {
    fn drop(&mut self) {
        self.0.abort();
    }
}
