//! Envoy as a child process: found, started, watched, drained.

use super::UpError;
use super::admin::Admin;
use super::config::Files;
use super::redaction_key;
use std::fs::File;
use std::io;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;
use tokio::process::Child;
use tokio::time::{Instant, sleep, timeout_at};

const READY_WITHIN: Duration = Duration::from_secs(30);
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// A running Envoy.
pub(super) struct Envoy {
    child: Child,
    admin_file: PathBuf,
    log: PathBuf,
    admin: Option<Admin>,
}

/// The Envoy to run: named, or on the PATH; at least 1.35.
pub(super) fn find(named: Option<&Path>) -> Result<PathBuf, UpError> {
    let path = named.unwrap_or(Path::new("envoy")).to_owned();
    let output = match Command::new(&path).arg("--version").output() {
        Ok(output) => output,
        Err(error) if named.is_none() && error.kind() == io::ErrorKind::NotFound => {
            return Err(UpError::NoEnvoy);
        }
        Err(source) => return Err(UpError::EnvoyUnusable { path, source }),
    };
    let text = String::from_utf8_lossy(&output.stdout);
    let Some(version) = version(&text) else {
        let source = io::Error::other("it does not say its version as Envoy does");
        return Err(UpError::EnvoyUnusable { path, source });
    };
    if version < (1, 35) {
        let version = format!("{}.{}", version.0, version.1);
        return Err(UpError::EnvoyTooOld { path, version });
    }
    Ok(path)
}

/// `…version: HASH/1.40.0/Clean/RELEASE/BoringSSL` → (1, 40).
fn version(text: &str) -> Option<(u32, u32)> {
    let mut numbers = text.split("version:").nth(1)?.split('/').nth(1)?.split('.');
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

/// The filter to load: named, beside this program, or where cargo puts it.
pub(super) fn filter(named: Option<&Path>) -> Result<PathBuf, UpError> {
    let path = match named {
        Some(path) => path.to_owned(),
        None => {
            let installed = beside("hansard_filter.wasm");
            let built = beside("../wasm32-wasip1/wasm/hansard_filter.wasm");
            if installed.exists() || !built.exists() { installed } else { built }
        }
    };
    path.canonicalize().map_err(|_| UpError::NoFilter { path })
}

/// A file that stands beside this program.
pub(super) fn beside(name: &str) -> PathBuf {
    let program = std::env::current_exe().unwrap_or_default();
    program.parent().unwrap_or(Path::new(".")).join(name)
}

impl Envoy {
    /// Starts it. To be called on a thread that lives as long as Envoy shall: Envoy asks the
    /// kernel for SIGTERM when the thread that started it ends.
    pub(super) fn start(
        path: &Path,
        files: &Files,
        workers: Option<u32>,
        redaction_key: &str,
    ) -> Result<Self, UpError> {
        let log = File::create(&files.log)
            .map_err(|source| UpError::File { path: files.log.clone(), source })?;
        let log_too =
            log.try_clone().map_err(|source| UpError::File { path: files.log.clone(), source })?;
        let mut command = Command::new(path);
        command
            .arg("-c")
            .arg(&files.envoy)
            .arg("--admin-address-path")
            .arg(&files.admin)
            .args(["--disable-hot-restart", "--drain-time-s", "1", "--drain-strategy", "immediate"])
            .env(redaction_key::VARIABLE, redaction_key)
            .stdin(Stdio::null())
            .stdout(log)
            .stderr(log_too)
            // A group of its own: Ctrl-C is for this program, which drains Envoy first.
            .process_group(0);
        if let Some(workers) = workers {
            command.args(["--concurrency", &workers.to_string()]);
        }
        let child = tokio::process::Command::from(command)
            .kill_on_drop(true)
            .spawn()
            .map_err(|source| UpError::EnvoyUnusable { path: path.to_owned(), source })?;
        Ok(Self { child, admin_file: files.admin.clone(), log: files.log.clone(), admin: None })
    }

    /// Waits until it takes requests through the filter; its version.
    pub(super) async fn ready(&mut self) -> Result<String, UpError> {
        let deadline = Instant::now() + READY_WITHIN;
        loop {
            if let Ok(Some(_)) = self.child.try_wait() {
                return Err(UpError::EnvoyFailed { log: self.log.clone(), tail: self.tail() });
            }
            if Instant::now() > deadline {
                return Err(UpError::EnvoySlow { log: self.log.clone() });
            }
            if self.admin.is_none() {
                self.admin = Admin::read(&self.admin_file);
            }
            if let Some(admin) = &self.admin
                && matches!(timeout_at(deadline, admin.is_ready()).await, Ok(true))
            {
                if admin.number("extension_config_discovery.http_filter.hansard.config_fail").await
                    != Some(0)
                {
                    return Err(UpError::FilterRefused {
                        log: self.log.clone(),
                        tail: self.tail(),
                    });
                }
                return Ok(admin.version().await.unwrap_or_else(|| "of unknown version".into()));
            }
            sleep(LOOK_EVERY).await;
        }
    }

    /// Completes when it ends by itself.
    pub(super) async fn died(&mut self) -> UpError {
        let status = match self.child.wait().await {
            Ok(status) => status.to_string(),
            Err(error) => error.to_string(),
        };
        UpError::EnvoyDied { status, log: self.log.clone() }
    }

    /// Takes no new connection, lets what is in flight finish, and ends it.
    pub(super) async fn drain(&mut self) -> Result<(), UpError> {
        let again = crate::sink::stop_signal().map_err(UpError::Runtime)?;
        let mut again = std::pin::pin!(again);
        if let Some(admin) = &self.admin {
            admin.post("/drain_listeners?graceful").await;
            let mut told = false;
            while let Some(running) = admin.number("http.claude.downstream_rq_active").await {
                if running == 0 {
                    break;
                }
                if !told {
                    told = true;
                    tracing::info!("{running} exchanges are still running; Ctrl-C again cuts them");
                }
                tokio::select! {
                    () = sleep(LOOK_EVERY) => {}
                    () = &mut again => break,
                    _ = self.child.wait() => break,
                }
            }
            admin.post("/quitquitquit").await;
        }
        let deadline = Instant::now() + Duration::from_secs(10);
        if timeout_at(deadline, self.child.wait()).await.is_err() {
            let _it_may_be_gone = self.child.kill().await;
        }
        Ok(())
    }

    /// The last lines of its log that say what went wrong.
    fn tail(&self) -> String {
        let text = std::fs::read_to_string(&self.log).unwrap_or_default();
        let mut bad: Vec<_> = text
            .lines()
            .filter(|line| {
                ["[error]", "[critical]", "[warning][config]"].iter().any(|l| line.contains(l))
            })
            .collect();
        if bad.is_empty() {
            bad = text.lines().collect();
        }
        bad.split_off(bad.len().saturating_sub(5)).join("\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions() {
        let said = "\nenvoy  version: 5d5cc1e4/1.40.0/Clean/RELEASE/BoringSSL\n";
        assert_eq!(version(said), Some((1, 40)));
        assert_eq!(version("envoy  version: x/1.9.1-dev/Modified"), Some((1, 9)));
        assert_eq!(version("GNU bash, version 5"), None);
    }
}
