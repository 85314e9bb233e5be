//! Conversations side by side: the main one, agents that it started, and what the client wants for
//! itself.
//!
//! An agent is known by the id that the client gives; a client that gives none (older ones) by its
//! first prompt, which is the one of a tool call. Which call started an agent follows from the id in
//! the call's result, else from the prompt.

use crate::model::{Lane, LaneKind, ToolCall};
use serde_json::Value;
use std::collections::{BTreeMap, HashSet};

/// The lanes of a session; the first is the main one.
pub(crate) struct Lanes {
    pub(crate) lanes: Vec<Lane>,
    /// For each lane, the root of its conversations.
    roots: Vec<Option<usize>>,
    agents: BTreeMap<String, usize>,
    side: Option<usize>,
    /// Calls whose agent is known.
    started: HashSet<usize>,
}

/// Tools that start agents.
const STARTERS: [&str; 2] = ["Agent", "Task"];
/// Characters of a label.
const LABEL: usize = 80;

impl Lanes {
    pub(crate) fn new(root: usize) -> Self {
        let main = Lane {
            kind: LaneKind::Main,
            agent: None,
            started_by: None,
            label: "Main conversation".to_owned(),
        };
        Self {
            lanes: vec![main],
            roots: vec![Some(root)],
            agents: BTreeMap::new(),
            side: None,
            started: HashSet::new(),
        }
    }

    /// The lane of what the client wants for itself.
    pub(crate) fn side(&mut self) -> usize {
        if let Some(lane) = self.side {
            return lane;
        }
        let label = "Requests of the client's own".to_owned();
        let lane =
            self.add(Lane { kind: LaneKind::Side, agent: None, started_by: None, label }, None);
        *self.side.insert(lane)
    }

    /// The lane of an agent, if it has spoken before.
    pub(crate) fn agent(&self, id: &str) -> Option<usize> {
        self.agents.get(id).copied()
    }

    /// Where a lane's conversations begin.
    pub(crate) fn root(&self, lane: usize) -> Option<usize> {
        self.roots.get(lane).copied().flatten()
    }

    /// An agent that speaks for the first time.
    pub(crate) fn add_agent(
        &mut self,
        id: Option<&str>,
        prompts: &[&str],
        calls: &[ToolCall],
        root: usize,
    ) -> usize {
        let started_by = self.starter(prompts, calls);
        let label = started_by
            .and_then(|call| calls.get(call))
            .map(label)
            .or_else(|| id.map(|id| format!("Agent {id}")))
            .unwrap_or_else(|| "Agent".to_owned());
        let agent = id.map(str::to_owned);
        let lane =
            self.add(Lane { kind: LaneKind::Subagent, agent, started_by, label }, Some(root));
        if let Some(id) = id {
            self.agents.insert(id.to_owned(), lane);
        }
        self.started.extend(started_by);
        lane
    }

    /// The call that asked for an agent with one of these prompts.
    pub(crate) fn starter(&self, prompts: &[&str], calls: &[ToolCall]) -> Option<usize> {
        let asks = |(_, call): &(usize, &ToolCall)| {
            STARTERS.contains(&call.name.as_str())
                && input(call, "prompt").is_some_and(|prompt| {
                    let prompt = prompt.trim();
                    !prompt.is_empty() && prompts.iter().any(|said| said.trim() == prompt)
                })
        };
        let mut asking = calls.iter().enumerate().filter(asks).map(|(index, _)| index);
        asking.find(|index| !self.started.contains(index))
    }

    /// Results of calls name the agents that they started: that is surer than a prompt.
    pub(crate) fn settle(&mut self, calls: &[ToolCall]) {
        for (index, call) in calls.iter().enumerate() {
            if !STARTERS.contains(&call.name.as_str()) {
                continue;
            }
            let result = call.result.as_ref().map_or("", |result| result.text.as_str());
            let named = result.split("agentId: ").skip(1).find_map(|rest| {
                let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '-' && c != '_');
                self.agents.get(rest.get(..end.unwrap_or(rest.len()))?).copied()
            });
            if let Some(lane) = named.and_then(|lane| self.lanes.get_mut(lane)) {
                lane.started_by = Some(index);
                lane.label = label(call);
            }
        }
    }

    fn add(&mut self, lane: Lane, root: Option<usize>) -> usize {
        self.lanes.push(lane);
        self.roots.push(root);
        self.lanes.len() - 1
    }
}

fn input(call: &ToolCall, name: &str) -> Option<String> {
    let input: Value = serde_json::from_str(&call.input).ok()?;
    Some(input.get(name)?.as_str()?.to_owned())
}

fn label(call: &ToolCall) -> String {
    let words = input(call, "description").or_else(|| input(call, "prompt"));
    crate::title::beginning(&words.unwrap_or_else(|| call.name.clone()), LABEL)
}
