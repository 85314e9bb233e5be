//! The control endpoints under `/scripted/`, for tests in another process. They are no part of the
//! API: their requests are neither numbered nor logged, though their connections are.
//!
//! - `GET  /scripted/observations`: the log as a JSON array, bodies as lossy text.
//! - `POST /scripted/reset`: forget the log.
//! - `POST /scripted/release/NAME`: let one response past the gate.
//! - `POST /scripted/open/NAME`: let all past it from now on.
//! - `GET  /scripted/scripts`: the names of the scripts.

use http::Method;
use serde_json::{Value, json};

use super::library;
use super::problem::Problem;
use super::server::Shared;

pub(super) fn control(shared: &Shared, method: &Method, path: &str) -> Result<Value, Problem> {
    let done = json!({ "ok": true });
    match (method.as_str(), path.split_once('/').unwrap_or((path, ""))) {
        ("GET", ("observations", "")) => shared
            .log
            .look(|log| serde_json::to_value(log))
            .map_err(|error| Problem::new(500, error.to_string())),
        ("GET", ("scripts", "")) => Ok(library::names().collect()),
        ("POST", ("reset", "")) => {
            shared.log.clear();
            Ok(done)
        }
        ("POST", ("release", gate)) if !gate.is_empty() => {
            shared.gates.release(gate);
            Ok(done)
        }
        ("POST", ("open", gate)) if !gate.is_empty() => {
            shared.gates.open(gate);
            Ok(done)
        }
        _ => Err(Problem::new(404, format!("no control endpoint {method} /scripted/{path}"))),
    }
}
