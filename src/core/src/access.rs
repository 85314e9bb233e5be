//! Who may ask for what: the policy's rules against a verified caller and a request.
//!
//! The first rule that applies decides, none refuses. Admission and refusal carry the same
//! account: the rule, and the rules before it that did not apply and why.

use crate::config::{Effect, Policy, Rule};
use crate::http::Endpoint;
use hansard_record::part::{Decision, NotApplied};

/// What is asked for.
#[derive(Clone, Copy, Debug)]
pub struct Ask<'a> {
    /// The endpoint; `None` when no policy can name it.
    pub endpoint: Option<Endpoint>,
    /// The model, where the endpoint has one.
    pub model: Option<&'a str>,
}

/// What the rules say.
#[derive(Debug)]
pub enum Verdict {
    /// A rule admitted the request.
    Admitted(Admitted),
    /// A rule refused it, or none applied.
    Refused {
        /// For the record.
        decision: Decision<'static>,
        /// For the caller.
        message: String,
    },
}

/// Proof that a rule admitted a request. Only [`decide`] makes one.
#[derive(Debug)]
pub struct Admitted {
    decision: Decision<'static>,
}

impl Admitted {
    /// For the record.
    #[must_use]
    pub fn decision(&self) -> &Decision<'static> {
        &self.decision
    }
}

/// Asks the rules in their order.
#[must_use]
pub fn decide<G: AsRef<str>>(policy: &Policy, groups: &[G], ask: Ask<'_>) -> Verdict {
    let mut not_applied = Vec::new();
    for rule in &policy.rules {
        let Some(because) = mismatch(rule, groups, ask) else {
            return match rule.effect {
                Effect::Allow => Verdict::Admitted(Admitted {
                    decision: decision(Some(rule), "allow", not_applied),
                }),
                Effect::Refuse => Verdict::Refused {
                    decision: decision(Some(rule), "refuse", not_applied),
                    message: rule.message.clone().unwrap_or_else(|| {
                        format!("The rule \"{}\" does not allow this request.", rule.name)
                    }),
                },
            };
        };
        not_applied.push(NotApplied { rule: rule.name.clone().into(), because: because.into() });
    }
    let message = nothing_applied(ask, &not_applied);
    Verdict::Refused { decision: decision(None, "refuse", not_applied), message }
}

fn decision(
    rule: Option<&Rule>,
    effect: &'static str,
    not_applied: Vec<NotApplied<'static>>,
) -> Decision<'static> {
    Decision { rule: rule.map(|r| r.name.clone().into()), effect: effect.into(), not_applied }
}

/// The part of a rule that does not match, or `None` when it applies.
fn mismatch<G: AsRef<str>>(rule: &Rule, groups: &[G], ask: Ask<'_>) -> Option<&'static str> {
    let in_group = |wanted: &String| wanted == "*" || groups.iter().any(|g| g.as_ref() == wanted);
    if !rule.groups.iter().any(in_group) {
        return Some("groups");
    }
    match ask.endpoint {
        Some(endpoint) if rule.endpoints.contains(&endpoint) => {
            let has_model = endpoint.has_model();
            let globs = rule.models.as_ref().filter(|_| has_model)?;
            let named = ask.model.is_some_and(|model| globs.iter().any(|g| glob(g, model)));
            if named { None } else { Some("model") }
        }
        _ => Some("endpoint"),
    }
}

fn nothing_applied(ask: Ask<'_>, rules: &[NotApplied<'_>]) -> String {
    if ask.endpoint.is_none() {
        return "This path is not open through this gateway.".into();
    }
    let mut text = String::from("No access rule of this gateway allows this request");
    for (i, one) in rules.iter().take(5).enumerate() {
        text.push_str(if i == 0 { " (" } else { "; " });
        text.push_str(&one.rule);
        text.push_str(": ");
        text.push_str(match &*one.because {
            "groups" => "you are not in its groups",
            "endpoint" => "not for this endpoint",
            _ => "not for this model",
        });
    }
    text.push_str(if rules.is_empty() { "." } else { ")." });
    text
}

