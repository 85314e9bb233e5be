//! `scripted-claude`: the scripted Claude as a process of its own, for tests that want one and for
//! `hansard up`. Prints its address once it accepts connections; logs nothing else. Other processes
//! read what it saw, and release its gates, under `/scripted/`.

use std::io::{self, Read, Write};
use std::net::SocketAddr;
use std::process::ExitCode;

use clap::Parser;
use hansard_tests::scripted::ScriptedClaude;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::oneshot;

/// Serve a scripted stand-in for the Claude Messages API.
#[derive(Parser)]
#[command(version, after_help = EXAMPLE)]
struct Args {
    /// Address to listen on; port 0 picks a free one.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:0")]
    listen: SocketAddr,

    /// Stop when standard input closes, and so when the parent process dies.
    #[arg(long)]
    exit_with_stdin: bool,
}

const EXAMPLE: &str = "\
Example:
  scripted-claude --listen 127.0.0.1:8099 &
  curl -N 127.0.0.1:8099/v1/messages -H 'x-script: tool_use?gap_ms=100' \\
    -d '{\"stream\":true,\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]}'

A request names its script in an x-script header or as [[NAME?opt=val]] in its prompt.
GET  /scripted/scripts        lists the scripts
GET  /scripted/observations   shows what the server saw; POST /scripted/reset forgets it
POST /scripted/release/GATE   lets one response past a gate; /scripted/open/GATE lets all";

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match run(Args::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(io::stderr(), "scripted-claude: {error}");
            ExitCode::from(2)
        }
    }
}

async fn run(args: Args) -> io::Result<()> {
    // Before the address is printed: whoever reads it may send a signal at once.
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let server = ScriptedClaude::start(args.listen)
        .map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", args.listen)))?;
    writeln!(io::stdout(), "listening on {}", server.url())?;
    let stdin = closed_stdin(args.exit_with_stdin);
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
        () = stdin => {}
    }
    Ok(())
}

/// Resolves when standard input ends. The read sits on a thread of its own, which does not keep
/// the process alive; the runtime's would.
async fn closed_stdin(watch: bool) {
    let (closed, wait) = oneshot::channel();
    if watch {
        std::thread::spawn(move || {
            let mut input = io::stdin().lock();
            let mut bytes = [0; 1024];
            while matches!(input.read(&mut bytes), Ok(1..)) {}
            closed.send(())
        });
        let _ = wait.await;
    } else {
        std::future::pending::<()>().await;
    }
}
