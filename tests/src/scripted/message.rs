//! Builds the event stream of one message, for scripts whose text depends on the request.
//!
//! Pieces of text and tool input enter, steps leave in the API's order and with its key order:
//! the data is written as text, since a JSON map would sort the keys.

use super::asked::Asked;
use super::ids::Ids;
use super::step::Step;

pub(super) struct Message {
    ids: Ids,
    steps: Vec<Step>,
    blocks: usize,
    tools: usize,
    /// Bytes of text and tool input, from which the output tokens follow.
    bytes: usize,
}

impl Message {
    pub(super) fn start(ids: Ids, asked: &Asked) -> Self {
        let (id, model) = (quote(&ids.message()), quote(&asked.model));
        // As with a warm prompt cache: all but the newest message was read from it.
        let cached = asked.message_count().saturating_sub(1) * 1000;
        let input = asked.tokens();
        let usage = format!(
            r#"{{"input_tokens":{input},"cache_creation_input_tokens":200,"cache_read_input_tokens":{cached},"output_tokens":1,"service_tier":"standard"}}"#
        );
        let data = format!(
            r#"{{"type":"message_start","message":{{"model":{model},"id":{id},"type":"message","role":"assistant","content":[],"stop_reason":null,"stop_sequence":null,"usage":{usage}}}}}"#
        );
        let steps = vec![Step::event("message_start", data)];
        Self { ids, steps, blocks: 0, tools: 0, bytes: 0 }
    }

    pub(super) fn text<S: AsRef<str>>(mut self, pieces: impl IntoIterator<Item = S>) -> Self {
        self.open(r#"{"type":"text","text":""}"#);
        if self.blocks == 0 {
            self.steps.push(Step::event("ping", r#"{"type":"ping"}"#.into()));
        }
        for piece in pieces {
            let text = piece.as_ref();
            self.delta(&format!(r#"{{"type":"text_delta","text":{}}}"#, quote(text)), text.len());
        }
        self.close()
    }

    /// A tool call; `input` is JSON text and arrives in pieces of about `size` bytes, after the
    /// empty piece the API opens with.
    pub(super) fn tool(mut self, name: &str, input: &str, size: usize) -> Self {
        self.tools += 1;
        let (id, name) = (quote(&self.ids.tool(self.tools)), quote(name));
        self.open(&format!(r#"{{"type":"tool_use","id":{id},"name":{name},"input":{{}}}}"#));
        for piece in std::iter::once("").chain(pieces(input, size)) {
            let delta = format!(r#"{{"type":"input_json_delta","partial_json":{}}}"#, quote(piece));
            self.delta(&delta, piece.len());
        }
        self.close()
    }

    pub(super) fn stop(mut self, reason: &str) -> Vec<Step> {
        let (reason, output) = (quote(reason), self.bytes / 4 + 1);
        let data = format!(
            r#"{{"type":"message_delta","delta":{{"stop_reason":{reason},"stop_sequence":null}},"usage":{{"output_tokens":{output}}}}}"#
        );
        self.steps.push(Step::event("message_delta", data));
        self.steps.push(Step::event("message_stop", r#"{"type":"message_stop"}"#.into()));
        self.steps
    }

    fn open(&mut self, block: &str) {
        let index = self.blocks;
        let data =
            format!(r#"{{"type":"content_block_start","index":{index},"content_block":{block}}}"#);
        self.steps.push(Step::event("content_block_start", data));
    }

    fn delta(&mut self, delta: &str, bytes: usize) {
        let index = self.blocks;
        let data = format!(r#"{{"type":"content_block_delta","index":{index},"delta":{delta}}}"#);
        self.steps.push(Step::event("content_block_delta", data));
        self.bytes += bytes;
    }

    fn close(mut self) -> Self {
        let data = format!(r#"{{"type":"content_block_stop","index":{}}}"#, self.blocks);
        self.steps.push(Step::event("content_block_stop", data));
        self.blocks += 1;
        self
    }
}

/// `text` as a JSON string.
pub(super) fn quote(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// `text` in pieces of `size` bytes, or a little more where a character would be split.
pub(super) fn pieces(text: &str, size: usize) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let mut end = size.max(1).min(rest.len());
        while !rest.is_char_boundary(end) {
            end += 1;
        }
        let (piece, after) = rest.split_at_checked(end)?;
        rest = after;
        (!piece.is_empty()).then_some(piece)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_keep_characters_whole() {
        for size in 0..12 {
            assert_eq!(pieces("añ漢🙂b", size).collect::<String>(), "añ漢🙂b");
        }
        assert_eq!(pieces("abcde", 2).collect::<Vec<_>>(), ["ab", "cd", "e"]);
    }
}
