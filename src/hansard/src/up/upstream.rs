//! What stands behind the gateway: named, the Claude API, or a scripted stand-in.

use super::UpError;
use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use tonic::codegen::http::Uri;

/// The upstream of one run.
pub(super) struct Upstream {
    pub(super) target: Target,
    /// The API key that Envoy injects.
    pub(super) key: Option<String>,
    /// The scripted Claude; it ends when its standard input closes.
    scripted: Option<Child>,
}

/// Where Envoy connects to.
pub(super) struct Target {
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) tls: bool,
}

impl Upstream {
    /// Chooses, and starts what has to be started.
    pub(super) fn choose(url: Option<&str>) -> Result<Self, UpError> {
        let key = std::env::var("ANTHROPIC_API_KEY").ok().filter(|key| !key.is_empty());
        if key.as_ref().is_some_and(|key| key.chars().any(|c| !c.is_ascii_graphic())) {
            return Err(UpError::Key);
        }
        match (url, key) {
            (Some(url), key) => Ok(Self { target: Target::parse(url)?, key, scripted: None }),
            (None, Some(key)) => {
                let target = Target { host: "api.anthropic.com".into(), port: 443, tls: true };
                Ok(Self { target, key: Some(key), scripted: None })
            }
            (None, None) => {
                let (target, child) = scripted()?;
                Ok(Self { target, key: None, scripted: Some(child) })
            }
        }
    }

    /// For the person who started it.
    pub(super) fn describe(&self) -> String {
        if self.scripted.is_some() {
            return "a scripted Claude that makes its answers up (set ANTHROPIC_API_KEY, or pass \
                    --upstream, for a real one)"
                .into();
        }
        let Target { host, port, tls } = &self.target;
        let scheme = if *tls { "https" } else { "http" };
        let with = if self.key.is_some() { ", with the key of ANTHROPIC_API_KEY" } else { "" };
        format!("{scheme}://{host}:{port}{with}")
    }
}

impl Drop for Upstream {
    fn drop(&mut self) {
        if let Some(child) = &mut self.scripted {
            drop(child.stdin.take());
            let _it_may_be_gone = child.wait();
        }
    }
}

impl Target {
    /// The target of a URL that names nothing but a target.
    fn parse(url: &str) -> Result<Self, UpError> {
        let uri: Uri = url.parse().map_err(|_| UpError::Upstream { url: url.to_owned() })?;
        if uri.path_and_query().is_some_and(|path| path.as_str() != "/") {
            return Err(UpError::Upstream { url: url.to_owned() });
        }
        Self::of(url)
    }

    /// The target of any absolute URL.
    pub(super) fn of(url: &str) -> Result<Self, UpError> {
        let wrong = || UpError::Upstream { url: url.to_owned() };
        let uri: Uri = url.parse().map_err(|_| wrong())?;
        let tls = match uri.scheme_str() {
            Some("https") => true,
            Some("http") => false,
            _ => return Err(wrong()),
        };
        let authority = uri.authority().ok_or_else(wrong)?;
        let port = match authority.port_u16() {
            Some(port) => port,
            // A colon without a number is no port at all.
            None if !authority.as_str().ends_with(authority.host()) => return Err(wrong()),
            None if tls => 443,
            None => 80,
        };
        let host = authority.host().trim_matches(['[', ']']).to_owned();
        if host.is_empty() || authority.as_str().contains('@') {
            return Err(wrong());
        }
        Ok(Self { host, port, tls })
    }
}

/// Starts the scripted Claude that stands beside this program.
fn scripted() -> Result<(Target, Child), UpError> {
    let path = super::envoy::beside("scripted-claude");
    let failed = |source| UpError::Scripted { path: PathBuf::from(&path), source };
    let mut child = Command::new(&path)
        .args(["--listen", "127.0.0.1:0", "--exit-with-stdin"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        // A group of its own: Ctrl-C is for this program, which lets it finish first.
        .process_group(0)
        .spawn()
        .map_err(failed)?;
    let mut line = String::new();
    let unclear = || std::io::Error::other("it named no address");
    let out = child.stdout.take().ok_or_else(unclear).map_err(failed)?;
    BufReader::new(out).read_line(&mut line).map_err(failed)?;
    let url = line.trim().rsplit(' ').next().unwrap_or_default();
    let target = Target::parse(url).map_err(|_| failed(unclear()))?;
    Ok((target, child))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls() {
        let parse = |url| Target::parse(url).map(|t| (t.host, t.port, t.tls)).ok();
        assert_eq!(parse("http://127.0.0.1:8081"), Some(("127.0.0.1".into(), 8081, false)));
        assert_eq!(parse("https://claude.example/"), Some(("claude.example".into(), 443, true)));
        assert_eq!(parse("http://[::1]:9"), Some(("::1".into(), 9, false)));
        for wrong in
            ["claude.example", "ftp://x", "http://", "http://x/v1", "http://a:b@x", "http://x:y"]
        {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
    }
}
