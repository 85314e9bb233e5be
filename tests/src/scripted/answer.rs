//! From request to response: logs the head, reads the body, finds the endpoint and the script, and
//! sets the player on the stage.
//!
//! The body is read to its end before anything is answered, unless the `x-script` header says
//! `early=1` (answer and leave the body unread) or `early=drain` (answer while reading on).

use std::io;

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::{BodyExt, Full, combinators::UnsyncBoxBody};
use hyper::body::Incoming;
use serde_json::{Value, json};

use super::asked::Asked;
use super::call::Call;
use super::control::control;
use super::ids::Ids;
use super::library::{self, Script};
use super::log::Seen;
use super::models;
use super::player::Player;
use super::problem::Problem;
use super::render::{Rendered, render};
use super::server::Witness;
use super::{coding, intake};

/// A response that is decided, with the name of the script it plays.
struct Decided {
    script: Option<String>,
    rendered: Rendered,
}

pub(super) async fn answer(
    witness: Witness,
    request: Request<Incoming>,
) -> Response<UnsyncBoxBody<Bytes, io::Error>> {
    let (head, body) = request.into_parts();
    if let Some(path) = head.uri.path().strip_prefix("/scripted/") {
        return controlled(control(&witness.shared, &head.method, path));
    }
    let (witness, number) = witness.next_request();
    let ids = Ids { number };
    let called = head.headers.get("x-script").and_then(|value| value.to_str().ok());
    let called = called.map(Call::parse);
    witness.saw(Seen::RequestHead {
        method: head.method.to_string(),
        path: head.uri.path_and_query().map_or_else(String::new, ToString::to_string),
        version: format!("{:?}", head.version),
        headers: intake::readable(&head.headers),
    });
    let mut unread = None;
    let decided = match called.as_ref().and_then(|call| call.text("early")) {
        None => match intake::read(body, &witness).await {
            Ok(body) => match witness.shared.raw() {
                Some(raw) => Ok(Decided { script: Some("raw".into()), rendered: raw.render(ids) }),
                None => route(head.method.as_str(), head.uri.path(), called, &body, ids),
            },
            // Nobody is left to read this.
            Err(intake::Aborted) => Err(Problem::new(400, "the request body did not end")),
        },
        Some(early) => {
            if early == "drain" {
                let reader = witness.clone();
                tokio::spawn(async move { intake::read(body, &reader).await.ok() });
            } else {
                witness.saw(Seen::RequestUnread);
                unread = Some(body);
            }
            play(called, &Asked::unread(), ids)
        }
    };
    let Decided { script, rendered } = decided.unwrap_or_else(|problem| Decided {
        script: None,
        rendered: render(Script::problem(&problem, ids), false, false, ids),
    });
    let Rendered { status, headers, hold, mut acts } = rendered;
    if head.method == Method::HEAD {
        acts.clear();
    }
    let mut player = Player::new(witness.clone(), acts);
    if let Some(body) = unread {
        player.keep_unread(body);
    }
    if let Some(gate) = hold {
        player.pass(&gate).await;
    }
    witness.saw(Seen::ResponseHead { status: status.as_u16(), script });
    let mut response = Response::new(player.into_body());
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    response
}

fn route(
    method: &str,
    path: &str,
    called: Option<Call>,
    body: &[u8],
    ids: Ids,
) -> Result<Decided, Problem> {
    match (method, path) {
        ("POST", "/v1/messages") => play(called, &Asked::parse(body)?, ids),
        ("POST", "/v1/messages/count_tokens") => {
            let tokens = Asked::parse(body)?.tokens();
            Ok(document(json!({ "input_tokens": tokens }), ids))
        }
        ("GET", "/v1/models") => Ok(document(models::list(), ids)),
        _ => match path.strip_prefix("/v1/models/") {
            Some(id) if method == "GET" => Ok(document(models::one(id)?, ids)),
            _ => Err(Problem::new(404, "Not found")),
        },
    }
}

fn play(called: Option<Call>, asked: &Asked, ids: Ids) -> Result<Decided, Problem> {
    let call = called.unwrap_or_else(|| marked(asked));
    let script = library::find(&call, asked, ids)?;
    let forgive = call.text("retry") == Some("ok");
    let rendered = render(script, asked.stream, forgive, ids);
    Ok(Decided { script: Some(call.name), rendered })
}

/// The script the prompt asks for: the last marker of the last user turn, else the session the
/// conversation began with, else the default.
fn marked(asked: &Asked) -> Call {
    let known = |name: &str| library::names().any(|known| known == name);
    let last = asked.last_user_texts().into_iter().flat_map(|text| Call::markers(text, known));
    let session = || asked.user_texts().flat_map(|text| Call::markers(text, |n| n == coding::NAME));
    last.last().or_else(|| session().next()).unwrap_or_else(|| Call::parse(library::DEFAULT))
}

fn document(json: Value, ids: Ids) -> Decided {
    let script = Script::plain(200, "application/json", json.to_string());
    Decided { script: None, rendered: render(script, false, false, ids) }
}

fn controlled(outcome: Result<Value, Problem>) -> Response<UnsyncBoxBody<Bytes, io::Error>> {
    let (status, body) = match outcome {
        Ok(value) => (StatusCode::OK, value.to_string()),
        Err(problem) => (
            StatusCode::from_u16(problem.status).unwrap_or(StatusCode::NOT_FOUND),
            problem.body(Ids { number: 0 }),
        ),
    };
    let body = Full::from(body).map_err(|never| match never {}).boxed_unsync();
    let mut response = Response::new(body);
    *response.status_mut() = status;
    let json = HeaderValue::from_static("application/json");
    response.headers_mut().insert(header::CONTENT_TYPE, json);
    response
}
