//! A ledger that the tests write, and an index's content as text.

use hansard_replay::archive::{Archive, CaughtUp};
use hansard_store::{Incoming, Reader, Source, Writer};
use rusqlite::{Connection, types::ValueRef};
use serde_json::{Value, json};
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use tempfile::TempDir;

pub(crate) const START: u64 = 1_709_208_000_000;

/// A folder with a ledger in it.
pub(crate) struct World {
    folder: TempDir,
    writer: Writer,
}

impl World {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let writer = Writer::start(&folder.path().join("data")).unwrap();
        Self { folder, writer }
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    pub(crate) fn reader(&self) -> Reader {
        Reader::open(&self.data()).unwrap()
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn send(&self, parts: &[Part]) {
        let batch: Vec<_> = parts
            .iter()
            .map(|part| {
                let json = part.json().into_bytes();
                Incoming::part(json, Source::Acknowledged, START as i64 as u64 + part.at, "")
            })
            .collect();
        for item in &batch {
            assert_eq!(item.defect(), None);
        }
        let (done, stored) = mpsc::channel();
        let answer = move |result| done.send(result).unwrap();
        self.writer.handle().append(batch, answer).unwrap();
        assert_eq!(stored.recv().unwrap().unwrap().conflicts, 0);
    }

    /// Everything from the ledger, at once, in a folder of its own.
    pub(crate) fn made_at_once(&self, name: &str) -> String {
        let folder = self.path(name);
        let mut archive = Archive::open(&folder).unwrap();
        caught_up(&mut archive, &self.reader());
        dump(&folder)
    }
}

pub(crate) fn caught_up(archive: &mut Archive, reader: &Reader) -> CaughtUp {
    let done = archive.catch_up(reader, None, &mut |_| {}).unwrap();
    assert_eq!(done.pending, 0);
    done
}

/// A part as a filter writes it.
#[derive(Clone, Debug)]
pub(crate) struct Part {
    pub(crate) exchange: u64,
    pub(crate) boot: u8,
    pub(crate) seq: u64,
    pub(crate) at: u64,
    pub(crate) content: Value,
}

impl Part {
    fn json(&self) -> String {
        json!({"hansard.v2": {
            "exchange": exchange(self.exchange),
            "boot": format!("01890000-0000-7000-8000-{:012x}", self.boot),
            "seq": self.seq,
            "at": START + self.at,
            "gateway": {"node": "n", "filter": "0", "policy": "0"},
            "part": self.content,
        }})
        .to_string()
    }
}

pub(crate) fn exchange(n: u64) -> String {
    format!("01a20000-0000-7000-8000-{n:012x}")
}

/// The gateway's VM: it numbers its parts.
pub(crate) struct Vm {
    pub(crate) boot: u8,
    pub(crate) seq: u64,
}

impl Vm {
    pub(crate) fn part(&mut self, exchange: u64, content: Value) -> Part {
        self.seq += 1;
        Part { exchange, boot: self.boot, seq: self.seq, at: self.seq * 100, content }
    }

    /// Somebody says something, in a session of the client's or in none.
    pub(crate) fn opened(
        &mut self,
        n: u64,
        who: &str,
        hint: Option<&str>,
        messages: &Value,
    ) -> Part {
        self.part(
            n,
            json!({"opened": {
                "who": {"issuer": "https://issuer", "subject": who, "groups": ["developers"],
                        "expires_at": 9_999_999_999_u64, "token": "0123456789abcdef"},
                "from": {"address": "10.0.0.1:5000"},
                "session": hint.map_or(json!({}), |hint| json!({"id": hint})),
                "decision": {"rule": "developers", "effect": "allow"},
                "request": {"method": "POST", "path": "/v1/messages", "headers": [],
                            "model": "claude-x", "bytes": 1,
                            "body": {"model": "claude-x", "messages": messages}},
                "findings": [],
            }}),
        )
    }

    pub(crate) fn closed(&mut self, n: u64, content: &Value) -> Part {
        self.part(
            n,
            json!({"closed": {
                "response": {"status": 200, "at": START, "headers": [], "bytes": 9,
                             "message": {"type": "message", "role": "assistant", "content": content},
                             "usage": {"input_tokens": 1, "output_tokens": 2},
                             "stop_reason": "end_turn"},
                "end": {"why": "complete"}, "findings": [],
            }}),
        )
    }

    pub(crate) fn progress(&mut self, n: u64) -> Part {
        let block =
            json!({"type": "tool_use", "id": "t", "name": "Bash", "input": {"command": "ls"}});
        self.part(n, json!({"progress": {"index": 0, "block": block}}))
    }
}

pub(crate) fn said(text: &str) -> Value {
    json!({"role": "user", "content": [{"type": "text", "text": text}]})
}

pub(crate) fn answered(text: &str) -> Value {
    json!([{"type": "text", "text": text}])
}

/// Everything in an index that the ledger decides, as text: each table in the order of its keys, and of
/// the search each word at each place.
pub(crate) fn dump(folder: &Path) -> String {
    let connection = Connection::open(folder.join("index.db")).unwrap();
    for search in ["search", "command_words"] {
        connection
            .execute_batch(&format!(
                "CREATE VIRTUAL TABLE temp.{search}_vocabulary USING fts5vocab (main, {search}, instance)"
            ))
            .unwrap();
    }
    let mut statement = connection
        .prepare(
            "SELECT name FROM main.sqlite_master WHERE type = 'table' AND name NOT LIKE 'search%'
             AND name NOT LIKE 'command_words%' AND name NOT IN ('meta', 'touched') ORDER BY name",
        )
        .unwrap();
    let tables = statement.query_map([], |row| row.get::<_, String>(0)).unwrap();
    let mut tables: Vec<String> = tables.collect::<Result<_, _>>().unwrap();
    assert!(tables.len() >= 10, "{tables:?}");
    tables.extend(["search_vocabulary", "command_words_vocabulary"].map(str::to_owned));
    let mut text = String::new();
    for table in tables {
        let mut statement = connection.prepare(&format!("SELECT * FROM {table}")).unwrap();
        let columns = statement.column_count();
        let mut rows = statement.query([]).unwrap();
        let mut lines = Vec::new();
        while let Some(row) = rows.next().unwrap() {
            let mut line = table.clone();
            for column in 0..columns {
                match row.get_ref(column).unwrap() {
                    ValueRef::Text(text) => {
                        write!(line, "  {}", String::from_utf8_lossy(text)).unwrap();
                    }
                    other => write!(line, "  {other:?}").unwrap(),
                }
            }
            lines.push(line);
        }
        lines.sort();
        text.push_str(&lines.join("\n"));
        text.push('\n');
    }
    text
}
