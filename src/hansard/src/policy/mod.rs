//! `hansard policy`: read a policy as the gateway will.
//!
//! Enters: YAML files. Leaves: whether one holds (`check`), the JSON that the filter takes
//! (`render`), which is the same text that `envoy/standalone/filter.yaml` carries, what a policy
//! answers to its own tests (`test`), and what it can name without describing it (`rules`).

mod rules;
mod source;
mod test;

use crate::failure::Failure;
use clap::Subcommand;
use hansard_core::config::Effect;
pub(crate) use source::{Loaded, PolicyError, Source};
use std::io::{self, Write};
use std::path::PathBuf;
pub(crate) use test::Failed;

/// Check a policy, render it for the filter, or ask it
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  hansard policy check policies/default.yaml
  hansard policy render policies/default.yaml > policy.json
  hansard policy test policies/*.yaml
  hansard policy rules | grep aws")]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Say whether a policy holds, and what it does
    Check {
        file: PathBuf,
    },
    /// Print the JSON that the filter takes
    Render {
        file: PathBuf,
    },
    Test(test::Args),
    Rules(rules::Args),
}

pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    match &args.command {
        Command::Check { file } => {
            let loaded = Loaded::read(file)?.bare()?;
            loaded.tell()?;
            test::Case::all(&loaded)?;
            let Loaded { policy, .. } = loaded;
            let allowing = policy.rules.iter().filter(|rule| rule.effect == Effect::Allow).count();
            writeln!(
                io::stdout(),
                "{}: ok: {} issuers, {} rules ({allowing} allow), {} redaction rules",
                file.display(),
                policy.issuers.len(),
                policy.rules.len(),
                policy.redact.detectors.len(),
            )?;
        }
        Command::Render { file } => {
            let loaded = Loaded::read(file)?.bare()?;
            loaded.tell()?;
            writeln!(io::stdout(), "{}", loaded.json)?;
        }
        Command::Test(args) => test::run(args)?,
        Command::Rules(args) => rules::run(args)?,
    }
    Ok(())
}
