//! The command line: one variant and one arm a command, one file a command.

use crate::failure::Failure;
use crate::time::now;
use crate::{blame, index, ledger, policy, redact, replay, sessions, show, sink, token, up, web};
use clap::{Args, Parser, Subcommand};
use hansard_store::{Custodian, Keys, Reader, beside};
use std::io;
use std::path::PathBuf;
use tracing_subscriber::filter::LevelFilter;

/// The official record of every Claude session.
#[derive(Debug, Parser)]
#[command(version, max_term_width = 100)]
pub(crate) struct Cli {
    /// What is logged on standard error: error, warn, info, debug, trace or off
    #[arg(long, env = "HANSARD_LOG", default_value = "info", global = true, value_name = "LEVEL")]
    log: LevelFilter,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Up(up::Args),
    Sink(sink::Args),
    Web(web::Args),
    Token(token::Args),
    Sessions(sessions::Args),
    Show(show::Args),
    Replay(replay::Args),
    Accesses(ledger::accesses::Args),
    Blame(blame::Args),
    Index(index::Args),
    Status(ledger::status::Args),
    Verify(ledger::verify::Args),
    Export(ledger::export::Args),
    Erase(ledger::erase::EraseArgs),
    Hold(ledger::erase::HoldArgs),
    Retain(ledger::erase::RetainArgs),
    Witness(ledger::witness::Args),
    Policy(policy::Args),
    Redact(redact::Args),
}

/// Where the ledger is; the same for every command.
#[derive(Debug, Args)]
pub(crate) struct Data {
    /// The data folder
    #[arg(long, env = "HANSARD_DATA", default_value = ".hansard", value_name = "DIR")]
    pub(crate) data: PathBuf,
    /// The folder of the ledger's keys [default: beside the data folder, DIR-keys]
    #[arg(long, env = "HANSARD_KEYS", value_name = "DIR")]
    pub(crate) keys: Option<PathBuf>,
}

impl Data {
    /// The ledger, for reading.
    pub(crate) fn reader(&self) -> Result<Reader, Failure> {
        Ok(Reader::open_with(&self.data, &self.folder_of_keys())?.at(now() as i64))
    }

    /// The ledger, for what is derived from it alone: a reader that knows no time.
    pub(crate) fn timeless(&self) -> Result<Reader, Failure> {
        Ok(Reader::open_with(&self.data, &self.folder_of_keys())?)
    }

    /// The ledger, for what may be changed in it.
    pub(crate) fn custodian(&self) -> Result<Custodian, Failure> {
        Ok(Custodian::open(&self.data, Some(self.folder_of_keys()))?)
    }

    pub(crate) fn keys(&self) -> Keys {
        Keys::at(&self.folder_of_keys())
    }

    pub(crate) fn folder_of_keys(&self) -> PathBuf {
        self.keys.clone().unwrap_or_else(|| beside(&self.data))
    }
}

impl Cli {
    pub(crate) fn run(self) -> Result<(), Failure> {
        tracing_subscriber::fmt().with_max_level(self.log).with_writer(io::stderr).init();
        match self.command {
            Command::Up(args) => up::run(&args),
            Command::Sink(args) => sink::run(&args),
            Command::Web(args) => web::run(&args),
            Command::Token(args) => token::run(&args),
            Command::Sessions(args) => sessions::run(&args),
            Command::Show(args) => show::run(&args),
            Command::Replay(args) => replay::run(&args),
            Command::Accesses(args) => ledger::accesses::run(&args),
            Command::Blame(args) => blame::run(&args),
            Command::Index(args) => index::run(&args),
            Command::Status(args) => ledger::status::run(&args),
            Command::Verify(args) => ledger::verify::run(&args),
            Command::Export(args) => ledger::export::run(&args),
            Command::Erase(args) => ledger::erase::erase(&args),
            Command::Hold(args) => ledger::erase::hold(&args),
            Command::Retain(args) => ledger::erase::retain(&args),
            Command::Witness(args) => ledger::witness::run(&args),
            Command::Policy(args) => policy::run(&args),
            Command::Redact(args) => redact::run(&args),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn each_command_shows_an_example() {
        for command in Cli::command().get_subcommands() {
            let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
            assert!(help.contains("hansard "), "{} has no example", command.get_name());
        }
    }
}
