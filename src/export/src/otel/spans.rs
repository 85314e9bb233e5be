//! The spans of a trace.

use super::attributes::Attributes;
use super::ids::{SpanId, TraceId};
use super::messages;
use crate::{Content, names};
use hansard_replay::Replay;
use hansard_replay::model::{
    Certainty, Finding, Lane, LaneKind, Outcome, Session, Status, ToolCall, Turn, TurnKind, Usage,
};
use opentelemetry_proto::tonic::trace::v1::span::{Event, Link, SpanKind};
use opentelemetry_proto::tonic::trace::v1::{self as otlp, Span, status::StatusCode};

struct Trace<'a> {
    replay: &'a Replay,
    content: Content,
    id: Vec<u8>,
}

/// Everything that a span is made of.
struct Made {
    id: SpanId,
    parent: Option<SpanId>,
    name: String,
    kind: SpanKind,
    from: i64,
    to: i64,
    attributes: Attributes,
    error: Option<String>,
}

pub(super) fn of(replay: &Replay, content: Content) -> Vec<Span> {
    let id = TraceId::session(&replay.session.id).bytes();
    let trace = Trace { replay, content, id };
    let mut spans = vec![trace.session()];
    let lanes = replay.lanes.iter().enumerate();
    let agents = lanes.filter(|(_, lane)| lane.kind == LaneKind::Subagent);
    let moments = moments(replay);
    spans.extend(
        agents.map(|(index, lane)| trace.agent(index, lane, moments.get(index).copied().flatten())),
    );
    spans.extend(replay.turns.iter().map(|turn| trace.chat(turn)));
    spans.extend(replay.calls.iter().enumerate().map(|(place, call)| trace.tool(place, call)));
    spans
}

/// When each lane began and ended, as far as it is on record.
fn moments(replay: &Replay) -> Vec<Option<(i64, i64)>> {
    let mut moments = vec![None; replay.lanes.len()];
    for turn in &replay.turns {
        if let Some(lane) = moments.get_mut(turn.lane) {
            let (from, to) = (turn.started_at, turn.ended_at.unwrap_or(turn.started_at));
            let (first, last) = lane.unwrap_or((from, to));
            *lane = Some((from.min(first), to.max(last)));
        }
    }
    moments
}

