//! The scripts by name. A [`Call`] and the request it came with enter; a [`Script`] leaves, still
//! as data: what to say, in which steps and framing.
//!
//! Most streams are fixtures. Those made here depend on the request, on options, or are the plain
//! conversation delivered in some odd way.

use std::time::Duration;

use super::asked::Asked;
use super::call::Call;
use super::coding;
use super::fixture::FIXTURES;
use super::ids::Ids;
use super::message::{Message, pieces};
use super::problem::Problem;
use super::step::{Delivery, Step};

pub(super) struct Script {
    pub(super) status: u16,
    pub(super) headers: Vec<(&'static str, String)>,
    /// A gate to pass before the response's head is sent.
    pub(super) hold: Option<String>,
    pub(super) form: Form,
    pub(super) delivery: Delivery,
    pub(super) steps: Vec<Step>,
}

/// What the steps are, and so what a caller gets who did not ask for a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// Events: a stream, or one JSON message made of them.
    Events,
    /// Events; the stream carries a content-length.
    MeasuredEvents,
    /// Events; the body is compressed with gzip.
    GzipEvents,
    /// A body of this content type, stream or not.
    Plain(&'static str),
}

/// What a script may look at.
struct Scene<'a> {
    call: &'a Call,
    asked: &'a Asked,
    ids: Ids,
}

/// More than any client accepts; a guard against a mistyped size.
const MOST_BYTES: usize = 256 * 1024 * 1024;

/// A script made here, by name.
struct Made(&'static str, fn(&Scene<'_>) -> Result<Script, Problem>);

const MADE: &[Made] = &[
    Made(DEFAULT, |scene| Ok(conversation(scene))),
    Made(coding::NAME, |s| Ok(Script::events(coding::steps(s.call, s.asked, s.ids)))),
    Made("text", |scene| {
        let size = scene.call.number("size")?.unwrap_or(16);
        let deltas = scene.call.number("deltas")?.unwrap_or(5);
        filled(scene, size.saturating_mul(deltas), size)
    }),
    Made("big", |scene| {
        let bytes = scene.call.number("bytes")?.unwrap_or(1024 * 1024);
        filled(scene, bytes, scene.call.number("size")?.unwrap_or(4096))
    }),
    Made("crlf", |scene| Ok(framed(scene, "\r\n"))),
    Made("cr", |scene| Ok(framed(scene, "\r"))),
    Made("bytes1", |scene| Ok(chunked(scene, 1))),
    Made("coalesced", |scene| Ok(chunked(scene, usize::MAX))),
    Made("content_length", |scene| {
        Ok(Script { form: Form::MeasuredEvents, ..conversation(scene) })
    }),
    Made("encoded", |scene| Ok(Script { form: Form::GzipEvents, ..conversation(scene) })),
    Made("stall_before_headers", |scene| {
        let gate = scene.call.text("gate").unwrap_or("stall");
        Ok(Script { hold: Some(gate.to_owned()), ..conversation(scene) })
    }),
    Made("status", status),
    Made("html", |_| {
        let page = "<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body>\r\n\
                    <center><h1>502 Bad Gateway</h1></center>\r\n</body>\r\n</html>\r\n";
        Ok(Script::plain(502, "text/html", page.to_owned()))
    }),
    Made("empty", |scene| {
        let kind = if scene.asked.stream { "text/event-stream" } else { "application/json" };
        Ok(Script::plain(200, kind, String::new()))
    }),
];

pub(super) const DEFAULT: &str = "conversation";

pub(super) fn names() -> impl Iterator<Item = &'static str> {
    MADE.iter().map(|made| made.0).chain(FIXTURES.iter().map(|fixture| fixture.name))
}

