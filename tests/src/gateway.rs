//! A gateway under test: the real `hansard up` with a real Envoy, as a child process.
//!
//! The Envoys to test with are named in `HANSARD_TEST_ENVOYS`, separated by colons; `make test`
//! installs them and sets it.

use crate::client::Client;
use std::io::{self, BufRead, BufReader, Read};
use std::net::{SocketAddr, TcpListener};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// The policy that tests use: developers may, interns may not use Opus, and limits are the usual.
pub const POLICY: &str = include_str!("../fixtures/policies/usual.yaml");

/// Every Envoy to test with.
pub fn envoys() -> Vec<PathBuf> {
    let named = std::env::var("HANSARD_TEST_ENVOYS").unwrap_or_default();
    let envoys: Vec<_> = named.split(':').filter(|p| !p.is_empty()).map(PathBuf::from).collect();
    assert!(!envoys.is_empty(), "HANSARD_TEST_ENVOYS names no Envoy; run the tests by `make test`");
    envoys
}

/// A binary of this workspace, built as the one that asks: a test, or another binary.
pub fn binary(name: &str) -> PathBuf {
    let exe = std::env::current_exe().unwrap_or_default();
    let mut folders = exe.ancestors().skip(1);
    let folder = folders.find(|folder| !folder.ends_with("deps")).unwrap_or(Path::new("."));
    let beside = folder.join(name);
    assert!(beside.exists(), "{} is missing; run the tests by `make test`", beside.display());
    beside
}

/// What a gateway is started with.
#[derive(Debug)]
pub struct Options<'a> {
    pub envoy: &'a Path,
    /// Empty: the scripted Claude that `hansard up` starts.
    pub upstream: String,
    /// `None`: the sink of `hansard up` itself.
    pub sink: Option<SocketAddr>,
    pub policy: String,
    pub workers: u32,
    pub filter: PathBuf,
}

impl<'a> Options<'a> {
    pub fn new(envoy: &'a Path, upstream: String) -> Self {
        let policy = POLICY.to_owned();
        Self { envoy, upstream, sink: None, policy, workers: 1, filter: wasm() }
    }
}

/// A running gateway; dropping it stops it.
pub struct Gateway {
    child: Child,
    addr: SocketAddr,
    data: TempDir,
    token: String,
    banner: String,
}

impl Gateway {
    /// Starts one and waits until it is ready.
    #[expect(clippy::panic, reason = "a gateway that does not start is a failed test")]
    pub fn start(options: &Options<'_>) -> Self {
        match Self::try_start(options, &[]) {
            Ok(gateway) => gateway,
            Err(error) => panic!("the gateway did not start: {error}"),
        }
    }

