//! The whole way: a ledger of many exchanges, and an index made of it.

use crate::Fallible;
use crate::made::{Dice, word};
use hansard_replay::archive::Archive;
use hansard_store::{Incoming, Reader, Source, Writer};
use serde_json::{Value, json};
use std::path::Path;
use std::sync::mpsc;
use std::time::Instant;

/// Exchanges of a session.
const TURNS: u64 = 20;
const START: u64 = 1_790_000_000_000;
const BATCH: usize = 500;

pub(crate) struct Rates {
    /// Exchanges a second into the ledger, and from there into the index.
    pub(crate) written: f64,
    pub(crate) indexed: f64,
    /// A session of one exchange more, in seconds, and how many turns it had.
    pub(crate) one_more: f64,
    pub(crate) turns: u64,
}

/// Each request repeats its session's history, as clients do.
pub(crate) fn measure(folder: &Path, exchanges: u64) -> Fallible<Rates> {
    let (data, index) = (folder.join("data"), folder.join("data-index"));
    let writer = Writer::start(&data)?;
    let start = Instant::now();
    let mut parts = Parts::default();
    for session in 0..exchanges / TURNS {
        for turn in 0..TURNS {
            parts.exchange(session, turn);
            parts.send(&writer, BATCH)?;
        }
        parts.messages.clear();
    }
    parts.send(&writer, 1)?;
    let written = exchanges as f64 / start.elapsed().as_secs_f64();
    let reader = Reader::open(&data)?;
    let start = Instant::now();
    let mut archive = Archive::open(&index)?;
    let done = archive.catch_up(&reader, None, &mut |_| {})?;
    let indexed = exchanges as f64 / start.elapsed().as_secs_f64();
    if done.rebuilt != exchanges / TURNS {
        return Err(format!("{} sessions were rebuilt", done.rebuilt).into());
    }
    // A long session, and one exchange more of it.
    let (turns, long) = (200, exchanges / TURNS);
    for turn in 0..=turns {
        if turn == turns {
            parts.send(&writer, 1)?;
            archive.catch_up(&reader, None, &mut |_| {})?;
        }
        parts.exchange(long, turn);
    }
    parts.send(&writer, 1)?;
    let start = Instant::now();
    archive.catch_up(&reader, None, &mut |_| {})?;
    let one_more = start.elapsed().as_secs_f64();
    writer.close();
    Ok(Rates { written, indexed, one_more, turns })
}

#[derive(Default)]
struct Parts {
    waiting: Vec<Incoming>,
    seq: u64,
    messages: Vec<String>,
}

impl Parts {
    fn exchange(&mut self, session: u64, turn: u64) {
        let mut dice = Dice::new(session * 1_000 + turn);
        let id = format!("toolu_{session}_{turn}");
        let said = match turn.checked_sub(1) {
            None => json!([{"type": "text", "text": dice.prose(300)}]),
            Some(before) => json!([{"type": "tool_result", "content": dice.prose(600),
                "tool_use_id": format!("toolu_{session}_{before}")}]),
        };
        self.messages.push(json!({"role": "user", "content": said}).to_string());
        let command = format!("rg {} src", word(dice.roll(3_000)));
        let answer = json!([{"type": "text", "text": dice.prose(200)},
            {"type": "tool_use", "id": id, "name": "Bash", "input": {"command": command}}]);
        let body = format!(
            r#"{{"model":"claude-sonnet-5","messages":[{}],"stream":true}}"#,
            self.messages.join(",")
        );
        self.messages.push(json!({"role": "assistant", "content": answer}).to_string());
        let at = START + session * 200_000 + turn * 8_000;
        let who = json!({"issuer": "https://login.example.com", "subject": word(session % 500),
            "groups": ["engineering"], "expires_at": 1_800_000_000, "token": "0123456789abcdef"});
        self.part(
            session,
            turn,
            at,
            &json!({"opened": {"who": who,
            "from": {"address": "10.0.0.1:5000"}, "session": {"id": format!("session {session}")},
            "decision": {"rule": "engineers", "effect": "allow"},
            "request": {"method": "POST", "path": "/v1/messages", "headers": [],
                "model": "claude-sonnet-5", "bytes": body.len(), "body": "BODY"},
            "findings": []}}),
            &body,
        );
        self.part(
            session,
            turn,
            at + 5_000,
            &json!({"closed": {
            "response": {"status": 200, "at": at + 900, "headers": [], "bytes": 999,
                "message": {"type": "message", "role": "assistant", "content": answer},
                "usage": {"input_tokens": 40, "output_tokens": 150}, "stop_reason": "tool_use"},
            "end": {"why": "complete"}, "findings": []}}),
            "",
        );
    }

    fn part(&mut self, session: u64, turn: u64, at: u64, content: &Value, body: &str) {
        self.seq += 1;
        let part = json!({"hansard.v2": {
            "exchange": format!("01a20000-0000-7000-8000-{session:08x}{turn:04x}"),
            "boot": "01890000-0000-7000-8000-000000000001", "seq": self.seq, "at": at,
            "gateway": {"node": "bench", "filter": "0", "policy": "0"}, "part": content}});
        let part = part.to_string().replace("\"BODY\"", body);
        self.waiting.push(Incoming::part(part.into_bytes(), Source::Acknowledged, at, ""));
    }

    fn send(&mut self, writer: &Writer, least: usize) -> Fallible<()> {
        if self.waiting.len() < least {
            return Ok(());
        }
        if let Some(defect) = self.waiting.iter().find_map(Incoming::defect) {
            return Err(format!("a part is not one: {defect:?}").into());
        }
        let (tell, answer) = mpsc::channel();
        let batch = std::mem::take(&mut self.waiting);
        // The answer is waited for below.
        let queued = writer.handle().append(batch, move |result| drop(tell.send(result)));
        queued.map_err(|rejected| rejected.error)?;
        answer.recv()??;
        Ok(())
    }
}
