//! A Messages API request, as far as scripts look at it: who speaks, the text of the prompt, the
//! tools on offer, the results of tools that ran.
//!
//! Content may be a string or a list of blocks; both read the same. Fields that no script needs
//! are not checked, since the stand-in judges scripts, not requests.

use serde_json::Value;

use super::problem::Problem;

pub(super) struct Asked {
    pub(super) model: String,
    pub(super) stream: bool,
    pub(super) max_tokens: u64,
    /// Names of the tools the caller offers.
    pub(super) tools: Vec<String>,
    /// Length of the body in bytes.
    pub(super) length: usize,
    messages: Vec<Value>,
}

impl Asked {
    pub(super) fn parse(body: &[u8]) -> Result<Self, Problem> {
        let invalid = |message: String| Problem::new(400, message);
        let body_json: Value = serde_json::from_slice(body)
            .map_err(|e| invalid(format!("The request body is not valid JSON: {e}")))?;
        let messages = match body_json.get("messages") {
            Some(Value::Array(messages)) => messages.clone(),
            Some(_) => return Err(invalid("messages: Input should be a valid array".into())),
            None => return Err(invalid("messages: Field required".into())),
        };
        let model = body_json.get("model").and_then(Value::as_str).unwrap_or(DEFAULT_MODEL);
        let tools = body_json.get("tools").and_then(Value::as_array).into_iter().flatten();
        let name = |tool: &Value| tool.get("name").and_then(Value::as_str).map(str::to_owned);
        Ok(Self {
            model: model.to_owned(),
            stream: body_json.get("stream").and_then(Value::as_bool).unwrap_or(false),
            max_tokens: body_json.get("max_tokens").and_then(Value::as_u64).unwrap_or(u64::MAX),
            tools: tools.filter_map(name).collect(),
            length: body.len(),
            messages,
        })
    }

    /// What to assume of a request that is answered before it is read.
    pub(super) fn unread() -> Self {
        Self {
            model: DEFAULT_MODEL.to_owned(),
            stream: true,
            max_tokens: u64::MAX,
            tools: Vec::new(),
            length: 0,
            messages: Vec::new(),
        }
    }

    pub(super) fn message_count(&self) -> usize {
        self.messages.len()
    }

    /// A rough count of the input's tokens: four bytes each.
    pub(super) fn tokens(&self) -> usize {
        self.length / 4 + 1
    }

    pub(super) fn tool_results(&self) -> usize {
        let is_result = |block: &&Value| kind(block) == Some("tool_result");
        self.messages.iter().map(|message| blocks(message).filter(is_result).count()).sum()
    }

    /// The texts of all user messages, oldest first.
    pub(super) fn user_texts(&self) -> impl Iterator<Item = &str> {
        self.messages.iter().filter(|message| role(message) == Some("user")).flat_map(texts)
    }

    /// The texts of the last user turn: the user messages after the last answer. A turn of bare
    /// tool results has none, so that a marker that asked for a tool call asks only once.
    pub(super) fn last_user_texts(&self) -> Vec<&str> {
        let assistant = |message: &&Value| role(message) == Some("assistant");
        let from_end = self.messages.iter().rev().skip_while(assistant);
        let turn = from_end.take_while(|message| !assistant(message));
        let mut turn: Vec<_> = turn.filter(|message| role(message) == Some("user")).collect();
        turn.reverse();
        turn.into_iter().flat_map(texts).collect()
    }
}

/// The model of fixtures, and of requests that name none.
pub(super) const DEFAULT_MODEL: &str = "claude-sonnet-4-5-20250929";

fn role(message: &Value) -> Option<&str> {
    message.get("role").and_then(Value::as_str)
}

fn kind(block: &Value) -> Option<&str> {
    block.get("type").and_then(Value::as_str)
}

fn blocks(message: &Value) -> impl Iterator<Item = &Value> {
    message.get("content").and_then(Value::as_array).into_iter().flatten()
}

fn texts(message: &Value) -> impl Iterator<Item = &str> {
    let plain = message.get("content").and_then(Value::as_str);
    let text_blocks = blocks(message).filter(|block| kind(block) == Some("text"));
    let listed = text_blocks.filter_map(|block| block.get("text").and_then(Value::as_str));
    plain.into_iter().chain(listed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_turn_is_what_follows_the_last_answer() {
        let asked = Asked::parse(
            br#"{"messages":[
                {"role":"user","content":"one"},
                {"role":"assistant","content":"two"},
                {"role":"user","content":[{"type":"tool_result","content":"x"},
                                          {"type":"text","text":"three"}]},
                {"role":"system","content":"four"}]}"#,
        )
        .unwrap();
        assert_eq!(asked.last_user_texts(), ["three"]);
        assert_eq!(asked.user_texts().collect::<Vec<_>>(), ["one", "three"]);
        assert_eq!((asked.message_count(), asked.tool_results()), (4, 1));
        assert!(!asked.stream);
    }

    #[test]
    fn broken_bodies_are_the_callers_fault() {
        for body in ["", "{", r#"{"messages":1}"#, "{}"] {
            assert_eq!(Asked::parse(body.as_bytes()).err().unwrap().status, 400, "{body}");
        }
    }
}
