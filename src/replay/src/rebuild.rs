//! A session rebuilt: exchanges in the order of time become turns.

use crate::input::{Content, ExchangeInput, Input};
use crate::model::{Replay, Session, Status, Turn, Usage};

/// Rebuilds a session. The same input gives the same replay.
#[must_use]
pub fn rebuild(input: &Input) -> Replay {
    let mut replay = Replay { session: session(input), ..Replay::default() };
    for exchange in &input.exchanges {
        let number = replay.turns.len() + 1;
        replay.turns.push(Turn { number, ..turn(exchange) });
    }
    replay
}

/// What an exchange's row says, and what its content adds to it.
fn turn(exchange: &ExchangeInput) -> Turn {
    let mut turn = Turn {
        exchange: exchange.id.clone(),
        started_at: exchange.started_at,
        ended_at: exchange.ended_at,
        status: exchange.status,
        http_status: exchange.http_status,
        why: exchange.why.clone(),
        endpoint: format!("{} {}", exchange.method, exchange.path).trim().to_owned(),
        model: exchange.model.clone(),
        rule: exchange.rule.clone(),
        ..Turn::default()
    };
    if let Content::Known(spoken) = &exchange.content {
        turn.answered_at = spoken.answer.at;
        turn.request_id.clone_from(&spoken.answer.request_id);
        turn.refusal.clone_from(&spoken.refusal);
        turn.beats.clone_from(&spoken.answer.beats);
        turn.stop_reason.clone_from(&spoken.answer.stop_reason);
        turn.usage = spoken.answer.usage;
        turn.findings.clone_from(&spoken.findings);
    }
    turn
}

fn session(input: &Input) -> Session {
    let row = &input.session;
    let mut session = Session {
        id: row.id.clone(),
        joined: input.joined.iter().map(|session| session.id.clone()).collect(),
        hint: row.hint.clone(),
        issuer: row.issuer.clone(),
        subject: row.subject.clone(),
        email: None,
        groups: Vec::new(),
        models: Vec::new(),
        title: None,
        started_at: row.started_at,
        ended_at: None,
        status: status(input),
        usage: Usage::default(),
    };
    for exchange in &input.exchanges {
        session.groups.extend(exchange.groups.iter().cloned());
        session.models.extend(exchange.model.clone());
        session.email = exchange.email.clone().or(session.email.take());
        session.started_at = session.started_at.min(exchange.started_at);
        if let Content::Known(spoken) = &exchange.content {
            let Usage { input, cache_read, cache_write, output } = spoken.answer.usage;
            let sum = &mut session.usage;
            sum.input = sum.input.saturating_add(input);
            sum.cache_read = sum.cache_read.saturating_add(cache_read);
            sum.cache_write = sum.cache_write.saturating_add(cache_write);
            sum.output = sum.output.saturating_add(output);
        }
    }
    for list in [&mut session.groups, &mut session.models] {
        list.sort();
        list.dedup();
    }
    if session.status != Status::Open {
        session.ended_at = input.exchanges.iter().filter_map(|exchange| exchange.ended_at).max();
    }
    session
}

/// The status of the whole: what is worst to overlook decides.
fn status(input: &Input) -> Status {
    let any = |status| input.exchanges.iter().any(|exchange| exchange.status == status);
    let all = |status| input.exchanges.iter().all(|exchange| exchange.status == status);
    if any(Status::Open) {
        Status::Open
    } else if any(Status::Interrupted) {
        Status::Interrupted
    } else if all(Status::Refused) {
        Status::Refused
    } else if any(Status::Ended) {
        Status::Ended
    } else {
        Status::Complete
    }
}
