//! The real sink.

use crate::Fallible;
use crate::calls::Calls;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

pub(crate) struct Sink {
    child: Child,
    address: String,
}

impl Sink {
    pub(crate) fn start(hansard: &Path, data: &Path) -> Fallible<Self> {
        let mut child = Command::new(hansard)
            .args(["--log", "warn", "sink", "--listen", "127.0.0.1:0", "--data"])
            .arg(data)
            .stdout(Stdio::piped())
            .spawn()?;
        let out = child.stdout.take().ok_or("the sink says nothing")?;
        let mut line = String::new();
        BufReader::new(out).read_line(&mut line)?;
        let address = line
            .split([' ', ','])
            .find(|word| word.starts_with("127.0.0.1:"))
            .ok_or("the sink did not start")?
            .to_owned();
        Ok(Self { child, address })
    }

    /// Seconds that its processors worked for it so far (proc(5), in ticks of 10 ms).
    pub(crate) fn worked(&self) -> Fallible<f64> {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id()))?;
        let fields = stat.rsplit(')').next().unwrap_or_default().split(' ');
        // utime and stime, counted from behind the name.
        let ticks = fields.skip(12).take(2).map(str::parse::<u64>);
        Ok(ticks.sum::<Result<u64, _>>()? as f64 / 100.0)
    }

    pub(crate) async fn connect(&self) -> Fallible<Calls> {
        Calls::connect(&self.address).await
    }
}

impl Drop for Sink {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
