//! `hansard replay`: a session as it happened, in the terminal.
//!
//! Streamed text comes with its recorded timing, tool calls as their block ends (which is when a
//! client runs them), other answers at once. Pauses between exchanges are left out. Pieces of text
//! are made harmless one by one, which is as safe as the whole (see `terminal`).

use crate::cli::Data;
use crate::content::{self, Block};
use crate::failure::Failure;
use crate::paint::Paint;
use crate::terminal;
use crate::transcript::Transcript;
use hansard_store::Account;
use serde::Deserialize;
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, BufWriter, Write};
use std::thread;
use std::time::Duration;

/// Play a recorded session with its recorded timing
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  hansard replay s-3f2a
  hansard replay s-3f2a --speed 4
  hansard replay s-3f2a --speed 0 | less -R")]
pub(crate) struct Args {
    /// A session id, an exchange id, the beginning of one, or the client's own session id
    #[arg(value_name = "ID")]
    id: String,
    /// How many times faster than it was; 0 does not wait
    #[arg(long, default_value_t = 1.0, value_parser = speed, value_name = "N")]
    speed: f64,
    #[command(flatten)]
    data: Data,
}

fn speed(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(speed) if speed.is_finite() && speed >= 0.0 => Ok(speed),
        _ => Err("give 0 or a positive number".to_owned()),
    }
}

pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    let reader = args.data.reader()?;
    let session = reader.session(&args.id)?;
    let mut out = BufWriter::new(io::stdout().lock());
    let paint = Paint::of_stdout();
    Transcript { out: &mut out, paint }.session(&session)?;
    for (place, exchange) in reader.exchanges(&session.id)?.iter().enumerate() {
        let stored = reader.parts(&exchange.id)?;
        let account = Account::read(&stored)?;
        Transcript { out: &mut out, paint }.request(place + 1, exchange, &account)?;
        Player::new(&mut out, paint, args.speed, thread::sleep).play(&account)?;
    }
    Ok(out.flush()?)
}

/// One event of a recorded stream.
#[derive(Deserialize)]
struct Event<'a> {
    /// Milliseconds since the response's headers.
    at: u64,
    #[serde(borrow)]
    event: Cow<'a, str>,
    #[serde(borrow)]
    data: &'a RawValue,
}

/// The members of an event's data that matter here.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Said<'a> {
    index: u64,
    #[serde(borrow)]
    content_block: Option<&'a RawValue>,
    #[serde(borrow)]
    delta: Option<&'a RawValue>,
}

/// A block while it is streamed.
#[derive(Default)]
struct Streaming {
    /// The block's start, for blocks that are shown when they end.
    start: String,
    /// Pieces of a tool's input.
    input: String,
    /// Whether its label is written and its text stands on the current line.
    speaking: bool,
}

/// What is on record of an answer whose end is not: its events as far as they are there, and the
/// blocks that clients may have acted on.
pub(crate) fn at_once(
    transcript: &mut Transcript<'_, impl Write>,
    account: &Account<'_>,
) -> io::Result<()> {
    let mut player = Player::new(&mut *transcript.out, transcript.paint, 0.0, |_| {});
    for event in events(account).iter().flatten() {
        player.event(event)?;
    }
    player.stop_speaking()?;
    player.unfinished(account)
}

/// The events on record; `None` when the answer is no stream, or cannot be read as one.
fn events<'a>(account: &Account<'a>) -> Option<Vec<Event<'a>>> {
    let mut events: Option<Vec<Event<'a>>> = None;
    for more in account.events() {
        let more: Vec<Event<'a>> = serde_json::from_str(more.get()).ok()?;
        events.get_or_insert_default().extend(more);
    }
    events
}

struct Player<'a, W, S> {
    out: &'a mut W,
    paint: Paint,
    speed: f64,
    /// Lets time pass.
    sleep: S,
    blocks: BTreeMap<u64, Streaming>,
    /// Blocks whose end has come.
    ended: BTreeSet<u64>,
}

impl<'a, W: Write, S: FnMut(Duration)> Player<'a, W, S> {
    fn new(out: &'a mut W, paint: Paint, speed: f64, sleep: S) -> Self {
        Self { out, paint, speed, sleep, blocks: BTreeMap::new(), ended: BTreeSet::new() }
    }

    fn play(&mut self, account: &Account<'_>) -> io::Result<()> {
        let Some(events) = events(account) else {
            if let (Some((opened, _)), Some((closed, _))) = (account.opened(), account.closed()) {
                self.wait(closed.saturating_sub(opened))?;
            }
            return self.transcript().response(account);
        };
        if let (Some((opened, _)), Some(response)) = (account.opened(), account.response()) {
            self.wait(response.at.saturating_sub(opened))?;
        }
        let mut before = 0;
        for event in &events {
            self.wait(event.at.saturating_sub(before))?;
            before = event.at.max(before);
            self.event(event)?;
        }
        self.stop_speaking()?;
        if account.closed().is_none() {
            self.unfinished(account)?;
        }
        self.transcript().end(account)
    }

