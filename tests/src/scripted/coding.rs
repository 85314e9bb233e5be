//! The `claude_code` script: leads the real Claude Code through one short session.
//!
//! The step follows from the history alone (how many tool results it holds), so that retries,
//! resumed sessions and the fallback without streaming all continue where they are. Requests
//! beside the session (titles, quota checks, web search) offer no such tools or ask for few
//! tokens; they get a line of text. The option `part` chooses another session: `audit` has
//! something of everything, `agent` is what an agent does in it, `after` goes on behind a summary.

use super::asked::Asked;
use super::call::Call;
use super::ids::Ids;
use super::message::{Message, quote};
use super::step::Step;

pub(super) const NAME: &str = "claude_code";

/// Below this, `max_tokens` leaves no room for a turn of the session.
const SMALL: u64 = 1024;

/// What asks for a summary of the conversation.
const SUMMARISE: &str = "Your task is to create a detailed summary";

/// Bytes per piece of tool input.
const PIECE: usize = 12;

pub(super) fn steps(call: &Call, asked: &Asked, ids: Ids) -> Vec<Step> {
    let message = Message::start(ids, asked);
    let dir = call.text("dir").unwrap_or("/tmp");
    if asked.last_user_texts().iter().any(|text| text.contains(SUMMARISE)) {
        let summary = format!("<summary>All was done. [[{NAME}?part=after]]</summary>");
        return message.text([summary]).stop("end_turn");
    }
    let step = match call.text("part") {
        None => session(dir, asked.tool_results()),
        Some("audit") => audited(dir, asked.tool_results()),
        Some("agent") => (asked.tool_results() == 0).then(|| {
            ("I look.", "Bash", r#"{"command":"ls","description":"List files"}"#.to_owned())
        }),
        Some(_) => None,
    };
    let Some((said, tool, input)) = step else {
        return message.text(["done."]).stop("end_turn");
    };
    if asked.max_tokens < SMALL || !asked.tools.iter().any(|offered| offered == tool) {
        return message.text(["Say ", "hello"]).stop("end_turn");
    }
    message.text([said]).tool(tool, &input, PIECE).stop("tool_use")
}

/// What is said, the tool and its input; `None` when the work is done.
type Suggestion = Option<(&'static str, &'static str, String)>;

/// The short session.
fn session(dir: &str, results: usize) -> Suggestion {
    let file = quote(&format!("{dir}/hello.txt"));
    Some(match results {
        0 => (
            "I will say hello.",
            "Bash",
            r#"{"command":"echo hello from hansard","description":"Say hello"}"#.to_owned(),
        ),
        1 => (
            "Now I write a file.",
            "Write",
            format!(r#"{{"file_path":{file},"content":"hello\n"}}"#),
        ),
        2 => (
            "Now I change it.",
            "Edit",
            format!(r#"{{"file_path":{file},"old_string":"hello","new_string":"goodbye"}}"#),
        ),
        _ => return None,
    })
}

/// A session with something of everything that an auditor asks for: a failure, a commit, calls that
/// a hook and a rule turn down, an agent.
fn audited(dir: &str, results: usize) -> Suggestion {
    let file = quote(&format!("{dir}/hello.txt"));
    let bash =
        |command: &str| format!(r#"{{"description":"As told","command":{}}}"#, quote(command));
    Some(match results {
        0 => ("I will say hello.", "Bash", bash("echo hello from hansard")),
        1 => ("Now something fails.", "Bash", bash("echo oops; exit 3")),
        2 => (
            "Now I write a file.",
            "Write",
            format!(r#"{{"content":"hello  \nworld\n","file_path":{file}}}"#),
        ),
        3 => (
            "Now I change it.",
            "Edit",
            format!(r#"{{"new_string":"goodbye","old_string":"hello","file_path":{file}}}"#),
        ),
        4 => (
            "Now I commit it.",
            "Bash",
            bash(
                "git init -q -b main . && git add hello.txt && git -c user.name=a -c user.email=a@b commit -m 'Say goodbye'",
            ),
        ),
        5 => ("A hook is against this.", "Bash", bash("echo against the hook")),
        6 => ("A rule is against this.", "Bash", bash("echo against the rule")),
        7 => (
            "Now somebody else looks.",
            "Agent",
            format!(
                r#"{{"description":"Look around","prompt":"[[{NAME}?part=agent]] List the files.","subagent_type":"general-purpose","run_in_background":false}}"#
            ),
        ),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::super::assemble::Assembly;
    use super::*;

    fn played(results: usize, tools: &str) -> serde_json::Value {
        called("claude_code?dir=/w", results, tools)
    }

    fn called(name: &str, results: usize, tools: &str) -> serde_json::Value {
        let result = r#"{"role":"user","content":[{"type":"tool_result"}]}"#;
        let messages = vec![result; results].join(",");
        let body = format!(r#"{{"messages":[{messages}],"tools":{tools}}}"#);
        let asked = Asked::parse(body.as_bytes()).unwrap();
        let call = Call::parse(name);
        Assembly::of(&steps(&call, &asked, Ids { number: 3 })).message()
    }

    #[test]
    fn history_leads_from_tool_to_tool() {
        let tools = r#"[{"name":"Bash"},{"name":"Write"},{"name":"Edit"}]"#;
        for (results, name) in ["Bash", "Write", "Edit"].into_iter().enumerate() {
            let message = played(results, tools);
            assert_eq!(message["content"][1]["name"], name);
            assert_eq!(message["stop_reason"], "tool_use");
        }
        assert_eq!(played(1, tools)["content"][1]["input"]["file_path"], "/w/hello.txt");
        assert_eq!(played(3, tools)["content"][0]["text"], "done.");
    }

    #[test]
    fn the_other_parts_lead_through_their_sessions() {
        let tools = r#"[{"name":"Bash"},{"name":"Write"},{"name":"Edit"},{"name":"Agent"}]"#;
        let name = |part: &str, results| {
            called(&format!("claude_code?dir=/w&part={part}"), results, tools)["content"][1]["name"]
                .clone()
        };
        for (results, tool) in ["Bash", "Bash", "Write", "Edit", "Bash", "Bash", "Bash", "Agent"]
            .into_iter()
            .enumerate()
        {
            assert_eq!(name("audit", results), tool);
        }
        assert_eq!(name("audit", 8), serde_json::Value::Null);
        assert_eq!((name("agent", 0), name("agent", 1)), ("Bash".into(), serde_json::Value::Null));
        assert_eq!(name("after", 0), serde_json::Value::Null);
    }

    #[test]
    fn side_requests_get_text() {
        let message = played(0, "[]");
        assert_eq!(message["content"].as_array().unwrap().len(), 1);
        assert_eq!(message["stop_reason"], "end_turn");
    }
}
