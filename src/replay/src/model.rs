//! What an auditor sees of a session.
//!
//! Every time is in Unix milliseconds, every index is into the list of the same name in
//! [`Replay`]. Texts are as they were recorded: redacted, and otherwise hostile until they are
//! shown. Raw JSON is kept as its text, digit for digit.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A session, rebuilt.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Replay {
    /// The session as a whole.
    pub session: Session,
    /// Conversations that ran side by side; the first is the main one.
    pub lanes: Vec<Lane>,
    /// Exchanges, in the order of their start.
    pub turns: Vec<Turn>,
    /// Tool calls, in the order in which they were suggested.
    pub calls: Vec<ToolCall>,
    /// Files that tool calls wrote, by path.
    pub files: Vec<File>,
    /// Shell commands, in the order in which they were suggested.
    pub commands: Vec<Command>,
    /// Commits that commands made.
    pub commits: Vec<Commit>,
    /// What an auditor should know before trusting the picture.
    pub notices: Vec<Notice>,
}

/// Who, when and how much.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Session {
    /// The session id.
    pub id: String,
    /// Further sessions of the ledger that this one continues without a session id of the client's.
    pub joined: Vec<String>,
    /// The client's own session id.
    pub hint: Option<String>,
    /// `iss`.
    pub issuer: String,
    /// `sub`.
    pub subject: String,
    /// `email`, when the issuer gives one.
    pub email: Option<String>,
    /// Every group in any exchange, sorted.
    pub groups: Vec<String>,
    /// Every model asked for, sorted.
    pub models: Vec<String>,
    /// A few words: what a side request named it, else the first prompt's beginning.
    pub title: Option<String>,
    /// The first start.
    pub started_at: i64,
    /// The last end, absent while one is open.
    pub ended_at: Option<i64>,
    /// Of the whole.
    pub status: Status,
    /// Over all turns.
    pub usage: Usage,
    /// The same, by the model that was asked; turns that name none are left out.
    #[serde(default)]
    pub usage_of: BTreeMap<String, Usage>,
}

/// How an exchange or a session ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// It may still be running.
    #[default]
    Open,
    /// The response is whole.
    Complete,
    /// It ended otherwise, and how is on record.
    Ended,
    /// It was turned away.
    Refused,
    /// Its end is not on record, and will not be: the gateway that ran it is gone.
    Interrupted,
}

/// A line of turns that follow each other.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Lane {
    /// What it is.
    pub kind: LaneKind,
    /// The client's id of the agent.
    pub agent: Option<String>,
    /// The tool call that started it.
    pub started_by: Option<usize>,
    /// A few words for a heading.
    pub label: String,
}

/// Who speaks in a lane.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LaneKind {
    /// The conversation with the person.
    Main,
    /// An agent that another agent started.
    Subagent,
    /// Requests that the client makes for itself: titles, web searches, summaries.
    Side,
}

/// One exchange, less what earlier turns already showed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Turn {
    /// From 1, without a gap.
    pub number: usize,
    /// The exchange's id.
    pub exchange: String,
    /// Index of its lane.
    pub lane: usize,
    /// Why it was asked.
    pub kind: TurnKind,
    /// Index of the turn whose history it extends, or of the summary that it builds on.
    pub continues: Option<usize>,
    /// Messages of its history that earlier turns showed.
    pub carried: usize,
    /// When the request was admitted or refused.
    pub started_at: i64,
    /// When the response's headers came.
    pub answered_at: Option<i64>,
    /// When it ended.
    pub ended_at: Option<i64>,
    /// How it ended.
    pub status: Status,
    /// What the client got.
    pub http_status: Option<u16>,
    /// Why it ended: a name of the record's schema, as `client_gone`.
    pub why: Option<String>,
    /// `POST /v1/messages?beta=true`.
    pub endpoint: String,
    /// The model asked for.
    pub model: Option<String>,
    /// The policy's rule that decided.
    pub rule: Option<String>,
    /// What a refused client was told.
    pub refusal: Option<Refusal>,
    /// The upstream's `request-id`.
    pub request_id: Option<String>,
    /// The system prompt, where it differs from the turn before.
    pub system: Option<String>,
    /// Names of the tools on offer, where they differ from the turn before.
    pub tools: Option<Vec<String>>,
    /// What is new in the request.
    pub said: Vec<Message>,
    /// The answer.
    pub answer: Vec<Block>,
    /// How the answer came: when each of its blocks grew, in the order of time.
    pub beats: Vec<Beat>,
    /// Why the model stopped.
    pub stop_reason: Option<String>,
    /// As the upstream counted.
    pub usage: Usage,
    /// What was redacted.
    pub findings: Vec<Finding>,
    /// Where the client's history says something else than was recorded.
    pub rewrites: Vec<Rewrite>,
}

