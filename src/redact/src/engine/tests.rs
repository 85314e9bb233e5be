//! What the engine finds, whole and in pieces.

use super::*;
use crate::rules;

pub(crate) fn keyring() -> Keyring {
    Keyring::new(b"a key for tests alone").unwrap()
}

pub(crate) fn secrets() -> Vec<Detector> {
    rules()
        .map(|rule| Detector { id: rule.id.into(), action: Action::Mask, look: Look::Secret(rule) })
        .collect()
}

fn engine() -> Engine {
    Engine::new(secrets(), keyring()).unwrap()
}

/// The values found in a text, with their detectors.
fn values(engine: &mut Engine, text: &str) -> Vec<(String, String)> {
    let found = engine.scan_whole(text.as_bytes());
    let value =
        |one: &Finding| String::from_utf8_lossy(&text.as_bytes()[one.start..one.end]).into();
    found.iter().map(|one| (engine.id(one.detector).to_owned(), value(one))).collect()
}

/// Scans a text that comes in pieces, dropping what is decided but for its context.
fn in_pieces(engine: &mut Engine, pieces: &[&[u8]]) -> Vec<Finding> {
    let mut held: Vec<u8> = Vec::new();
    let mut base = 0;
    let mut from = Resume::default();
    let mut all = Vec::new();
    let mut found = Vec::new();
    let last = pieces.len() - 1;
    for (i, piece) in pieces.iter().enumerate() {
        held.extend_from_slice(piece);
        from = engine.scan(&held, from, i == last, &mut found);
        all.extend(found.drain(..).map(|one| Finding {
            from: one.from + base,
            start: one.start + base,
            end: one.end + base,
            ..one
        }));
        let drop = from.at.saturating_sub(CONTEXT);
        held.drain(..drop);
        base += drop;
        from.at -= drop;
    }
    all
}

/// A sample's text and its marked secret.
fn sample(marked: &str) -> (String, String) {
    let (before, rest) = marked.split_once('«').unwrap();
    let (secret, after) = rest.split_once('»').unwrap();
    (format!("{before}{secret}{after}"), secret.to_owned())
}

#[test]
fn every_positive_of_every_rule_is_found() {
    let mut engine = engine();
    let mut missed = Vec::new();
    for rule in rules() {
        for positive in rule.positives {
            let (text, secret) = sample(positive);
            let found = values(&mut engine, &text);
            if !found.iter().any(|(_, value)| value.contains(&secret)) {
                missed.push(format!("{}: {text} found {found:?}", rule.id));
            }
        }
    }
    assert!(missed.is_empty(), "{} missed:\n{}", missed.len(), missed.join("\n"));
}

#[test]
fn pieces_find_what_the_whole_does() {
    let mut engine = engine();
    for rule in rules() {
        for positive in rule.positives {
            let (text, _) = sample(positive);
            let bytes = text.as_bytes();
            let whole = engine.scan_whole(bytes);
            let single: Vec<&[u8]> = bytes.chunks(1).collect();
            assert_eq!(in_pieces(&mut engine, &single), whole, "{}: {text} by bytes", rule.id);
            for cut in 0..=bytes.len() {
                let (head, tail) = bytes.split_at(cut);
                let found = in_pieces(&mut engine, &[head, tail]);
                assert_eq!(found, whole, "{}: {text} cut at {cut}", rule.id);
            }
        }
    }
}

/// Says what `rules/begins.tsv` should hold; `HANSARD_WRITE=1` has it written.
#[test]
fn every_match_of_every_rule_begins_with_one_of_its_literals() {
    let mut lines = String::new();
    for rule in rules() {
        let shape = prefix::Shape::of(rule.pattern).unwrap();
        let Some(prefixes) = shape.prefixes else {
            panic!("{}: the pattern does not begin with literals of three bytes", rule.id);
        };
        let longest = prefix::parse(rule.pattern).unwrap().properties().maximum_len();
        assert!(!shape.can_be_empty && longest.is_some(), "{} is unbounded", rule.id);
        lines.push_str(rule.id);
        for prefix in prefixes {
            let prefix = String::from_utf8(prefix).unwrap();
            assert!(!prefix.contains(['\t', '\n', '\r']), "{}: {prefix:?}", rule.id);
            lines.push('\t');
            lines.push_str(&prefix);
        }
        lines.push('\n');
    }
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/src/rules/begins.tsv");
    if std::env::var_os("HANSARD_WRITE").is_some() {
        std::fs::write(file, &lines).unwrap();
    }
    let held = std::fs::read_to_string(file).unwrap();
    assert!(
        held == lines,
        "begins.tsv does not fit the rules: HANSARD_WRITE=1 cargo test -p hansard-redact"
    );
}

#[test]
fn lines_with_disguises_do_not_end_what_spans_them() {
    let mut engine = engine();
    let rule = rules().find(|rule| rule.id == "rsa-private-key").unwrap();
    let (text, secret) = sample(rule.positives[0]);
    let text = format!("100%25 \\t\n{text}50%20\n");
    let found = values(&mut engine, &text);
    assert_eq!(found, [("rsa-private-key".to_owned(), secret)]);
    let bytes = text.as_bytes();
    let single: Vec<&[u8]> = bytes.chunks(1).collect();
    assert_eq!(in_pieces(&mut engine, &single), engine.scan_whole(bytes));
}
