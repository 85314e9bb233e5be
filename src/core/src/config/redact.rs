//! What a policy redacts: from what an operator writes to the detectors.

use super::policy::{PolicyError, each, filled, wrong};
use super::raw::{RawCustom, RawRedact, RawRuleAction};
use crate::access::glob;
use hansard_redact::pii::Pii;
use hansard_redact::{Action, Detector, Look, rules};
use std::borrow::Cow;

/// What a policy redacts.
#[derive(Clone, Debug)]
pub struct RedactPolicy {
    /// What is looked for, and what is done with it.
    pub detectors: Vec<Detector>,
    /// A value in a member that must not be altered does not pass.
    pub blocks_signed: bool,
    /// Media are left out of the record.
    pub drops_media: bool,
}

impl RedactPolicy {
    /// Gives a raw section its meaning.
    ///
    /// # Errors
    /// Names the path and what is wrong with it.
    pub(super) fn new(raw: RawRedact) -> Result<Self, PolicyError> {
        let RawRedact { secrets, rules: exceptions, personal, custom, gitleaks, signed, media } =
            raw;
        if gitleaks.is_some() {
            return wrong(
                "redact.gitleaks",
                "names a file; `hansard policy render` puts its rules into the policy",
            );
        }
        let secrets = action("redact.secrets", &secrets)?;
        let exceptions = each("redact.rules", exceptions, exception)?;
        let mut detectors = Vec::new();
        for rule in rules() {
            let exception = exceptions.iter().find(|(id, _)| glob(id, rule.id));
            let action = exception.map_or(secrets, |(_, action)| *action);
            if let Some(action) = action {
                detectors.push(Detector { id: rule.id.into(), action, look: Look::Secret(rule) });
            }
        }
        for (name, written) in &personal {
            let path = format!("redact.personal.{name}");
            let Some(kind) = Pii::named(name) else {
                let known: Vec<_> = Pii::ALL.iter().map(|kind| kind.id()).collect();
                return wrong(&path, format!("is not one of {}", known.join(", ")));
            };
            if let Some(action) = action(&path, written)? {
                detectors.push(Detector {
                    id: kind.id().into(),
                    action,
                    look: Look::Personal(kind),
                });
            }
        }
        for (i, custom) in custom.into_iter().enumerate() {
            let path = format!("redact.custom[{i}]");
            let taken = |one: &Detector| one.id == custom.id;
            if detectors.iter().any(taken) || rules().any(|rule| rule.id == custom.id) {
                return wrong(&format!("{path}.id"), "is used already; names tell rules apart");
            }
            detectors.extend(custom_rule(&path, custom)?);
        }
        Ok(Self {
            detectors,
            blocks_signed: match signed.as_str() {
                "pass_redact_record" => false,
                "block" => true,
                other => {
                    return wrong(
                        "redact.signed",
                        format!("{other:?} is neither `pass_redact_record` nor `block`"),
                    );
                }
            },
            drops_media: match media.as_str() {
                "record" => false,
                "drop" => true,
                other => {
                    return wrong(
                        "redact.media",
                        format!("{other:?} is neither `record` nor `drop`"),
                    );
                }
            },
        })
    }

    /// Whether nothing is looked for.
    #[must_use]
    pub fn is_off(&self) -> bool {
        self.detectors.is_empty()
    }
}

fn exception(path: &str, raw: RawRuleAction) -> Result<(String, Option<Action>), PolicyError> {
    let RawRuleAction { id, action: written } = raw;
    if !rules().any(|rule| glob(&id, rule.id)) {
        return wrong(
            &format!("{path}.id"),
            format!("{id:?} is no built-in rule; `hansard policy rules` lists them"),
        );
    }
    Ok((id, action(&format!("{path}.action"), &written)?))
}

/// An action; `None` for `off`.
fn action(path: &str, written: &str) -> Result<Option<Action>, PolicyError> {
    if written == "off" {
        return Ok(None);
    }
    Action::named(written).map(Some).ok_or(()).or_else(|()| {
        wrong(path, format!("{written:?} is not one of off, observe, pseudonymize, mask, block"))
    })
}