/// Why a turn was asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum TurnKind {
    /// A person or a program says something.
    #[default]
    Prompt,
    /// Results of tools, and nothing else.
    Results,
    /// The same bytes as an earlier turn.
    Retry {
        /// Index of that turn.
        of: usize,
    },
    /// The same as an earlier turn, asked again without streaming.
    WholeRetry {
        /// Index of that turn.
        of: usize,
    },
    /// Goes on from an earlier turn that another turn already continues.
    Fork {
        /// Index of that turn.
        of: usize,
    },
    /// Goes on, long after the turn before, with the same history.
    Resume,
    /// Asks for a summary of the conversation.
    Compaction,
    /// The first turn that builds on a summary.
    Compacted,
    /// Asks for a title.
    Title,
    /// Counts tokens.
    Count,
    /// Another request that the client makes for itself.
    Side,
    /// No conversation: another endpoint.
    Other,
}

/// What a refused client was told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// The HTTP status.
    pub status: u16,
    /// The error's type.
    pub kind: String,
    /// The error's message.
    pub message: String,
}

/// A message of a request.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Message {
    /// `user`, `assistant` or `system`.
    pub role: String,
    /// What it says.
    pub blocks: Vec<Block>,
}

/// One block of content.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Block {
    /// Text, as Markdown.
    Text {
        /// The text.
        text: String,
    },
    /// The model's thinking; empty where it is not shown or is encrypted.
    Thinking {
        /// The text.
        text: String,
    },
    /// A tool call.
    ToolUse {
        /// Index of the call.
        call: usize,
    },
    /// What the client says a tool call did.
    ToolResult {
        /// Index of the call; absent when no such call is on record.
        call: Option<usize>,
        /// The call's id, as the client names it.
        id: String,
        /// Whether the client says that it failed.
        is_error: bool,
        /// The text; other content as `[image/png, 1234 bytes]`.
        text: String,
    },
    /// A picture or document, by its kind and size.
    Media {
        /// `image/png`.
        media_type: String,
        /// Bytes, decoded.
        bytes: usize,
    },
    /// Anything else, as it stands.
    Other {
        /// The block's type.
        kind: String,
        /// The block.
        json: String,
    },
}

/// A moment at which an answer grew.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Beat {
    /// Milliseconds since the turn's start.
    pub at: u64,
    /// Index of the block in the answer.
    pub block: usize,
    /// How many characters (Unicode scalar values) of the block were there then; of a tool call, of
    /// its input's JSON.
    pub chars: usize,
}

/// Tokens, as the upstream counted them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usage {
    /// Read anew.
    pub input: u64,
    /// Read from the cache.
    pub cache_read: u64,
    /// Written to the cache.
    pub cache_write: u64,
    /// Written.
    pub output: u64,
}

// === impl Usage ===

impl Usage {
    /// Adds another's.
    pub fn add(&mut self, other: &Self) {
        let Self { input, cache_read, cache_write, output } = other;
        self.input = self.input.saturating_add(*input);
        self.cache_read = self.cache_read.saturating_add(*cache_read);
        self.cache_write = self.cache_write.saturating_add(*cache_write);
        self.output = self.output.saturating_add(*output);
    }
}

/// Values that one rule found in one place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// The rule.
    pub rule: String,
    /// Where, as the record says it.
    pub at: String,
    /// How often.
    pub count: u64,
    /// The same for the same value.
    pub fingerprint: String,
    /// `observe`, `pseudonymize`, `mask` or `block`.
    pub action: String,
    /// Whether it stood in the response.
    pub in_response: bool,
}

/// A message that the client's history tells otherwise than the record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rewrite {
    /// Place in the request's `messages`.
    pub message: usize,
    /// Index of the turn that showed the original.
    pub turn: usize,
    /// The difference, as a unified diff of the two texts.
    pub diff: String,
}

/// A tool call: suggested, and what is known of it since.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ToolCall {
    /// The call's id, as `toolu_…`.
    pub id: String,
    /// The tool.
    pub name: String,
    /// Index of the turn that suggested it.
    pub turn: usize,
    /// When its last piece came.
    pub at: i64,
    /// The input that was suggested, as JSON.
    pub input: String,
    /// The path, command, pattern or address that it is about, in one line.
    pub about: String,
    /// What became of it.
    pub outcome: Outcome,
    /// What says so; empty when nothing does.
    pub evidence: Vec<Evidence>,
    /// What the client says it gave.
    pub result: Option<CallResult>,
    /// Who let it run or not.
    pub decision: Option<Decision>,
    /// The input that really ran, where telemetry tells it.
    pub ran: Option<Ran>,
    /// How long it ran.
    pub duration_ms: Option<u64>,
}

