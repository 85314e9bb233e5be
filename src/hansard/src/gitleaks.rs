//! A file of rules in gitleaks' TOML format as redaction rules of a policy.
//!
//! Enters: the file's text. Leaves: `redact.custom` entries that the gateway takes, proven by its own
//! redactor, and a note for each thing that could not be taken over. What is not understood never
//! makes a rule find less: an exemption that cannot be followed is left out, a condition too.
//!
//! ```text
//! [[rules]] id regex secretGroup entropy keywords   ─▶  id pattern group min_entropy keywords
//!           allowlists: regexes stopwords           ─▶  allow stop_words
//!           path, commits, regexTarget, required    ─▶  a note
//! ```
//!
//! Keywords mean a little less there: gitleaks looks for them anywhere in the file, and this gateway
//! near the match, and only where the pattern itself does not begin with a literal.

mod re2;

use hansard_core::config::Policy;
use hansard_core::config::raw::{self, RawCustom};
use hansard_core::redaction::{Keys, Redactor};
use serde::Deserialize;
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};
use toml::{Table, Value};

/// Shorter keywords are not looked for, bytes.
const LEAST_KEYWORD: usize = 3;
/// Said of a rule that such a keyword does not help.
const SHORT_KEYWORDS: &str = " (keywords under three characters do not count)";
/// The longest name of a rule, bytes.
const MOST_ID: usize = 80;
/// What stands before a name that is taken.
const PREFIX: &str = "gitleaks-";

/// What came of a file.
#[derive(Debug)]
pub(crate) struct Imported {
    /// Rules, each of which the gateway takes.
    pub(crate) rules: Vec<RawCustom>,
    /// What was left out: one sentence each, which begins with the rule.
    pub(crate) notes: Vec<String>,
}

/// Turns a file's rules into a policy's. `taken`: names that other rules have.
///
/// # Errors
/// What is wrong with a file that is not in this format: one sentence.
pub(crate) fn import(
    text: &str,
    action: &str,
    taken: BTreeSet<String>,
) -> Result<Imported, String> {
    let table: Table = toml::from_str(text).map_err(|error| {
        let message = error.message();
        match error.span().and_then(|span| text.get(..span.start)) {
            Some(before) => format!("line {}: {message}", before.matches('\n').count() + 1),
            None => message.to_owned(),
        }
    })?;
    let file: File = serde_path_to_error::deserialize(lower_keys(Value::Table(table)))
        .map_err(|error| format!("{}: {}", error.path(), error.inner().message()))?;
    let mut import =
        Import { action, taken, exemptions: BTreeMap::new(), rules: Vec::new(), notes: Vec::new() };
    import.file(file);
    Ok(Imported { rules: import.rules, notes: import.notes })
}

/// The file. Its keys are written in any case, as gitleaks reads them.
#[derive(Deserialize)]
struct File {
    #[serde(default)]
    rules: Vec<Rule>,
    allowlist: Option<Allowlist>,
    #[serde(default)]
    allowlists: Vec<Allowlist>,
    #[serde(flatten)]
    rest: BTreeMap<String, Value>,
}

#[derive(Deserialize)]
struct Rule {
    #[serde(default)]
    id: String,
    regex: Option<String>,
    path: Option<String>,
    #[serde(default)]
    secretgroup: usize,
    entropy: Option<f32>,
    #[serde(default)]
    keywords: Vec<String>,
    #[serde(default)]
    skipreport: bool,
    allowlist: Option<Allowlist>,
    #[serde(default)]
    allowlists: Vec<Allowlist>,
    #[serde(flatten)]
    rest: BTreeMap<String, Value>,
}

#[derive(Deserialize)]
struct Allowlist {
    #[serde(default)]
    condition: String,
    #[serde(default)]
    commits: Vec<String>,
    #[serde(default)]
    paths: Vec<String>,
    #[serde(default)]
    regextarget: String,
    #[serde(default)]
    regexes: Vec<String>,
    #[serde(default)]
    stopwords: Vec<String>,
    /// Of a list for the whole file: the rules that it is for; none is all.
    #[serde(default)]
    targetrules: Vec<String>,
    #[serde(flatten)]
    rest: BTreeMap<String, Value>,
}

/// Of allowlists, what this gateway can follow.
#[derive(Debug, Default)]
struct Allowed {
    regexes: Vec<String>,
    stop_words: Vec<String>,
    targets: Vec<String>,
}

/// Keys that say nothing about what is found.
const SILENT: [&str; 5] = ["title", "description", "tags", "minversion", "version"];

struct Import<'a> {
    action: &'a str,
    taken: BTreeSet<String>,
    /// Patterns of allowlists as the gateway takes them, or why it does not.
    exemptions: BTreeMap<String, Result<String, String>>,
    rules: Vec<RawCustom>,
    notes: Vec<String>,
}

