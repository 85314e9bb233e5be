//! Scripts as data: steps, and the plan of writes and waits they become on the wire.
//!
//! Steps enter with a [`Delivery`] (newlines, chunk size, gaps); acts leave, one for each thing the
//! player does. A chunk size re-cuts the bytes between two waits and never carries bytes over one:
//! whatever a script says before a gate is on the wire when the gate is reached.

use std::time::Duration;

use bytes::Bytes;

use super::problem::Problem;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// An event of one `event:` and one `data:` line.
    Event {
        name: String,
        data: String,
    },
    /// An event, or a comment, of any lines; the blank line that ends it is added.
    Lines(Vec<String>),
    /// Bytes as they are, whatever the framing.
    Raw(Bytes),
    Pause(Duration),
    Gate(String),
    /// Break the response off, with no last chunk.
    Cut,
    /// End the response with HTTP trailers.
    Trailers(Vec<(String, String)>),
    /// End the response here, whatever follows.
    End,
}

/// What the player does. Between two writes it lets the HTTP library flush.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Act {
    Write(Bytes),
    Pause(Duration),
    Gate(String),
    Cut,
    Trailers(Vec<(String, String)>),
}

/// How the bytes of a script are laid on the wire.
#[derive(Clone, Copy, Debug)]
pub(super) struct Delivery {
    pub(super) newline: &'static str,
    /// Bytes per chunk; one step per chunk if absent.
    pub(super) chunk: Option<usize>,
    /// Pause between two chunks.
    pub(super) gap: Duration,
}

// === impl Step ===

impl Step {
    pub(super) fn event(name: &str, data: String) -> Self {
        Self::Event { name: name.to_owned(), data }
    }

    /// The data of an event, lines joined as a client joins them; `None` for all else.
    pub(super) fn data(&self) -> Option<String> {
        match self {
            Self::Event { data, .. } => Some(data.clone()),
            Self::Lines(lines) => {
                let data = |line: &String| {
                    let value = line.strip_prefix("data:")?;
                    Some(value.strip_prefix(' ').unwrap_or(value).to_owned())
                };
                let joined = lines.iter().filter_map(data).collect::<Vec<_>>().join("\n");
                (!joined.is_empty()).then_some(joined)
            }
            _ => None,
        }
    }

    fn encode(&self, newline: &str) -> Bytes {
        match self {
            Self::Event { name, data } => {
                format!("event: {name}{newline}data: {data}{newline}{newline}").into()
            }
            Self::Lines(lines) => {
                let ended = lines.iter().map(|line| format!("{line}{newline}"));
                ended.chain([newline.to_owned()]).collect::<String>().into()
            }
            Self::Raw(bytes) => bytes.clone(),
            _ => Bytes::new(),
        }
    }
}

// === impl Delivery ===

impl Default for Delivery {
    fn default() -> Self {
        Self { newline: "\n", chunk: None, gap: Duration::ZERO }
    }
}

impl Delivery {
    pub(super) fn framing(name: &str) -> Result<&'static str, Problem> {
        match name {
            "lf" => Ok("\n"),
            "crlf" => Ok("\r\n"),
            "cr" => Ok("\r"),
            _ => Err(Problem::new(400, format!("framing is lf, crlf or cr, not {name:?}"))),
        }
    }

    pub(super) fn plan(&self, steps: &[Step]) -> Vec<Act> {
        let mut plan = Plan { delivery: *self, acts: Vec::new(), held: Vec::new(), wrote: false };
        for step in steps {
            match step {
                Step::Event { .. } | Step::Lines(_) | Step::Raw(_) => {
                    plan.bytes(step.encode(self.newline));
                }
                Step::Pause(time) => plan.act(Act::Pause(*time)),
                Step::Gate(name) => plan.act(Act::Gate(name.clone())),
                Step::Cut => {
                    plan.act(Act::Cut);
                    break;
                }
                Step::Trailers(fields) => {
                    plan.act(Act::Trailers(fields.clone()));
                    break;
                }
                Step::End => break,
            }
        }
        plan.flush();
        plan.acts
    }
}

/// A plan in the making; `held` are bytes that still lack their chunk's full size.
struct Plan {
    delivery: Delivery,
    acts: Vec<Act>,
    held: Vec<u8>,
    wrote: bool,
}

impl Plan {
    fn bytes(&mut self, bytes: Bytes) {
        let Some(size) = self.delivery.chunk else { return self.write(bytes) };
        for byte in bytes {
            self.held.push(byte);
            if self.held.len() == size {
                self.flush();
            }
        }
    }

    fn flush(&mut self) {
        let held = std::mem::take(&mut self.held);
        self.write(held.into());
    }

    fn write(&mut self, bytes: Bytes) {
        if bytes.is_empty() {
            return;
        }
        if self.wrote && !self.delivery.gap.is_zero() {
            self.acts.push(Act::Pause(self.delivery.gap));
        }
        self.wrote = true;
        self.acts.push(Act::Write(bytes));
    }

    fn act(&mut self, act: Act) {
        self.flush();
        self.acts.push(act);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn steps() -> Vec<Step> {
        vec![
            Step::event("ping", "{}".into()),
            Step::Lines(vec![": hello".into(), "data: a".into(), "data: b".into()]),
            Step::Gate("g".into()),
            Step::Raw("tail".into()),
            Step::End,
            Step::Raw("never".into()),
        ]
    }

    fn written(acts: &[Act]) -> String {
        let bytes = acts.iter().filter_map(|act| match act {
            Act::Write(bytes) => Some(String::from_utf8(bytes.to_vec()).unwrap()),
            _ => None,
        });
        bytes.collect()
    }

    #[test]
    fn every_chunking_writes_the_same_bytes() {
        let whole = written(&Delivery::default().plan(&steps()));
        assert_eq!(whole, "event: ping\ndata: {}\n\n: hello\ndata: a\ndata: b\n\ntail");
        for size in 1..whole.len() + 2 {
            let acts = Delivery { chunk: Some(size), ..Delivery::default() }.plan(&steps());
            assert_eq!(written(&acts), whole);
            assert!(acts.iter().all(|act| !matches!(act, Act::Write(b) if b.len() > size)));
            let gate = acts.iter().position(|act| *act == Act::Gate("g".into())).unwrap();
            assert_eq!(written(&acts[gate..]), "tail", "nothing is carried over a gate");
        }
    }

    #[test]
    fn framing_changes_newlines_and_gaps_stand_between_writes() {
        let gap = Duration::from_millis(3);
        let acts = Delivery { newline: "\r\n", chunk: None, gap }.plan(&steps()[..2]);
        let first = Act::Write("event: ping\r\ndata: {}\r\n\r\n".into());
        let second = Act::Write(": hello\r\ndata: a\r\ndata: b\r\n\r\n".into());
        assert_eq!(acts, [first, Act::Pause(gap), second]);
    }

    #[test]
    fn data_lines_are_joined() {
        assert_eq!(steps()[1].data().unwrap(), "a\nb");
        assert_eq!(Step::Lines(vec![": comment".into()]).data(), None);
    }
}
