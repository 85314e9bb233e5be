//! The pages: each reads a request, looks, and lays out what it got.

use crate::doors::{Signed, meant};
use crate::query::Asked;
use crate::show::page::{Frame, Tab, page};
use crate::show::session::TURNS;
use crate::show::turn::{Context, turn};
use crate::show::{files, list, raw, session};
use crate::site::{Problem, Shared, Visitor, look};
use crate::source::Window;
use axum::Json;
use axum::extract::{Form, Path, Query, State};
use axum::http::{StatusCode, header};
use axum::response::{Html, IntoResponse, Redirect, Response};
use hansard_replay::model::Lane;
use maud::{Markup, html};
use serde::Deserialize;
use serde_json::json;

/// Sessions and places on a page.
pub(crate) const ROWS: usize = 50;

type Pairs = Query<Vec<(String, String)>>;

pub(crate) async fn home() -> Redirect {
    Redirect::to("/sessions")
}

pub(crate) async fn sessions(
    State(site): State<Shared>,
    Visitor(user): Visitor,
    Query(pairs): Pairs,
) -> Response {
    let asked = match Asked::read(&pairs) {
        Ok(asked) => asked,
        Err(text) => return Problem::not_understood(text).page(Some(&user)),
    };
    let wanted = asked.clone();
    let limit = asked.limit.unwrap_or(ROWS);
    let read = look(&site, &user, "list", asked.shown(), move |source, reach| {
        let page = source.sessions(&wanted.filter, reach, wanted.after.as_deref(), limit)?;
        Ok((page, source.version()?))
    });
    match read.await {
        Ok((rows, _)) if asked.fragment => {
            Html(list::rows(&asked.filter, &rows, asked.after.is_none()).into_string())
                .into_response()
        }
        Ok((rows, version)) => {
            let body = list::sessions(&asked.filter, &rows, asked.after.is_none(), version);
            let frame =
                Frame { title: "Sessions", tab: Tab::Sessions, user: Some(&user), class: "list" };
            shown(&frame, &body)
        }
        Err(problem) => problem.page(Some(&user)),
    }
}

pub(crate) async fn search(
    State(site): State<Shared>,
    Visitor(user): Visitor,
    Query(pairs): Pairs,
) -> Response {
    let asked = match Asked::read(&pairs) {
        Ok(asked) => asked,
        Err(text) => return Problem::not_understood(text).page(Some(&user)),
    };
    let frame = Frame { title: "Search", tab: Tab::Search, user: Some(&user), class: "search" };
    let Some(words) = asked.words.clone() else {
        return shown(&frame, &list::search("", &asked.filter, None, true));
    };
    let (wanted, searched) = (asked.clone(), words.clone());
    let read = look(&site, &user, "search", asked.shown(), move |source, reach| {
        source.search(&searched, &wanted.filter, reach, wanted.after.as_deref(), ROWS)
    });
    match read.await {
        Ok(hits) => {
            let first = asked.after.is_none();
            shown(&frame, &list::search(&words, &asked.filter, Some(&hits), first))
        }
        Err(problem) => problem.page(Some(&user)),
    }
}

#[derive(Debug, Default, Deserialize)]
pub(crate) struct At {
    turn: Option<usize>,
    from: Option<usize>,
    change: Option<usize>,
}

pub(crate) async fn session(
    State(site): State<Shared>,
    Visitor(user): Visitor,
    Path(id): Path<String>,
    Query(at): Query<At>,
) -> Response {
    // Windows begin at multiples, so that what a script fetches fits with what is there.
    let from = at.turn.unwrap_or(1).saturating_sub(1) / TURNS * TURNS;
    let read = look(&site, &user, "view", id.clone(), move |source, reach| {
        source.turns(&id, reach, from, TURNS)
    });
    match read.await {
        Ok((head, window)) => {
            let title = head.session.title.as_deref().unwrap_or("Untitled session");
            let frame = Frame { title, tab: Tab::Sessions, user: Some(&user), class: "session" };
            shown(&frame, &session::session(&head, &window, from, &site.prices, &user))
        }
        Err(problem) => problem.page(Some(&user)),
    }
}

/// A window of turns, for the script of the page.
pub(crate) async fn turns(
    State(site): State<Shared>,
    Visitor(user): Visitor,
    Path(id): Path<String>,
    Query(at): Query<At>,
) -> Response {
    let from = at.from.unwrap_or(0) / TURNS * TURNS;
    let read =
        look(&site, &user, "view", format!("{id} turns {}", from + 1), move |source, reach| {
            source.turns(&id, reach, from, TURNS)
        });
    match read.await {
        Ok((head, window)) => {
            Html(session::turns(&head, &window, from, &site.prices).into_string()).into_response()
        }
        Err(problem) => problem.json(),
    }
}

/// When each turn was, in numbers, for the script of the page.
pub(crate) async fn outline(
    State(site): State<Shared>,
    Visitor(user): Visitor,
    Path(id): Path<String>,
) -> Response {
    let target = format!("{id} outline");
    let read = look(&site, &user, "view", target, move |source, reach| source.head(&id, reach));
    match read.await {
        Ok(head) => {
            let (places, length) = crate::show::timeline::drawn(&head.stops);
            let stops = head.stops.iter().zip(places);
            let turns: Vec<_> = stops
                .map(|(stop, (from, to))| {
                    json!([stop.from, stop.to, stop.lane, stop.calls, from, to])
                })
                .collect();
            Json(json!({"length": length, "turns": turns})).into_response()
        }
        Err(problem) => problem.json(),
    }
}

