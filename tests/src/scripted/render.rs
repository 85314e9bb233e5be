//! A script turned into a response: status, headers and the player's acts.
//!
//! For a caller without `stream`, the events become one JSON message (or the JSON error they carry)
//! and the waits stay where they were: those before the first event before the body, those after
//! the last event after it, all others in the middle of the JSON text.

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};

use super::assemble::Assembly;
use super::gzip::gzip;
use super::ids::Ids;
use super::library::{Form, Script};
use super::step::{Act, Delivery, Step};

pub(super) struct Rendered {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) hold: Option<String>,
    pub(super) acts: Vec<Act>,
}

const STREAM: &str = "text/event-stream; charset=utf-8";
const JSON: &str = "application/json";

/// `forgive` answers an error event's stream with the message so far (option `retry=ok`).
pub(super) fn render(script: Script, stream: bool, forgive: bool, ids: Ids) -> Rendered {
    let Script { mut status, headers: extra, hold, form, delivery, mut steps } = script;
    let kind = match form {
        Form::Plain(kind) => kind,
        _ if stream => STREAM,
        _ => {
            (status, steps) = single(status, &steps, forgive, ids);
            JSON
        }
    };
    let mut headers = HeaderMap::new();
    put(&mut headers, "content-type", kind);
    if form == Form::GzipEvents {
        put(&mut headers, "content-encoding", "gzip");
        let packed = gzip(&written(&Delivery { chunk: None, ..delivery }.plan(&steps)));
        steps = vec![Step::Raw(packed.into())];
    }
    let acts = delivery.plan(&steps);
    let trailers = acts.iter().find_map(|act| match act {
        Act::Trailers(fields) => fields.first().map(|field| field.0.as_str()),
        _ => None,
    });
    if let Some(trailers) = trailers {
        // HTTP/1.1 sends trailers only if they are announced (and the request says `te: trailers`).
        put(&mut headers, "trailer", trailers);
    } else if kind != STREAM || form == Form::MeasuredEvents {
        // Of the script's whole text: a response that is cut falls short of it.
        let whole: Vec<Step> = steps.into_iter().filter(|step| *step != Step::Cut).collect();
        let length = written(&delivery.plan(&whole)).len();
        put(&mut headers, "content-length", &length.to_string());
    }
    if kind == STREAM {
        put(&mut headers, "cache-control", "no-cache");
    }
    put(&mut headers, "request-id", &ids.request());
    put(&mut headers, "anthropic-ratelimit-requests-limit", "4000");
    put(&mut headers, "anthropic-ratelimit-requests-remaining", "3999");
    put(&mut headers, "anthropic-ratelimit-tokens-remaining", "1999000");
    for (name, value) in extra {
        put(&mut headers, name, &value);
    }
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    Rendered { status, headers, hold, acts }
}

/// The events as one JSON document, with the waits around and inside it.
fn single(status: u16, steps: &[Step], forgive: bool, ids: Ids) -> (u16, Vec<Step>) {
    let assembly = Assembly::of(steps);
    let (status, text) = match assembly.error() {
        Some(problem) if !forgive => (problem.status, problem.body(ids)),
        _ => (status, assembly.text()),
    };
    let is_event = |step: &Step| matches!(step, Step::Event { .. } | Step::Lines(_) | Step::Raw(_));
    let first = steps.iter().position(is_event).unwrap_or(0);
    let last = steps.iter().rposition(is_event).unwrap_or(0);
    let (mut before, mut middle, mut after) = (Vec::new(), Vec::new(), Vec::new());
    for (place, step) in steps.iter().enumerate().filter(|(_, step)| !is_event(step)) {
        let part = match place {
            _ if place < first => &mut before,
            // A stream that is broken off is a document that is broken off, also at its very end.
            _ if place < last || *step == Step::Cut => &mut middle,
            _ => &mut after,
        };
        part.push(step.clone());
    }
    let mut head = Bytes::from(text);
    let tail = head.split_off(head.len() / 2);
    let mut single = before;
    single.push(Step::Raw(head));
    single.append(&mut middle);
    single.push(Step::Raw(tail));
    single.append(&mut after);
    (status, single)
}

fn written(acts: &[Act]) -> Vec<u8> {
    let writes = acts.iter().filter_map(|act| match act {
        Act::Write(bytes) => Some(bytes.as_ref()),
        _ => None,
    });
    writes.collect::<Vec<&[u8]>>().concat()
}

/// A value that is no header value, as an option may hold, is left out.
pub(super) fn put(headers: &mut HeaderMap, name: &'static str, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(HeaderName::from_static(name), value);
    }
}

#[cfg(test)]
mod tests {
    use super::super::asked::Asked;
    use super::super::call::Call;
    use super::super::library;
    use super::*;

    fn played(call: &str, stream: bool) -> Rendered {
        let body = format!(r#"{{"messages":[{{"role":"user","content":"x"}}],"stream":{stream}}}"#);
        let asked = Asked::parse(body.as_bytes()).unwrap();
        let (call, ids) = (Call::parse(call), Ids { number: 1 });
        render(library::find(&call, &asked, ids).unwrap(), stream, false, ids)
    }

    #[test]
    fn every_script_plays_both_ways() {
        for name in library::names() {
            for stream in [true, false] {
                let rendered = played(name, stream);
                assert_eq!(rendered.headers["request-id"], Ids { number: 1 }.request());
                let body = written(&rendered.acts);
                assert_eq!(body.is_empty(), name == "empty", "{name}");
                let kind = rendered.headers["content-type"].to_str().unwrap();
                let whole = !matches!(name, "encoded" | "empty" | "cut_midstream");
                if whole && kind == JSON {
                    assert!(serde_json::from_slice::<serde_json::Value>(&body).is_ok(), "{name}");
                }
            }
        }
    }

    #[test]
    fn waits_keep_their_place_in_json() {
        let names = |call: &str| -> Vec<_> {
            let acts = played(call, false).acts.into_iter();
            acts.map(|act| format!("{act:?}").chars().take(4).collect::<String>()).collect()
        };
        assert_eq!(names("stall"), ["Writ", "Gate", "Writ"]);
        assert_eq!(names("slow_end"), ["Writ", "Writ", "Gate"]);
        assert_eq!(names("cut_midstream"), ["Writ", "Cut"]);
    }

    #[test]
    fn errors_in_the_stream_are_errors_in_json() {
        assert_eq!(played("error_midstream", false).status.as_u16(), 529);
        assert_eq!(played("error_midstream", true).status.as_u16(), 200);
        assert_eq!(played("status?code=413", true).status.as_u16(), 413);
    }
}
