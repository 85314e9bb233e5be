//! Who suggested a line: lines of a file, matched with the lines that models wrote.
//!
//! ```text
//! replay ─▶ suggested lines, by digest ─▶ an index keeps them
//! file   ─▶ digests ─▶ looked up ─▶ runs of lines of one call ─▶ an attribution for each line
//! ```
//!
//! One line says little: `}` is everywhere. Lines weigh by what they say, and neighbours that one
//! call suggested one below the other weigh together. In the path that the call named little weight
//! is enough, elsewhere (a file that was moved, or written by a command) it takes more. What stays
//! below is not attributed.

use crate::digest::Digest;
use crate::files::wanted;
use crate::model::{Outcome, Replay};
use std::collections::HashMap;

/// A line that a model suggested.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SuggestedLine {
    /// What it is found by.
    pub key: LineKey,
    /// The session.
    pub session: String,
    /// Index of the turn.
    pub turn: usize,
    /// Index of the call.
    pub call: usize,
    /// The line's number within what the call suggested, from 0.
    pub line: usize,
    /// The path that the call named.
    pub path: String,
    /// The model.
    pub model: Option<String>,
    /// The person's email, else the subject.
    pub person: String,
    /// When, in Unix milliseconds.
    pub at: i64,
    /// What became of the call.
    pub outcome: Outcome,
}

/// A line's digests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct LineKey {
    /// Of the line less the white space at its end.
    pub exact: Digest,
    /// Of the line less all white space: what to look it up by.
    pub loose: Digest,
    /// How much the line says: its letters and digits, 40 at most.
    pub weight: u32,
}

/// Why a line is believed to be someone's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attribution {
    /// The suggestion.
    pub suggested: SuggestedLine,
    /// Whether it is the line as it was suggested, white space within it included.
    pub exact: bool,
    /// Whether the call named the file.
    pub same_path: bool,
    /// What the run of lines around it weighs.
    pub weight: u32,
}

/// A line says no more than that.
const MOST: u32 = 40;
/// What a run weighs at least in the path that the call named, and elsewhere.
const ENOUGH: u32 = 8;
const ENOUGH_ELSEWHERE: u32 = 48;
/// Suggestions of one line that are looked at.
const CANDIDATES: usize = 64;

/// A line's key; `None` for an empty one.
#[must_use]
pub fn line_key(line: &str) -> Option<LineKey> {
    let line = line.trim_end();
    let loose: String = line.split_whitespace().collect();
    if loose.is_empty() {
        return None;
    }
    let said = loose.chars().filter(|letter| letter.is_alphanumeric()).count();
    Some(LineKey {
        exact: Digest::of([b"exact".as_slice(), line.as_bytes()]),
        loose: Digest::of([b"loose".as_slice(), loose.as_bytes()]),
        weight: u32::try_from(said).unwrap_or(MOST).min(MOST),
    })
}

/// Every line that a session's calls suggested for a file, applied or not.
#[must_use]
pub fn suggested_lines(replay: &Replay) -> Vec<SuggestedLine> {
    let mut lines = Vec::new();
    let session = &replay.session;
    for (index, call) in replay.calls.iter().enumerate() {
        let Some((path, wanted)) = wanted(call, None) else { continue };
        let model = replay.turns.get(call.turn).and_then(|turn| turn.model.clone());
        let texts = wanted.texts();
        // A gap between two edits keeps their lines from being neighbours.
        let numbered = texts.iter().flat_map(|text| text.lines().chain([""])).enumerate();
        for (line, text) in numbered {
            let Some(key) = line_key(text) else { continue };
            lines.push(SuggestedLine {
                key,
                session: session.id.clone(),
                turn: call.turn,
                call: index,
                line,
                path: path.clone(),
                model: model.clone(),
                person: session.email.clone().unwrap_or_else(|| session.subject.clone()),
                at: call.at,
                outcome: call.outcome.clone(),
            });
        }
    }
    lines
}

/// A suggestion of a line, and the run that it is in.
struct Candidate {
    suggested: SuggestedLine,
    exact: bool,
    same_path: bool,
    run: u32,
}

