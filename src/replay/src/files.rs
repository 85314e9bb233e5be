//! Files as tool calls left them: each change replayed, as far as what was there is on record.
//!
//! A content is known when a call wrote it, or read the whole of it. An edit of a known content that
//! would not have worked there shows that the file was changed from outside: from then on it is
//! unknown. A call that failed or was turned down changes nothing; it is shown as what it would have
//! done.

use crate::calls::Calls;
use crate::diff::unified;
use crate::model::{Before, Change, File, Outcome, ToolCall};
use crate::notebook;
use serde::Deserialize;
use std::collections::{BTreeMap, HashMap};

/// What is known of a file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum State {
    #[default]
    Unknown,
    Absent,
    Known(String),
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Input {
    file_path: Option<String>,
    content: Option<String>,
    #[serde(flatten)]
    edit: Edit,
    edits: Option<Vec<Edit>>,
    offset: Option<serde_json::Value>,
    limit: Option<serde_json::Value>,
    pages: Option<serde_json::Value>,
}

#[derive(Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Edit {
    old_string: Option<String>,
    new_string: Option<String>,
    replace_all: bool,
}

/// Lines that a client reads at most without being asked for a part.
const READ_LINES: usize = 2_000;
/// Characters of a line that it reads at most.
const READ_CHARS: usize = 2_000;

/// Every file that a call wrote or would have written.
pub(crate) fn of(calls: &Calls) -> Vec<File> {
    let mut states: HashMap<String, State> = HashMap::new();
    let mut files: BTreeMap<String, File> = BTreeMap::new();
    for (index, call) in calls.list.iter().enumerate() {
        if call.name == "Read" {
            if let Some((path, content)) = read(call) {
                states.insert(path, State::Known(content));
            }
            continue;
        }
        let Some((path, wanted)) = wanted(call, calls.echoed.get(&index).map(String::as_str))
        else {
            continue;
        };
        let applied = call.outcome == Outcome::Ran;
        let result = call.result.as_ref().map_or("", |result| result.text.as_str());
        let state = states.entry(path.clone()).or_default();
        if applied && result.starts_with("File created successfully") {
            *state = State::Absent;
        }
        let (change, after) = wanted.on(state);
        let file = files.entry(path.clone()).or_insert_with(|| File {
            path,
            changes: Vec::new(),
            content: None,
        });
        file.changes.push(Change { turn: call.turn, call: index, applied, ..change });
        if applied {
            // What a person made of it is not on record.
            *state = if calls.edited.contains(&index) { State::Unknown } else { after };
        }
    }
    let last = |mut file: File| {
        if let Some(State::Known(content)) = states.get(&file.path) {
            file.content = Some(content.clone());
        }
        file
    };
    files.into_values().map(last).collect()
}

/// What a call does to a file.
pub(crate) enum Wanted {
    Write(String),
    Edits(Vec<Edit>),
    Cell(notebook::Cell),
}

/// The file that a call writes, and how; `None` when it writes none, or cannot be read.
pub(crate) fn wanted(call: &ToolCall, echoed: Option<&str>) -> Option<(String, Wanted)> {
    // What ran is what counts; telemetry cuts what is long, so that it is taken only if it differs.
    let ran = call.ran.as_ref().filter(|ran| ran.differs).map(|ran| ran.input.as_str());
    let inputs = [ran, echoed, Some(call.input.as_str())];
    if call.name == "NotebookEdit" {
        return inputs
            .into_iter()
            .flatten()
            .find_map(notebook::cell)
            .map(|(path, cell)| (path, Wanted::Cell(cell)));
    }
    let parsed = |input: &str| serde_json::from_str::<Input>(input).ok();
    let Input { file_path, content, edit, edits, .. } =
        inputs.into_iter().flatten().find_map(parsed)?;
    let wanted = match call.name.as_str() {
        "Write" => Wanted::Write(content?),
        "Edit" => Wanted::Edits(vec![edit]),
        "MultiEdit" => Wanted::Edits(edits?),
        _ => return None,
    };
    Some((file_path?, wanted))
}

