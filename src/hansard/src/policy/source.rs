//! A policy's file, and the files that it names, as one policy.
//!
//! Enters: YAML, and beside it a file of rules in gitleaks' format. Leaves: the policy and the JSON
//! that the filter takes, proven to make a redactor; what could not be taken over is said in notes.

use crate::gitleaks;
use crate::redact::TRIAL_KEY;
use hansard_core::config::raw::{self, RawGitleaks, RawIssuer, RawPolicy, RawRetain};
use hansard_core::config::{Action, Pii, Policy, rules};
use hansard_core::redaction::{Keys, Redactor};
use hansard_store::Keep;
use serde_json::Value;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use thiserror::Error;

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
    pub(crate) path: PathBuf,
    pub(crate) policy: Policy,
    pub(crate) json: String,
    /// What the policy asks of itself, as it was written.
    pub(crate) tests: Vec<Value>,
    /// What of the files that it names could not be taken over.
    pub(crate) notes: Vec<String>,
    /// How long sessions are kept.
    pub(crate) retain: Vec<Keep>,
    /// Names of the operator's own redaction rules, in their order.
    custom: Vec<String>,
}

impl Loaded {
    /// Reads a file.
    pub(crate) fn read(path: &Path) -> Result<Source, PolicyError> {
        let text = std::fs::read_to_string(path)
            .map_err(|source| PolicyError::Unreadable { path: path.to_owned(), source })?;
        Source::parse(path, &text)
    }

    /// The policy's redactor, under a key of placeholders.
    pub(crate) fn redactor(&self, key: &[u8]) -> Result<Redactor, PolicyError> {
        // One process and one reader: nobody guesses at collisions.
        let keys = Keys { placeholders: key, seen: [0; 16] };
        Redactor::new(&self.policy.redact, keys).map_err(|error| {
            let error = error.to_string();
            let what = error.strip_prefix("redact: ").unwrap_or(&error);
            let is_it = |id: &String| {
                what.strip_prefix(id.as_str()).is_some_and(|rest| rest.starts_with(": "))
            };
            let what = match self.custom.iter().position(is_it) {
                Some(at) => format!("redact.custom[{at}]: {what}"),
                None => error,
            };
            PolicyError::Wrong { path: self.path.clone(), what }
        })
    }

    /// Writes the notes to standard error.
    pub(crate) fn tell(&self) -> io::Result<()> {
        let mut stderr = io::stderr().lock();
        self.notes
            .iter()
            .try_for_each(|note| writeln!(stderr, "hansard: {}: {note}", self.path.display()))
    }
}

impl Source {
    /// Reads the text of a file.
    pub(crate) fn parse(path: &Path, text: &str) -> Result<Self, PolicyError> {
        let wrong = |what: String| PolicyError::Wrong { path: path.to_owned(), what };
        let value: Value =
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
        let path = self.path.clone();
        let wrong = |what: String| PolicyError::Wrong { path: path.clone(), what };
        let notes = self.import().map_err(wrong)?;
        let Self { path, mut raw } = self;
        let wrong = |what: String| PolicyError::Wrong { path: path.clone(), what };
        let json = serde_json::to_string_pretty(&raw).map_err(|e| wrong(e.to_string()))?;
        let policy = Policy::parse(json.as_bytes()).map_err(|error| wrong(error.to_string()))?;
        let custom = raw.redact.custom.into_iter().map(|rule| rule.id).collect();
        let tests = std::mem::take(&mut raw.tests);
        let retain = retain(raw.record.retain, &policy).map_err(wrong)?;
        let loaded = Loaded { path, policy, json, tests, notes, retain, custom };
        // The filter would refuse it as well, but in a log of Envoy's.
        loaded.redactor(TRIAL_KEY)?;
        Ok(loaded)
    }

    /// Puts the rules of a file in gitleaks' format in their place. Leaves what it could not.
    fn import(&mut self) -> Result<Vec<String>, String> {
        let Some(RawGitleaks { file, action }) = self.raw.redact.gitleaks.take() else {
            return Ok(Vec::new());
        };
        if action != "off" && Action::named(&action).is_none() {
            return Err(format!(
                "redact.gitleaks.action: {action:?} is not one of off, observe, pseudonymize, mask, \
                 block"
            ));
        }
        let beside = self.path.parent().unwrap_or(Path::new("")).join(&file);
        let text = std::fs::read_to_string(&beside).map_err(|error| {
            format!(
                "redact.gitleaks.file: cannot read {}: {error}; the name is taken from the policy's \
                 folder",
                beside.display()
            )
        })?;
        let custom = &mut self.raw.redact.custom;
        let built_in = rules().map(|rule| rule.id).chain(Pii::ALL.iter().map(|kind| kind.id()));
        let taken = built_in.chain(custom.iter().map(|rule| rule.id.as_str()));
        let taken = taken.map(str::to_owned).collect();
        let imported = gitleaks::import(&text, &action, taken)
            .map_err(|what| format!("redact.gitleaks.file: {file}: {what}"))?;
        custom.extend(imported.rules);
        Ok(imported.notes.into_iter().map(|note| format!("{file}: {note}")).collect())
    }
}

