//! One exchange, as far as its parts tell it.
//!
//! ```text
//! parts by (boot, seq):   opened | refused   progress …   closed | refused
//!                         └─ the first of them            └─ the last of them
//!                            fills `introduction`            fills `ending`
//! ```
//!
//! A minimum and a maximum do not care about order: whichever part arrives first, the row ends the
//! same. An exchange whose introduction never arrives is a session of its own, without a subject:
//! it must not hide.

use crate::error::StoreError;
use crate::incoming::NewPart;
use crate::projections::Row;
use crate::session::SessionId;
use hansard_record::part::{Closed, Decision, EndWhy, Opened, Refused, Request, SessionHint, Who};
use hansard_record::{ExchangeId, RawJson};
use rusqlite::{Connection, OptionalExtension, params};
use serde::Deserialize;
use std::sync::Arc;

/// How far an exchange has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// Admitted; its end is not on record (yet).
    Open,
    /// Closed with a whole response.
    Complete,
    /// Closed for another reason, which `why` names.
    Ended,
    /// Turned away.
    Refused,
    /// Admitted; its end is not on record and will not be: nothing was heard of it for
    /// [`SILENCE`](crate::SILENCE). What came of it so far is its last known content.
    Interrupted,
}

impl Status {
    /// The name in the ledger and in JSON.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Complete => "complete",
            Self::Ended => "ended",
            Self::Refused => "refused",
            Self::Interrupted => "interrupted",
        }
    }

    pub(crate) fn from_name(name: &str) -> Self {
        match name {
            "complete" => Self::Complete,
            "ended" => Self::Ended,
            "refused" => Self::Refused,
            _ => Self::Open,
        }
    }
}

/// One exchange, in the columns of its row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exchange {
    /// The exchange id, a UUID.
    pub id: String,
    /// The session it belongs to.
    pub session: String,
    /// How far it has come.
    pub status: Status,
    /// The earliest time among its parts, in Unix milliseconds.
    pub started_at: i64,
    /// What was asked, and by whom; empty until that part is here.
    pub introduction: Arc<Introduction>,
    /// How it ended, once it has.
    pub ending: Option<Ending>,
    pub(crate) introduced_by: Option<Teller>,
    pub(crate) ended_by: Option<Teller>,
}

/// A part that says something of its exchange.
#[derive(Clone, Debug)]
pub(crate) struct Teller {
    /// Its entry.
    part: i64,
    boot: String,
    seq: i64,
}

/// What an `opened` or `refused` part says of its exchange.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Introduction {
    pub(crate) session: String,
    /// The client's own session id.
    pub hint: Option<String>,
    /// The client's own agent id.
    pub agent: Option<String>,
    /// `iss`, empty without an identity.
    pub issuer: String,
    /// `sub`, empty without an identity.
    pub subject: String,
    /// The group claims.
    pub groups: Vec<String>,
    /// `email`.
    pub email: Option<String>,
    /// The HTTP method.
    pub method: Option<String>,
    /// Path and query.
    pub path: Option<String>,
    /// The model asked for.
    pub model: Option<String>,
    /// The rule that decided.
    pub rule: Option<String>,
    /// `allow` or `refuse`.
    pub effect: Option<String>,
}

/// What a `closed` or `refused` part says of its exchange.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ending {
    pub(crate) status: Status,
    /// When, in Unix milliseconds.
    pub at: i64,
    /// The HTTP status that the upstream, or the refusal, gave.
    pub http_status: Option<u16>,
    /// `end.why` of a closed part, the error type of a refusal.
    pub why: String,
    /// Tokens read, cached or not.
    pub input_tokens: Option<i64>,
    /// Tokens written.
    pub output_tokens: Option<i64>,
}

// === impl Introduction ===

impl Introduction {
    pub(crate) fn of_opened(exchange: ExchangeId, part: &Opened<'_>) -> Self {
        let Opened { who, from: _, session, decision, request, findings: _ } = part;
        Self::new(exchange, Some(who), session, decision, request)
    }

    pub(crate) fn of_refused(exchange: ExchangeId, part: &Refused<'_>) -> Self {
        let Refused { who, from: _, session, decision, request, .. } = part;
        Self::new(exchange, who.as_ref(), session, decision, request)
    }

