//! Child processes that end with the benchmark.

use crate::problem::Problem;
use std::fs::File;
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// A running child. Dropped, it is killed.
pub(crate) struct Process(Child);

impl Process {
    /// Starts it with its output in `log`, or, without one, on a pipe (standard output alone).
    pub(crate) fn start(mut command: Command, log: Option<&Path>) -> Result<Self, Problem> {
        command.stdin(Stdio::null());
        match log {
            Some(path) => {
                let failed = |source| Problem::File { path: path.to_owned(), source };
                let file = File::create(path).map_err(failed)?;
                command.stdout(file.try_clone().map_err(failed)?).stderr(file);
            }
            None => {
                command.stdout(Stdio::piped());
            }
        }
        let path = Path::new(command.get_program()).to_owned();
        command.spawn().map(Self).map_err(|source| Problem::Start { path, source })
    }

    pub(crate) fn pid(&self) -> u32 {
        self.0.id()
    }

    pub(crate) fn child(&mut self) -> &mut Child {
        &mut self.0
    }

    pub(crate) fn has_ended(&mut self) -> bool {
        !matches!(self.0.try_wait(), Ok(None))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _it_may_be_gone = self.0.kill();
        let _reaped = self.0.wait();
    }
}