impl Import<'_> {
    fn file(&mut self, file: File) {
        let File { rules, allowlist, allowlists, rest } = file;
        for key in unknown(&rest) {
            let cure = if key == "extend" {
                "is not followed: put the rules that it names into this file; Hansard's own are \
                 `redact.secrets`"
            } else {
                "is not known and left out"
            };
            self.notes.push(format!("the file: `{key}` {cure}"));
        }
        let everywhere = self.allowlists("the file", allowlist, allowlists);
        for (at, rule) in rules.into_iter().enumerate() {
            self.rule(at, rule, &everywhere);
        }
    }

    fn rule(&mut self, at: usize, rule: Rule, everywhere: &[Allowed]) {
        let Rule {
            id,
            regex,
            path,
            secretgroup,
            entropy,
            keywords,
            skipreport,
            allowlist,
            allowlists,
            rest,
        } = rule;
        let whose = if id.is_empty() { format!("rules[{at}]") } else { format!("rule {id:?}") };
        let out = match (&*id, &regex, &path) {
            ("", _, _) => Some("it has no `id`"),
            (_, None, Some(_)) => Some("it goes by `path` alone, and no files pass here"),
            (_, None, None) => Some("it has no `regex`"),
            _ if skipreport => Some("`skipReport`: it serves only what other rules `require`"),
            _ => None,
        };
        let regex = match (out, regex) {
            (None, Some(regex)) => regex,
            (why, _) => {
                self.notes.push(format!("{whose}: left out: {}", why.unwrap_or_default()));
                return;
            }
        };
        let pattern = match re2::translate(&regex) {
            Ok(pattern) => pattern,
            Err(why) => {
                self.notes.push(format!("{whose}: left out: its `regex`: {why}"));
                return;
            }
        };
        if path.is_some() {
            self.notes.push(format!(
                "{whose}: imported without `path`: it is looked for everywhere, as no files pass \
                 here"
            ));
        }
        for key in unknown(&rest) {
            let what = match key {
                "required" => "it is found without what it requires nearby",
                _ => "it is not known",
            };
            self.notes.push(format!("{whose}: imported without `{key}`: {what}"));
        }
        let own = self.allowlists(&whose, allowlist, allowlists);
        let global =
            everywhere.iter().filter(|list| list.targets.is_empty() || list.targets.contains(&id));
        let mut rule = RawCustom {
            keywords,
            min_entropy: entropy.filter(|entropy| *entropy > 0.0),
            group: (secretgroup > 0).then_some(secretgroup),
            ..custom(&self.name(&id), self.action, &pattern)
        };
        if let Some(why) = fault(&rule) {
            let has_short = rule.keywords.iter().any(|word| is_short(word));
            let short = if has_short { SHORT_KEYWORDS } else { "" };
            self.notes.push(format!("{whose}: left out: {why}{short}"));
            return;
        }
        self.check_keywords(&whose, &rule);
        for list in own.iter().chain(global) {
            rule.stop_words.extend(list.stop_words.iter().cloned());
            for regex in &list.regexes {
                self.allow(&whose, &mut rule, regex);
            }
        }
        if rule.id != id {
            self.taken.insert(id);
        }
        self.taken.insert(rule.id.clone());
        self.rules.push(rule);
    }

    /// Adds a pattern that exempts values, if the gateway takes it.
    fn allow(&mut self, whose: &str, rule: &mut RawCustom, regex: &str) {
        let exemption = self.exemptions.entry(regex.to_owned()).or_insert_with(|| {
            let pattern = re2::translate(regex)?;
            let probe = custom("probe", self.action, "probe");
            match fault(&RawCustom { allow: vec![pattern.clone()], ..probe }) {
                None => Ok(pattern),
                Some(why) => Err(why),
            }
        });
        match exemption {
            Ok(pattern) => rule.allow.push(pattern.clone()),
            Err(why) => self
                .notes
                .push(format!("{whose}: imported without an allowlist's regex {regex:?}: {why}")),
        }
    }

    /// A keyword too short to look for loses what stands with it alone.
    fn check_keywords(&mut self, whose: &str, rule: &RawCustom) {
        let short = rule.keywords.iter().filter(|word| is_short(word));
        let short: Vec<_> = short.map(|word| format!("{word:?}")).collect();
        // With a literal begin the pattern needs none.
        if !short.is_empty() && fault(&RawCustom { keywords: Vec::new(), ..rule.clone() }).is_some()
        {
            self.notes.push(format!(
                "{whose}: imported without the keyword {}: under {LEAST_KEYWORD} characters it is not \
                 looked for, and what stands with no other keyword is not found",
                short.join(", ")
            ));
        }
    }

    fn allowlists(
        &mut self,
        whose: &str,
        one: Option<Allowlist>,
        more: Vec<Allowlist>,
    ) -> Vec<Allowed> {
        let named = one.into_iter().map(|list| ("allowlist".to_owned(), list));
        let more = more.into_iter().enumerate();
        let lists = named.chain(more.map(|(at, list)| (format!("allowlists[{at}]"), list)));
        lists
            .map(|(name, list)| self.allowlist(&format!("{whose}: imported without `{name}"), list))
            .collect()
    }

    /// Of a list, what exempts values by what they are. `without`: how its notes begin.
    fn allowlist(&mut self, without: &str, list: Allowlist) -> Allowed {
        let Allowlist {
            condition,
            commits,
            paths,
            regextarget,
            regexes,
            stopwords,
            targetrules,
            rest,
        } = list;
        let criteria =
            [!commits.is_empty(), !paths.is_empty(), !regexes.is_empty(), !stopwords.is_empty()];
        let wants_all = matches!(condition.to_ascii_uppercase().as_str(), "AND" | "&&");
        if wants_all && criteria.iter().filter(|is_there| **is_there).count() > 1 {
            self.notes.push(format!(
                "{without}`: with `condition = \"{condition}\"` it exempts less than each part of it \
                 would"
            ));
            return Allowed::default();
        }
        let mut note = |key: &str, why: &str| self.notes.push(format!("{without}.{key}`: {why}"));
        if !paths.is_empty() {
            note("paths", "no files pass here");
        }
        if !commits.is_empty() {
            note("commits", "no commits pass here");
        }
        for key in unknown(&rest) {
            note(key, "it is not known");
        }
        let is_of_secret = matches!(regextarget.to_ascii_lowercase().as_str(), "" | "secret");
        if !is_of_secret && !regexes.is_empty() {
            note(
                "regexes",
                &format!("`regexTarget = \"{regextarget}\"`: only the secret is compared"),
            );
        }
        Allowed {
            regexes: if is_of_secret { regexes } else { Vec::new() },
            stop_words: stopwords,
            targets: targetrules,
        }
    }

    /// A name as a policy takes it, that no other rule has.
    fn name(&self, id: &str) -> String {
        let mut name = String::new();
        for c in id.chars() {
            match c.to_ascii_lowercase() {
                c @ ('a'..='z' | '0'..='9') => name.push(c),
                _ if name.is_empty() || name.ends_with('-') => {}
                _ => name.push('-'),
            }
        }
        let name = name.trim_end_matches('-');
        let cut = |name: &str, most: usize| name.get(..most).unwrap_or(name).to_owned();
        let plain = cut(name, MOST_ID);
        let free = |name: &String| !name.is_empty() && !self.taken.contains(name);
        if free(&plain) {
            return plain;
        }
        let prefixed = format!("{PREFIX}{}", cut(name, MOST_ID - PREFIX.len() - 5));
        let numbered = (2_u32..).map(|n| format!("{prefixed}-{n}"));
        std::iter::once(prefixed.clone()).chain(numbered).find(free).unwrap_or(prefixed)
    }
}