/// Whether a glob, in which `*` stands for any run of characters, covers the whole text.
/// Linear in practice and at worst the product of both lengths: it goes back to the last `*` only.
pub(crate) fn glob(pattern: &str, text: &str) -> bool {
    let (mut pattern, mut text) = (pattern.as_bytes(), text.as_bytes());
    let mut retry: Option<(&[u8], &[u8])> = None;
    loop {
        match (pattern.split_first(), text.split_first()) {
            (Some((b'*', rest)), _) => {
                retry = Some((rest, text));
                pattern = rest;
            }
            (Some((p, pattern_rest)), Some((t, text_rest))) if p == t => {
                (pattern, text) = (pattern_rest, text_rest);
            }
            (None, None) => return true,
            _ => match retry {
                Some((after_star, [_, from @ ..])) => {
                    retry = Some((after_star, from));
                    (pattern, text) = (after_star, from);
                }
                _ => return false,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy() -> Policy {
        Policy::parse(
            br#"{"version":1,"access":[
              {"name":"no-opus","effect":"refuse","groups":["interns"],"endpoints":["messages"],
               "models":["*opus*"],"message":"Ask your lead for Opus."},
              {"name":"all","effect":"allow","groups":["interns","engineers"],
               "endpoints":["messages","models"],"models":["claude-*"]}]}"#,
        )
        .unwrap()
    }

    fn outcome(groups: &[&str], endpoint: Option<Endpoint>, model: Option<&str>) -> String {
        match decide(&policy(), groups, Ask { endpoint, model }) {
            Verdict::Admitted(admitted) => {
                format!("+{}", admitted.decision().rule.clone().unwrap())
            }
            Verdict::Refused { decision, message } => {
                format!("-{} {message}", decision.rule.unwrap_or_default())
            }
        }
    }

    #[test]
    fn the_first_rule_that_applies_decides() {
        use Endpoint::{CountTokens, Messages, Models};
        let cases: &[(&[&str], Option<Endpoint>, Option<&str>, &str)] = &[
            (
                &["interns"],
                Some(Messages),
                Some("claude-opus-4"),
                "-no-opus Ask your lead for Opus.",
            ),
            (&["interns"], Some(Messages), Some("claude-haiku"), "+all"),
            (&["x", "engineers"], Some(Messages), Some("claude-opus-4"), "+all"),
            (&["engineers"], Some(Models), None, "+all"),
            (
                &["engineers"],
                Some(Messages),
                Some("gpt-5"),
                "- No access rule of this gateway allows this request (no-opus: you are not in its groups; all: not for this model).",
            ),
            (
                &["engineers"],
                Some(CountTokens),
                Some("claude-x"),
                "- No access rule of this gateway allows this request (no-opus: you are not in its groups; all: not for this endpoint).",
            ),
            (
                &[],
                Some(Messages),
                Some("claude-x"),
                "- No access rule of this gateway allows this request (no-opus: you are not in its groups; all: you are not in its groups).",
            ),
            (&["engineers"], None, None, "- This path is not open through this gateway."),
            (
                &["engineers"],
                Some(Messages),
                None,
                "- No access rule of this gateway allows this request (no-opus: you are not in its groups; all: not for this model).",
            ),
        ];
        for (groups, endpoint, model, expected) in cases {
            assert_eq!(outcome(groups, *endpoint, *model), *expected);
        }
    }

    #[test]
    fn a_policy_without_rules_refuses() {
        let none = Policy::parse(br#"{"version":1,"access":[]}"#).unwrap();
        let ask = Ask { endpoint: Some(Endpoint::Messages), model: Some("claude") };
        assert!(matches!(decide(&none, &["*"], ask), Verdict::Refused { .. }));
    }

    #[test]
    fn a_group_named_star_in_a_token_is_only_a_name() {
        assert!(outcome(&["*"], Some(Endpoint::Messages), Some("claude-x")).starts_with('-'));
    }

    #[test]
    fn globs() {
        let yes = [
            ("*", ""),
            ("claude-*", "claude-"),
            ("*opus*", "claude-opus-4"),
            ("a*b*c", "aXbbXc"),
            ("a", "a"),
        ];
        let no = [("", "a"), ("a", ""), ("claude-*", "claude"), ("a*b", "aXc"), ("*a", "ab")];
        for (pattern, text) in yes {
            assert!(glob(pattern, text), "{pattern} {text}");
        }
        for (pattern, text) in no {
            assert!(!glob(pattern, text), "{pattern} {text}");
        }
    }
}