    /// Blocks on record whose end is not among the events: clients may have acted on them.
    fn unfinished(&mut self, account: &Account<'_>) -> io::Result<()> {
        for (index, block) in account.blocks() {
            if !self.ended.contains(&index) {
                self.transcript().block("claude", &content::block(block.get()))?;
            }
        }
        Ok(())
    }

    fn event(&mut self, event: &Event<'_>) -> io::Result<()> {
        let data: Said<'_> = serde_json::from_str(event.data.get()).unwrap_or_default();
        match event.event.as_ref() {
            "content_block_start" => self.start(&data),
            "content_block_delta" => self.delta(&data),
            "content_block_stop" => self.stop(data.index),
            "error" => {
                self.stop_speaking()?;
                let error = content::error(event.data.get());
                let (kind, text) =
                    error.unwrap_or_else(|| ("error".into(), event.data.get().into()));
                self.transcript().block("error", &Block::Text(format!("{kind}: {text}")))
            }
            // These are in the line that ends an exchange, or say nothing.
            "message_start" | "message_delta" | "message_stop" | "ping" => Ok(()),
            other => {
                self.stop_speaking()?;
                let json = event.data.get().to_owned();
                self.transcript().block("event", &Block::Other { kind: other.to_owned(), json })
            }
        }
    }

    fn start(&mut self, data: &Said<'_>) -> io::Result<()> {
        let start = data.content_block.map(RawValue::get).unwrap_or("{}");
        let block = content::block(start);
        let streaming = Streaming { start: start.to_owned(), ..Streaming::default() };
        self.blocks.insert(data.index, streaming);
        match block {
            Block::Text(text) if !text.is_empty() => self.say(data.index, "claude", &text),
            Block::Thinking(text) if !text.is_empty() => self.say(data.index, "thinks", &text),
            _ => Ok(()),
        }
    }

    fn delta(&mut self, data: &Said<'_>) -> io::Result<()> {
        #[derive(Default, Deserialize)]
        #[serde(default)]
        struct Delta {
            text: Option<String>,
            thinking: Option<String>,
            partial_json: Option<String>,
        }
        let delta = data.delta.map(RawValue::get).unwrap_or("{}");
        match serde_json::from_str(delta).unwrap_or_default() {
            Delta { text: Some(text), .. } => self.say(data.index, "claude", &text),
            Delta { thinking: Some(text), .. } => self.say(data.index, "thinks", &text),
            Delta { partial_json: Some(json), .. } => {
                self.blocks.entry(data.index).or_default().input.push_str(&json);
                Ok(())
            }
            // Signatures and citations say nothing to a person.
            Delta { text: None, thinking: None, partial_json: None } => Ok(()),
        }
    }

    fn stop(&mut self, index: u64) -> io::Result<()> {
        let Some(block) = self.blocks.remove(&index) else { return Ok(()) };
        self.ended.insert(index);
        if block.speaking {
            return writeln!(self.out);
        }
        let shown = match content::block(&block.start) {
            Block::Tool { name, input } if block.input.is_empty() => Block::Tool { name, input },
            Block::Tool { name, input: _ } => {
                Block::Tool { name, input: content::lines_of(&block.input) }
            }
            Block::Text(text) | Block::Thinking(text) if text.is_empty() => return Ok(()),
            other => other,
        };
        self.stop_speaking()?;
        self.transcript().block("claude", &shown)
    }

    /// A piece of text, where the text of its block stands.
    fn say(&mut self, index: u64, label: &str, piece: &str) -> io::Result<()> {
        if !self.blocks.get(&index).is_some_and(|block| block.speaking) {
            self.stop_speaking()?;
            let label =
                if label == "claude" { self.paint.bold(label) } else { self.paint.dim(label) };
            write!(self.out, "   {label:7} ")?;
            self.blocks.entry(index).or_default().speaking = true;
        }
        let piece = terminal::text(piece);
        write!(self.out, "{}", piece.replace('\n', "\n           "))
    }

    /// Ends the line of whatever speaks: the next thing is something else.
    fn stop_speaking(&mut self) -> io::Result<()> {
        for block in self.blocks.values_mut().filter(|block| block.speaking) {
            block.speaking = false;
            writeln!(self.out)?;
        }
        Ok(())
    }

    /// Shows what was written so far, then waits as long as it took.
    fn wait(&mut self, ms: u64) -> io::Result<()> {
        self.out.flush()?;
        if self.speed > 0.0 && ms > 0 {
            let seconds = ms as f64 / 1000.0 / self.speed;
            if let Ok(span) = Duration::try_from_secs_f64(seconds) {
                (self.sleep)(span);
            }
        }
        Ok(())
    }

    fn transcript(&mut self) -> Transcript<'_, W> {
        Transcript { out: self.out, paint: self.paint }
    }
}

#[cfg(test)]
mod tests;
