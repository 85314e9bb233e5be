//! A detector: what it looks for, and what is done with what it finds.

use super::literals::{Gathered, Head, LEAST, Role};
use super::matcher::{Decided, Matcher};
use super::prefix::Shape;
use crate::check::entropy;
use crate::pii::Pii;
use crate::rule::{Check, Rule};
use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;

/// How far before a keyword a match of a pattern without a literal begin can start.
const LOOK_BACK: usize = 256;
/// And how far behind it such a match is looked for.
const LOOK_AHEAD: usize = 4 << 10;

/// What is done with a value, from the weakest to the strongest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Action {
    /// It passes on the wire; records hold a placeholder.
    Observe,
    /// A placeholder goes upstream; the client gets the value back where the model names it.
    Pseudonymize,
    /// A placeholder stands in its place everywhere.
    Mask,
    /// The request or response that holds it does not pass.
    Block,
}

impl Action {
    /// Every action.
    pub const ALL: [Self; 4] = [Self::Observe, Self::Pseudonymize, Self::Mask, Self::Block];

    /// Its name in policies, records and metrics.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Observe => "observe",
            Self::Pseudonymize => "pseudonymize",
            Self::Mask => "mask",
            Self::Block => "block",
        }
    }

    /// The action of a name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|action| action.name() == name)
    }
}

/// One detector, as a policy asks for it.
#[derive(Clone, Debug)]
pub struct Detector {
    /// Its name in policies, records and metrics.
    pub id: Cow<'static, str>,
    /// What is done with what it finds.
    pub action: Action,
    /// What it looks for.
    pub look: Look,
}

/// What a detector looks for.
#[derive(Clone, Debug)]
pub enum Look {
    /// A secret of the table.
    Secret(&'static Rule),
    /// Personal data.
    Personal(Pii),
    /// A pattern of the operator's.
    Pattern {
        /// A regular expression over bytes (the syntax of the `regex` crate, without Unicode).
        pattern: String,
        /// Literals, one of which stands in or near every match; needed where the pattern itself
        /// does not begin with a literal.
        keywords: Vec<String>,
        /// Least entropy of the value, bits a byte.
        min_entropy: f32,
        /// The group that holds the value; 0 takes the first that is not empty, else the whole.
        group: usize,
        /// A value in which one of these patterns matches is not one.
        allow: Vec<String>,
        /// A value that holds one of these, letters' case aside, is not one.
        stop_words: Vec<String>,
    },
    /// A list of values, letters' case aside, each as a word of its own.
    Literals(Vec<String>),
    /// The values of JSON members of these names, also in JSON within a text.
    Keys(Vec<String>),
}

/// A detector that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidDetector {
    /// Its name.
    pub id: String,
    /// Why: one sentence.
    pub why: String,
}

impl fmt::Display for InvalidDetector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.id, self.why)
    }
}

impl std::error::Error for InvalidDetector {}

/// A detector as the engine runs it.
#[derive(Debug)]
pub(super) struct Compiled {
    id: Cow<'static, str>,
    description: Cow<'static, str>,
    action: Action,
    pattern: Option<Pattern>,
    keys: Vec<Vec<u8>>,
}

#[derive(Debug)]
struct Pattern {
    source: Cow<'static, str>,
    matcher: Option<Matcher>,
    has_literal_begin: bool,
    group: usize,
    min_entropy: f32,
    check: Check,
    allow: Vec<Matcher>,
    stop_words: Vec<Vec<u8>>,
}