    /// Starts one with more arguments; the error is what it printed.
    pub fn try_start(options: &Options<'_>, more: &[&str]) -> io::Result<Self> {
        let data = TempDir::new()?;
        let policy = data.path().join("policy.yaml");
        std::fs::write(&policy, &options.policy)?;
        let addr = free_port()?;
        let mut command = Command::new(binary("hansard"));
        command
            .args(["up", "--listen", &addr.to_string(), "--ui", "127.0.0.1:0"])
            .args(["--workers", &options.workers.to_string()])
            .arg("--policy")
            .arg(&policy)
            .arg("--data")
            .arg(data.path().join("data"))
            .arg("--envoy")
            .arg(options.envoy)
            .arg("--filter")
            .arg(&options.filter)
            .args(more)
            .env_remove("ANTHROPIC_API_KEY")
            .env("USER", "tester")
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        if !options.upstream.is_empty() {
            command.args(["--upstream", &options.upstream]);
        }
        if let Some(sink) = options.sink {
            command.args(["--sink", &sink.to_string()]);
        }
        let mut child = command.spawn()?;
        let mut banner = String::new();
        if let Some(out) = child.stdout.take() {
            for line in BufReader::new(out).lines() {
                let line = line?;
                banner.push_str(&line);
                banner.push('\n');
                if line.starts_with("Ctrl-C ") {
                    break;
                }
            }
        }
        if !banner.contains("Ctrl-C ") {
            let mut said = String::new();
            if let Some(mut err) = child.stderr.take() {
                err.read_to_string(&mut said)?;
            }
            let status = child.wait()?;
            return Err(io::Error::other(format!("{status}: {said}")));
        }
        let token = banner
            .lines()
            .map(str::trim)
            .find(|line| line.starts_with("eyJ") && !line.contains(' '))
            .unwrap_or_default()
            .to_owned();
        Ok(Self { child, addr, data, token, banner })
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.addr)
    }

    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// What it printed when it was ready.
    pub fn banner(&self) -> &str {
        &self.banner
    }

    /// The token that it printed.
    pub fn token(&self) -> &str {
        &self.token
    }

    pub fn data(&self) -> PathBuf {
        self.data.path().join("data")
    }

    pub fn client(&self) -> Client {
        Client::new(self.addr, Some(&self.token))
    }

    /// A client without a token.
    pub fn stranger(&self) -> Client {
        Client::new(self.addr, None)
    }

    /// A token of the development issuer.
    pub fn issue(&self, subject: &str, groups: &str, ttl: &str) -> String {
        let out = self.command(&["token", "--sub", subject, "--groups", groups, "--ttl", ttl]);
        out.trim().to_owned()
    }

    /// Runs a reading command on its data folder; what it printed.
    pub fn command(&self, args: &[&str]) -> String {
        let output = Command::new(binary("hansard"))
            .args(args)
            .arg("--data")
            .arg(self.data())
            .output()
            .map(|out| (out.status.success(), out.stdout, out.stderr));
        match output {
            Ok((true, stdout, _)) => String::from_utf8_lossy(&stdout).into_owned(),
            other => format!("failed: {other:?}"),
        }
    }

    /// Envoy's own log.
    pub fn envoy_log(&self) -> String {
        std::fs::read_to_string(self.data().join("envoy/envoy.log")).unwrap_or_default()
    }

    /// Envoy's process.
    pub fn envoy_pid(&self) -> Option<u32> {
        let is_child = |pid: &u32| {
            let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
            // `PID (NAME) STATE PARENT …`, where the name may hold anything.
            let parent = stat.rsplit(')').next().and_then(|rest| rest.split_whitespace().nth(1));
            parent == Some(&self.child.id().to_string())
        };
        let processes = std::fs::read_dir("/proc").ok()?.flatten();
        processes.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).find(is_child)
    }

    /// Envoy's admin interface.
    pub fn admin(&self) -> Option<SocketAddr> {
        let admin = std::fs::read_to_string(self.data().join("envoy/admin.txt"));
        admin.unwrap_or_default().trim().parse().ok()
    }

    /// A counter or gauge of Envoy's.
    pub fn stat(&self, name: &str) -> u64 {
        let Some(addr) = self.admin() else { return 0 };
        let text = Client::get(addr, &format!("/stats?filter={name}"));
        text.lines()
            .find_map(|line| line.split_once(&format!("{name}: "))?.1.trim().parse().ok())
            .unwrap_or(0)
    }

    /// Envoy's metrics, as Prometheus reads them.
    pub fn metrics(&self) -> String {
        let Some(addr) = self.admin() else { return String::new() };
        Client::get(addr, "/stats/prometheus")
    }

    /// Kills Envoy as a machine that fails does: it is told nothing and says nothing more.
    pub fn kill_envoy(&self) {
        let threads = std::fs::read_dir(format!("/proc/{}/task", self.child.id()));
        let threads = threads.into_iter().flatten().flatten();
        for thread in threads {
            let children = std::fs::read_to_string(thread.path().join("children"));
            for pid in children.unwrap_or_default().split_whitespace() {
                let name = std::fs::read_to_string(format!("/proc/{pid}/comm"));
                if name.is_ok_and(|name| name.starts_with("envoy")) {
                    let _it_may_be_gone = Command::new("kill").args(["-KILL", pid]).status();
                }
            }
        }
    }

    /// Ctrl-C.
    pub fn interrupt(&self) {
        let pid = self.child.id().to_string();
        let _it_may_be_gone = Command::new("kill").args(["-INT", &pid]).status();
    }

    /// Waits until it has ended; its exit code.
    pub fn wait(&mut self) -> Option<i32> {
        let deadline = Instant::now() + Duration::from_secs(30);
        while Instant::now() < deadline {
            if let Ok(Some(status)) = self.child.try_wait() {
                return status.code();
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        None
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        self.interrupt();
        self.interrupt();
        if self.wait().is_none() {
            let _it_may_be_gone = self.child.kill();
            let _it_may_be_gone = self.child.wait();
        }
    }
}

/// The filter under test.
pub fn wasm() -> PathBuf {
    let built = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../target/wasm32-wasip1/wasm/hansard_filter.wasm");
    std::env::var_os("HANSARD_FILTER_WASM").map_or(built, PathBuf::from)
}

/// The same with its trap: a VM in which a request with the header `x-hansard-trap` panics.
pub fn trapped_wasm() -> PathBuf {
    let built = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../target/wasm32-wasip1/wasm/examples/trapped_filter.wasm");
    assert!(built.exists(), "{} is missing; run the tests by `make test`", built.display());
    built
}

/// Ports that the kernel gives to no outgoing connection, where its range is the usual one
/// (`ip_local_port_range`), and that few services listen on.
const QUIET_PORTS: Range<u16> = 20_000..32_768;

/// A port for who listens later, or again: free now, given to no other test of this process, and
/// not one that a connection from here may have by then.
///
/// # Errors
/// When none of them is free.
pub fn free_port() -> io::Result<SocketAddr> {
    static GIVEN: AtomicU16 = AtomicU16::new(0);
    // Another process begins elsewhere.
    let first = std::process::id().wrapping_mul(61);
    for _ in QUIET_PORTS {
        let nth = first.wrapping_add(GIVEN.fetch_add(1, Ordering::Relaxed).into());
        let offset = nth % u32::from(QUIET_PORTS.end - QUIET_PORTS.start);
        let port = u32::from(QUIET_PORTS.start) + offset;
        let addr = SocketAddr::from(([127, 0, 0, 1], u16::try_from(port).unwrap_or_default()));
        if TcpListener::bind(addr).is_ok() {
            return Ok(addr);
        }
    }
    Err(io::Error::other(format!("no port of {QUIET_PORTS:?} is free")))
}
