//! The `claude_code` script: leads the real Claude Code through one short session.
//!
//! The step follows from the history alone (how many tool results it holds), so that retries,
//! resumed sessions and the fallback without streaming all continue where they are. Requests
//! beside the session (titles, quota checks, web search) offer no such tools or ask for few
//! tokens; they get a line of text.

use super::asked::Asked;
use super::call::Call;
use super::ids::Ids;
use super::message::{Message, quote};
use super::step::Step;

pub(super) const NAME: &str = "claude_code";

/// Below this, `max_tokens` leaves no room for a turn of the session.
const SMALL: u64 = 1024;

/// Bytes per piece of tool input.
const PIECE: usize = 12;

pub(super) fn steps(call: &Call, asked: &Asked, ids: Ids) -> Vec<Step> {
    let message = Message::start(ids, asked);
    let file = quote(&format!("{}/hello.txt", call.text("dir").unwrap_or("/tmp")));
    let (said, tool, input) = match asked.tool_results() {
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
        _ => return message.text(["done."]).stop("end_turn"),
    };
    if asked.max_tokens < SMALL || !asked.tools.iter().any(|offered| offered == tool) {
        return message.text(["Say ", "hello"]).stop("end_turn");
    }
    message.text([said]).tool(tool, &input, PIECE).stop("tool_use")
}

#[cfg(test)]
mod tests {
    use super::super::assemble::Assembly;
    use super::*;

    fn played(results: usize, tools: &str) -> serde_json::Value {
        let result = r#"{"role":"user","content":[{"type":"tool_result"}]}"#;
        let messages = vec![result; results].join(",");
        let body = format!(r#"{{"messages":[{messages}],"tools":{tools}}}"#);
        let asked = Asked::parse(body.as_bytes()).unwrap();
        let call = Call::parse("claude_code?dir=/w");
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
    fn side_requests_get_text() {
        let message = played(0, "[]");
        assert_eq!(message["content"].as_array().unwrap().len(), 1);
        assert_eq!(message["stop_reason"], "end_turn");
    }
}
