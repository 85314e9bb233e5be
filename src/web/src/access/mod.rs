//! Who may see what: logins, roles, and what each role may do.
//!
//! Enters: claims of the identity provider, or the token of `hansard up`. Leaves: a [`User`] whose
//! reach the source of every page asks for. Nothing is shown to anybody else.

pub(crate) mod cookies;
pub(crate) mod logins;
pub mod oidc;
pub mod roles;

use crate::source::Reach;
use roles::Role;

/// Somebody who has logged in.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct User {
    pub(crate) issuer: String,
    pub(crate) subject: String,
    /// An email, or the subject.
    pub(crate) name: String,
    pub(crate) role: Role,
    /// Groups whose people's sessions they may see.
    pub(crate) leads: Vec<String>,
    /// What every form that changes something carries.
    pub(crate) csrf: String,
}

impl User {
    pub(crate) fn reach(&self) -> Reach {
        Reach {
            everyone: self.role.sees_everyone(),
            groups: self.leads.clone(),
            own: (self.issuer.clone(), self.subject.clone()),
        }
    }
}

/// 32 random bytes, in base64 for URLs.
///
/// # Errors
/// When the system gives none.
pub(crate) fn secret() -> Result<String, getrandom::Error> {
    use base64::Engine;
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes)?;
    Ok(base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(bytes))
}

/// Compares secrets in a time that does not tell where they differ.
pub(crate) fn same(a: &str, b: &str) -> bool {
    use sha2::{Digest, Sha256};
    let (a, b) = (Sha256::digest(a), Sha256::digest(b));
    a.iter().zip(b).fold(0, |difference, (a, b)| difference | (a ^ b)) == 0
}
