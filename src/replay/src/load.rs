//! A session read from the ledger, each of its texts once.
//!
//! What the store knows by number (a chain's node, a block) is read when it is met for the first
//! time: a turn costs what it adds.

use crate::answer::Answer;
use crate::input::{Content, ExchangeInput, Input, NodeId, Spoken, Telemetry};
use crate::model::{Finding, Refusal, Status};
use hansard_record::part::{self, Part, Request};
use hansard_record::{Members, Record};
use hansard_store::{Exchange, Member, Outline, Reader, Said, StoreError, Stream};
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

/// Reads a session. `name`: its id, or what [`Reader::session`] takes for one.
///
/// An exchange whose content cannot be read is there with what
/// its row says.
///
/// # Errors
/// When there is no such session, or the database fails.
pub fn load(reader: &Reader, name: &str) -> Result<Input, StoreError> {
    load_joined(reader, name, &[])
}

/// The same, with sessions that continue it.
///
/// # Errors
/// As [`load`].
pub fn load_joined(reader: &Reader, name: &str, joined: &[String]) -> Result<Input, StoreError> {
    let session = reader.session(name)?;
    let joined: Vec<_> = joined.iter().map(|id| reader.session(id)).collect::<Result<_, _>>()?;
    let mut loader = Loader::new(reader);
    for id in std::iter::once(&session.id).chain(joined.iter().map(|session| &session.id)) {
        for exchange in reader.exchanges(id)? {
            let read = loader.exchange(&exchange)?;
            loader.input.exchanges.push(read);
        }
        loader.input.telemetry.extend(reader.telemetry(id)?.into_iter().map(told));
    }
    let Loader { mut input, boots, .. } = loader;
    input.exchanges.sort_by(|a, b| (a.started_at, &a.id).cmp(&(b.started_at, &b.id)));
    input.shared_with = reader.same_hint(&session)?;
    for (boot, (from, to)) in boots {
        input.gaps.extend(reader.gaps_around(&boot, from, to)?);
    }
    input.session = session;
    input.joined = joined;
    Ok(input)
}

/// What telemetry says, as the ledger has it.
fn told(said: Said) -> Telemetry {
    let attributes: serde_json::Map<String, serde_json::Value> =
        serde_json::from_slice(&said.attributes).unwrap_or_default();
    let text = |name: &str| attributes.get(name)?.as_str().map(str::to_owned);
    Telemetry {
        at: said.at,
        session: text("session.id"),
        tool_use_id: text("tool_use_id"),
        request_id: text("request_id"),
        name: said.name,
        attributes,
    }
}

struct Loader<'a> {
    reader: &'a Reader,
    input: Input,
    /// The store's nodes that are known, by their number.
    nodes: HashMap<i64, NodeId>,
    /// Tools and system prompts, by the store's node.
    wholes: HashMap<i64, Arc<str>>,
    /// Messages, by the store's block.
    blocks: HashMap<i64, Arc<str>>,
    /// When each VM recorded something of it.
    boots: BTreeMap<String, (i64, i64)>,
}

impl<'a> Loader<'a> {
    fn new(reader: &'a Reader) -> Self {
        Self {
            reader,
            input: Input::default(),
            nodes: HashMap::new(),
            wholes: HashMap::new(),
            blocks: HashMap::new(),
            boots: BTreeMap::new(),
        }
    }

    fn exchange(&mut self, row: &Exchange) -> Result<ExchangeInput, StoreError> {
        let content = match self.reader.outline(&row.id) {
            Ok(outlines) => match self.spoken(&outlines, row.started_at) {
                Err(error @ (StoreError::Unreadable | StoreError::Damaged { .. })) => {
                    Content::Unreadable(error.to_string())
                }
                spoken => {
                    spoken?.map_or(Content::Missing, |spoken| Content::Known(Box::new(spoken)))
                }
            },
            Err(StoreError::Erased { .. }) => Content::Erased,
            Err(error @ (StoreError::Unreadable | StoreError::Damaged { .. })) => {
                Content::Unreadable(error.to_string())
            }
            Err(error) => return Err(error),
        };
        let said = &row.introduction;
        let ending = row.ending.as_ref();
        Ok(ExchangeInput {
            id: row.id.clone(),
            status: match row.status {
                hansard_store::Status::Open => Status::Open,
                hansard_store::Status::Complete => Status::Complete,
                hansard_store::Status::Ended => Status::Ended,
                hansard_store::Status::Refused => Status::Refused,
                hansard_store::Status::Interrupted => Status::Interrupted,
            },
            agent: said.agent.clone(),
            groups: said.groups.clone(),
            email: said.email.clone(),
            method: said.method.clone().unwrap_or_default(),
            path: said.path.clone().unwrap_or_default(),
            model: said.model.clone(),
            rule: said.rule.clone(),
            started_at: row.started_at,
            ended_at: ending.map(|ending| ending.at),
            http_status: ending.and_then(|ending| ending.http_status),
            why: ending.map(|ending| ending.why.clone()),
            content,
        })
    }