/// The call, and where its first line would stand in the file.
type Diagonal = (String, usize, i64);

/// Attributes a file's lines. `path`: as far as it is known; a call that named the end of it named
/// it. `before`: suggestions from after then are left out. `lookup`: every suggestion with a loose
/// digest.
pub fn attribute(
    lines: &[&str],
    path: &str,
    before: Option<i64>,
    lookup: impl Fn(&LineKey) -> Vec<SuggestedLine>,
) -> Vec<Option<Attribution>> {
    let mut found: Vec<Vec<Candidate>> = Vec::with_capacity(lines.len());
    for line in lines {
        let Some(key) = line_key(line) else {
            found.push(Vec::new());
            continue;
        };
        let in_time = |one: &SuggestedLine| before.is_none_or(|before| one.at <= before);
        let mut suggestions: Vec<_> = lookup(&key).into_iter().filter(in_time).collect();
        suggestions.sort_by_key(|one| (!is_same(path, &one.path), -one.at));
        suggestions.truncate(CANDIDATES);
        let candidates = suggestions.into_iter().map(|suggested| Candidate {
            exact: suggested.key.exact == key.exact,
            same_path: is_same(path, &suggested.path),
            run: key.weight,
            suggested,
        });
        found.push(candidates.collect());
    }
    weigh(lines, &mut found);
    found.into_iter().map(best).collect()
}

/// Gives each candidate the weight of its run: lines of one call that follow each other in the file
/// as they did in the suggestion. Empty lines do not end a run.
fn weigh(lines: &[&str], found: &mut [Vec<Candidate>]) {
    let mut open: HashMap<Diagonal, Vec<(usize, usize)>> = HashMap::new();
    let mut runs: Vec<Vec<(usize, usize)>> = Vec::new();
    for (place, candidates) in found.iter().enumerate() {
        if lines.get(place).is_some_and(|line| line.trim().is_empty()) {
            continue;
        }
        let mut next: HashMap<Diagonal, Vec<(usize, usize)>> = HashMap::new();
        for (index, candidate) in candidates.iter().enumerate() {
            let suggested = &candidate.suggested;
            let offset = place as i64 - suggested.line as i64;
            let diagonal = (suggested.session.clone(), suggested.call, offset);
            let mut run = open.remove(&diagonal).unwrap_or_default();
            run.push((place, index));
            next.insert(diagonal, run);
        }
        runs.extend(open.into_values());
        open = next;
    }
    runs.extend(open.into_values());
    for run in runs {
        let weight = |(place, index): &(usize, usize)| {
            found.get(*place).and_then(|line| line.get(*index)).map_or(0, |one| one.run)
        };
        let total = run.iter().map(weight).fold(0, u32::saturating_add);
        for (place, index) in run {
            if let Some(one) = found.get_mut(place).and_then(|line| line.get_mut(index)) {
                one.run = total;
            }
        }
    }
}

/// The suggestion that a line most likely comes from.
fn best(candidates: Vec<Candidate>) -> Option<Attribution> {
    let enough = |one: &Candidate| one.run >= if one.same_path { ENOUGH } else { ENOUGH_ELSEWHERE };
    let applied = |one: &Candidate| one.suggested.outcome == Outcome::Ran;
    let best = candidates
        .into_iter()
        .filter(enough)
        .max_by_key(|one| (one.same_path, applied(one), one.exact, one.run, one.suggested.at))?;
    let Candidate { suggested, exact, same_path, run } = best;
    Some(Attribution { suggested, exact, same_path, weight: run })
}

/// Whether one path is the other, or its end.
fn is_same(path: &str, other: &str) -> bool {
    let ends = |long: &str, short: &str| {
        long.strip_suffix(short).is_some_and(|start| start.is_empty() || start.ends_with('/'))
    };
    let short = |path: &str| path.trim_start_matches("./").to_owned();
    let (path, other) = (short(path), short(other));
    !path.is_empty() && !other.is_empty() && (ends(&path, &other) || ends(&other, &path))
}

#[cfg(test)]
mod tests;
