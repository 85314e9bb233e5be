//! One exchange as an event. Names and numbers are those of the schema's class `api_activity`.

use super::jcs::MOST;
use crate::otel::{SpanId, TraceId};
use crate::turns::Belongings;
use crate::{Content, Proof, Recorded, names};
use hansard_replay::Replay;
use hansard_replay::model::{Block, Certainty, LaneKind, Message, Status, Turn, TurnKind, Usage};
use serde_json::{Map, Value, json};
use std::net::{IpAddr, SocketAddr};

/// The class, in the category Application Activity.
const CLASS: i64 = 6003;
/// Methods that `http_request.http_method` lists in every version with the profiles.
const METHODS: [&str; 9] =
    ["CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "TRACE"];

pub(super) fn of(
    replay: &Replay,
    proof: &Proof,
    content: Content,
    turn: &Turn,
    belongings: &Belongings<'_>,
) -> Value {
    let recorded = proof.exchanges.get(&turn.exchange);
    let (activity_id, activity) = activity(turn);
    let (severity_id, severity) = severity(turn);
    let (status_id, status) = match turn.status {
        Status::Open => (0, "Unknown"),
        Status::Complete => (1, "Success"),
        Status::Ended | Status::Refused | Status::Interrupted => (2, "Failure"),
    };
    let word = names::status(turn.status);
    let detail = names::error(turn).map_or_else(|| word.to_owned(), |why| format!("{word}: {why}"));
    let mut event = json!({
        "metadata": metadata(replay, proof, turn, recorded),
        "category_uid": 6,
        "category_name": "Application Activity",
        "class_uid": CLASS,
        "class_name": "API Activity",
        "activity_id": activity_id,
        "activity_name": activity,
        "type_uid": CLASS * 100 + activity_id,
        "type_name": format!("API Activity: {activity}"),
        "severity_id": severity_id,
        "severity": severity,
        "status_id": status_id,
        "status": status,
        "status_code": turn.http_status.map(|status| status.to_string()),
        "status_detail": detail,
        "message": format!("{}: {detail}", turn.endpoint),
        "time": time(turn.started_at),
        "start_time": time(turn.started_at),
        "end_time": turn.ended_at.map(time),
        "duration": turn.ended_at.map(|end| time(end.saturating_sub(turn.started_at))),
        "timezone_offset": 0,
        "actor": actor(replay),
        "api": {
            "operation": turn.endpoint,
            "service": { "name": "Claude API" },
            "request": { "uid": turn.exchange },
            "response": response(turn),
        },
        "http_request": http_request(turn, recorded),
        "http_response": turn.http_status.map(|code| json!({ "code": code })),
        "src_endpoint": source(recorded),
        "dst_endpoint": { "svc_name": "Claude API" },
        "ai_model": model(turn),
        "ai_agent": agent(replay, turn),
        "message_context": message_context(replay, turn, content),
        "trace": trace(replay, turn),
        "unmapped": { "hansard": unmapped(replay, proof, turn, recorded, belongings) },
    });
    control(turn, &mut event);
    strip(&mut event);
    event
}

fn metadata(replay: &Replay, proof: &Proof, turn: &Turn, recorded: Option<&Recorded>) -> Value {
    let last = recorded.and_then(|recorded| recorded.leaves.last());
    json!({
        "version": "1.9.0",
        "profiles": ["ai_operation", "record_integrity", "security_control", "trace"],
        "product": {
            "name": "Hansard",
            "vendor_name": "Hansard",
            "version": env!("CARGO_PKG_VERSION"),
        },
        "uid": turn.exchange,
        "correlation_uid": replay.session.id,
        "sequence": number(turn.number as u64),
        "log_name": proof.checkpoint.as_ref().map(|checkpoint| &checkpoint.origin),
        "original_event_uid": last.map(|leaf| leaf.entry.to_string()),
    })
}

/// What the request did to the API's resources.
fn activity(turn: &Turn) -> (i64, &'static str) {
    let method = turn.endpoint.split(' ').next().unwrap_or_default();
    match (turn.kind, method) {
        (TurnKind::Count, _) | (_, "GET" | "HEAD") => (2, "Read"),
        (_, "POST") => (1, "Create"),
        (_, "PUT" | "PATCH") => (3, "Update"),
        (_, "DELETE") => (4, "Delete"),
        _ => (99, "Other"),
    }
}

/// A refusal or a blocked value is for somebody to look at; what broke off, or was redacted, to know.
fn severity(turn: &Turn) -> (i64, &'static str) {
    let blocked = turn.findings.iter().any(|finding| finding.action == "block");
    match turn.status {
        Status::Refused => (3, "Medium"),
        _ if blocked => (3, "Medium"),
        Status::Ended | Status::Interrupted => (2, "Low"),
        Status::Open | Status::Complete if !turn.findings.is_empty() => (2, "Low"),
        Status::Open | Status::Complete => (1, "Informational"),
    }
}

fn actor(replay: &Replay) -> Value {
    let session = &replay.session;
    let verified = !session.subject.is_empty();
    let groups: Vec<_> = session.groups.iter().map(|group| json!({ "name": group })).collect();
    json!({
        "user": verified.then(|| json!({
            "uid": session.subject,
            "email_addr": session.email.as_deref().filter(|email| is_email(email)),
            "groups": (!groups.is_empty()).then_some(groups),
        })),
        "idp": verified.then(|| json!({ "uid": session.issuer, "issuer": session.issuer })),
        "session": {
            "uid": session.id,
            "uid_alt": session.hint,
            "issuer": verified.then_some(&session.issuer),
        },
    })
}

fn response(turn: &Turn) -> Value {
    json!({
        "code": turn.http_status,
        "error": names::error(turn),
        "error_message": turn.refusal.as_ref().map(|refusal| &refusal.message),
    })
}

fn http_request(turn: &Turn, recorded: Option<&Recorded>) -> Value {
    let (method, target) = turn.endpoint.split_once(' ').unwrap_or(("", &turn.endpoint));
    let (path, query) = match target.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (target, None),
    };
    json!({
        "http_method": METHODS.contains(&method).then_some(method),
        "url": { "path": path, "query_string": query },
        "user_agent": recorded.and_then(|recorded| recorded.user_agent.as_ref()),
        "uid": turn.request_id,
    })
}