fn is_short(keyword: &str) -> bool {
    keyword.len() < LEAST_KEYWORD
}

/// A rule with a pattern, and nothing else.
fn custom(id: &str, action: &str, pattern: &str) -> RawCustom {
    RawCustom {
        id: id.to_owned(),
        action: action.to_owned(),
        pattern: Some(pattern.to_owned()),
        keywords: Vec::new(),
        min_entropy: None,
        group: None,
        allow: Vec::new(),
        stop_words: Vec::new(),
        literals: Vec::new(),
        keys: Vec::new(),
    }
}

/// Why the gateway does not take a rule, as it would say itself.
fn fault(rule: &RawCustom) -> Option<String> {
    let policy = json!({
        "version": 1, "access": [], "redact": { "secrets": "off", "custom": [rule] },
    });
    let made = raw::read(policy).and_then(|raw| {
        let policy = Policy::new(raw, b"").map_err(|error| error.to_string())?;
        let keys = Keys { placeholders: crate::redact::TRIAL_KEY, seen: [0; 16] };
        Redactor::new(&policy.redact, keys).map_err(|error| error.to_string())
    });
    let error = made.err()?;
    let named = format!("redact: {}: ", rule.id);
    Some(error.strip_prefix(&named).unwrap_or(&error).to_owned())
}

/// Keys of a table that are not read, and should have been.
fn unknown(rest: &BTreeMap<String, Value>) -> impl Iterator<Item = &str> {
    rest.keys().map(String::as_str).filter(|key| !SILENT.contains(key))
}

/// gitleaks reads its keys in any case.
fn lower_keys(value: Value) -> Value {
    match value {
        Value::Table(table) => Value::Table(
            table.into_iter().map(|(key, value)| (key.to_lowercase(), lower_keys(value))).collect(),
        ),
        Value::Array(list) => Value::Array(list.into_iter().map(lower_keys).collect()),
        other => other,
    }
}

#[cfg(test)]
mod tests;
