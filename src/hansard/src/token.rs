//! `hansard token`: the development issuer.
//!
//! Enters: who the token is for. Leaves: a JWT (ES256), signed with a key that is made once in the
//! data folder. Only a policy that says so trusts this issuer: `hansard up` renders one, for its
//! own machine. A real gateway trusts the identity provider of its company, never this one.

use crate::cli::Data;
use crate::failure::Failure;
use clap::builder::NonEmptyStringValueParser;
use jwt_simple::prelude::{Claims, Duration, ECDSAP256KeyPairLike, ES256KeyPair};
use serde::Serialize;
use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use thiserror::Error;

/// `iss` of every development token. The name cannot be registered (RFC 2606).
pub(crate) const ISSUER: &str = "https://development.hansard.invalid";
/// `aud` of every development token.
pub(crate) const AUDIENCE: &str = "hansard";
/// The key, in the data folder.
const KEY_FILE: &str = "dev-issuer.key";

/// Print a development token
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  hansard token --sub alice --groups developers
  export ANTHROPIC_AUTH_TOKEN=$(hansard token --sub alice --groups developers --ttl 30m)")]
pub(crate) struct Args {
    /// Whom the token is for
    #[arg(long, value_name = "SUBJECT", value_parser = NonEmptyStringValueParser::new())]
    sub: String,
    /// Groups, separated by commas
    #[arg(long, value_delimiter = ',', value_name = "GROUP,…", value_parser = NonEmptyStringValueParser::new())]
    groups: Vec<String>,
    /// The email address
    #[arg(long, value_name = "ADDRESS")]
    email: Option<String>,
    /// How long it is valid: a number and s, m, h or d
    #[arg(long, default_value = "8h", value_parser = ttl, value_name = "TIME")]
    ttl: std::time::Duration,
    #[command(flatten)]
    data: Data,
}

pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    let issuer = DevIssuer::open(&args.data.data)?;
    let token = issuer.issue(&args.sub, &args.groups, args.email.as_deref(), args.ttl)?;
    writeln!(io::stdout(), "{token}")?;
    Ok(())
}

#[derive(Debug, Error)]
pub(crate) enum TokenError {
    #[error("cannot use {path}: {source}; choose a writable data folder with --data")]
    File { path: PathBuf, source: io::Error },
    #[error("{path} can be read by others: run chmod 600 {path}, or delete it to get a new key")]
    Exposed { path: PathBuf },
    #[error("{path} is not an ES256 key in PEM: delete it to get a new one")]
    Key { path: PathBuf },
    #[error("cannot sign a token: {0}; delete the data folder's {KEY_FILE} to get a new key")]
    Sign(String),
}

/// Signs tokens for one machine.
pub(crate) struct DevIssuer {
    key: ES256KeyPair,
    kid: String,
}

/// What a development token says beside the registered claims.
#[derive(Serialize)]
struct Custom<'a> {
    groups: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    email: Option<&'a str>,
}

impl DevIssuer {
    /// Reads the key in `folder`, or makes it there.
    pub(crate) fn open(folder: &Path) -> Result<Self, TokenError> {
        let path = folder.join(KEY_FILE);
        let file = |source| TokenError::File { path: path.clone(), source };
        let pem = match fs::read_to_string(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(file)?;
                let new = ES256KeyPair::generate();
                let pem = new.to_pem().map_err(|_| TokenError::Key { path: path.clone() })?;
                create_once(folder, &path, &pem).map_err(file)?;
                // Another process may have been first: its key is the one.
                fs::read_to_string(&path).map_err(file)?
            }
            other => other.map_err(file)?,
        };
        if fs::metadata(&path).map_err(file)?.permissions().mode() & 0o077 != 0 {
            return Err(TokenError::Exposed { path });
        }
        let key = ES256KeyPair::from_pem(&pem).map_err(|_| TokenError::Key { path })?;
        let kid = key.jwk_thumbprint();
        Ok(Self { key: key.with_key_id(&kid), kid })
    }

    /// The public key, as a JSON Web Key Set (RFC 7517).
    pub(crate) fn jwks(&self) -> serde_json::Value {
        let key = self.key.public_key().with_key_id(&self.kid).to_jwk();
        let key: serde_json::Value = serde_json::from_str(&key).unwrap_or_default();
        serde_json::json!({ "keys": [key] })
    }

    /// A token that is valid from now for `ttl`.
    pub(crate) fn issue(
        &self,
        subject: &str,
        groups: &[String],
        email: Option<&str>,
        ttl: std::time::Duration,
    ) -> Result<String, TokenError> {
        let ttl = Duration::from_secs(ttl.as_secs());
        let claims = Claims::with_custom_claims(Custom { groups, email }, ttl)
            .with_issuer(ISSUER)
            .with_audience(AUDIENCE)
            .with_subject(subject);
        self.key.sign(claims).map_err(|error| TokenError::Sign(error.to_string()))
    }
}