fn custom_rule(path: &str, raw: RawCustom) -> Result<Option<Detector>, PolicyError> {
    let RawCustom {
        id,
        action: written,
        pattern,
        keywords,
        min_entropy,
        group,
        allow,
        stop_words,
        literals,
        keys,
    } = raw;
    filled(&format!("{path}.id"), &id)?;
    let is_name = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if !id.chars().all(is_name) || id.len() > 80 {
        return wrong(
            &format!("{path}.id"),
            "must be at most 80 lower-case letters, digits and dashes",
        );
    }
    let action = action(&format!("{path}.action"), &written)?;
    let look = match (pattern, literals.is_empty(), keys.is_empty()) {
        (Some(pattern), true, true) => Look::Pattern {
            pattern,
            keywords,
            min_entropy: min_entropy.unwrap_or(0.0),
            group: group.unwrap_or(0),
            allow,
            stop_words,
        },
        (None, false, true) => Look::Literals(literals),
        (None, true, false) => Look::Keys(keys),
        _ => return wrong(path, "needs just one of `pattern`, `literals` and `keys`"),
    };
    Ok(action.map(|action| Detector { id: Cow::Owned(id), action, look }))
}

#[cfg(test)]
mod tests {
    use super::super::Policy;

    fn policy(redact: &str) -> Result<Policy, String> {
        let json = format!(r#"{{"version":1,"access":[],"redact":{redact}}}"#);
        Policy::parse(json.as_bytes()).map_err(|error| error.to_string())
    }

    #[test]
    fn every_secret_is_masked_unless_a_policy_says_otherwise() {
        let detectors = policy("{}").unwrap().redact.detectors;
        assert_eq!(detectors.len(), hansard_redact::rules().count());
        assert!(detectors.iter().all(|one| one.action == hansard_redact::Action::Mask));
        assert!(policy(r#"{"secrets":"off"}"#).unwrap().redact.is_off());
    }

    #[test]
    fn the_first_exception_that_matches_decides() {
        let redact = policy(
            r#"{"secrets":"off","rules":[{"id":"aws-access-key-id","action":"block"},
                {"id":"aws-*","action":"observe"}],"personal":{"email":"pseudonymize"}}"#,
        )
        .unwrap()
        .redact;
        let action = |id: &str| {
            redact.detectors.iter().find(|one| one.id == id).map(|one| one.action.name())
        };
        assert_eq!(action("aws-access-key-id"), Some("block"));
        assert_eq!(action("aws-secret-access-key"), Some("observe"));
        assert_eq!(action("email"), Some("pseudonymize"));
        assert_eq!(action("stripe-secret-key"), None);
    }

    #[test]
    fn what_is_wrong_is_named_with_its_path() {
        let cases = [
            (r#"{"secrets":"hide"}"#, "redact.secrets: \"hide\" is not one of off"),
            (r#"{"secrts":"mask"}"#, "redact.secrts: unknown field"),
            (
                r#"{"rules":[{"id":"nope-*","action":"mask"}]}"#,
                "redact.rules[0].id: \"nope-*\" is no",
            ),
            (r#"{"personal":{"shoe":"mask"}}"#, "redact.personal.shoe: is not one of email"),
            (r#"{"custom":[{"id":"a","action":"mask"}]}"#, "redact.custom[0]: needs just one of"),
            (
                r#"{"custom":[{"id":"a","action":"mask","keys":["k"],"literals":["lit"]}]}"#,
                "redact.custom[0]: needs just one of",
            ),
            (
                r#"{"custom":[{"id":"A b","action":"mask","keys":["k"]}]}"#,
                "redact.custom[0].id: must be",
            ),
            (
                r#"{"custom":[{"id":"email","action":"mask","keys":["k"]}],"personal":{"email":"mask"}}"#,
                "redact.custom[0].id: is used already",
            ),
            (r#"{"signed":"drop"}"#, "redact.signed: \"drop\" is neither"),
            (r#"{"media":"hide"}"#, "redact.media: \"hide\" is neither"),
            (r#"{"gitleaks":{"file":"x","action":"mask"}}"#, "redact.gitleaks: names a file"),
        ];
        for (redact, expected) in cases {
            let error = policy(redact).unwrap_err();
            assert!(error.starts_with(expected), "{error}\n  expected {expected}");
        }
    }
}
