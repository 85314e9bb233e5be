//! `hansard policy`: read a policy as the gateway will.
//!
//! Enters: a YAML file. Leaves: whether it holds (`check`), or the JSON that the filter takes
//! (`render`), which is the same text that `envoy/standalone/filter.yaml` carries.

use crate::failure::Failure;
use clap::Subcommand;
use hansard_core::config::raw::{self, RawIssuer, RawPolicy};
use hansard_core::config::{Effect, Policy};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use thiserror::Error;

/// Check a policy, or render it for the filter
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  hansard policy check policies/default.yaml
  hansard policy render policies/default.yaml > policy.json")]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Say whether a policy holds, and what it does
    Check { file: PathBuf },
    /// Print the JSON that the filter takes
    Render { file: PathBuf },
}

pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    match &args.command {
        Command::Check { file } => {
            let Loaded { policy, .. } = Loaded::read(file)?.bare()?;
            let allowing = policy.rules.iter().filter(|rule| rule.effect == Effect::Allow).count();
            writeln!(
                io::stdout(),
                "{}: ok: {} issuers, {} rules ({allowing} allow)",
                file.display(),
                policy.issuers.len(),
                policy.rules.len(),
            )?;
        }
        Command::Render { file } => {
            let Loaded { json, .. } = Loaded::read(file)?.bare()?;
            writeln!(io::stdout(), "{json}")?;
        }
    }
    Ok(())
}

/// What is wrong with a policy file.
#[derive(Debug, Error)]
pub(crate) enum PolicyError {
    #[error("cannot read the policy {}: {source}; name it with --policy", path.display())]
    Unreadable { path: PathBuf, source: io::Error },
    #[error("{}: {what}", path.display())]
    Wrong { path: PathBuf, what: String },
}

/// A policy as it was written.
pub(crate) struct Source {
    path: PathBuf,
    raw: RawPolicy,
}

/// A policy as it is meant, with the text that the filter gets.
#[derive(Debug)]
pub(crate) struct Loaded {
    pub(crate) policy: Policy,
    pub(crate) json: String,
}

impl Loaded {
    /// Reads a file.
    pub(crate) fn read(path: &Path) -> Result<Source, PolicyError> {
        let text = std::fs::read_to_string(path)
            .map_err(|source| PolicyError::Unreadable { path: path.to_owned(), source })?;
        Source::parse(path, &text)
    }
}

impl Source {
    /// Reads the text of a file.
    pub(crate) fn parse(path: &Path, text: &str) -> Result<Self, PolicyError> {
        let wrong = |what: String| PolicyError::Wrong { path: path.to_owned(), what };
        let value: serde_json::Value =
            serde_saphyr::from_str(text).map_err(|error| wrong(error.to_string()))?;
        Ok(Self { path: path.to_owned(), raw: raw::read(value).map_err(wrong)? })
    }

    /// As it stands.
    pub(crate) fn bare(self) -> Result<Loaded, PolicyError> {
        self.load(None)
    }

    /// With an issuer of ours, unless it names one itself.
    pub(crate) fn or_trust(self, issuer: RawIssuer) -> Result<Loaded, PolicyError> {
        self.load(Some(issuer))
    }

    fn load(mut self, issuer: Option<RawIssuer>) -> Result<Loaded, PolicyError> {
        if self.raw.identity.issuers.is_empty() {
            self.raw.identity.issuers.extend(issuer);
        }
        let wrong = |what: String| PolicyError::Wrong { path: self.path.clone(), what };
        let json = serde_json::to_string_pretty(&self.raw).map_err(|e| wrong(e.to_string()))?;
        let policy = Policy::parse(json.as_bytes()).map_err(|error| wrong(error.to_string()))?;
        Ok(Loaded { policy, json })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_key_is_named_with_its_path() {
        let text = "version: 1\naccess:\n  - name: a\n    effect: allow\n    grups: [x]\n";
        let error = Source::parse(Path::new("p.yaml"), text).err().unwrap().to_string();
        assert!(error.starts_with("p.yaml: access[0].grups: unknown field `grups`"), "{error}");
    }

    #[test]
    fn every_bundled_policy_holds() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../policies");
        let mut seen = 0;
        for file in std::fs::read_dir(folder).unwrap() {
            let path = file.unwrap().path();
            let loaded = Loaded::read(&path).unwrap().bare();
            assert!(loaded.is_ok(), "{}: {}", path.display(), loaded.err().unwrap());
            seen += 1;
        }
        assert!(seen >= 3);
    }
}