/// Writes the whole file under another name, then gives it its own if that is still free: nobody
/// ever reads half a key, and of two that race one wins.
pub(crate) fn create_once(folder: &Path, path: &Path, content: &str) -> io::Result<()> {
    let draft = folder.join(format!("{KEY_FILE}.{}", std::process::id()));
    let _ = fs::remove_file(&draft);
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&draft)?;
    let linked = file
        .write_all(content.as_bytes())
        .and_then(|()| file.sync_all())
        .and_then(|()| fs::hard_link(&draft, path));
    let _ = fs::remove_file(&draft);
    match linked {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        other => other,
    }
}

/// `90s`, `30m`, `8h` or `7d`.
fn ttl(text: &str) -> Result<std::time::Duration, String> {
    let unit = text.chars().next_back().and_then(|unit| match unit {
        's' => Some(1),
        'm' => Some(60),
        'h' => Some(3600),
        'd' => Some(86_400),
        _ => None,
    });
    let number = text.get(..text.len().saturating_sub(1)).unwrap_or_default();
    match (number.parse::<u32>(), unit) {
        (Ok(number), Some(unit)) if number > 0 => {
            Ok(std::time::Duration::from_secs(u64::from(number) * unit))
        }
        _ => Err("give a number and a unit, as 90s, 30m, 8h or 7d".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jwt_simple::prelude::{ECDSAP256PublicKeyLike, ES256PublicKey};

    #[test]
    fn the_key_is_made_once_belongs_to_its_owner_and_verifies_its_tokens() {
        let parent = tempfile::tempdir().unwrap();
        let folder = parent.path().join("data");
        let first = DevIssuer::open(&folder).unwrap();
        let again = DevIssuer::open(&folder).unwrap();
        assert_eq!(first.jwks(), again.jwks());
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&folder), mode(&folder.join(KEY_FILE))), (0o700, 0o600));
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 1, "no draft is left");

        let groups = ["developers".to_owned(), "ops".to_owned()];
        let hour = std::time::Duration::from_secs(3600);
        let token = again.issue("alice", &groups, Some("a@b"), hour).unwrap();
        let jwks = first.jwks();
        let key = &jwks["keys"][0];
        assert_eq!(
            (&key["kty"], &key["crv"], &key["alg"]),
            (&"EC".into(), &"P-256".into(), &"ES256".into())
        );
        assert!(key.get("d").is_none(), "the private key stays");
        let public = ES256PublicKey::from_jwk(&key.to_string()).unwrap();
        let claims = public.verify_token::<serde_json::Value>(&token, None).unwrap();
        assert_eq!(claims.issuer.as_deref(), Some(ISSUER));
        assert_eq!(claims.subject.as_deref(), Some("alice"));
        assert!(claims.audiences.unwrap().contains(&[AUDIENCE.to_owned()].into()));
        assert_eq!(claims.custom, serde_json::json!({"groups": groups, "email": "a@b"}));
        let valid = claims.expires_at.unwrap() - claims.issued_at.unwrap();
        assert_eq!(valid.as_secs(), 3600);
    }

    #[test]
    fn a_race_for_the_key_has_one_winner() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(KEY_FILE);
        fs::write(&path, "first").unwrap();
        create_once(folder.path(), &path, "second").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "first");
    }

    #[test]
    fn a_key_that_others_can_read_or_that_is_none_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        DevIssuer::open(folder.path()).unwrap();
        let path = folder.path().join(KEY_FILE);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        assert!(matches!(DevIssuer::open(folder.path()), Err(TokenError::Exposed { .. })));
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        fs::write(&path, "no key").unwrap();
        assert!(matches!(DevIssuer::open(folder.path()), Err(TokenError::Key { .. })));
    }

    #[test]
    fn times_have_a_number_and_a_unit() {
        for (text, seconds) in [("90s", 90), ("30m", 1800), ("8h", 28_800), ("7d", 604_800)] {
            assert_eq!(ttl(text).unwrap().as_secs(), seconds);
        }
        for text in ["", "h", "8", "0h", "-1h", "8 h", "8y", "1.5h", "99999999999s", "ü"] {
            assert!(ttl(text).is_err(), "{text:?}");
        }
    }
}