pub(crate) async fn all_files(
    state: State<Shared>,
    visitor: Visitor,
    Path(id): Path<String>,
) -> Response {
    file_page(state, visitor, id, None, None).await
}

pub(crate) async fn one_file(
    state: State<Shared>,
    visitor: Visitor,
    Path((id, file)): Path<(String, usize)>,
    Query(at): Query<At>,
) -> Response {
    file_page(state, visitor, id, Some(file), at.change).await
}

async fn file_page(
    State(site): State<Shared>,
    Visitor(user): Visitor,
    id: String,
    file: Option<usize>,
    change: Option<usize>,
) -> Response {
    let target = format!("{id} files");
    let read = look(&site, &user, "view", target, move |source, reach| {
        source.files(&id, reach, file, files::FILES)
    });
    match read.await {
        Ok((head, shown_files)) => {
            let frame =
                Frame { title: "Files", tab: Tab::Sessions, user: Some(&user), class: "session" };
            shown(&frame, &files::files(&head, &shown_files, file, change))
        }
        Err(problem) => problem.page(Some(&user)),
    }
}

pub(crate) async fn commands(
    State(site): State<Shared>,
    Visitor(user): Visitor,
    Path(id): Path<String>,
    Query(at): Query<At>,
) -> Response {
    let from = at.from.unwrap_or(0);
    let target = format!("{id} commands");
    let read = look(&site, &user, "view", target, move |source, reach| {
        source.commands(&id, reach, from, files::COMMANDS)
    });
    match read.await {
        Ok((head, commands)) => {
            let title = "Commands";
            let frame = Frame { title, tab: Tab::Sessions, user: Some(&user), class: "commands" };
            shown(&frame, &files::commands(&head, from, &commands))
        }
        Err(problem) => problem.page(Some(&user)),
    }
}

pub(crate) async fn export(
    State(site): State<Shared>,
    Visitor(user): Visitor,
    Path(id): Path<String>,
    Form(form): Form<Signed>,
) -> Response {
    if let Err(problem) = meant(&user, &form) {
        return problem.page(Some(&user));
    }
    if !user.role.may_export() {
        let text = "only auditors and admins may export: ask one of them";
        return Problem::forbidden(text).page(Some(&user));
    }
    let wanted = id.clone();
    match look(&site, &user, "export", id, move |source, reach| source.replay(&wanted, reach)).await
    {
        Ok(replay) => {
            let name: String = replay
                .session
                .id
                .chars()
                .filter(|c| c.is_ascii_alphanumeric() || *c == '-')
                .collect();
            let headers =
                [(header::CONTENT_DISPOSITION, format!("attachment; filename=\"{name}.json\""))];
            (headers, Json(replay)).into_response()
        }
        Err(problem) => problem.page(Some(&user)),
    }
}

pub(crate) async fn raw(
    State(site): State<Shared>,
    Visitor(user): Visitor,
    Path(id): Path<String>,
) -> Response {
    let exchange = id.clone();
    let read = look(&site, &user, "raw", id.clone(), move |source, reach| {
        let parts = source.parts(&id, reach)?;
        let proof = source.proof(&id, reach)?;
        let from = parts.turn.saturating_sub(1);
        let (head, window) = source.turns(&parts.session, reach, from, 1)?;
        Ok((parts, proof, head, window))
    });
    match read.await {
        Ok((parts, proof, head, window)) => {
            let lanes: &[Lane] = &head.lanes;
            let context = Context {
                started_at: head.session.started_at,
                lanes,
                notices: &head.notices,
                prices: &site.prices,
            };
            let rendered = rendered(&window, &context);
            let frame =
                Frame { title: "Record", tab: Tab::Sessions, user: Some(&user), class: "raw" };
            shown(&frame, &raw::raw(&exchange, &parts, &proof, &rendered))
        }
        Err(problem) => problem.page(Some(&user)),
    }
}

fn rendered(window: &Window, context: &Context<'_>) -> Markup {
    html! { @for place in 0..window.turns.len() { (turn(place, window, context)) } }
}

pub(crate) async fn settings(State(site): State<Shared>, Visitor(user): Visitor) -> Response {
    if !user.role.may_see_settings() {
        return Problem::forbidden("only admins see the settings: ask one of them")
            .page(Some(&user));
    }
    match look(&site, &user, "settings", String::new(), |_, _| Ok(())).await {
        Ok(()) => {
            let frame =
                Frame { title: "Settings", tab: Tab::Settings, user: Some(&user), class: "plain" };
            shown(&frame, &crate::show::settings::settings(&site))
        }
        Err(problem) => problem.page(Some(&user)),
    }
}

/// Whether something has changed; nothing of what is on record, so it is no look.
pub(crate) async fn live(State(site): State<Shared>, Visitor(_): Visitor) -> Response {
    let site = site.clone();
    match tokio::task::spawn_blocking(move || site.source.version()).await {
        Ok(Ok(version)) => Json(json!({"version": version})).into_response(),
        Ok(Err(error)) => Problem::from(error).json(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

pub(crate) async fn missing(Visitor(user): Visitor) -> Response {
    let text = "there is no page at this address: see the sessions".to_owned();
    Problem::new(StatusCode::NOT_FOUND, text).page(Some(&user))
}

fn shown(frame: &Frame<'_>, body: &Markup) -> Response {
    Html(page(frame, body).into_string()).into_response()
}
