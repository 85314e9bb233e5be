//! What a listing or a search asks for, and what it gives.
//!
//! Pages are by key: a cursor says where the last page ended, so a page costs the same wherever it
//! is and never repeats or skips a session that was there all along.

use crate::model::{Status, Usage};
use serde::{Deserialize, Serialize};

/// Which sessions; every field that is given must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Filter {
    /// Only sessions of this subject of this issuer: set by access rights, never by a user.
    #[serde(skip)]
    pub only: Option<(String, String)>,
    /// Only sessions of a person who had one of these groups: set by access rights as well. With
    /// `only`, sessions for which either holds.
    #[serde(skip)]
    pub only_groups: Option<Vec<String>>,
    /// Subject or email, or the beginning of one.
    pub person: Option<String>,
    /// A group that the person had.
    pub group: Option<String>,
    /// A model that was asked.
    pub model: Option<String>,
    /// A tool that was called.
    pub tool: Option<String>,
    /// A file that was written, or the end of its path.
    pub path: Option<String>,
    /// Words of a command.
    pub command: Option<String>,
    /// Sessions in this state.
    pub status: Option<Status>,
    /// Sessions with a request that was turned away.
    pub refused: bool,
    /// Sessions in which something was redacted; a rule's name, or `*` for any.
    pub finding: Option<String>,
    /// Sessions with parts missing.
    pub gaps: bool,
    /// Sessions that were active at or after this time, in Unix milliseconds.
    pub since: Option<i64>,
    /// Sessions that started before this time.
    pub until: Option<i64>,
}

/// A session in a list.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Row {
    /// The session id.
    pub id: String,
    /// A few words.
    pub title: Option<String>,
    /// `sub`.
    pub subject: String,
    /// `email`.
    pub email: Option<String>,
    /// Every group.
    pub groups: Vec<String>,
    /// Every model.
    pub models: Vec<String>,
    /// Of the whole.
    pub status: Status,
    /// The first start.
    pub started_at: i64,
    /// The last time something happened.
    pub active_at: i64,
    /// Exchanges.
    pub turns: usize,
    /// Tool calls.
    pub calls: usize,
    /// Of them, those that were rejected or denied.
    pub turned_down: usize,
    /// Exchanges that were refused.
    pub refused: usize,
    /// Findings.
    pub findings: usize,
    /// Missing parts.
    pub gaps: usize,
    /// Files written.
    pub files: usize,
    /// Tokens.
    pub usage: Usage,
    /// Whether its content was erased.
    pub erased: bool,
}

/// A place at which a search found its words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hit {
    /// The session's id.
    pub session: String,
    /// Its title.
    pub title: Option<String>,
    /// `sub`.
    pub subject: String,
    /// The turn's number, from 1.
    pub turn: usize,
    /// When.
    pub at: i64,
    /// `prompt`, `answer`, `thinking`, `tool call`, `tool result` or `system`.
    pub place: String,
    /// The text around it, in pieces; `true` for what was searched for.
    pub snippet: Vec<(bool, String)>,
}

/// Some of a list, and where the rest begins.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Page<T> {
    /// The items.
    pub items: Vec<T>,
    /// Give it back for the next page; absent on the last.
    pub next: Option<String>,
}
