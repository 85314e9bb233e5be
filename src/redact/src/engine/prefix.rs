//! The literals with which every match of a pattern begins, in lower case.
//!
//! The scan looks for these alone, all rules' at once, and asks a rule's own automaton only where
//! one of its literals stands. Longer literals are cut: a shorter one is found wherever the longer
//! is, and the automaton of all literals stays small enough for a processor's cache.

use regex_syntax::ParserBuilder;
use regex_syntax::hir::literal::{ExtractKind, Extractor};
use regex_syntax::hir::{Capture, Class, ClassBytes, ClassBytesRange, Hir, HirKind, Repetition};

/// Sizes of classes that are spelled out, the first that will do.
const CLASSES: [usize; 4] = [1, 5, 10, 16];
/// Bytes of a literal that are looked for.
const LENGTH: usize = 12;
/// Shorter ones stand in every text.
const LEAST: usize = super::literals::LEAST;

/// A repetition that can go on for so long is taken for one without end.
const MANY: u32 = 64;

/// What a pattern says of its matches without being run.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Shape {
    /// Lower-case literals, one of which begins every match; `None` when there are none that help.
    pub(crate) prefixes: Option<Vec<Vec<u8>>>,
    /// Whether a match can be empty.
    pub(crate) can_be_empty: bool,
}

impl Shape {
    /// Reads a pattern (bytes, no Unicode classes).
    ///
    /// # Errors
    /// What is wrong with the pattern, in one sentence.
    pub(crate) fn of(pattern: &str) -> Result<Self, String> {
        let hir = parse(pattern)?;
        let properties = hir.properties();
        let can_be_empty = properties.minimum_len().unwrap_or(0) == 0;
        Ok(Self { prefixes: prefixes(&hir), can_be_empty })
    }
}

/// Reads a pattern (bytes, no Unicode classes).
///
/// # Errors
/// What is wrong with the pattern, in one sentence.
pub(super) fn parse(pattern: &str) -> Result<Hir, String> {
    ParserBuilder::new()
        .unicode(false)
        .utf8(false)
        .build()
        .parse(pattern)
        .map_err(|error| one_line(&error.to_string()))
}

/// The parser draws its errors over several lines; the last names the fault.
pub(crate) fn one_line(error: &str) -> String {
    error.lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned()
}

fn prefixes(hir: &Hir) -> Option<Vec<Vec<u8>>> {
    let hir = lower_case(hir);
    let attempts = || CLASSES.iter().filter_map(|class| literals(&hir, *class));
    attempts()
        .take(2)
        .find(|all| all.iter().all(|literal| literal.len() > LEAST))
        .or_else(|| attempts().next())
}

/// The literals when classes of so many bytes are spelled out: as few as will do.
fn literals(hir: &Hir, class: usize) -> Option<Vec<Vec<u8>>> {
    let mut extractor = Extractor::new();
    extractor
        .kind(ExtractKind::Prefix)
        .limit_class(class)
        .limit_repeat(8)
        .limit_literal_len(LENGTH)
        .limit_total(400);
    let mut literals = extractor.extract(hir);
    literals.minimize_by_preference();
    let literals = literals.literals()?;
    let mut all: Vec<&[u8]> = literals.iter().map(|literal| literal.as_bytes()).collect();
    // In order, a literal stands right behind the ones that it begins with: those say it all.
    all.sort_unstable();
    all.dedup_by(|longer, shorter| longer.starts_with(shorter));
    let usable = !all.is_empty() && all.iter().all(|literal| literal.len() >= LEAST);
    usable.then(|| all.into_iter().map(<[u8]>::to_vec).collect())
}

/// The same pattern without an end to its long repetitions. An automaton counts by its states, so
/// `{20,4000}` takes four thousand of them and `{20,}` takes twenty; how far a match may go is then
/// for the window to say, which is as long as the longest match of the pattern as it was written.
pub(super) fn lengthen(hir: &Hir) -> Hir {
    match hir.kind() {
        HirKind::Repetition(repetition) => {
            let Repetition { min, max, greedy, ref sub } = *repetition;
            let is_long = max.is_some_and(|max| max >= MANY && max.saturating_sub(min) >= MANY / 2);
            let max = if is_long { None } else { max };
            Hir::repetition(Repetition { min, max, greedy, sub: Box::new(lengthen(sub)) })
        }
        HirKind::Capture(capture) => {
            Hir::capture(Capture { sub: Box::new(lengthen(&capture.sub)), ..capture.clone() })
        }
        HirKind::Concat(parts) => Hir::concat(parts.iter().map(lengthen).collect()),
        HirKind::Alternation(parts) => Hir::alternation(parts.iter().map(lengthen).collect()),
        HirKind::Empty | HirKind::Literal(_) | HirKind::Class(_) | HirKind::Look(_) => hir.clone(),
    }
}

/// The same pattern for lower-cased text.
fn lower_case(hir: &Hir) -> Hir {
    match hir.kind() {
        HirKind::Empty => Hir::empty(),
        HirKind::Literal(literal) => Hir::literal(literal.0.to_ascii_lowercase()),
        HirKind::Class(Class::Bytes(class)) => {
            let bytes = class.ranges().iter().flat_map(|range| range.start()..=range.end());
            let lower = bytes.map(|byte| byte.to_ascii_lowercase());
            let ranges = lower.map(|byte| ClassBytesRange::new(byte, byte));
            Hir::class(Class::Bytes(ClassBytes::new(ranges)))
        }
        // Patterns of bytes have none; kept whole, it ends the literal.
        HirKind::Class(Class::Unicode(class)) => Hir::class(Class::Unicode(class.clone())),
        HirKind::Look(look) => Hir::look(*look),
        HirKind::Repetition(repetition) => Hir::repetition(Repetition {
            min: repetition.min,
            max: repetition.max,
            greedy: repetition.greedy,
            sub: Box::new(lower_case(&repetition.sub)),
        }),
        HirKind::Capture(capture) => lower_case(&capture.sub),
        HirKind::Concat(parts) => Hir::concat(parts.iter().map(lower_case).collect()),
        HirKind::Alternation(parts) => Hir::alternation(parts.iter().map(lower_case).collect()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prefixes_of(pattern: &str) -> Option<Vec<String>> {
        let prefixes = Shape::of(pattern).unwrap().prefixes?;
        Some(prefixes.into_iter().map(|p| String::from_utf8(p).unwrap()).collect())
    }

    #[test]
    fn literals() {
        let some = |list: &[&str]| Some(list.iter().map(|&l| l.to_owned()).collect());
        let cases: &[(&str, Option<Vec<String>>)] = &[
            (r"\bAKIA[0-9A-Z]{16}", some(&["akia"])),
            (r"(?i:Quay|jfrog)x{0,2}", some(&["jfrog", "quay"])),
            (r"gh[pousr]_", some(&["gho_", "ghp_", "ghr_", "ghs_", "ghu_"])),
            (r"-----BEGIN PRIVATE KEY-----", some(&["-----begin p"])),
            (r"[a-z]{20}x", None),
            (r"ab\w", None),
            (r"x?", None),
        ];
        for (pattern, expected) in cases {
            assert_eq!(prefixes_of(pattern), *expected, "{pattern}");
        }
    }

    #[test]
    fn sizes() {
        let shape = |pattern: &str| Shape::of(pattern).unwrap();
        assert!(shape("a?").can_be_empty && !shape("ab?").can_be_empty);
        assert!(Shape::of("a(").unwrap_err().contains("unclosed group"));
    }
}