    fn new(
        exchange: ExchangeId,
        who: Option<&Who<'_>>,
        session: &SessionHint<'_>,
        decision: &Decision<'_>,
        request: &Request<'_>,
    ) -> Self {
        let issuer = who.map(|who| who.issuer.to_string()).unwrap_or_default();
        let subject = who.map(|who| who.subject.to_string()).unwrap_or_default();
        let id = match session.id.as_deref() {
            Some(hint) => SessionId::hinted(&issuer, &subject, hint),
            None => SessionId::alone(exchange),
        };
        Self {
            session: id.to_string(),
            hint: session.id.as_deref().map(str::to_owned),
            agent: session.agent.as_deref().map(str::to_owned),
            issuer,
            subject,
            groups: who
                .map(|who| who.groups.iter().map(ToString::to_string).collect())
                .unwrap_or_default(),
            email: who.and_then(|who| who.email.as_deref()).map(str::to_owned),
            method: Some(request.method.to_string()),
            path: Some(request.path.to_string()),
            model: request.model.as_deref().map(str::to_owned),
            rule: decision.rule.as_deref().map(str::to_owned),
            effect: Some(decision.effect.to_string()),
        }
    }
}

// === impl Ending ===

impl Ending {
    pub(crate) fn of_closed(at: i64, part: &Closed<'_>) -> Self {
        let response = part.response.as_ref();
        let usage = response.and_then(|response| response.usage).map(Usage::read);
        let usage = usage.unwrap_or_default();
        Self {
            status: if part.end.why == EndWhy::Complete { Status::Complete } else { Status::Ended },
            at,
            http_status: response.map(|response| response.status),
            why: part.end.why.name().to_owned(),
            input_tokens: usage.input(),
            output_tokens: usage.output_tokens.and_then(tokens),
        }
    }

    pub(crate) fn of_refused(at: i64, part: &Refused<'_>) -> Self {
        Self {
            status: Status::Refused,
            at,
            http_status: Some(part.refusal.status),
            why: part.refusal.kind.to_string(),
            input_tokens: None,
            output_tokens: None,
        }
    }
}

/// Usage of the messages API: what was read is the sum of three numbers.
#[derive(Default, Deserialize)]
struct Usage {
    input_tokens: Option<serde_json::Value>,
    cache_creation_input_tokens: Option<serde_json::Value>,
    cache_read_input_tokens: Option<serde_json::Value>,
    output_tokens: Option<serde_json::Value>,
}

impl Usage {
    /// The upstream's word, so nothing in it may make the part unreadable.
    fn read(raw: RawJson<'_>) -> Self {
        serde_json::from_str(raw.get()).unwrap_or_default()
    }

    fn input(&self) -> Option<i64> {
        let parts =
            [&self.input_tokens, &self.cache_creation_input_tokens, &self.cache_read_input_tokens];
        parts
            .into_iter()
            .filter_map(|part| part.clone().and_then(tokens))
            .reduce(i64::saturating_add)
    }
}

fn tokens(value: serde_json::Value) -> Option<i64> {
    value.as_i64().filter(|count| *count >= 0)
}

// === impl Exchange ===

impl Exchange {
    /// As it is before its first part is applied.
    fn unknown(first: &NewPart) -> Self {
        Self {
            id: first.exchange.to_string(),
            session: match &first.introduction {
                Some(introduction) => introduction.session.clone(),
                None => SessionId::alone(first.exchange).to_string(),
            },
            status: Status::Open,
            started_at: i64::MAX,
            introduction: Arc::default(),
            ending: None,
            introduced_by: None,
            ended_by: None,
        }
    }

    /// Adds what one more part says, whose entry is `entry`.
    fn apply(&mut self, part: &NewPart, entry: i64) {
        let teller = Teller { part: entry, boot: part.boot.to_string(), seq: part.seq };
        self.started_at = self.started_at.min(part.at);
        if let Some(introduction) = &part.introduction
            && self.introduced_by.as_ref().is_none_or(|first| teller.key() < first.key())
        {
            self.session.clone_from(&introduction.session);
            self.introduction = Arc::clone(introduction);
            self.introduced_by = Some(teller.clone());
        }
        if let Some(ending) = &part.ending
            && self.ended_by.as_ref().is_none_or(|last| teller.key() > last.key())
        {
            self.status = ending.status;
            self.ending = Some(ending.clone());
            self.ended_by = Some(teller);
        }
    }

    /// The row with what one more part says of it, whose entry is `entry`; `None` before: nothing is
    /// known yet.
    pub(crate) fn with(before: Option<&Self>, part: &NewPart, entry: i64) -> Self {
        let mut after = before.cloned().unwrap_or_else(|| Self::unknown(part));
        after.apply(part, entry);
        after
    }

    /// Whether the change can be added to a session's row; else the session is rebuilt.
    pub(crate) fn only_grows_from(&self, before: &Self) -> bool {
        let end = |exchange: &Self| exchange.ending.as_ref().map(|ending| ending.at);
        before.session == self.session
            && before.introduction == self.introduction
            && end(before) <= end(self)
    }

