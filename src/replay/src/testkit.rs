//! Sessions for tests, made of requests and answers as JSON.

use crate::answer::Answer;
use crate::block::piece;
use crate::input::{Content, ExchangeInput, Input, NodeId, Spoken};
use crate::model::{Replay, Status};
use crate::rebuild;
use serde_json::{Value, json};
use std::collections::HashMap;

/// A session in the making. An exchange starts each second.
#[derive(Default)]
pub(crate) struct Kit {
    pub(crate) input: Input,
    /// As the store shares what is the same but for markers.
    nodes: HashMap<(Option<NodeId>, String), NodeId>,
}

impl Kit {
    /// An exchange with a body and the blocks of its answer.
    pub(crate) fn exchange(&mut self, body: &Value, answer: &Value) -> &mut ExchangeInput {
        let mut marks = String::new();
        let told = body["messages"].as_array().into_iter().flatten();
        let told: Vec<_> =
            told.map(|message| unmarked(message.clone(), &mut marks).to_string()).collect();
        self.told(&told, marks, body, answer)
    }

    /// The same, with the messages as texts.
    pub(crate) fn told(
        &mut self,
        told: &[String],
        marks: String,
        body: &Value,
        answer: &Value,
    ) -> &mut ExchangeInput {
        let number = self.input.exchanges.len();
        let mut messages = None;
        for text in told {
            let history = &mut self.input.history;
            let node = self.nodes.entry((messages, text.clone()));
            messages = Some(*node.or_insert_with_key(|(parent, text)| history.push(*parent, text)));
        }
        let member = |name: &str| body.get(name).map(|value| value.to_string().into());
        let rest = body.as_object().into_iter().flatten();
        let rest =
            rest.filter(|(name, _)| !["messages", "system", "tools"].contains(&name.as_str()));
        let at = 1_000 * (number as i64 + 1);
        let blocks = answer.as_array().into_iter().flatten().map(|block| piece(&block.to_string()));
        let spoken = Spoken {
            messages,
            marks,
            system: member("system"),
            tools: member("tools"),
            rest: rest.map(|(name, value)| (name.clone(), value.to_string())).collect(),
            answer: Answer { at: Some(at + 100), blocks: blocks.collect(), ..Answer::default() },
            ..Spoken::default()
        };
        self.input.exchanges.push(ExchangeInput {
            id: format!("e{number}"),
            status: Status::Complete,
            method: "POST".into(),
            path: "/v1/messages".into(),
            model: Some("claude".into()),
            started_at: at,
            ended_at: Some(at + 500),
            http_status: Some(200),
            why: Some("complete".into()),
            content: Content::Known(Box::new(spoken)),
            ..ExchangeInput::default()
        });
        self.input.exchanges.last_mut().unwrap()
    }

    /// An exchange of a conversation, with tools on offer.
    pub(crate) fn talk(&mut self, messages: Value, answer: Value) -> &mut ExchangeInput {
        let tools = json!([{"name": "Bash", "input_schema": {}}]);
        let body = json!({"model": "claude", "messages": messages, "tools": tools, "stream": true});
        self.exchange(&body, &answer)
    }

    pub(crate) fn rebuilt(&self) -> Replay {
        let replay = rebuild(&self.input);
        assert_eq!(replay, rebuild(&self.input), "the same input gives the same replay");
        replay
    }
}

impl ExchangeInput {
    pub(crate) fn spoken(&mut self) -> &mut Spoken {
        match &mut self.content {
            Content::Known(spoken) => spoken,
            _ => unreachable!(),
        }
    }
}

/// Recorded requests of Claude Code (`fixtures`) of one of its sessions.
pub(crate) fn recorded(fixture: &str, session: &str) -> Kit {
    let mut kit = Kit::default();
    let exchanges: Vec<Value> = serde_json::from_str(fixture).unwrap();
    for told in exchanges.iter().filter(|told| told["session"] == session) {
        let exchange = kit.exchange(&told["body"], &told["answer"]);
        exchange.path = told["path"].as_str().unwrap().to_owned();
        exchange.agent = told["agent"].as_str().map(str::to_owned);
        exchange.spoken().user_agent = told["user_agent"].as_str().map(str::to_owned);
        exchange.spoken().answer.request_id = told["request_id"].as_str().map(str::to_owned);
    }
    kit.input.session.hint = Some(session.to_owned());
    kit
}

fn unmarked(value: Value, marks: &mut String) -> Value {
    match value {
        Value::Object(mut members) => {
            if let Some(mark) = members.remove("cache_control") {
                marks.push_str(&mark.to_string());
            }
            members
                .into_iter()
                .map(|(name, value)| (name, unmarked(value, marks)))
                .collect::<serde_json::Map<_, _>>()
                .into()
        }
        Value::Array(items) => items.into_iter().map(|item| unmarked(item, marks)).collect(),
        other => other,
    }
}
