//! What a request is for, by what it asks: a turn of a conversation, or something a client wants
//! for itself.
//!
//! Claude Code's own requests are known by their texts (observed and read: 2.1): a title is asked
//! for without tools and with "title" in the system prompt, a summary by its instructions. A class
//! that the client tells in `x-claude-code-request-class` decides where it is on record.

use crate::block::Piece;
use crate::canonical::{Role, Utterance};
use crate::input::{ExchangeInput, Spoken};
use serde::Deserialize;

/// What a request is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// A turn of a conversation.
    Talk,
    /// A summary of the conversation so far.
    Compaction,
    /// A title.
    Title,
    /// A count of tokens.
    Count,
    /// Something else that the client wants for itself.
    Side,
    /// Another endpoint.
    Other,
}

const COMPACTION: &str = "Your task is to create a detailed summary of ";
const COMPACTED: &str = "This session is being continued from a previous conversation";
const INTERRUPTED: &str = "[Request interrupted by user";

/// What a request is for. `last`: the messages behind the last answer in it.
pub(crate) fn of(exchange: &ExchangeInput, spoken: &Spoken, last: &[&Utterance]) -> Purpose {
    let path = exchange.path.split('?').next().unwrap_or_default();
    if path.ends_with("/count_tokens") {
        return Purpose::Count;
    }
    let is_messages = path.ends_with("/messages")
        || path.ends_with(":rawPredict")
        || path.ends_with(":streamRawPredict")
        || path.contains("/invoke");
    if !is_messages || spoken.messages.is_none() {
        return Purpose::Other;
    }
    if texts(last).any(|text| text.contains(COMPACTION)) {
        return Purpose::Compaction;
    }
    let class = spoken.class.as_deref();
    let is_side = class == Some("auxiliary")
        || is_claude_code(spoken) && exchange.agent.is_none() && !has_own_tools(spoken);
    match is_side {
        true if asks_for_title(spoken) => Purpose::Title,
        // Without a class, a conversation that was started without tools looks the same.
        true if class.is_some() || has_tools(spoken) || is_small(spoken) => Purpose::Side,
        _ => Purpose::Talk,
    }
}

/// Whether a conversation that begins so builds on a summary of another.
pub(crate) fn is_compacted(said: &[&Utterance]) -> bool {
    let mut texts = texts(said).filter(|text| !is_reminder(text));
    texts.next().is_some_and(|text| text.trim_start().starts_with(COMPACTED))
}

/// Whether the person interrupted what was going on.
pub(crate) fn is_interruption(text: &str) -> bool {
    text.trim_start().starts_with(INTERRUPTED)
}

/// What a client adds to what a person says.
pub(crate) fn is_reminder(text: &str) -> bool {
    let text = text.trim();
    ["<system-reminder>", "<local-command-", "<command-name>"]
        .iter()
        .any(|tag| text.starts_with(tag))
}