    pub(crate) fn of_session(
        connection: &Connection,
        session: &str,
    ) -> Result<Vec<Self>, StoreError> {
        let mut statement = connection
            .prepare_cached("SELECT * FROM told WHERE session = ?1 ORDER BY started_at, id")?;
        let rows = statement.query_map([session], Self::from_row)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// What a part should say and does not was taken out of the ledger: the verifier names it, and
    /// whoever reads sees the rest.
    fn from_row(row: &rusqlite::Row<'_>) -> rusqlite::Result<Self> {
        let there = Option::<String>::unwrap_or_default;
        let status = Status::from_name(&row.get::<_, String>("status")?);
        let session: String = row.get("session")?;
        let introduced_by =
            Teller::from_row(row, ["introduced_by", "introduced_boot", "introduced_seq"])?;
        let ended_by = Teller::from_row(row, ["ended_by", "ended_boot", "ended_seq"])?;
        Ok(Self {
            id: row.get("id")?,
            status,
            started_at: row.get("started_at")?,
            introduction: match introduced_by {
                Some(_) => Arc::new(Introduction {
                    session: session.clone(),
                    hint: row.get("hint")?,
                    agent: row.get("agent")?,
                    issuer: there(row.get("issuer")?),
                    subject: there(row.get("subject")?),
                    groups: list_from_json(&there(row.get("groups")?)),
                    email: row.get("email")?,
                    method: row.get("method")?,
                    path: row.get("path")?,
                    model: row.get("model")?,
                    rule: row.get("rule")?,
                    effect: row.get("effect")?,
                }),
                None => Arc::default(),
            },
            session,
            ending: match row.get("ended_at")? {
                Some(at) => Some(Ending {
                    status,
                    at,
                    http_status: row.get("http_status")?,
                    why: there(row.get("why")?),
                    input_tokens: row.get("input_tokens")?,
                    output_tokens: row.get("output_tokens")?,
                }),
                None => None,
            },
            introduced_by,
            ended_by,
        })
    }
}

// === impl Teller ===

/// Where it stands in the log depends on when it came.
impl PartialEq for Teller {
    fn eq(&self, other: &Self) -> bool {
        self.key() == other.key()
    }
}

impl Eq for Teller {}

impl Teller {
    /// The first of several is the one whose number is lowest; the last, highest.
    fn key(&self) -> (&str, i64) {
        (&self.boot, self.seq)
    }

    fn from_row(row: &rusqlite::Row<'_>, columns: [&str; 3]) -> rusqlite::Result<Option<Self>> {
        let [part, boot, seq] = columns;
        let part: Option<i64> = row.get(part)?;
        let Some((part, boot)) = part.zip(row.get(boot)?) else { return Ok(None) };
        Ok(Some(Self { part, boot, seq: row.get(seq)? }))
    }
}

impl Row for Exchange {
    fn load(connection: &Connection, id: &str) -> Result<Option<Self>, StoreError> {
        let mut statement = connection.prepare_cached("SELECT * FROM told WHERE id = ?1")?;
        Ok(statement.query_row([id], Self::from_row).optional()?)
    }

    fn save(&self, connection: &Connection, stored: Option<&Self>) -> Result<(), StoreError> {
        let part = |teller: &Option<Teller>| teller.as_ref().map(|teller| teller.part);
        match stored {
            Some(stored) if stored == self => {}
            // What an ending changes.
            Some(stored)
                if stored.started_at == self.started_at
                    && stored.introduced_by == self.introduced_by =>
            {
                connection
                    .prepare_cached(
                        "UPDATE exchanges SET status = ?2, ended_by = ?3 WHERE id = ?1",
                    )?
                    .execute(params![self.id, self.status.name(), part(&self.ended_by)])?;
            }
            _ => {
                let statement = match stored {
                    None => "INSERT INTO exchanges VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
                    Some(_) => "REPLACE INTO exchanges VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
                };
                connection.prepare_cached(statement)?.execute(params![
                    self.id,
                    self.session,
                    self.status.name(),
                    self.started_at,
                    part(&self.introduced_by),
                    part(&self.ended_by),
                ])?;
            }
        }
        Ok(())
    }

    fn is_over(&self) -> bool {
        self.status != Status::Open
    }
}

pub(crate) fn list_to_json(list: &[String]) -> String {
    serde_json::Value::from(list).to_string()
}

pub(crate) fn list_from_json(json: &str) -> Vec<String> {
    serde_json::from_str(json).unwrap_or_default()
}
