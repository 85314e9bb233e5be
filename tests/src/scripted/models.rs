//! The models endpoint: a short list, and single models out of it.

use serde_json::{Value, json};

use super::problem::Problem;

const MODELS: &[(&str, &str)] = &[
    ("claude-opus-4-5-20251101", "Claude Opus 4.5"),
    ("claude-sonnet-4-5-20250929", "Claude Sonnet 4.5"),
    ("claude-haiku-4-5-20251001", "Claude Haiku 4.5"),
];

pub(super) fn list() -> Value {
    let data: Vec<Value> = MODELS.iter().map(|(id, name)| model(id, name)).collect();
    let first = MODELS.first().map(|model| model.0);
    let last = MODELS.last().map(|model| model.0);
    json!({ "data": data, "has_more": false, "first_id": first, "last_id": last })
}

pub(super) fn one(wanted: &str) -> Result<Value, Problem> {
    let found = MODELS.iter().find(|(id, _)| *id == wanted);
    found
        .map(|(id, name)| model(id, name))
        .ok_or_else(|| Problem::new(404, format!("model: {wanted}")))
}

fn model(id: &str, name: &str) -> Value {
    json!({
        "type": "model", "id": id, "display_name": name, "created_at": "2025-09-29T00:00:00Z",
    })
}