/// The script that `call` names, with the options that any script takes applied.
pub(super) fn find(call: &Call, asked: &Asked, ids: Ids) -> Result<Script, Problem> {
    call.check()?;
    let scene = Scene { call, asked, ids };
    let mut script = if let Some(Made(_, make)) = MADE.iter().find(|made| made.0 == call.name) {
        make(&scene)?
    } else if let Some(fixture) = FIXTURES.iter().find(|fixture| fixture.name == call.name) {
        Script::events(fixture.steps(ids, &asked.model)?)
    } else {
        let known = names().collect::<Vec<_>>().join(", ");
        return Err(Problem::new(400, format!("no script {:?}; there are: {known}", call.name)));
    };
    if let Some(framing) = call.text("framing") {
        script.delivery.newline = Delivery::framing(framing)?;
    }
    if let Some(chunk) = call.number("chunk")? {
        script.delivery.chunk = Some(chunk.max(1));
    }
    if let Some(gap) = call.number("gap_ms")? {
        script.delivery.gap = Duration::from_millis(gap.try_into().unwrap_or(u64::MAX));
    }
    if let Some(wanted) = call.text("gate") {
        for step in &mut script.steps {
            if let Step::Gate(name) = step {
                wanted.clone_into(name);
            }
        }
    }
    Ok(script)
}

impl Script {
    fn events(steps: Vec<Step>) -> Self {
        Self {
            status: 200,
            headers: Vec::new(),
            hold: None,
            form: Form::Events,
            delivery: Delivery::default(),
            steps,
        }
    }

    pub(super) fn plain(status: u16, kind: &'static str, body: String) -> Self {
        let steps = vec![Step::Raw(body.into())];
        Self { status, form: Form::Plain(kind), ..Self::events(steps) }
    }

    pub(super) fn problem(problem: &Problem, ids: Ids) -> Self {
        Self::plain(problem.status, "application/json", problem.body(ids))
    }
}

fn conversation(scene: &Scene<'_>) -> Script {
    let answer = match scene.asked.message_count() {
        1 => "I have read 1 message. What shall we do next?".to_owned(),
        count => format!("I have read {count} messages. What shall we do next?"),
    };
    let message = Message::start(scene.ids, scene.asked);
    Script::events(message.text(pieces(&answer, 9)).stop("end_turn"))
}

fn framed(scene: &Scene<'_>, newline: &'static str) -> Script {
    let delivery = Delivery { newline, ..Delivery::default() };
    Script { delivery, ..conversation(scene) }
}

fn chunked(scene: &Scene<'_>, size: usize) -> Script {
    let delivery = Delivery { chunk: Some(size), ..Delivery::default() };
    Script { delivery, ..conversation(scene) }
}

/// `bytes` bytes of numbered lines in deltas of `size` bytes.
fn filled(scene: &Scene<'_>, bytes: usize, size: usize) -> Result<Script, Problem> {
    if bytes > MOST_BYTES {
        return Err(Problem::new(400, format!("{bytes} bytes are more than {MOST_BYTES}")));
    }
    let mut text = String::with_capacity(bytes);
    let mut line = 0;
    while text.len() < bytes {
        line += 1;
        text += &format!("line {line} of many\n");
    }
    text.truncate(bytes);
    let message = Message::start(scene.ids, scene.asked);
    Ok(Script::events(message.text(pieces(&text, size)).stop("end_turn")))
}

fn status(scene: &Scene<'_>) -> Result<Script, Problem> {
    let code = scene.call.number("code")?.unwrap_or(429);
    let Some(code) = u16::try_from(code).ok().filter(|code| (200..600).contains(code)) else {
        return Err(Problem::new(400, format!("{code} is no status of a final response")));
    };
    let message = scene.call.text("message").unwrap_or("The scripted Claude was told to fail.");
    let mut problem = Problem::new(code, message);
    if let Some(kind) = scene.call.text("type") {
        kind.clone_into(&mut problem.kind);
    }
    let mut script = Script::problem(&problem, scene.ids);
    for (option, header) in [("retry_after", "retry-after"), ("should_retry", "x-should-retry")] {
        let value = scene.call.text(option).map(|value| (header, value.to_owned()));
        script.headers.extend(value);
    }
    Ok(script)
}
