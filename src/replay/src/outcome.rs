//! What a tool's result says of what became of the call.
//!
//! The texts are those of Claude Code 2.1 (observed on the wire, and read in its program). A text
//! means a rejection, a denial or an interruption only in a result that is marked as an error:
//! what a command prints is not taken for the client's own word. For models that take no `system`
//! messages, the client's reminders stand behind a result, within its text.

use crate::model::{DecidedBy, Outcome};

/// An outcome, and who decided as far as the text tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Told {
    pub(crate) outcome: Outcome,
    pub(crate) by: Option<DecidedBy>,
    /// Whether the person changed the input before letting it run.
    pub(crate) edited: bool,
}

/// How an error begins, and what it means.
struct Start(&'static str, Meaning);

#[derive(Clone, Copy)]
enum Meaning {
    Rejected,
    Interrupted,
    Invalid,
    Denied(DecidedBy),
}

use Meaning::{Denied, Interrupted, Invalid, Rejected};

/// In this order: the first that fits decides.
const STARTS: &[Start] = &[
    Start("The user doesn't want to proceed with this tool use.", Rejected),
    Start("The user doesn't want to take this action right now.", Rejected),
    Start("User rejected tool use", Rejected),
    Start("[Request interrupted by user", Interrupted),
    Start("Interrupted by user", Interrupted),
    Start("[Tool call skipped", Interrupted),
    Start("[Tool call did not complete", Interrupted),
    Start("<tool_use_error>InputValidationError", Invalid),
    Start("<tool_use_error>Error: No such tool available", Invalid),
    Start("InputValidationError", Invalid),
    Start("PreToolUse:", Denied(DecidedBy::Hook)),
    Start("Permission to ", Denied(DecidedBy::Rule)),
    Start("Permission for ", Denied(DecidedBy::Rule)),
    Start("This command requires approval", Denied(DecidedBy::Rule)),
    Start("Claude requested permissions to ", Denied(DecidedBy::Rule)),
];

/// What stands somewhere in a first line that says no.
const DENIALS: &[&str] = &[" needs approval. ", " requires approval", " has been denied."];

/// How a reminder begins and ends.
const REMINDER: (&str, &str) = ("<system-reminder>\n", "</system-reminder>");

/// What stands before a person's own words.
const FEEDBACK: &str = "the user said:\n";
/// What follows them.
const AFTER_FEEDBACK: &str = "\n\nNote: The user's next message may contain";

/// What a result says. `tool`: the tool's name.
pub(crate) fn told(tool: &str, is_error: bool, text: &str) -> Told {
    let text = unreminded(text).trim();
    let edited = text.contains("The user modified your proposed ");
    if !is_error {
        return Told { outcome: Outcome::Ran, by: edited.then_some(DecidedBy::Person), edited };
    }
    let reason = || unwrapped(text).to_owned();
    let meaning =
        STARTS.iter().find(|Start(start, _)| text.starts_with(start)).map(|found| found.1);
    let first_line = text.lines().next().unwrap_or_default();
    let denial = || DENIALS.iter().any(|words| first_line.contains(words)) && code(text).is_none();
    let (outcome, by) = match meaning {
        Some(Rejected) => (Outcome::Rejected { feedback: feedback(text) }, Some(DecidedBy::Person)),
        Some(Interrupted) => (Outcome::Interrupted, Some(DecidedBy::Person)),
        Some(Invalid) => (Outcome::Invalid { reason: reason() }, None),
        Some(Denied(by)) => (Outcome::Denied { reason: reason() }, Some(by)),
        None if denial() => (Outcome::Denied { reason: reason() }, Some(DecidedBy::Rule)),
        None if tool == "Bash"
            && text.ends_with("<error>Command was aborted before completion</error>") =>
        {
            (Outcome::Interrupted, Some(DecidedBy::Person))
        }
        None => (Outcome::Failed { code: code(text) }, None),
    };
    Told { outcome, by, edited }
}

/// A command's exit code: `Exit code 3` stands alone in the first line.
pub(crate) fn code(text: &str) -> Option<i32> {
    text.lines().next()?.strip_prefix("Exit code ")?.trim().parse().ok()
}

/// A result, less the reminders that the client put behind it.
pub(crate) fn unreminded(text: &str) -> &str {
    let mut text = text.trim_end();
    while let Some(start) = text.strip_suffix(REMINDER.1).and_then(|text| text.rfind(REMINDER.0)) {
        let (before, _) = text.split_at(start);
        if !(before.is_empty() || before.ends_with('\n')) {
            break;
        }
        text = before.trim_end();
    }
    text
}

/// A command's output, less the line that tells its exit code.
pub(crate) fn output(text: &str) -> &str {
    let text = unreminded(text);
    match code(text) {
        Some(_) => text.split_once('\n').map_or("", |(_, output)| output),
        None => text,
    }
}

fn feedback(text: &str) -> Option<String> {
    let (_, words) = text.split_once(FEEDBACK)?;
    let words = words.split_once(AFTER_FEEDBACK).map_or(words, |(words, _)| words).trim();
    (!words.is_empty()).then(|| words.to_owned())
}

fn unwrapped(text: &str) -> &str {
    let inner = text.strip_prefix("<tool_use_error>").unwrap_or(text);
    inner.strip_suffix("</tool_use_error>").unwrap_or(inner).trim()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_text_of_the_client_is_known() {
        let denied = |reason: &str| Outcome::Denied { reason: reason.into() };
        let invalid = |reason: &str| Outcome::Invalid { reason: reason.into() };
        let rejected = |words: Option<&str>| Outcome::Rejected { feedback: words.map(Into::into) };
        let failed = |code| Outcome::Failed { code };
        let (person, rule, hook) =
            (Some(DecidedBy::Person), Some(DecidedBy::Rule), Some(DecidedBy::Hook));
        for (tool, is_error, text, outcome, by) in [
            ("Bash", false, "hello", Outcome::Ran, None),
            ("Bash", true, "Exit code 3\noops", failed(Some(3)), None),
            ("Bash", true, "Exit code 143", failed(Some(143)), None),
            ("Write", false, "File created successfully at: /w/a", Outcome::Ran, None),
            (
                "Edit",
                true,
                "<tool_use_error>String to replace not found in file.</tool_use_error>",
                failed(None),
                None,
            ),
            (
                "Bash",
                true,
                "The user doesn't want to proceed with this tool use. The tool use was rejected (eg. if it was a file edit, the new_string was NOT written to the file). STOP what you are doing and wait for the user to tell you how to proceed.",
                rejected(None),
                person,
            ),
            (
                "Edit",
                true,
                "The user doesn't want to proceed with this tool use. The tool use was rejected (eg. if it was a file edit, the new_string was NOT written to the file). To tell you how to proceed, the user said:\nuse tabs\n",
                rejected(Some("use tabs")),
                person,
            ),
            (
                "Edit",
                true,
                "The user doesn't want to proceed with this tool use. To tell you how to proceed, the user said:\nno\n\nNote: The user's next message may contain a correction",
                rejected(Some("no")),
                person,
            ),
            (
                "Bash",
                true,
                "[Request interrupted by user for tool use]",
                Outcome::Interrupted,
                person,
            ),
            (
                "Bash",
                true,
                "partial\n<error>Command was aborted before completion</error>",
                Outcome::Interrupted,
                person,
            ),
            (
                "Bash",
                true,
                "<tool_use_error>InputValidationError: Bash failed due to the following issue</tool_use_error>",
                invalid("InputValidationError: Bash failed due to the following issue"),
                None,
            ),
            (
                "X",
                true,
                "<tool_use_error>Error: No such tool available: X</tool_use_error>",
                invalid("Error: No such tool available: X"),
                None,
            ),
            (
                "Bash",
                true,
                "PreToolUse:Bash hook error: [./no.sh]: no such commands here\n",
                denied("PreToolUse:Bash hook error: [./no.sh]: no such commands here"),
                hook,
            ),
            (
                "Bash",
                true,
                "Permission to use Bash with command rm has been denied.",
                denied("Permission to use Bash with command rm has been denied."),
                rule,
            ),
            (
                "Bash",
                true,
                "This command requires approval",
                denied("This command requires approval"),
                rule,
            ),
            (
                "Write",
                true,
                "Claude requested permissions to write to /w/a, but you haven't granted it yet.",
                denied(
                    "Claude requested permissions to write to /w/a, but you haven't granted it yet.",
                ),
                rule,
            ),
            (
                "Bash",
                true,
                "touch in '/w/a' needs approval. The path is inside the working directories",
                denied(
                    "touch in '/w/a' needs approval. The path is inside the working directories",
                ),
                rule,
            ),
        ] {
            let told = told(tool, is_error, text);
            assert_eq!((told.outcome, told.by), (outcome, by), "{text}");
        }
    }

    #[test]
    fn what_a_command_prints_is_not_the_clients_word() {
        for text in [
            "The user doesn't want to proceed with this tool use. The tool use was rejected",
            "Permission to use Bash has been denied.",
            "[Request interrupted by user]",
        ] {
            assert_eq!(told("Bash", false, text).outcome, Outcome::Ran, "{text}");
            let failed = format!("Exit code 1\n{text}");
            assert_eq!(told("Bash", true, &failed).outcome, Outcome::Failed { code: Some(1) });
        }
    }

    #[test]
    fn reminders_behind_a_result_are_the_clients() {
        let left =
            "<system-reminder>\n<total_tokens>9 tokens left</total_tokens>\n</system-reminder>";
        let task = "<system-reminder>\nThe task tools.\n\n</system-reminder>";
        for (text, own) in [
            (format!("out\n\n{left}"), "out"),
            (format!("Exit code 3\nout\n\n{task}\n\n{left}\n"), "Exit code 3\nout"),
            (left.to_owned(), ""),
            (
                format!("out {left}"),
                "out <system-reminder>\n<total_tokens>9 tokens left</total_tokens>\n</system-reminder>",
            ),
            (
                format!("{left}\nout"),
                "<system-reminder>\n<total_tokens>9 tokens left</total_tokens>\n</system-reminder>\nout",
            ),
            ("out".to_owned(), "out"),
        ] {
            assert_eq!(unreminded(&text), own, "{text}");
        }
        let denied = format!("Permission to use Bash has been denied.\n\n{left}");
        let reason = "Permission to use Bash has been denied.".to_owned();
        assert_eq!(told("Bash", true, &denied).outcome, Outcome::Denied { reason });
        assert_eq!(output(&format!("Exit code 3\nout\n\n{left}")), "out");
    }

    #[test]
    fn an_edit_by_the_person_is_noticed() {
        let text = "The file /w/a has been updated.  The user modified your proposed changes before accepting them. ";
        let told = told("Edit", false, text);
        assert!(told.edited && told.outcome == Outcome::Ran && told.by == Some(DecidedBy::Person));
    }

    #[test]
    fn output_is_what_follows_the_code() {
        assert_eq!(output("Exit code 3\na\nb"), "a\nb");
        assert_eq!(output("Exit code 3"), "");
        assert_eq!(output("Exit code three\na"), "Exit code three\na");
    }
}