/// What became of a tool call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum Outcome {
    /// It ran.
    Ran,
    /// It ran and failed.
    Failed {
        /// A command's exit code.
        code: Option<i32>,
    },
    /// A person said no.
    Rejected {
        /// What the person said with it.
        feedback: Option<String>,
    },
    /// A rule of the client's permissions, or a hook, said no.
    Denied {
        /// In the client's words.
        reason: String,
    },
    /// A person interrupted it.
    Interrupted,
    /// The client could not make sense of it.
    Invalid {
        /// In the client's words.
        reason: String,
    },
    /// Nothing was ever heard of it.
    Unanswered,
}

/// Why an outcome is believed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Evidence {
    /// How sure it is.
    pub certainty: Certainty,
    /// In words: `tool_result in turn 5`, `telemetry tool_decision`.
    pub source: String,
    /// Index of the turn in which it stands.
    pub turn: Option<usize>,
}

/// How sure a fact is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Certainty {
    /// From what the client told the model.
    Inferred,
    /// From what the client's telemetry told the sink.
    Confirmed,
}

/// What the client says a tool call gave.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallResult {
    /// Index of the turn that brought it.
    pub turn: usize,
    /// When that turn started.
    pub at: i64,
    /// Whether it failed.
    pub is_error: bool,
    /// The text.
    pub text: String,
}

/// Who let a tool call run or not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decision {
    /// Whether it was let run.
    pub accepted: bool,
    /// Who.
    pub by: DecidedBy,
    /// The client's own word: `user_temporary`, `config`.
    pub source: Option<String>,
    /// How sure it is.
    pub certainty: Certainty,
}

/// Who decides over a tool call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DecidedBy {
    /// A person, then.
    Person,
    /// A rule of the client's permissions.
    Rule,
    /// A hook.
    Hook,
    /// It is not known.
    Unknown,
}

/// What really ran.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ran {
    /// The input, as JSON.
    pub input: String,
    /// Whether it is another than was suggested.
    pub differs: bool,
}

/// A file that tool calls wrote.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct File {
    /// As the client names it.
    pub path: String,
    /// In the order in which they were suggested.
    pub changes: Vec<Change>,
    /// What it holds after the last change that ran; absent when that is not known.
    pub content: Option<String>,
}

/// A change of a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// Index of the turn.
    pub turn: usize,
    /// Index of the call.
    pub call: usize,
    /// Whether it was made, by the call's outcome.
    pub applied: bool,
    /// What was there before.
    pub before: Before,
    /// As a unified diff: of the whole file where it is known, else of what the call names.
    pub diff: String,
    /// Lines added.
    pub added: usize,
    /// Lines taken away.
    pub removed: usize,
}

/// What is known of a file before a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Before {
    /// Its content, from the record.
    Known,
    /// That it did not exist.
    Absent,
    /// Nothing.
    Unknown,
}

/// A shell command.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Command {
    /// Index of the turn.
    pub turn: usize,
    /// Index of the call.
    pub call: usize,
    /// The command line.
    pub command: String,
    /// What the model says it is for.
    pub description: Option<String>,
    /// What it printed, as the client says.
    pub output: Option<String>,
    /// Its exit code, where known.
    pub exit: Option<i32>,
    /// How long it ran, where known.
    pub duration_ms: Option<u64>,
    /// Whether it went on in the background.
    pub background: bool,
}

/// A commit that a command made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Commit {
    /// The beginning of its id, as git printed it.
    pub id: String,
    /// The branch.
    pub branch: String,
    /// The message's first line.
    pub subject: String,
    /// Index of the turn.
    pub turn: usize,
    /// Index of the call.
    pub call: usize,
}

/// Something to know before trusting the picture.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notice {
    /// What it is about.
    pub kind: NoticeKind,
    /// Index of the turn, where it is about one.
    pub turn: Option<usize>,
    /// In a sentence.
    pub text: String,
}

/// What a notice is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NoticeKind {
    /// The client's session id is in use under another identity.
    SharedId,
    /// The client's history was changed.
    Rewritten,
    /// Parts of the record are missing around here.
    Gap,
    /// An exchange whose end is not on record.
    Interrupted,
    /// A tool call ran with another input than was suggested.
    Differs,
    /// Something is on record that cannot be read.
    Unreadable,
    /// The session's content was erased.
    Erased,
}
