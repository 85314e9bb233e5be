//! Every rule is held to its own samples, read the slow and exact way: the pattern over the whole
//! text, with no literals and no automaton before it.

use crate::engine::{Decided, Matcher};
use crate::{Rule, rules};
use std::collections::HashSet;

/// The secrets that a rule finds in a text.
fn find<'t>(rule: &Rule, text: &'t str) -> Vec<&'t str> {
    let mut pattern = Matcher::new(rule.pattern).unwrap();
    let (mut all, mut at) = (Vec::new(), 0);
    while let Decided::Match { whole, secret } =
        pattern.find(text.as_bytes(), at..text.len(), &mut 0)
    {
        at = whole.end.max(at + 1);
        let secret = &text[secret];
        if rule.accepts(secret.as_bytes()) {
            all.push(secret);
        }
    }
    all
}

#[test]
fn there_are_enough_rules_and_their_names_tell_them_apart() {
    let ids: Vec<_> = rules().map(|rule| rule.id).collect();
    assert!(ids.len() >= 150, "{} rules", ids.len());
    assert_eq!(ids.iter().collect::<HashSet<_>>().len(), ids.len(), "an id stands twice");
    for rule in rules() {
        let kebab = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        assert!(rule.id.chars().all(kebab), "{}", rule.id);
        assert!(!rule.description.is_empty() && !rule.keywords.is_empty(), "{}", rule.id);
        assert!(rule.keywords.iter().all(|k| k.to_ascii_lowercase() == *k), "{}", rule.id);
        assert!(rule.positives.len() >= 2 && rule.negatives.len() >= 2, "{}", rule.id);
    }
}

#[test]
fn each_positive_holds_the_marked_secret_and_nothing_else() {
    for rule in rules() {
        for sample in rule.positives {
            let (before, rest) = sample.split_once('«').unwrap();
            let (secret, after) = rest.split_once('»').unwrap();
            let text = format!("{before}{secret}{after}");
            assert_eq!(find(rule, &text), [secret], "{}: {sample}", rule.id);
            let lower = text.to_ascii_lowercase();
            assert!(rule.keywords.iter().any(|k| lower.contains(k)), "{}: {sample}", rule.id);
        }
    }
}

#[test]
fn no_negative_holds_a_secret() {
    for rule in rules() {
        for sample in rule.negatives {
            assert!(find(rule, sample).is_empty(), "{}: {sample}", rule.id);
        }
    }
}