/// The texts that the user's side says.
pub(crate) fn texts<'a>(messages: &'a [&'a Utterance]) -> impl Iterator<Item = &'a str> {
    let said = messages.iter().filter(|message| message.role == Role::User);
    said.flat_map(|message| &message.pieces).filter_map(|piece| match piece {
        Piece::Text(text) => Some(text.as_str()),
        _ => None,
    })
}

/// A system prompt's texts; what a client puts there for the gateways on the way is left out.
pub(crate) fn system_text(json: &str) -> String {
    #[derive(Deserialize)]
    struct Block {
        text: Option<String>,
    }
    if let Ok(text) = serde_json::from_str::<String>(json) {
        return text;
    }
    match serde_json::from_str::<Vec<Block>>(json) {
        Ok(blocks) => {
            let texts = blocks.into_iter().filter_map(|block| block.text);
            let texts = texts.filter(|text| !text.starts_with("x-anthropic-billing-header"));
            texts.collect::<Vec<_>>().join("\n\n")
        }
        Err(_) => json.to_owned(),
    }
}

/// The names of the tools on offer.
pub(crate) fn tool_names(json: &str) -> Vec<String> {
    tools(json).into_iter().filter_map(|tool| tool.name.or(tool.kind)).collect()
}

#[derive(Deserialize)]
struct Tool {
    name: Option<String>,
    #[serde(rename = "type")]
    kind: Option<String>,
}

fn tools(json: &str) -> Vec<Tool> {
    serde_json::from_str(json).unwrap_or_default()
}

fn has_tools(spoken: &Spoken) -> bool {
    spoken.tools.as_deref().is_some_and(|json| !tools(json).is_empty())
}

/// Tools that the client runs itself; a server's have a type of their own.
fn has_own_tools(spoken: &Spoken) -> bool {
    let own = |tool: &Tool| tool.kind.as_deref().is_none_or(|kind| kind == "custom");
    spoken.tools.as_deref().is_some_and(|json| tools(json).iter().any(own))
}

fn is_claude_code(spoken: &Spoken) -> bool {
    spoken.user_agent.as_deref().is_some_and(|agent| agent.starts_with("claude-cli/"))
}

fn is_small(spoken: &Spoken) -> bool {
    let most = spoken.rest.iter().find(|(name, _)| name == "max_tokens");
    most.and_then(|(_, value)| value.parse::<u64>().ok()).is_some_and(|most| most <= 1024)
}

fn asks_for_title(spoken: &Spoken) -> bool {
    let system = system_text(spoken.system.as_deref().unwrap_or_default()).to_lowercase();
    !has_tools(spoken)
        && system.contains("title")
        && ["generate", "extract", "write", "summarize"].iter().any(|verb| system.contains(verb))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(path: &str, spoken: Spoken, last: &str) -> Purpose {
        let exchange = ExchangeInput { path: path.into(), ..ExchangeInput::default() };
        let message = serde_json::json!({"role": "user", "content": last}).to_string();
        let mut history = crate::input::History::default();
        let messages = Some(history.push(None, &message));
        of(&exchange, &Spoken { messages, ..spoken }, &[&Utterance::read(&message)])
    }

    fn claude_code(system: &str, tools: &str, max_tokens: &str) -> Spoken {
        Spoken {
            user_agent: Some("claude-cli/2.1.330 (external, cli)".into()),
            system: Some(serde_json::json!(system).to_string().into()),
            tools: (!tools.is_empty()).then(|| tools.into()),
            rest: vec![("max_tokens".into(), max_tokens.into())],
            ..Spoken::default()
        }
    }

    #[test]
    fn requests_are_known_by_what_they_ask() {
        let bash = r#"[{"name":"Bash","input_schema":{}}]"#;
        let search = r#"[{"type":"web_search_20250305","name":"web_search"}]"#;
        let title = "Generate a concise, sentence-case title for this coding session.";
        let class = |class: &str| Spoken { class: Some(class.into()), ..Spoken::default() };
        for (path, spoken, last, purpose) in [
            ("/v1/messages?beta=true", claude_code("s", bash, "32000"), "hi", Purpose::Talk),
            ("/v1/messages", claude_code(title, "", "32000"), "hi", Purpose::Title),
            ("/v1/messages", claude_code("s", search, "32000"), "find", Purpose::Side),
            ("/v1/messages", claude_code("s", "", "1"), "quota", Purpose::Side),
            ("/v1/messages", claude_code("s", "", "32000"), "hi", Purpose::Talk),
            ("/v1/messages", Spoken::default(), title, Purpose::Talk),
            ("/v1/messages", class("auxiliary"), "hi", Purpose::Side),
            ("/v1/messages", class("main"), "hi", Purpose::Talk),
            (
                "/v1/messages",
                claude_code("s", bash, "32000"),
                "Your task is to create a detailed summary of the conversation so far",
                Purpose::Compaction,
            ),
            ("/v1/messages/count_tokens?beta=true", Spoken::default(), "hi", Purpose::Count),
            ("/v1/models", Spoken::default(), "", Purpose::Other),
            ("/v1/projects/p/models/m:streamRawPredict", Spoken::default(), "hi", Purpose::Talk),
        ] {
            assert_eq!(asked(path, spoken, last), purpose, "{path} {last}");
        }
    }

    #[test]
    fn system_prompts_are_read_without_what_is_for_the_way() {
        let json = r#"[{"type":"text","text":"x-anthropic-billing-header: cc_version=2"},{"type":"text","text":"a"},{"type":"text","text":"b"}]"#;
        assert_eq!(system_text(json), "a\n\nb");
        assert_eq!(system_text("\"a\""), "a");
        assert_eq!(tool_names(r#"[{"name":"Bash"},{"type":"x_1"}]"#), ["Bash", "x_1"]);
        assert!(tool_names("7").is_empty());
    }
}
