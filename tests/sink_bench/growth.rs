//! How a ledger grows: one long session, and many exchanges.

use crate::Fallible;
use crate::calls::framed;
use crate::parts::{Begin, text};
use crate::sink::Sink;
use hansard_store::{Incoming, Options, Reader, Source, Writer};
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::Instant;

const TURNS: usize = 100;

pub(crate) struct Growth {
    /// Bytes that hold what was said and prove it, against the session's new texts compressed.
    pub(crate) ratio: f64,
    /// Bytes that the whole file grows by, against the session's new texts as they came.
    pub(crate) file: f64,
    pub(crate) kilobytes: f64,
    /// What the last 20 turns add, against turns 21 to 40.
    pub(crate) late: f64,
}

/// A session of Claude Code's shape: tools and a system prompt in each request, and the whole
/// history with a `cache_control` marker that moves.
pub(crate) async fn measure(hansard: &Path, folder: &Path) -> Fallible<Growth> {
    let data = folder.join("growth");
    let sink = Sink::start(hansard, &data)?;
    let mut client = sink.connect().await?;
    let tools = format!(r#"[{{"name":"Bash","description":"{}"}}]"#, text(1, 20_000));
    let system = format!(r#"[{{"type":"text","text":"{}"}}]"#, text(2, 10_000));
    let mut new = format!("{tools}{system}");
    let mut messages: Vec<String> = Vec::new();
    let mut sizes = Vec::with_capacity(TURNS);
    let before = file(&data)?;
    for turn in 0..TURNS {
        let said = |role: &str, kind: &str, text: &str, marker: &str| {
            format!(
                r#"{{"role":"{role}","content":[{{"type":"{kind}","text":"{text}"{marker}}}]}}"#
            )
        };
        let (answer, result) = (text(turn as u64 * 2 + 10, 700), text(turn as u64 * 2 + 11, 3_000));
        if turn > 0 {
            messages.push(said("assistant", "text", &answer, ""));
        }
        new.push_str(&answer);
        new.push_str(&result);
        let last = said("user", "text", &result, r#","cache_control":{"type":"ephemeral"}"#);
        let list = messages.iter().chain([&last]).cloned().collect::<Vec<_>>().join(",");
        messages.push(said("user", "text", &result, ""));
        let body = format!(
            r#"{{"model":"m","system":{system},"tools":{tools},"messages":[{list}],"stream":true}}"#
        );
        let part = Begin { worker: 0, seq: turn as u64 + 1, session: "long", body: &body };
        client.call(&framed(&part.encoded()?)?).await?;
        sizes.push(content(&data)?);
    }
    let at = |turn: usize| sizes.get(turn).copied().unwrap_or_default();
    let stored = at(TURNS - 1);
    Ok(Growth {
        ratio: stored / compressed(&new)?,
        file: (file(&data)? - before) / new.len() as f64,
        kilobytes: stored / 1000.0,
        late: (at(99) - at(79)) / (at(39) - at(19)),
    })
}

/// Bytes of everything that holds what parts say and proves it: blocks, chains, frames, entries, the
/// dictionary, with their names and digests.
fn content(data: &Path) -> Fallible<f64> {
    // It waits for what was acknowledged.
    Reader::open(data)?;
    let database = rusqlite::Connection::open(data.join("hansard.db"))?;
    let bytes: i64 = database.query_row(
        "SELECT (SELECT SUM(length(sealed) + length(name) + 8) FROM blocks)
              + (SELECT SUM(length(name) + 15) FROM chains)
              + (SELECT COUNT(*) * 8 FROM latest)
              + (SELECT SUM(length(frame) + length(mac) + length(streams)
                            + IFNULL(length(ending), 0) + 2) FROM parts)
              + (SELECT SUM(length(digest) + length(issuer) + length(subject) + length(groups)
                            + length(method) + length(path) + length(model) + length(rule))
                 FROM introductions)
              + (SELECT SUM(length(bytes)) FROM entries)
              + (SELECT SUM(length(wrapped) + length(dictionary)) FROM keys)",
        [],
        |row| row.get(0),
    )?;
    Ok(bytes as f64)
}

/// Bytes of the database, its pages as they are.
fn file(data: &Path) -> Fallible<f64> {
    let database = rusqlite::Connection::open(data.join("hansard.db"))?;
    let pages: i64 = database.query_row("PRAGMA page_count", [], |row| row.get(0))?;
    Ok(pages as f64 * 4096.0)
}

/// By the same compressor's own program.
fn compressed(text: &str) -> Fallible<f64> {
    let mut blocks = 0;
    // As large as what is new in a turn: a session cannot be compressed as one while it runs.
    for chunk in text.as_bytes().chunks(3_700) {
        blocks += zstd::bulk::compress(chunk, 3)?.len();
    }
    Ok(blocks as f64)
}

pub(crate) struct Large {
    pub(crate) rate: f64,
    pub(crate) milliseconds: f64,
    pub(crate) verified: f64,
    pub(crate) seconds: f64,
}

/// A ledger of many exchanges, made through the writer itself.
pub(crate) fn large(
    folder: &Path,
    hansard: &Path,
    exchanges: u64,
    bytes: usize,
) -> Fallible<Large> {
    let data = folder.join(format!("large-{bytes}"));
    let writer = Writer::start_with(&data, Options::default())?;
    let handle = writer.handle();
    let start = Instant::now();
    let mut done = 0;
    while done < exchanges {
        let mut batch = Vec::with_capacity(1000);
        for _ in 0..1000.min(exchanges - done) {
            done += 1;
            let text = text(done, bytes);
            let body = format!(r#"{{"messages":[{{"role":"user","content":"{text}"}}]}}"#);
            let session = format!("session {}", done / 20);
            let part = Begin { worker: 0, seq: done, session: &session, body: &body };
            batch.push(Incoming::part(
                record(&part.encoded()?)?,
                Source::Acknowledged,
                1_700_000_000_000 + done,
                "",
            ));
        }
        let (tell, answer) = mpsc::channel();
        // The answer is waited for below.
        let queued = handle.append(batch, move |result| drop(tell.send(result)));
        queued.map_err(|rejected| rejected.error)?;
        answer.recv()??;
        if done % 100_000 == 0 {
            writeln!(std::io::stderr(), "{done} of {exchanges} exchanges")?;
        }
    }
    let rate = exchanges as f64 / start.elapsed().as_secs_f64();
    writer.close();
    let start = Instant::now();
    let listed = Reader::open(&data)?.sessions(50)?.len();
    let milliseconds = start.elapsed().as_secs_f64() * 1000.0;
    if listed == 0 {
        return Err("nothing is listed".into());
    }
    let start = Instant::now();
    let status = Command::new(hansard)
        .args(["verify", "--data"])
        .arg(&data)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()?;
    let seconds = start.elapsed().as_secs_f64();
    if !status.success() {
        return Err("the large ledger does not verify".into());
    }
    let bytes = std::fs::metadata(data.join("hansard.db"))?.len() as f64;
    Ok(Large { rate, milliseconds, verified: bytes / 1e6 / seconds, seconds })
}

/// The record within an encoded message.
fn record(message: &[u8]) -> Fallible<Vec<u8>> {
    let at = message
        .windows(12)
        .position(|window| window.starts_with(b"{\"hansard.v"))
        .ok_or("no record in the message")?;
    let mut values = serde_json::Deserializer::from_slice(message.get(at..).unwrap_or_default())
        .into_iter::<serde::de::IgnoredAny>();
    values.next().ok_or("no record")??;
    Ok(message.get(at..at + values.byte_offset()).unwrap_or_default().to_vec())
}
