//! The same for programs: JSON, with the rights of the login whose cookie the request carries.
//!
//! `openapi.json` describes it, and a test holds both to each other.

use crate::pages::ROWS;
use crate::query::Asked;
use crate::site::{Problem, Shared, Visitor, look};
use crate::source::Window;
use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get};
use hansard_replay::model::ToolCall;
use serde::{Deserialize, Serialize};
use serde_json::json;

/// The description, as it is served.
pub(crate) const OPENAPI: &str = include_str!("openapi.json");

/// Turns in an answer, at most.
const TURNS: usize = 200;

/// Every route, as the description names it.
pub(crate) fn routes() -> [(&'static str, MethodRouter<Shared>); 6] {
    [
        ("/api/v1/openapi.json", get(description)),
        ("/api/v1/sessions", get(sessions)),
        ("/api/v1/sessions/{id}", get(session)),
        ("/api/v1/sessions/{id}/turns", get(turns)),
        ("/api/v1/search", get(search)),
        ("/api/v1/exchanges/{id}/raw", get(raw)),
    ]
}

async fn description(Visitor(_): Visitor) -> Response {
    ([(header::CONTENT_TYPE, "application/json")], OPENAPI).into_response()
}

type Pairs = Query<Vec<(String, String)>>;

fn answer<T: Serialize>(result: Result<T, Problem>) -> Response {
    match result {
        Ok(value) => Json(value).into_response(),
        Err(problem) => problem.json(),
    }
}

async fn sessions(
    State(site): State<Shared>,
    Visitor(user): Visitor,
    Query(pairs): Pairs,
) -> Response {
    let asked = match Asked::read(&pairs) {
        Ok(asked) => asked,
        Err(text) => return Problem::not_understood(text).json(),
    };
    let target = asked.shown();
    answer(
        look(&site, &user, "list", target, move |source, reach| {
            let limit = asked.limit.unwrap_or(ROWS);
            source.sessions(&asked.filter, reach, asked.after.as_deref(), limit)
        })
        .await,
    )
}

async fn search(
    State(site): State<Shared>,
    Visitor(user): Visitor,
    Query(pairs): Pairs,
) -> Response {
    let asked = match Asked::read(&pairs) {
        Ok(asked) => asked,
        Err(text) => return Problem::not_understood(text).json(),
    };
    let Some(words) = asked.words.clone() else {
        return Problem::not_understood("give the words to find as q".into()).json();
    };
    let target = asked.shown();
    answer(
        look(&site, &user, "search", target, move |source, reach| {
            let limit = asked.limit.unwrap_or(ROWS);
            source.search(&words, &asked.filter, reach, asked.after.as_deref(), limit)
        })
        .await,
    )
}

async fn session(
    State(site): State<Shared>,
    Visitor(user): Visitor,
    Path(id): Path<String>,
) -> Response {
    let target = id.clone();
    let read =
        look(&site, &user, "view", target, move |source, reach| source.head(&id, reach)).await;
    answer(read)
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Slice {
    #[serde(default)]
    from: usize,
    count: Option<usize>,
}

/// A call with its index, by which blocks name it.
#[derive(Serialize)]
struct Indexed {
    index: usize,
    call: ToolCall,
}

async fn turns(
    State(site): State<Shared>,
    Visitor(user): Visitor,
    Path(id): Path<String>,
    Query(some): Query<Slice>,
) -> Response {
    let Slice { from, count } = some;
    let count = count.unwrap_or(ROWS).min(TURNS);
    let target = format!("{id} turns {}", from + 1);
    let read = look(&site, &user, "view", target, move |source, reach| {
        source.turns(&id, reach, from, count)
    })
    .await;
    answer(read.map(|(_, Window { turns, calls, .. })| {
        let calls: Vec<Indexed> =
            calls.into_iter().map(|(index, call)| Indexed { index, call }).collect();
        json!({"turns": turns, "calls": calls})
    }))
}

async fn raw(
    State(site): State<Shared>,
    Visitor(user): Visitor,
    Path(id): Path<String>,
) -> Response {
    let target = id.clone();
    answer(
        look(&site, &user, "raw", target, move |source, reach| {
            let parts = source.parts(&id, reach)?;
            let proof = source.proof(&id, reach)?;
            Ok(json!({
                "session": parts.session, "turn": parts.turn, "parts": parts.parts, "proof": proof,
            }))
        })
        .await,
    )
}