impl Trace<'_> {
    fn span(&self, made: Made) -> Span {
        let Made { id, parent, name, kind, from, to, attributes, error } = made;
        Span {
            trace_id: self.id.clone(),
            span_id: id.bytes(),
            parent_span_id: parent.map(SpanId::bytes).unwrap_or_default(),
            name,
            kind: kind.into(),
            start_time_unix_nano: nanos(from),
            end_time_unix_nano: nanos(to.max(from)),
            attributes: attributes.into(),
            status: error.map(|message| otlp::Status { message, code: StatusCode::Error.into() }),
            ..Span::default()
        }
    }

    /// The span of a lane: of one that is no subagent's, the session's.
    fn lane(&self, lane: usize) -> SpanId {
        let is_agent = self.replay.lanes.get(lane).is_some_and(|l| l.kind == LaneKind::Subagent);
        SpanId::lane(&self.replay.session.id, if is_agent { lane.max(1) } else { 0 })
    }

    fn common(&self, operation: &str) -> Attributes {
        let mut attributes = Attributes::default();
        attributes.text("gen_ai.operation.name", operation);
        attributes.text("gen_ai.provider.name", "anthropic");
        // The client's own id: the conventions want none that was made up.
        attributes.some_text("gen_ai.conversation.id", self.replay.session.hint.as_deref());
        attributes
    }

    fn session(&self) -> Span {
        let Session { id, subject, issuer, email, groups, title, started_at, ended_at, .. } =
            &self.replay.session;
        let session = &self.replay.session;
        let mut attributes = self.common("invoke_agent");
        attributes.text("hansard.session.id", id);
        if !subject.is_empty() {
            attributes.text("user.id", subject);
            attributes.text("hansard.issuer", issuer);
        }
        attributes.some_text("user.email", email.as_deref());
        attributes.texts("user.roles", groups.iter().cloned());
        usage(&mut attributes, session.usage);
        attributes.texts("hansard.models", session.models.iter().cloned());
        if self.content == Content::With {
            attributes.some_text("hansard.session.title", title.as_deref());
        }
        attributes.text("hansard.status", names::status(session.status));
        let last = self.replay.turns.iter().map(|turn| turn.ended_at.unwrap_or(turn.started_at));
        let to = ended_at.or(last.max()).unwrap_or(*started_at);
        if ended_at.is_none() {
            attributes.truth("hansard.open");
        }
        let error = match session.status {
            Status::Open | Status::Complete => None,
            other => Some(names::status(other).to_owned()),
        };
        attributes.some_text("error.type", error.as_deref());
        self.span(Made {
            id: SpanId::lane(id, 0),
            parent: None,
            name: "invoke_agent".to_owned(),
            kind: SpanKind::Internal,
            from: *started_at,
            to,
            attributes,
            error,
        })
    }

    fn agent(&self, index: usize, lane: &Lane, moments: Option<(i64, i64)>) -> Span {
        let session = &self.replay.session;
        let mut attributes = self.common("invoke_agent");
        attributes.some_text("gen_ai.agent.id", lane.agent.as_deref());
        let started = session.started_at;
        let (from, to) = moments.unwrap_or((started, started));
        let parent =
            match lane.started_by.and_then(|call| Some((call, self.replay.calls.get(call)?))) {
                Some((place, call)) => SpanId::call(&session.id, place, &call.id),
                None => SpanId::lane(&session.id, 0),
            };
        // The label comes from what was said.
        let name = match self.content {
            Content::With if !lane.label.is_empty() => {
                attributes.text("gen_ai.agent.name", &lane.label);
                format!("invoke_agent {}", lane.label)
            }
            _ => "invoke_agent".to_owned(),
        };
        self.span(Made {
            id: self.lane(index),
            parent: Some(parent),
            name,
            kind: SpanKind::Internal,
            from,
            to,
            attributes,
            error: None,
        })
    }

    fn chat(&self, turn: &Turn) -> Span {
        let operation = match turn.kind {
            TurnKind::Count => "count_tokens",
            TurnKind::Other => "other",
            _ => "chat",
        };
        let mut attributes = self.common(operation);
        attributes.some_text("gen_ai.request.model", turn.model.as_deref());
        if let Some(first) = turn.beats.iter().map(|beat| beat.at).min() {
            attributes.truth("gen_ai.request.stream");
            attributes.double("gen_ai.response.time_to_first_chunk", first as f64 / 1000.0);
        }
        if turn.kind == TurnKind::Compacted {
            attributes.truth("gen_ai.conversation.compacted");
        }
        if operation == "chat" && (turn.stop_reason.is_some() || turn.status == Status::Ended) {
            let reason = messages::finish_reason(turn).to_owned();
            attributes.texts("gen_ai.response.finish_reasons", [reason]);
        }
        usage(&mut attributes, turn.usage);
        attributes.some_number("http.response.status_code", turn.http_status.map(u64::from));
        attributes.some_text("error.type", names::error(turn));
        attributes.text("hansard.exchange.id", &turn.exchange);
        attributes.number("hansard.turn.number", turn.number as u64);
        attributes.text("hansard.turn.kind", names::turn_kind(turn.kind));
        attributes.text("hansard.status", names::status(turn.status));
        attributes.some_text("hansard.policy.rule", turn.rule.as_deref());
        attributes.some_text("hansard.upstream.request_id", turn.request_id.as_deref());
        if turn.ended_at.is_none() {
            attributes.truth("hansard.open");
        }
        if self.content == Content::With {
            if let Some(system) = &turn.system {
                attributes.text("gen_ai.system_instructions", &messages::system(system));
            }
            attributes.number("hansard.messages.carried", turn.carried as u64);
            attributes.text("gen_ai.input.messages", &messages::input(self.replay, &turn.said));
            attributes.text("gen_ai.output.messages", &messages::output(self.replay, turn));
        }
        let model = turn.model.as_ref().map(|model| format!("{operation} {model}"));
        let refusal = turn.refusal.as_ref().map(|refusal| refusal.message.clone());
        let mut span = self.span(Made {
            id: SpanId::exchange(&self.replay.session.id, &turn.exchange),
            parent: Some(self.lane(turn.lane)),
            name: model.unwrap_or_else(|| operation.to_owned()),
            kind: SpanKind::Client,
            from: turn.started_at,
            to: turn.ended_at.unwrap_or(turn.started_at),
            attributes,
            error: names::error(turn).map(|error| refusal.unwrap_or_else(|| error.to_owned())),
        });
        span.events = turn.findings.iter().map(|finding| found(turn, finding)).collect();
        span
    }

    fn tool(&self, place: usize, call: &ToolCall) -> Span {
        let mut attributes = self.common("execute_tool");
        attributes.text("gen_ai.tool.name", &call.name);
        attributes.text("gen_ai.tool.call.id", &call.id);
        attributes.text("gen_ai.tool.type", "function");
        let outcome = names::outcome(&call.outcome);
        attributes.text("hansard.tool.outcome", outcome);
        if let Outcome::Failed { code: Some(code) } = call.outcome {
            attributes.integer("process.exit.code", i64::from(code));
        }
        let evidence = call.evidence.iter().map(|evidence| match evidence.certainty {
            Certainty::Inferred => format!("inferred: {}", evidence.source),
            Certainty::Confirmed => format!("confirmed: {}", evidence.source),
        });
        attributes.texts("hansard.tool.evidence", evidence);
        let error = match call.outcome {
            Outcome::Ran => None,
            // Nothing was heard of it: that is no failure.
            Outcome::Unanswered => {
                attributes.truth("hansard.open");
                None
            }
            _ => Some(outcome.to_owned()),
        };
        attributes.some_text("error.type", error.as_deref());
        if self.content == Content::With {
            let ran = call.ran.as_ref().filter(|ran| ran.differs);
            let input = ran.map_or(&call.input, |ran| &ran.input);
            attributes.text("gen_ai.tool.call.arguments", input);
            if ran.is_some() {
                attributes.text("hansard.tool.suggested_arguments", &call.input);
            }
            let result = call.result.as_ref().map(|result| result.text.as_str());
            attributes.some_text("gen_ai.tool.call.result", result);
        }
        let session = &self.replay.session.id;
        let ran = call.duration_ms.map(|ms| call.at.saturating_add_unsigned(ms));
        let heard = call.result.as_ref().map(|result| result.at);
        let turn = self.replay.turns.get(call.turn);
        let mut span = self.span(Made {
            id: SpanId::call(session, place, &call.id),
            parent: Some(self.lane(turn.map_or(0, |turn| turn.lane))),
            name: format!("execute_tool {}", call.name),
            kind: SpanKind::Internal,
            from: call.at,
            to: ran.or(heard).unwrap_or(call.at),
            attributes,
            error,
        });
        span.links.extend(turn.map(|turn| Link {
            trace_id: self.id.clone(),
            span_id: SpanId::exchange(session, &turn.exchange).bytes(),
            ..Link::default()
        }));
        span
    }
}

