//! The real `hansard sink`, as a process that can be frozen, killed, stopped and denied the disk.
//!
//! Who waits for a process here says so to the runtime: the relay has to run meanwhile.

use crate::ledger::Ledger;
use hansard_tests::gateway::binary;
use rustix::process::{Pid, Resource, Rlimit, Signal, kill_process, prlimit};
use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio::task::block_in_place;

pub(crate) struct Sink {
    child: Child,
    addr: SocketAddr,
    data: PathBuf,
    said: Arc<Mutex<String>>,
}

impl Sink {
    pub(crate) fn start(data: &Path) -> Self {
        // A write over the limit of `deny` is to fail, as on a full disk, and not to kill.
        Self::start_within(&["sh", "-c", "trap '' XFSZ; exec \"$@\"", "sh"], data)
    }

    /// Starts it by a program that takes the command line as its last arguments.
    pub(crate) fn start_within(program: &[&str], data: &Path) -> Self {
        let mut child = Command::new(program[0])
            .args(&program[1..])
            .arg(binary("hansard"))
            // The disk itself is to say that it is full, not what watches over it.
            .args(["sink", "--least-free", "0", "--listen", "127.0.0.1:0", "--data"])
            .arg(data)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        block_in_place(|| stdout.read_line(&mut line)).unwrap();
        let said = Arc::<Mutex<String>>::default();
        let (hearing, mut stderr) = (Arc::clone(&said), child.stderr.take().unwrap());
        std::thread::spawn(move || {
            let mut piece = [0; 4096];
            while let Ok(length @ 1..) = stderr.read(&mut piece) {
                hearing.lock().unwrap().push_str(&String::from_utf8_lossy(&piece[..length]));
            }
        });
        let addr = line.split("listening on ").nth(1).and_then(|rest| rest.split(',').next());
        let Some(addr) = addr.and_then(|addr| addr.parse().ok()) else {
            panic!("the sink did not start: {line}{}", said.lock().unwrap());
        };
        Self { child, addr, data: data.to_owned(), said }
    }

    pub(crate) fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// The data folder, as the sink itself sees it.
    pub(crate) fn folder(&self) -> PathBuf {
        let root = Path::new("/proc").join(self.child.id().to_string()).join("root");
        root.join(self.data.strip_prefix("/").unwrap())
    }

    pub(crate) fn ledger(&self) -> Ledger {
        if self.data.join("hansard.db").exists() {
            Ledger::read(&self.data)
        } else {
            Ledger::read_copy(&self.folder())
        }
    }

    /// What it logged.
    pub(crate) fn said(&self) -> String {
        self.said.lock().unwrap().clone()
    }

    /// Returns when no thread of it runs any more: an acknowledgement takes less than a signal may.
    pub(crate) fn freeze(&self) {
        self.signal(Signal::STOP);
        let deadline = Instant::now() + Duration::from_secs(5);
        while !self.stands() && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    fn stands(&self) -> bool {
        let tasks = Path::new("/proc").join(self.child.id().to_string()).join("task");
        let mut tasks = std::fs::read_dir(tasks).unwrap().flatten();
        tasks.all(|task| {
            let status = std::fs::read_to_string(task.path().join("status")).unwrap_or_default();
            status.lines().any(|line| line.starts_with("State:\tT"))
        })
    }

    pub(crate) fn thaw(&self) {
        self.signal(Signal::CONT);
    }

    pub(crate) fn kill(&mut self) {
        self.signal(Signal::KILL);
        block_in_place(|| self.child.wait()).unwrap();
    }

    /// SIGTERM: what has arrived is stored when this returns.
    pub(crate) fn stop(&mut self) {
        self.terminate();
        self.wait();
    }

    pub(crate) fn terminate(&self) {
        self.signal(Signal::TERM);
    }

    pub(crate) fn wait(&mut self) {
        let status = block_in_place(|| self.child.wait()).unwrap();
        assert!(status.success(), "the sink ended with {status}: {}", self.said());
    }

    /// No file may grow over so many bytes (RLIMIT_FSIZE), nor be written behind them; `None` lifts
    /// the limit.
    pub(crate) fn deny(&self, over: Option<u64>) {
        let limit = Rlimit { current: over, maximum: None };
        prlimit(Some(self.pid()), Resource::Fsize, limit).unwrap();
    }

    /// Where in its file the intake goes on: behind the last frame of the last generation.
    pub(crate) fn intake_end(&self) -> u64 {
        let number = |bytes: &[u8]| bytes.iter().fold(0, |all, byte| all << 8 | u64::from(*byte));
        let ends = ["intake.0", "intake.1"].map(|name| {
            let file = std::fs::read(self.data.join(name)).unwrap_or_default();
            let generation = file.get(8..16).unwrap_or_default();
            let mut at: usize = 4096;
            while let Some(head) = file.get(at..at + 16)
                && head.get(..4) != Some(&[0; 4])
                && head.get(4..12) == Some(generation)
            {
                at += (16 + number(&head[..4]) as usize).next_multiple_of(4096);
            }
            (number(generation), at as u64)
        });
        ends.into_iter().max().map_or(0, |(_, end)| end)
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    fn signal(&self, signal: Signal) {
        kill_process(self.pid(), signal).unwrap();
    }

    fn pid(&self) -> Pid {
        Pid::from_child(&self.child)
    }
}

impl Drop for Sink {
    fn drop(&mut self) {
        let _it_may_be_gone = self.child.kill();
        let _it_may_be_gone = self.child.wait();
    }
}
