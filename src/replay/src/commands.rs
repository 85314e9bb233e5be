//! Shell commands, and the commits that they made.
//!
//! Output and exit code are in the result that the client tells the model. A command that ran without
//! one exited with 0, as Claude Code says of others that they failed; but not of those whose 1 only
//! says "no" (`grep`, `diff`, …): their code is not known. `git commit` prints
//! `[branch abc1234] subject`.

use crate::model::{Command, Commit, Outcome, ToolCall};
use crate::outcome;
use crate::telemetry::Confirmed;
use serde::Deserialize;
use std::collections::HashMap;

/// A shell tool's input. Values of another type are a command that did not run.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Input {
    command: Option<String>,
    description: Option<String>,
    run_in_background: Option<bool>,
}

/// How the result of a command in the background begins.
const BACKGROUND: [&str; 3] = [
    "Command running in background",
    "Command was moved to the background",
    "Command was manually backgrounded",
];

/// Every command of the calls, and every commit.
pub(crate) fn of(
    calls: &[ToolCall],
    confirmed: &HashMap<String, Confirmed>,
) -> (Vec<Command>, Vec<Commit>) {
    let (mut commands, mut commits) = (Vec::new(), Vec::new());
    for (index, call) in calls.iter().enumerate().filter(|(_, call)| is_shell(&call.name)) {
        let Ok(Input { command: Some(command), description, run_in_background }) =
            serde_json::from_str(&call.input)
        else {
            continue;
        };
        let ran =
            matches!(call.outcome, Outcome::Ran | Outcome::Failed { .. } | Outcome::Interrupted);
        let text = call.result.as_ref().filter(|_| ran).map(|result| result.text.as_str());
        let background = run_in_background == Some(true)
            || text.is_some_and(|text| BACKGROUND.iter().any(|start| text.starts_with(start)));
        let exit = match &call.outcome {
            Outcome::Ran if !background && !says_no(&command) => Some(0),
            Outcome::Failed { code } => *code,
            _ => None,
        };
        if let Some(text) = text {
            let known = confirmed.get(&call.id).and_then(|told| told.commit.as_deref());
            commits.extend(made(&command, outcome::output(text), known).map(
                |(id, branch, subject)| Commit {
                    id,
                    branch,
                    subject,
                    turn: call.turn,
                    call: index,
                },
            ));
        }
        commands.push(Command {
            turn: call.turn,
            call: index,
            command,
            description,
            output: text.map(|text| outcome::output(text).to_owned()),
            exit,
            duration_ms: call.duration_ms,
            background,
        });
    }
    (commands, commits)
}

/// Whether an exit code of 1 is no failure of the command that decides over the code.
fn says_no(command: &str) -> bool {
    let last = command.split(['|', ';', '&', '\n']).map(str::trim).rfind(|part| !part.is_empty());
    let name = last.and_then(|last| last.split_whitespace().next()).unwrap_or_default();
    let name = name.rsplit('/').next().unwrap_or_default();
    ["grep", "egrep", "fgrep", "rg", "find", "diff", "test", "["].contains(&name)
}

fn is_shell(name: &str) -> bool {
    matches!(name, "Bash" | "PowerShell" | "BashTool")
}

/// Commits that git printed: id, branch and subject. A command that does not name git made none,
/// whatever it printed.
fn made<'a>(
    command: &str,
    output: &'a str,
    known: Option<&'a str>,
) -> impl Iterator<Item = (String, String, String)> + 'a {
    let is_git = known.is_some() || command.contains("git");
    output.lines().filter(move |_| is_git).filter_map(|line| {
        let (head, subject) = line.strip_prefix('[')?.split_once("] ")?;
        let (branch, id) = head.rsplit_once(' ')?;
        let branch = branch.strip_suffix(" (root-commit)").unwrap_or(branch);
        let is_id = (7..=40).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_hexdigit());
        is_id.then(|| (id.to_owned(), branch.to_owned(), subject.to_owned()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::calls::Calls;
    use crate::model::CallResult;

    fn ran(input: &str, is_error: bool, text: &str) -> (Vec<Command>, Vec<Commit>) {
        let mut calls = Calls::default();
        calls.suggested("t", "Bash", input, 0, 1);
        calls.result(
            "t",
            CallResult { turn: 1, at: 2, is_error, text: text.into() },
            "tool_result",
        );
        of(&calls.list, &HashMap::new())
    }

    #[test]
    fn commands_tell_output_and_exit() {
        for (input, is_error, text, output, exit, background) in [
            (r#"{"command":"ls"}"#, false, "a\nb", Some("a\nb"), Some(0), false),
            (r#"{"command":"ls | /bin/grep x"}"#, false, "", Some(""), None, false),
            (r#"{"command":"x"}"#, true, "Exit code 3\noops", Some("oops"), Some(3), false),
            (
                r#"{"command":"x"}"#,
                true,
                "Permission to use Bash has been denied.",
                None,
                None,
                false,
            ),
            (
                r#"{"command":"x","run_in_background":true}"#,
                false,
                "Command running in background with ID: b1.",
                Some("Command running in background with ID: b1."),
                None,
                true,
            ),
        ] {
            let (commands, _) = ran(input, is_error, text);
            let command = &commands[0];
            assert_eq!(
                (command.output.as_deref(), command.exit, command.background),
                (output, exit, background),
                "{input}"
            );
        }
        assert!(ran(r#"{"command":5}"#, true, "<tool_use_error>InputValidationError").0.is_empty());
    }

    #[test]
    fn commits_are_what_git_prints() {
        let git = r#"{"command":"git commit -m x"}"#;
        for (input, text, found) in [
            (git, "[main bcf85db] Add f\n 1 file changed", Some(("bcf85db", "main", "Add f"))),
            (git, "[main (root-commit) bcf85db] Add f", Some(("bcf85db", "main", "Add f"))),
            (git, "[detached HEAD bcf85db0] Fix", Some(("bcf85db0", "detached HEAD", "Fix"))),
            (git, "[main not-hex] Add f", None),
            (git, "[1/2] step", None),
            (r#"{"command":"cat log"}"#, "[main bcf85db] Add f", None),
        ] {
            let (_, commits) = ran(input, false, text);
            let commit = commits.first();
            let commit = commit.map(|commit| {
                (commit.id.as_str(), commit.branch.as_str(), commit.subject.as_str())
            });
            assert_eq!(commit, found, "{text}");
        }
        assert!(ran(git, true, "Permission to use Bash has been denied.").1.is_empty());
    }
}