/// Input tokens count all that were read, those from the cache and into it included.
fn usage(attributes: &mut Attributes, usage: Usage) {
    let Usage { input, cache_read, cache_write, output } = usage;
    if usage == Usage::default() {
        return;
    }
    let read = input.saturating_add(cache_read).saturating_add(cache_write);
    attributes.number("gen_ai.usage.input_tokens", read);
    attributes.number("gen_ai.usage.cache_read.input_tokens", cache_read);
    attributes.number("gen_ai.usage.cache_write.input_tokens", cache_write);
    attributes.number("gen_ai.usage.output_tokens", output);
}

fn found(turn: &Turn, finding: &Finding) -> Event {
    let Finding { rule, at, count, fingerprint, action, in_response } = finding;
    let mut attributes = Attributes::default();
    attributes.text("hansard.finding.rule", rule);
    attributes.text("hansard.finding.at", at);
    attributes.number("hansard.finding.count", *count);
    attributes.text("hansard.finding.action", action);
    attributes.text("hansard.finding.fingerprint", fingerprint);
    let end = turn.ended_at.unwrap_or(turn.started_at);
    Event {
        time_unix_nano: nanos(if *in_response { end } else { turn.started_at }),
        name: "hansard.finding".to_owned(),
        attributes: attributes.into(),
        ..Event::default()
    }
}

/// Nanoseconds of a moment; what lies before 1970 or after 2554 is the nearest that can be said.
fn nanos(moment: i64) -> u64 {
    u64::try_from(moment).unwrap_or(0).saturating_mul(1_000_000)
}
