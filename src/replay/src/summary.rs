//! What rows say: of a turn before its content is looked at, of the session as a whole, and what an
//! auditor should know before anything else.

use crate::input::{Content, ExchangeInput, Input};
use crate::model::{Notice, NoticeKind, Session, Status, Turn};

/// What an exchange's row says, and what its content adds without being followed.
pub(crate) fn turn(exchange: &ExchangeInput, index: usize) -> Turn {
    let mut turn = Turn {
        number: index.saturating_add(1),
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

/// The session, but for its title.
pub(crate) fn session(input: &Input) -> Session {
    let row = &input.session;
    let mut session = Session {
        id: row.id.clone(),
        joined: input.joined.iter().map(|session| session.id.clone()).collect(),
        hint: row.hint.clone(),
        issuer: row.issuer.clone(),
        subject: row.subject.clone(),
        started_at: row.started_at,
        status: status(input),
        ..Session::default()
    };
    for exchange in &input.exchanges {
        session.groups.extend(exchange.groups.iter().cloned());
        session.models.extend(exchange.model.clone());
        session.email = exchange.email.clone().or(session.email.take());
        session.started_at = session.started_at.min(exchange.started_at);
        if let Content::Known(spoken) = &exchange.content {
            session.usage.add(&spoken.answer.usage);
            if let Some(model) = &exchange.model {
                session.usage_of.entry(model.clone()).or_default().add(&spoken.answer.usage);
            }
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

/// What is known of the session before its turns are looked at.
pub(crate) fn notices(input: &Input) -> Vec<Notice> {
    let mut notices = Vec::new();
    let mut notice = |kind, turn, text| notices.push(Notice { kind, turn, text });
    if input.exchanges.iter().any(|exchange| matches!(exchange.content, Content::Erased)) {
        let text =
            "The session's content was erased; who, when and how it ended is still on record.";
        notice(NoticeKind::Erased, None, text.to_owned());
    }
    for other in &input.shared_with {
        let text = format!(
            "The client's session id is also in use by {other}: ids are the client's own word, \
             and the two sessions are kept apart."
        );
        notice(NoticeKind::SharedId, None, text);
    }
    for gap in &input.gaps {
        let turn =
            input.exchanges.iter().rposition(|exchange| exchange.started_at <= gap.before_at);
        let count = gap.last.saturating_sub(gap.first).saturating_add(1);
        let text = format!(
            "{count} part{} of the gateway {} missing around here (numbers {} to {}); they may or \
             may not be of this session.",
            if count == 1 { "" } else { "s" },
            if count == 1 { "is" } else { "are" },
            gap.first,
            gap.last,
        );
        notice(NoticeKind::Gap, turn, text);
    }
    for (index, exchange) in input.exchanges.iter().enumerate() {
        if exchange.status == Status::Interrupted {
            let text = "The exchange's end is not on record: the gateway that ran it is gone. What is \
                        shown is what was on record until then.";
            notice(NoticeKind::Interrupted, Some(index), text.to_owned());
        }
    }
    notices
}