fn source(recorded: Option<&Recorded>) -> Value {
    let address = recorded.map_or("", |recorded| &recorded.address);
    if let Ok(socket) = address.parse::<SocketAddr>() {
        return json!({ "ip": socket.ip().to_string(), "port": socket.port() });
    }
    match address.parse::<IpAddr>() {
        Ok(ip) => json!({ "ip": ip.to_string() }),
        Err(_) if address.is_empty() => json!({ "name": "unknown" }),
        Err(_) => json!({ "name": address }),
    }
}

fn model(turn: &Turn) -> Option<Value> {
    let name = turn.model.as_ref()?;
    Some(json!({ "ai_provider": "Anthropic", "name": name }))
}

/// Only of a subagent, which the client names; the model of every other request is called directly.
fn agent(replay: &Replay, turn: &Turn) -> Option<Value> {
    let lane = replay.lanes.get(turn.lane).filter(|lane| lane.kind == LaneKind::Subagent)?;
    Some(json!({ "name": "subagent", "instance_uid": lane.agent, "ai_model": model(turn) }))
}

fn message_context(replay: &Replay, turn: &Turn, content: Content) -> Value {
    let Usage { input, cache_read, cache_write, output } = turn.usage;
    let read = input.saturating_add(cache_read).saturating_add(cache_write);
    let counted = turn.usage != Usage::default();
    let with = content == Content::With;
    json!({
        "name": replay.session.hint,
        "service": { "name": "Claude API" },
        "ai_role_id": 2,
        "ai_role": "Assistant",
        "prompt_tokens": counted.then(|| number(read)),
        "completion_tokens": counted.then(|| number(output)),
        "total_tokens": counted.then(|| number(read.saturating_add(output))),
        "prompt_text": with.then(|| said(&turn.said)),
        "response_text": with.then(|| text(&turn.answer)),
    })
}

fn trace(replay: &Replay, turn: &Turn) -> Value {
    let session = &replay.session.id;
    let span = turn.ended_at.map(|end| {
        json!({
            "uid": SpanId::exchange(session, &turn.exchange).hex(),
            "start_time": time(turn.started_at),
            "end_time": time(end),
        })
    });
    json!({ "uid": TraceId::session(session).hex(), "span": span })
}