impl Compiled {
    pub(super) fn new(
        detector: Detector,
        index: usize,
        begins: &HashMap<&str, &str>,
        literals: &mut Gathered,
    ) -> Result<Self, InvalidDetector> {
        let Detector { id, action, look } = detector;
        let wrong = |why: String| InvalidDetector { id: id.to_string(), why };
        let mut keys = Vec::new();
        let mut description = Cow::Borrowed("a value that this gateway's operator listed");
        let pattern = match look {
            Look::Personal(kind) => {
                description = kind.description().into();
                None
            }
            Look::Secret(rule) => {
                description = rule.description.into();
                let mut pattern = Pattern::new(rule.pattern.into());
                pattern.min_entropy = rule.min_entropy;
                pattern.check = rule.check;
                pattern.has_literal_begin = true;
                for literal in begins.get(rule.id).copied().unwrap_or_default().split('\t') {
                    literals.add(literal.as_bytes(), Head { detector: index, role: Role::Begin });
                }
                Some(pattern)
            }
            Look::Pattern { pattern, keywords, min_entropy, group, allow, stop_words } => {
                let mut pattern = Pattern::new(pattern.into());
                pattern.min_entropy = min_entropy;
                pattern.group = group;
                for allow in &allow {
                    Shape::of(allow).map_err(wrong)?;
                }
                pattern.allow = allow
                    .iter()
                    .map(|p| Matcher::new(p))
                    .collect::<Result<_, _>>()
                    .map_err(wrong)?;
                pattern.stop_words =
                    stop_words.iter().map(|word| word.to_ascii_lowercase().into_bytes()).collect();
                pattern.announce(&keywords, index, literals).map_err(wrong)?;
                // Faults of a pattern of the operator's show at once, not in the first text.
                pattern.matcher().map_err(wrong)?;
                Some(pattern)
            }
            Look::Literals(values) => {
                for value in &values {
                    if value.len() < LEAST {
                        return Err(wrong(format!("{value:?} is too short to be looked for")));
                    }
                    literals.add(value.as_bytes(), Head { detector: index, role: Role::Value });
                }
                None
            }
            Look::Keys(names) => {
                let pattern = keys_pattern(&names).map_err(wrong)?;
                let mut pattern = Pattern::new(pattern.into());
                pattern.announce(&[], index, literals).map_err(wrong)?;
                keys = names.into_iter().map(String::into_bytes).collect();
                Some(pattern)
            }
        };
        Ok(Self { id, description, action, pattern, keys })
    }

    /// What stands for a text that asks for too much work.
    pub(super) fn limit() -> Self {
        Self {
            id: "scan-limit".into(),
            description: "a text that would take this gateway too long to look through".into(),
            action: Action::Mask,
            pattern: None,
            keys: Vec::new(),
        }
    }

    pub(super) fn id(&self) -> &str {
        &self.id
    }

    pub(super) fn description(&self) -> &str {
        &self.description
    }

    pub(super) fn action(&self) -> Action {
        self.action
    }

    pub(super) fn has_keys(&self) -> bool {
        !self.keys.is_empty()
    }

    pub(super) fn takes_key(&self, key: &[u8]) -> bool {
        self.keys.iter().any(|one| one == key)
    }

    /// How far before a keyword its matches can begin.
    pub(super) fn look_back(&self) -> usize {
        match &self.pattern {
            Some(pattern) if !pattern.has_literal_begin => LOOK_BACK,
            Some(_) | None => 0,
        }
    }

    pub(super) fn bytes(&self) -> usize {
        let matcher = self.pattern.as_ref().and_then(|pattern| pattern.matcher.as_ref());
        matcher.map_or(0, Matcher::bytes)
    }

    pub(super) fn forget(&mut self) {
        if let Some(pattern) = &mut self.pattern {
            pattern.matcher = None;
        }
    }

    /// Asks the pattern at the begin of a literal. `grown`: an automaton was built for it.
    pub(super) fn decide(
        &mut self,
        text: &[u8],
        start: usize,
        complete: bool,
        steps: &mut usize,
        grown: &mut bool,
    ) -> Decided {
        let Some(pattern) = &mut self.pattern else { return Decided::No };
        *grown |= pattern.matcher.is_none();
        let group = pattern.group;
        match pattern.matcher() {
            Ok(matcher) => {
                let decided = matcher.decide(text, start, complete, steps);
                pattern.checked(text, decided, group)
            }
            // A pattern of the table that does not build fails a test; what it might have found
            // does not pass unseen.
            Err(_) => Decided::Match { whole: start..text.len(), secret: start..text.len() },
        }
    }

