//! One run of `redact-bench` under callgrind, and the instructions that it counts.

use hansard_tests::gateway::binary;
use std::io::Read;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// What takes longer is far above any limit.
const PATIENCE: Duration = Duration::from_secs(240);

/// An input, and whether it comes as a request's body or in deltas.
pub(crate) struct Redaction {
    pub(crate) way: String,
    pub(crate) name: String,
}

/// Every input, each way that it can come.
pub(crate) fn inputs() -> Vec<Redaction> {
    let output = Command::new(binary("redact-bench")).arg("inputs").output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let each = text.lines().filter_map(|line| line.split_once(' '));
    let all: Vec<_> =
        each.map(|(way, name)| Redaction { way: way.into(), name: name.into() }).collect();
    assert!(all.len() > 20, "redact-bench names {} inputs", all.len());
    all
}

impl Redaction {
    /// The instructions that so many passes take more than so many.
    pub(crate) fn cost(&self, fewer: u32, more: u32) -> Result<u64, String> {
        let fewer = self.instructions(fewer)?;
        Ok(self.instructions(more)?.saturating_sub(fewer).max(1))
    }

    fn instructions(&self, passes: u32) -> Result<u64, String> {
        let mut child = Command::new("valgrind")
            .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
            .arg(binary("redact-bench"))
            .args(["count", &self.way, &self.name, &passes.to_string()])
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("valgrind does not start; install it (`apt-get install valgrind`)");
        let start = Instant::now();
        let status = loop {
            if let Some(status) = child.try_wait().unwrap() {
                break status;
            }
            if start.elapsed() > PATIENCE {
                child.kill().unwrap();
                child.wait().unwrap();
                return Err(format!("not done within {} seconds", PATIENCE.as_secs()));
            }
            std::thread::sleep(Duration::from_millis(20));
        };
        let mut said = String::new();
        child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
        // `==123== Collected : 86519763`
        let count =
            said.lines().find_map(|line| line.split_once("Collected : ")?.1.trim().parse().ok());
        match count {
            Some(count) if status.success() => Ok(count),
            _ => Err(format!("{status}: {said}")),
        }
    }
}