    fn spoken(
        &mut self,
        outlines: &[Outline],
        started_at: i64,
    ) -> Result<Option<Spoken>, StoreError> {
        let mut parts = Vec::with_capacity(outlines.len());
        let mut spoken = Spoken::default();
        for outline in outlines {
            let span = self.boots.entry(outline.boot.clone()).or_insert((outline.at, outline.at));
            *span = (span.0.min(outline.at), span.1.max(outline.at));
            let damaged = || StoreError::Damaged { boot: outline.boot.clone(), seq: outline.seq };
            let part = Record::parse(outline.json.as_bytes()).map_err(|_| damaged())?.into_part();
            parts.push((part, outline));
        }
        if parts.is_empty() {
            return Ok(None);
        }
        let introduction = parts.iter().find_map(|(part, outline)| match &part.part {
            part::Content::Opened(opened) => Some((&opened.request, &opened.from, *outline)),
            part::Content::Refused(refused) => Some((&refused.request, &refused.from, *outline)),
            part::Content::Progress(_) | part::Content::Closed(_) => None,
        });
        if let Some((request, from, outline)) = introduction {
            self.request(request, outline, &mut spoken)?;
            spoken.user_agent = from.user_agent.as_deref().map(str::to_owned);
        }
        let closed = parts.iter().any(|(part, _)| matches!(part.part, part::Content::Closed(_)));
        for (part, _) in &parts {
            account(part, closed, &mut spoken);
        }
        let parts: Vec<Part<'_>> = parts.into_iter().map(|(part, _)| part).collect();
        spoken.answer = Answer::read(&parts, started_at);
        Ok(Some(spoken))
    }

    fn request(
        &mut self,
        request: &Request<'_>,
        outline: &Outline,
        spoken: &mut Spoken,
    ) -> Result<(), StoreError> {
        let class = request.headers.iter().find(|header| header.0 == "x-claude-code-request-class");
        spoken.class = class.map(|header| header.1.to_string());
        spoken.marks.push_str(&outline.markers);
        spoken.marks.push_str(request.body_base64.as_deref().unwrap_or_default());
        if let Some(body) = request.body {
            match serde_json::from_str::<Members<'_>>(body.get()) {
                Ok(Members(members)) => {
                    for (name, value) in members {
                        let value = value.get();
                        match name.as_str() {
                            // Streams: what is left of them says nothing.
                            "messages" => {}
                            "system" => {
                                spoken.system = Some(value.into()).filter(|_| value != "null")
                            }
                            "tools" => {
                                spoken.tools = Some(value.into()).filter(|_| value != "null")
                            }
                            _ => spoken.rest.push((name, value.to_owned())),
                        }
                    }
                }
                Err(_) => spoken.marks.push_str(body.get()),
            }
        }
        for stream in &outline.streams {
            match stream.member {
                Member::Messages => spoken.messages = self.messages(stream)?,
                Member::System => spoken.system = Some(self.whole(stream)?),
                Member::Tools => spoken.tools = Some(self.whole(stream)?),
            }
        }
        Ok(())
    }

    fn messages(&mut self, stream: &Stream) -> Result<Option<NodeId>, StoreError> {
        let nodes = &self.nodes;
        let links = self.reader.blocks_after(stream, |chain| nodes.contains_key(&chain))?;
        let mut missing: Vec<i64> = links.iter().map(|link| link.block).collect();
        missing.sort_unstable();
        missing.dedup();
        missing.retain(|block| !self.blocks.contains_key(block));
        let texts = self.reader.block_texts(stream, &missing)?;
        self.blocks.extend(missing.into_iter().zip(texts.into_iter().map(Arc::from)));
        for link in links {
            let parent = self.nodes.get(&link.parent).copied();
            let text = self.blocks.get(&link.block).ok_or(StoreError::Unreadable)?;
            let node = self.input.history.push(parent, text);
            self.nodes.insert(link.chain, node);
        }
        Ok(self.nodes.get(&stream.chain).copied())
    }

    fn whole(&mut self, stream: &Stream) -> Result<Arc<str>, StoreError> {
        if let Some(text) = self.wholes.get(&stream.chain) {
            return Ok(Arc::clone(text));
        }
        let links = self.reader.blocks_after(stream, |_| false)?;
        let blocks: Vec<i64> = links.iter().map(|link| link.block).collect();
        let text: Arc<str> = self.reader.block_texts(stream, &blocks)?.concat().into();
        self.wholes.insert(stream.chain, Arc::clone(&text));
        Ok(text)
    }
}

/// What a part says beside the conversation.
fn account(part: &Part<'_>, closed: bool, spoken: &mut Spoken) {
    let (findings, in_response) = match &part.part {
        part::Content::Opened(opened) => (&opened.findings, false),
        part::Content::Refused(refused) => {
            spoken.refusal = Some(Refusal {
                status: refused.refusal.status,
                kind: refused.refusal.kind.to_string(),
                message: refused.refusal.message.to_string(),
            });
            (&refused.findings, false)
        }
        part::Content::Closed(closed) => (&closed.findings, true),
        // What it says stands in the closing part once more.
        part::Content::Progress(_) if closed => return,
        part::Content::Progress(progress) => (&progress.findings, true),
    };
    spoken.findings.extend(findings.iter().map(|finding| Finding {
        rule: finding.rule.to_string(),
        at: finding.at.to_string(),
        count: finding.count,
        fingerprint: finding.fingerprint.to_string(),
        action: finding.action.to_string(),
        in_response,
    }));
}

#[cfg(test)]
mod tests;
