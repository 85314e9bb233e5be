//! What is searched of a turn: one text for each kind of place in it.

use crate::model::{Block, ToolCall, Turn};
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use std::fmt;

/// Where a text stands in a turn. The order is that of the keys, and a released number stays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    Prompt,
    ToolResult,
    Thinking,
    Answer,
    ToolCall,
    System,
}

pub(super) const PLACES: [Place; 6] = [
    Place::Prompt,
    Place::ToolResult,
    Place::Thinking,
    Place::Answer,
    Place::ToolCall,
    Place::System,
];

/// Keys that a turn has for its texts.
pub(super) const STRIDE: usize = 8;

impl Place {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Prompt => "prompt",
            Self::ToolResult => "tool result",
            Self::Thinking => "thinking",
            Self::Answer => "answer",
            Self::ToolCall => "tool call",
            Self::System => "system",
        }
    }
}

/// The texts of a turn, by the order of [`PLACES`]; an empty one is not searched. `call` gives a tool
/// call by its index.
pub(super) fn of_turn<'a>(
    turn: &Turn,
    call: impl Fn(usize) -> Option<&'a ToolCall>,
) -> [String; PLACES.len()] {
    let mut texts: [String; PLACES.len()] = Default::default();
    let mut add = |place: Place, text: &str| {
        if let Some(to) = texts.get_mut(place as usize)
            && !text.is_empty()
        {
            // Words of two blocks do not touch.
            if !to.is_empty() {
                to.push('\n');
            }
            to.push_str(text);
        }
    };
    for message in &turn.said {
        // What the model is said to have said, and is not on record, is the client's word too.
        let place = if message.role == "system" { Place::System } else { Place::Prompt };
        for block in &message.blocks {
            of_block(block, place, &call, &mut add);
        }
    }
    for block in &turn.answer {
        of_block(block, Place::Answer, &call, &mut add);
    }
    if let Some(system) = &turn.system {
        add(Place::System, system);
    }
    texts
}

fn of_block<'a>(
    block: &Block,
    place: Place,
    call: &impl Fn(usize) -> Option<&'a ToolCall>,
    add: &mut impl FnMut(Place, &str),
) {
    match block {
        Block::Text { text } => add(place, text),
        Block::Thinking { text } => add(Place::Thinking, text),
        Block::ToolUse { call: index } => {
            if let Some(call) = call(*index) {
                add(Place::ToolCall, &call.name);
                add(Place::ToolCall, &plain(&call.input));
            }
        }
        Block::ToolResult { text, .. } => add(Place::ToolResult, text),
        Block::Media { .. } => {}
        Block::Other { json, .. } => add(place, &plain(json)),
    }
}

/// The texts within a JSON text, in their order and without escapes; what is not JSON, as it stands.
fn plain(json: &str) -> String {
    let mut text = String::with_capacity(json.len());
    let mut reader = serde_json::Deserializer::from_str(json);
    // The parser refuses more than 128 levels, so neither it nor this exhausts the stack.
    match Leaves(&mut text).deserialize(&mut reader) {
        Ok(()) => text,
        Err(_) => json.to_owned(),
    }
}

/// Collects what is no name of a member.
struct Leaves<'t>(&'t mut String);

impl Leaves<'_> {
    fn push(&mut self, leaf: &str) {
        if !self.0.is_empty() {
            self.0.push('\n');
        }
        self.0.push_str(leaf);
    }
}

impl<'de> DeserializeSeed<'de> for Leaves<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Leaves<'_> {
    type Value = ();

    fn expecting(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_bool<E>(mut self, value: bool) -> Result<(), E> {
        self.push(if value { "true" } else { "false" });
        Ok(())
    }

    fn visit_i64<E>(mut self, value: i64) -> Result<(), E> {
        self.push(&value.to_string());
        Ok(())
    }

    fn visit_u64<E>(mut self, value: u64) -> Result<(), E> {
        self.push(&value.to_string());
        Ok(())
    }

    fn visit_f64<E>(mut self, value: f64) -> Result<(), E> {
        self.push(&value.to_string());
        Ok(())
    }

    fn visit_str<E>(mut self, value: &str) -> Result<(), E> {
        self.push(value);
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        while items.next_element_seed(Leaves(self.0))?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        while members.next_key::<IgnoredAny>()?.is_some() {
            members.next_value_seed(Leaves(self.0))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Message;

    #[test]
    fn every_block_is_searched_where_it_stands() {
        let call = ToolCall {
            name: "Write".to_owned(),
            input: r#"{"file_path":"a.rs","content":"let x = \"é\";\nend","n":[1,true,null]}"#
                .to_owned(),
            ..crate::archive::specimen::call()
        };
        let text = |text: &str| Block::Text { text: text.to_owned() };
        let result = Block::ToolResult {
            call: None,
            id: "t".to_owned(),
            is_error: false,
            text: "it ran".to_owned(),
        };
        let turn = Turn {
            system: Some("be kind".to_owned()),
            said: vec![
                Message { role: "user".to_owned(), blocks: vec![text("one"), result, text("two")] },
                Message { role: "system".to_owned(), blocks: vec![text("reminder")] },
            ],
            answer: vec![
                Block::Thinking { text: "hm".to_owned() },
                text("yes"),
                Block::ToolUse { call: 0 },
                Block::ToolUse { call: 9 },
                Block::Other { kind: "x".to_owned(), json: r#"{"a":"odd"}"#.to_owned() },
            ],
            ..Turn::default()
        };
        let texts = of_turn(&turn, |index| (index == 0).then_some(&call));
        assert_eq!(
            texts,
            [
                "one\ntwo",
                "it ran",
                "hm",
                "yes\nodd",
                "Write\na.rs\nlet x = \"é\";\nend\n1\ntrue",
                "reminder\nbe kind"
            ]
        );
    }
}