impl Wanted {
    /// The change that it makes of a state, and the state after it.
    fn on(self, state: &State) -> (Change, State) {
        let before = match state {
            State::Known(_) => Before::Known,
            State::Absent => Before::Absent,
            State::Unknown => Before::Unknown,
        };
        let content = match state {
            State::Known(content) => content.as_str(),
            State::Absent | State::Unknown => "",
        };
        match self {
            Self::Write(after) => (change(before, content, &after), State::Known(after)),
            Self::Edits(edits) => {
                let start = match state {
                    State::Known(content) => Some(content.clone()),
                    State::Absent => Some(String::new()),
                    State::Unknown => None,
                };
                let done = start.and_then(|start| {
                    edits.iter().try_fold(start, |content, edit| edit.on(&content))
                });
                match done {
                    Some(after) => (change(before, content, &after), State::Known(after)),
                    None => (named(&edits), State::Unknown),
                }
            }
            Self::Cell(cell) => {
                let source = match state {
                    State::Known(notebook) => cell.before(notebook),
                    State::Absent | State::Unknown => None,
                };
                let before = if source.is_some() { Before::Known } else { Before::Unknown };
                let source = source.unwrap_or_default();
                // How the client lays the notebook out anew is not on record.
                (change(before, &source, cell.after()), State::Unknown)
            }
        }
    }
}

/// Edits of a content that is not known, as the differences that they name.
fn named(edits: &[Edit]) -> Change {
    let mut all = change(Before::Unknown, "", "");
    for edit in edits {
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        let one = change(Before::Unknown, &text(&edit.old_string), &text(&edit.new_string));
        all.diff.push_str(&one.diff);
        all.added = all.added.saturating_add(one.added);
        all.removed = all.removed.saturating_add(one.removed);
    }
    all
}

fn change(before: Before, old: &str, new: &str) -> Change {
    let diff = unified(old, new);
    Change {
        turn: 0,
        call: 0,
        applied: false,
        before,
        diff: diff.text,
        added: diff.added,
        removed: diff.removed,
    }
}

impl Edit {
    /// As the client does it; `None` when it would not work there.
    fn on(&self, content: &str) -> Option<String> {
        let (old, new) = (self.old_string.as_deref()?, self.new_string.as_deref()?);
        if old.is_empty() {
            return content.is_empty().then(|| new.to_owned());
        }
        // A text that is taken out takes the end of its line along.
        let line = format!("{old}\n");
        let takes_line = new.is_empty() && !old.ends_with('\n') && content.contains(&line);
        let found = if takes_line { line.as_str() } else { old };
        match content.matches(old).count() {
            0 => None,
            1 => Some(content.replacen(found, new, 1)),
            _ if self.replace_all => Some(content.replace(found, new)),
            _ => None,
        }
    }
}

/// The path and the content of a file that a call read as a whole.
fn read(call: &ToolCall) -> Option<(String, String)> {
    let input: Input = serde_json::from_str(&call.input).ok()?;
    let part = [&input.offset, &input.limit, &input.pages];
    if call.outcome != Outcome::Ran
        || part.into_iter().any(|part| part.as_ref().is_some_and(|part| !part.is_null()))
    {
        return None;
    }
    Some((input.file_path?, numbered(&call.result.as_ref()?.text)?))
}

/// A text whose lines are numbered from 1 (`cat -n`, or with an arrow), behind which a client may
/// remind the model of something.
fn numbered(text: &str) -> Option<String> {
    let mut lines: Vec<&str> = Vec::new();
    let mut rest = text.split('\n');
    while let Some(line) = rest.next() {
        let number = lines.len().checked_add(1)?.to_string();
        let numbered = line.trim_start_matches(' ').strip_prefix(&number);
        match numbered.and_then(|line| line.strip_prefix('\t').or_else(|| line.strip_prefix('→')))
        {
            Some(line) if line.chars().count() < READ_CHARS => lines.push(line),
            Some(_) => return None,
            None => {
                let mut behind =
                    std::iter::once(line).chain(rest).skip_while(|line| line.trim().is_empty());
                if behind.next().is_some_and(|line| !line.starts_with("<system-reminder>")) {
                    return None;
                }
                break;
            }
        }
    }
    (!lines.is_empty() && lines.len() < READ_LINES).then(|| lines.join("\n"))
}

#[cfg(test)]
mod tests;
