//! The whole run: a corpus; then rounds in which each engine and each scanner has its turn, so that
//! a machine that slows down slows all of them; then what is measured once.

use crate::corpus;
use crate::figures::{Figures, Heap, Hostile};
use crate::problem::{Problem, say};
use crate::scanners::{self, Scanner};
use crate::texts::Corpus;
use serde::de::DeserializeOwned;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Turns of each.
pub(crate) const ROUNDS: usize = 5;

/// Everything that was measured.
pub(crate) struct Outcome {
    pub(crate) native: Measured,
    pub(crate) v8: Measured,
    pub(crate) heap: Heap,
    pub(crate) scanners: Vec<Scanner>,
    /// What the processor and Node.js call themselves.
    pub(crate) processor: String,
    pub(crate) node: String,
}

/// What was measured of one engine.
pub(crate) struct Measured {
    pub(crate) figures: Figures,
    pub(crate) hostile: Vec<Hostile>,
}

/// Measures.
pub(crate) fn run(python: &str, directories: &[&str]) -> Result<Outcome, Problem> {
    let files = Files::find()?;
    let mut scanners = Scanner::all(python)?;
    say("making a corpus");
    let corpus = Corpus::new(corpus::make(directories)?)?;
    fs::create_dir_all(&files.folder)?;
    let bodies = files.folder.join("corpus.jsonl");
    fs::write(&bodies, corpus.bodies.join("\n"))?;
    let text = scanners::Files::new(&files.folder, &corpus.texts.join("\n"))?;

    let mut both: Option<[Figures; 2]> = None;
    for round in 1..=ROUNDS {
        say(&format!("round {round} of {ROUNDS}"));
        let native = answer(files.native().arg("measure"), &bodies)?;
        let v8 = answer(files.v8().arg("measure"), &bodies)?;
        match &mut both {
            None => both = Some([native, v8]),
            Some(both) => both.iter_mut().zip([native, v8]).for_each(|(all, next)| all.add(next)),
        }
        for scanner in &mut scanners {
            scanner.round(&text)?;
        }
    }
    let [native, v8] = both.ok_or(Problem::Usage)?;
    let heap = answer(files.v8().arg("heap"), &bodies)?;
    say("hostile inputs, natively");
    let native =
        Measured { figures: native, hostile: answer(files.native().arg("hostile"), &bodies)? };
    say("hostile inputs, in V8");
    let v8 = Measured { figures: v8, hostile: answer(files.v8().arg("hostile"), &bodies)? };
    let versions = "`${process.version}, V8 ${process.versions.v8}`";
    let node = spoken(Command::new("node").args(["-p", versions]))?.trim().to_owned();
    Ok(Outcome { native, v8, heap, scanners, processor: processor(), node })
}

/// What must have been built, and where files may be written.
struct Files {
    program: PathBuf,
    module: PathBuf,
    folder: PathBuf,
}

impl Files {
    /// Beside this program, where cargo puts them.
    fn find() -> Result<Self, Problem> {
        let program = std::env::current_exe()?;
        let target = program.ancestors().nth(2).unwrap_or(Path::new("."));
        let module = target.join("wasm32-wasip1/wasm/redact-bench.wasm");
        if !module.exists() {
            return Err(Problem::Missing(module));
        }
        Ok(Self { module, folder: target.join("redact-bench"), program })
    }

    fn native(&self) -> Command {
        Command::new(&self.program)
    }

    /// The module in V8, which optimises each function before it first runs it. Marking in steps,
    /// the collector of Node.js 20 falls over memory that grows.
    fn v8(&self) -> Command {
        let mut command = Command::new("node");
        command.args(["--no-warnings", "--no-liftoff", "--no-incremental-marking"]);
        command.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/run.mjs")).arg(&self.module);
        command
    }
}

/// What a process measures of a corpus.
fn answer<T: DeserializeOwned>(command: &mut Command, corpus: &Path) -> Result<T, Problem> {
    Ok(serde_json::from_str(&spoken(command.stdin(File::open(corpus)?))?)?)
}

/// What a command says on its standard output.
fn spoken(command: &mut Command) -> Result<String, Problem> {
    let name = command.get_program().to_string_lossy().into_owned();
    let failed = |why: String| Problem::Program { name: name.clone(), why };
    let output =
        command.stderr(Stdio::inherit()).output().map_err(|error| failed(error.to_string()))?;
    if !output.status.success() {
        return Err(failed(output.status.to_string()));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// What the processor calls itself.
fn processor() -> String {
    let text = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let named = |line: &str| {
        let (_, value) = line.strip_prefix("model name")?.split_once(": ")?;
        Some(value.trim().to_owned())
    };
    text.lines().find_map(named).unwrap_or_else(|| std::env::consts::ARCH.to_owned())
}