/// What of `record.retain` makes sense beside the policy's rules.
fn retain(raw: Vec<RawRetain>, policy: &Policy) -> Result<Vec<Keep>, String> {
    let entry = |(at, RawRetain { rules, days }): (usize, RawRetain)| {
        let is_there = |name: &String| policy.rules.iter().any(|rule| rule.name == *name);
        if let Some(stranger) = rules.iter().find(|name| !is_there(name)) {
            return Err(format!("record.retain[{at}].rules: no rule of `access` is {stranger:?}"));
        }
        if days == 0 {
            return Err(format!("record.retain[{at}].days: is 0; give at least one day"));
        }
        Ok(Keep { rules, days })
    };
    raw.into_iter().enumerate().map(entry).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(text: &str) -> String {
        let source = Source::parse(Path::new("p.yaml"), text);
        source.and_then(Source::bare).err().unwrap().to_string()
    }

    #[test]
    fn what_is_wrong_is_named_with_its_path() {
        let access = "version: 1\naccess:\n  - name: a\n    effect: allow\n    grups: [x]\n";
        let rules = |custom: &str| format!("version: 1\naccess: []\nredact: {{ {custom} }}\n");
        let retain = |entry: &str| {
            let rule = "{ name: a, effect: allow, groups: [x], endpoints: [messages] }";
            format!("version: 1\naccess: [{rule}]\nrecord: {{ retain: [{entry}] }}\n")
        };
        let cases = [
            (retain("{ rules: [b], days: 7 }"), "p.yaml: record.retain[0].rules: no rule of"),
            (retain("{ days: 0 }"), "p.yaml: record.retain[0].days: is 0"),
            (retain("{ day: 7 }"), "p.yaml: record.retain[0].day: unknown field `day`"),
            (access.to_owned(), "p.yaml: access[0].grups: unknown field `grups`"),
            (
                rules(
                    "custom: [{ id: one, action: mask, literals: [abc] }, { id: two, action: mask, pattern: 'ab(' }]",
                ),
                "p.yaml: redact.custom[1]: two: ",
            ),
            (
                rules("custom: [{ id: one, action: mask, pattern: '[0-9]{6}' }]"),
                "p.yaml: redact.custom[0]: one: the pattern does not begin with a literal",
            ),
            (
                rules("gitleaks: { file: absent.toml, action: mask }"),
                "p.yaml: redact.gitleaks.file: cannot read absent.toml: ",
            ),
            (
                rules("gitleaks: { file: absent.toml, action: hide }"),
                "p.yaml: redact.gitleaks.action: \"hide\" is not one of off",
            ),
        ];
        for (text, expected) in cases {
            let error = error(&text);
            assert!(error.starts_with(expected), "{error}\n  expected {expected}");
        }
    }

    #[test]
    fn a_file_beside_the_policy_becomes_rules_of_the_policy() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| {
            std::fs::write(folder.path().join(name), text).unwrap();
            folder.path().join(name)
        };
        write(
            "rules.toml",
            "[[rules]]\nid = \"acme_token\"\nregex = '''acme_[a-z]{8}'''\n\
             [[rules]]\nid = \"files\"\npath = '''\\.p12$'''\n",
        );
        let policy = write(
            "p.yaml",
            "version: 1\naccess: []\nredact: { gitleaks: { file: rules.toml, action: block } }\n",
        );
        let loaded = Loaded::read(&policy).unwrap().bare().unwrap();
        let rendered: Value = serde_json::from_str(&loaded.json).unwrap();
        assert_eq!(
            rendered["redact"]["custom"],
            serde_json::json!([{"id": "acme-token", "action": "block", "pattern": "acme_[a-z]{8}"}])
        );
        assert_eq!(rendered["redact"].get("gitleaks"), None);
        assert_eq!(loaded.notes.len(), 1, "{:?}", loaded.notes);
        assert!(loaded.notes[0].starts_with("rules.toml: rule \"files\": left out"));
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
