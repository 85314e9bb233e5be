//! What a person needs once everything runs: where to point a client, and how to see the record.

use super::upstream::Upstream;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::Path;

pub(super) struct Banner<'a> {
    pub(super) listen: SocketAddr,
    pub(super) version: &'a str,
    pub(super) policy: Option<&'a Path>,
    pub(super) digest: &'a str,
    pub(super) upstream: &'a Upstream,
    pub(super) sinks: &'a [SocketAddr],
    pub(super) data: &'a Path,
    pub(super) token: Option<&'a str>,
    /// Where a browser logs in to the replay.
    pub(super) login: Option<&'a str>,
}

impl Banner<'_> {
    pub(super) fn print(&self) -> io::Result<()> {
        let out = &mut io::stdout().lock();
        let policy = self
            .policy
            .map_or("policies/default.yaml (bundled)".into(), |path| path.display().to_string());
        let digest = self.digest.get(..12).unwrap_or_default();
        writeln!(out, "Hansard is up.\n")?;
        writeln!(out, "  gateway   http://{}  (Envoy {})", self.listen, self.version)?;
        writeln!(out, "  upstream  {}", self.upstream.describe())?;
        writeln!(out, "  policy    {policy}, sha256 {digest}…")?;
        if self.sinks.is_empty() {
            writeln!(out, "  ledger    {}", self.data.display())?;
        }
        for sink in self.sinks {
            writeln!(out, "  sink      {sink}")?;
        }
        if let Some(login) = self.login {
            writeln!(out, "  replay    {login}")?;
        }
        match self.token {
            Some(token) => self.usage(out, token)?,
            None => writeln!(
                out,
                "\nThe policy names its own issuer: clients bring its tokens as ANTHROPIC_AUTH_TOKEN."
            )?,
        }
        if !self.sinks.is_empty() {
            writeln!(out, "\nCtrl-C finishes what is in flight, then stops.")?;
            return out.flush();
        }
        let data = self.data_flag();
        writeln!(out, "\nSee what was recorded:\n\n  {} sessions{data}", program())?;
        writeln!(out, "  {} show{data} ID", program())?;
        writeln!(out, "\nCtrl-C finishes what is in flight, then stops.")?;
        out.flush()
    }

    fn usage(&self, out: &mut impl Write, token: &str) -> io::Result<()> {
        let base = format!("http://{}", self.listen);
        writeln!(out, "\nA development token, good for 8 hours:\n\n  {token}")?;
        writeln!(out, "\nTry it:\n")?;
        writeln!(
            out,
            "  curl -sN {base}/v1/messages -H 'authorization: Bearer {token}' \
             -H 'anthropic-version: 2023-06-01' -H 'content-type: application/json' \
             -d '{{\"model\":\"claude-sonnet-4-5\",\"max_tokens\":100,\"stream\":true,\
             \"messages\":[{{\"role\":\"user\",\"content\":\"Hello\"}}]}}'"
        )?;
        writeln!(out, "\nClaude Code:\n")?;
        writeln!(out, "  export ANTHROPIC_BASE_URL={base}")?;
        writeln!(out, "  export ANTHROPIC_AUTH_TOKEN={token}")?;
        writeln!(out, "  claude")
    }

    fn data_flag(&self) -> String {
        if self.data == Path::new(".hansard") {
            String::new()
        } else {
            format!(" --data {}", self.data.display())
        }
    }
}

/// How this program was called.
fn program() -> String {
    std::env::args().next().unwrap_or_else(|| "hansard".into())
}