/// The profile `security_control`: what the policy said, and what became of it.
fn control(turn: &Turn, event: &mut Value) {
    let Some(members) = event.as_object_mut() else { return };
    let refused = turn.status == Status::Refused;
    let blocked = turn.findings.iter().any(|finding| finding.action == "block");
    let (action_id, action) = if refused { (2, "Denied") } else { (1, "Allowed") };
    let (disposition_id, disposition) =
        if refused || blocked { (2, "Blocked") } else { (1, "Allowed") };
    let decision = if refused { "refuse" } else { "allow" };
    let policy = turn.rule.as_ref().map(|rule| json!({ "name": rule, "is_applied": true }));
    members.extend([
        ("action_id".to_owned(), json!(action_id)),
        ("action".to_owned(), json!(action)),
        ("disposition_id".to_owned(), json!(disposition_id)),
        ("disposition".to_owned(), json!(disposition)),
        ("is_alert".to_owned(), json!(refused || blocked)),
        ("authorizations".to_owned(), json!([{ "decision": decision, "policy": policy }])),
        ("policy".to_owned(), json!(policy)),
    ]);
}

fn unmapped(
    replay: &Replay,
    proof: &Proof,
    turn: &Turn,
    recorded: Option<&Recorded>,
    belongings: &Belongings<'_>,
) -> Value {
    let lane = replay.lanes.get(turn.lane).map(|lane| names::lane(lane.kind));
    let calls = belongings.calls.iter().map(|call| {
        let confirmed = call.evidence.iter().any(|e| e.certainty == Certainty::Confirmed);
        json!({
            "uid": call.id,
            "name": call.name,
            "outcome": names::outcome(&call.outcome),
            "confirmed": confirmed,
        })
    });
    let findings = turn.findings.iter().map(|finding| {
        json!({
            "rule": finding.rule,
            "at": finding.at,
            "count": number(finding.count),
            "action": finding.action,
            "in_response": finding.in_response,
        })
    });
    let notices = belongings.notices.iter().map(|notice| json!(notice.kind));
    let leaves = recorded.map(|recorded| recorded.leaves.as_slice()).unwrap_or_default();
    let leaves =
        leaves.iter().map(|leaf| json!({ "entry": number(leaf.entry), "leaf_hash": leaf.hash }));
    let checkpoint = proof.checkpoint.as_ref().map(|checkpoint| {
        json!({
            "origin": checkpoint.origin,
            "size": number(checkpoint.size),
            "root_hash": checkpoint.root,
        })
    });
    json!({
        "turn": number(turn.number as u64),
        "kind": names::turn_kind(turn.kind),
        "lane": lane,
        "status": names::status(turn.status),
        "stop_reason": turn.stop_reason,
        "tool_calls": some(calls.collect()),
        "findings": some(findings.collect()),
        "notices": some(notices.collect()),
        "log": { "entries": some(leaves.collect()), "checkpoint": checkpoint },
    })
}

/// Takes out what is not known: OCSF has no nulls.
fn strip(value: &mut Value) {
    if let Value::Object(members) = value {
        members.values_mut().for_each(strip);
        let empty = |value: &Value| value.is_null() || value.as_object().is_some_and(Map::is_empty);
        members.retain(|_, value| !empty(value));
    } else if let Value::Array(values) = value {
        values.iter_mut().for_each(strip);
    }
}

fn some(values: Vec<Value>) -> Option<Vec<Value>> {
    (!values.is_empty()).then_some(values)
}

fn number(value: u64) -> i64 {
    i64::try_from(value).map_or(MOST, |value| value.min(MOST))
}

fn time(moment: i64) -> i64 {
    moment.clamp(-MOST, MOST)
}

fn said(messages: &[Message]) -> String {
    let texts = messages.iter().map(|message| text(&message.blocks));
    texts.filter(|text| !text.is_empty()).collect::<Vec<_>>().join("\n\n")
}

fn text(blocks: &[Block]) -> String {
    let texts = blocks.iter().filter_map(|block| match block {
        Block::Text { text } => Some(text.as_str()),
        _ => None,
    });
    texts.collect::<Vec<_>>().join("\n\n")
}

/// As the schema's `email_t` wants it.
fn is_email(email: &str) -> bool {
    let is_local = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+,-./=?^_`{|}~".contains(c);
    let is_domain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '.';
    email.split_once('@').is_some_and(|(local, domain)| {
        let Some((name, top)) = domain.split_once('.') else { return false };
        let whole = !local.is_empty() && !name.is_empty() && !top.is_empty();
        whole && local.chars().all(is_local) && domain.chars().all(is_domain)
    })
}
