//! Roles: which groups of the identity provider may do what.
//!
//! Enters: a TOML file. Leaves: the role of somebody with these groups. Without the file everybody
//! who logs in sees their own sessions, and nobody sees more.
//!
//! ```toml
//! groups_claim = "realm_access.roles"     # default: groups
//! admin = ["hansard-admins"]              # everything, and the settings
//! auditor = ["compliance"]                # every session: read, search, export
//! [lead]                                  # sessions of people with these groups: read, search
//! team-leads = ["engineering", "interns"]
//! ```

use serde::Deserialize;
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use thiserror::Error;

/// What somebody is allowed to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// Their own sessions.
    Own,
    /// Their own, and those of people whose groups they lead.
    Lead,
    /// Every session; may export.
    Auditor,
    /// Everything.
    Admin,
}

impl Role {
    /// As it is recorded.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Own => "own",
            Self::Lead => "lead",
            Self::Auditor => "auditor",
            Self::Admin => "admin",
        }
    }

    pub(crate) fn shown(self) -> &'static str {
        if self == Self::Own { "own sessions" } else { self.name() }
    }

    pub(crate) fn sees_everyone(self) -> bool {
        matches!(self, Self::Auditor | Self::Admin)
    }

    pub(crate) fn may_export(self) -> bool {
        matches!(self, Self::Auditor | Self::Admin)
    }

    pub(crate) fn may_see_settings(self) -> bool {
        matches!(self, Self::Admin)
    }
}

/// Which groups have which role.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Roles {
    /// The claim that holds a person's groups: a name, or a path with dots.
    pub groups_claim: String,
    /// Groups whose people are admins.
    pub admin: Vec<String>,
    /// Groups whose people are auditors.
    pub auditor: Vec<String>,
    /// Groups whose people lead others, and the groups that they lead.
    pub lead: BTreeMap<String, Vec<String>>,
}

impl Default for Roles {
    fn default() -> Self {
        Self {
            groups_claim: "groups".into(),
            admin: Vec::new(),
            auditor: Vec::new(),
            lead: BTreeMap::new(),
        }
    }
}

/// Why a file of roles cannot be used.
#[derive(Debug, Error)]
pub enum RolesError {
    /// The file cannot be read.
    #[error("cannot read the roles in {path}: {source}; name another file with --access", path = path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// It does not say who has which role.
    #[error("{path}: {problem}; it takes groups_claim, admin, auditor and [lead]", path = path.display())]
    Form {
        /// Which.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
}

impl Roles {
    /// Reads a file.
    ///
    /// # Errors
    /// When it cannot be read, or says anything else.
    pub fn read(path: &Path) -> Result<Self, RolesError> {
        let text = std::fs::read_to_string(path)
            .map_err(|source| RolesError::File { path: path.to_owned(), source })?;
        toml::from_str(&text).map_err(|error| RolesError::Form {
            path: path.to_owned(),
            problem: error.message().to_owned(),
        })
    }

    /// The highest role that the groups give, and the groups that it leads.
    pub(crate) fn of(&self, groups: &[String]) -> (Role, Vec<String>) {
        let has = |wanted: &[String]| groups.iter().any(|group| wanted.contains(group));
        let led: BTreeSet<&String> =
            groups.iter().filter_map(|group| self.lead.get(group)).flatten().collect();
        let led: Vec<String> = led.into_iter().cloned().collect();
        let role = if has(&self.admin) {
            Role::Admin
        } else if has(&self.auditor) {
            Role::Auditor
        } else if led.is_empty() {
            Role::Own
        } else {
            Role::Lead
        };
        (role, led)
    }

    /// The groups in some claims: a list of texts, or one text. Anything else gives none.
    pub(crate) fn groups(&self, claims: &Map<String, Value>) -> Vec<String> {
        let whole = claims.get(&self.groups_claim);
        let mut path = self.groups_claim.split('.');
        let first = path.next().and_then(|name| claims.get(name));
        let found = whole.or_else(|| path.try_fold(first?, |value, name| value.get(name)));
        match found {
            Some(Value::String(group)) => vec![group.clone()],
            Some(Value::Array(groups)) => {
                groups.iter().filter_map(|group| group.as_str().map(str::to_owned)).collect()
            }
            _ => Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn roles() -> Roles {
        toml::from_str(
            "admin = ['root']\nauditor = ['audit']\n[lead]\nheads = ['eng', 'ops']\nhr = ['ops']",
        )
        .unwrap()
    }

    #[test]
    fn the_highest_role_counts() {
        for (groups, role, led) in [
            (vec![], Role::Own, vec![]),
            (vec!["eng"], Role::Own, vec![]),
            (vec!["heads"], Role::Lead, vec!["eng", "ops"]),
            (vec!["hr", "heads"], Role::Lead, vec!["eng", "ops"]),
            (vec!["audit", "hr"], Role::Auditor, vec!["ops"]),
            (vec!["audit", "root"], Role::Admin, vec![]),
            (vec!["Root", "audit "], Role::Own, vec![]),
        ] {
            let groups: Vec<String> = groups.into_iter().map(str::to_owned).collect();
            let led: Vec<String> = led.into_iter().map(str::to_owned).collect();
            assert_eq!(roles().of(&groups), (role, led), "{groups:?}");
        }
        assert_eq!(Roles::default().of(&["root".into(), String::new()]), (Role::Own, vec![]));
    }

    #[test]
    fn rights_follow_from_the_role() {
        for (role, everyone, export, settings) in [
            (Role::Own, false, false, false),
            (Role::Lead, false, false, false),
            (Role::Auditor, true, true, false),
            (Role::Admin, true, true, true),
        ] {
            assert_eq!(role.sees_everyone(), everyone, "{role:?}");
            assert_eq!(role.may_export(), export, "{role:?}");
            assert_eq!(role.may_see_settings(), settings, "{role:?}");
        }
    }

    #[test]
    fn groups_are_found_by_name_and_by_path() {
        let claims =
            json!({"groups": ["a", 7, "b"], "realm": {"roles": ["c"]}, "x.y": "d", "n": 3});
        let claims = claims.as_object().unwrap();
        for (claim, groups) in [
            ("groups", vec!["a", "b"]),
            ("realm.roles", vec!["c"]),
            ("x.y", vec!["d"]),
            ("n", vec![]),
            ("realm.missing", vec![]),
            ("", vec![]),
        ] {
            let roles = Roles { groups_claim: claim.into(), ..Roles::default() };
            assert_eq!(roles.groups(claims), groups, "{claim}");
        }
    }

    #[test]
    fn an_unknown_key_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("access.toml");
        std::fs::write(&path, "auditors = ['x']").unwrap();
        let error = Roles::read(&path).unwrap_err().to_string();
        assert!(error.contains("auditors") && error.contains("[lead]"), "{error}");
        assert!(
            Roles::read(&folder.path().join("none")).unwrap_err().to_string().contains("--access")
        );
    }
}