    /// Asks the pattern around a keyword, from `least` on.
    pub(super) fn find(
        &mut self,
        text: &[u8],
        keyword: usize,
        least: usize,
        complete: bool,
        steps: &mut usize,
        grown: &mut bool,
    ) -> Decided {
        let Some(pattern) = &mut self.pattern else { return Decided::No };
        *grown |= pattern.matcher.is_none();
        let group = pattern.group;
        let end = keyword.saturating_add(LOOK_AHEAD);
        if !complete && end >= text.len() {
            return Decided::Open;
        }
        let start = keyword.saturating_sub(LOOK_BACK).max(least);
        match pattern.matcher() {
            Ok(matcher) => {
                let decided = matcher.find(text, start..end.min(text.len()), steps);
                pattern.checked(text, decided, group)
            }
            Err(_) => Decided::Match { whole: start..text.len(), secret: start..text.len() },
        }
    }
}

impl Pattern {
    fn new(source: Cow<'static, str>) -> Self {
        Self {
            source,
            matcher: None,
            has_literal_begin: false,
            group: 0,
            min_entropy: 0.0,
            check: Check::Nothing,
            allow: Vec::new(),
            stop_words: Vec::new(),
        }
    }

    fn matcher(&mut self) -> Result<&mut Matcher, String> {
        if self.matcher.is_none() {
            self.matcher = Some(Matcher::new(&self.source)?);
        }
        self.matcher.as_mut().ok_or_else(String::new)
    }

    /// Adds the literals that call for this pattern.
    fn announce(
        &mut self,
        keywords: &[String],
        detector: usize,
        literals: &mut Gathered,
    ) -> Result<(), String> {
        let shape = Shape::of(&self.source)?;
        if shape.can_be_empty {
            return Err("the pattern matches the empty text".into());
        }
        if let Some(prefixes) = shape.prefixes {
            self.has_literal_begin = true;
            for prefix in &prefixes {
                literals.add(prefix, Head { detector, role: Role::Begin });
            }
            return Ok(());
        }
        let usable: Vec<_> = keywords.iter().filter(|keyword| keyword.len() >= LEAST).collect();
        if usable.is_empty() {
            return Err(
                "the pattern does not begin with a literal of three characters or more, and \
                        has no keywords; give it `keywords`"
                    .into(),
            );
        }
        for keyword in usable {
            literals.add(keyword.as_bytes(), Head { detector, role: Role::Keyword });
        }
        Ok(())
    }

    /// Holds a match to what is asked of its value beyond the pattern.
    fn checked(&mut self, text: &[u8], decided: Decided, group: usize) -> Decided {
        let Decided::Match { whole, mut secret } = decided else { return decided };
        if group > 0
            && let Some(at) = self.matcher.as_ref().and_then(|matcher| matcher.group(group))
        {
            secret = at;
        }
        let value = text.get(secret.clone()).unwrap_or_default();
        let is_one = (self.min_entropy <= 0.0 || entropy(value) >= self.min_entropy)
            && self.check.holds(value)
            && !self.is_allowed(value);
        if is_one { Decided::Match { whole, secret } } else { Decided::No }
    }

    fn is_allowed(&mut self, value: &[u8]) -> bool {
        let lower = || value.to_ascii_lowercase();
        (!self.stop_words.is_empty() && {
            let lower = lower();
            self.stop_words.iter().any(|word| memchr::memmem::find(&lower, word).is_some())
        }) || self
            .allow
            .iter_mut()
            .any(|allow| !matches!(allow.find(value, 0..value.len(), &mut 0), Decided::No))
    }
}

/// `"name": "value"` and `"name": 123` in text, for JSON that stands within a string.
fn keys_pattern(names: &[String]) -> Result<String, String> {
    let mut quoted = Vec::with_capacity(names.len());
    for name in names {
        if name.is_empty() || name.bytes().any(|byte| byte < 0x20 || matches!(byte, b'"' | b'\\')) {
            return Err(format!("{name:?} is not a name that is looked for"));
        }
        quoted.push(regex_syntax::escape(name));
    }
    if quoted.is_empty() {
        return Err("names no key".into());
    }
    let names = quoted.join("|");
    Ok(format!(
        r#""(?:{names})"\s{{0,8}}:\s{{0,8}}(?:"([^"\\\x00-\x1f]{{1,4000}})"|(-?[0-9][0-9.eE+-]{{0,64}}))"#
    ))
}
