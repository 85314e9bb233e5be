//! What a session is rebuilt from: plain values, as the ledger's reader gives them.
//!
//! A request repeats its conversation. Messages are therefore nodes that point to the message
//! before ([`History`]): a session of n turns holds each of its messages once, and what a turn
//! adds is the way back to a node that an earlier turn had.

use crate::answer::Answer;
use crate::model::{Finding, Refusal, Status};
use hansard_store::{Gap, Session};
use std::collections::HashMap;
use std::sync::Arc;

/// A session on record.
#[derive(Clone, Debug, Default)]
pub struct Input {
    /// Its row.
    pub session: Session,
    /// Sessions without a client's id that continue it, in the order of their start.
    pub joined: Vec<Session>,
    /// The exchanges of all of them, in the order of their start.
    pub exchanges: Vec<ExchangeInput>,
    /// The messages of all of them.
    pub history: History,
    /// What the client's telemetry says of it.
    pub telemetry: Vec<Telemetry>,
    /// Other identities (`subject` of `issuer`) that use the same session id of the client's.
    pub shared_with: Vec<String>,
    /// Numbers that are missing from the gateways that recorded it, around its time.
    pub gaps: Vec<Gap>,
}

/// An exchange on record.
#[derive(Clone, Debug, Default)]
pub struct ExchangeInput {
    /// Its id.
    pub id: String,
    /// How it ended. `Interrupted` is for the caller to say: only the caller knows whether a gateway
    /// is gone.
    pub status: Status,
    /// The client's id of the agent.
    pub agent: Option<String>,
    /// The group claims.
    pub groups: Vec<String>,
    /// `email`.
    pub email: Option<String>,
    /// The HTTP method.
    pub method: String,
    /// Path and query.
    pub path: String,
    /// The model asked for.
    pub model: Option<String>,
    /// The policy's rule that decided.
    pub rule: Option<String>,
    /// When it was admitted or refused, in Unix milliseconds.
    pub started_at: i64,
    /// When it ended.
    pub ended_at: Option<i64>,
    /// What the client got.
    pub http_status: Option<u16>,
    /// Why it ended.
    pub why: Option<String>,
    /// What was said.
    pub content: Content,
}

/// What an exchange says, if it can be read.
#[derive(Clone, Debug, Default)]
pub enum Content {
    /// It can.
    Known(Box<Spoken>),
    /// The session was erased.
    Erased,
    /// It cannot, and why.
    Unreadable(String),
    /// No part that says anything is on record.
    #[default]
    Missing,
}

/// What was asked and answered.
#[derive(Clone, Debug, Default)]
pub struct Spoken {
    /// The `user-agent` header.
    pub user_agent: Option<String>,
    /// The `x-claude-code-request-class` header, where the policy has it on record.
    pub class: Option<String>,
    /// The last message of the request's; absent when it has none.
    pub messages: Option<NodeId>,
    /// `system`, as JSON.
    pub system: Option<Arc<str>>,
    /// `tools`, as JSON.
    pub tools: Option<Arc<str>>,
    /// The body's other members, each as JSON, in their order.
    pub rest: Vec<(String, String)>,
    /// What else tells one body from another: where `cache_control` stood, a body that is no JSON.
    pub marks: String,
    /// What a refused client was told.
    pub refusal: Option<Refusal>,
    /// What was redacted.
    pub findings: Vec<Finding>,
    /// What was answered.
    pub answer: Answer,
}

/// What a client's telemetry says of a tool call or a request, as the sink received it by OTLP.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Telemetry {
    /// When, in Unix milliseconds.
    pub at: i64,
    /// `session.id`.
    pub session: Option<String>,
    /// `tool_use_id`.
    pub tool_use_id: Option<String>,
    /// `request_id`.
    pub request_id: Option<String>,
    /// `event.name`, as `tool_decision`.
    pub name: String,
    /// Every attribute, the above included.
    pub attributes: serde_json::Map<String, serde_json::Value>,
}

/// A message within a [`History`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NodeId(pub(crate) usize);

/// Messages, each with the one before.
#[derive(Clone, Debug, Default)]
pub struct History {
    pub(crate) nodes: Vec<Node>,
    /// Each text once.
    pub(crate) texts: Vec<Arc<str>>,
    by_text: HashMap<Arc<str>, usize>,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Node {
    pub(crate) parent: Option<NodeId>,
    /// Index into the texts.
    pub(crate) text: usize,
}

// === impl History ===

impl History {
    /// Adds a message behind another. `message`: its JSON; a comma before it is left out.
    pub fn push(&mut self, parent: Option<NodeId>, message: &str) -> NodeId {
        let message = message.trim().trim_start_matches(',').trim_start();
        let text = self.by_text.get(message).copied().unwrap_or_else(|| {
            let text: Arc<str> = message.into();
            self.texts.push(Arc::clone(&text));
            self.by_text.insert(text, self.texts.len() - 1);
            self.texts.len() - 1
        });
        self.nodes.push(Node { parent, text });
        NodeId(self.nodes.len() - 1)
    }

    /// The nodes up to one, from behind the last for which `known` holds.
    pub(crate) fn after(
        &self,
        tail: Option<NodeId>,
        known: impl Fn(NodeId) -> bool,
    ) -> (Option<NodeId>, Vec<NodeId>) {
        let mut way = Vec::new();
        let mut at = tail;
        while let Some(id) = at.filter(|id| !known(*id)) {
            way.push(id);
            // A node is made behind its parent: the way back ends.
            at = self.node(id).and_then(|node| node.parent).filter(|parent| parent.0 < id.0);
        }
        way.reverse();
        (at, way)
    }

    pub(crate) fn node(&self, id: NodeId) -> Option<Node> {
        self.nodes.get(id.0).copied()
    }

    /// A message's JSON.
    #[must_use]
    pub fn text(&self, id: NodeId) -> &str {
        self.node(id).and_then(|node| self.texts.get(node.text)).map_or("", |text| text)
    }
}
