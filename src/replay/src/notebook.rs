//! Edits of notebooks: one cell at a time.
//!
//! The client writes the notebook anew around the cell; only the cell's source is compared.

use serde::Deserialize;
use serde_json::Value;

/// What a call wants of a cell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Cell {
    id: Option<String>,
    source: String,
    mode: Mode,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Mode {
    #[default]
    Replace,
    Insert,
    Delete,
}

#[derive(Deserialize)]
struct Input {
    notebook_path: String,
    cell_id: Option<String>,
    cell_number: Option<u64>,
    #[serde(default)]
    new_source: String,
    edit_mode: Option<Mode>,
}

/// The notebook and the cell that an input names.
pub(crate) fn cell(input: &str) -> Option<(String, Cell)> {
    let Input { notebook_path, cell_id, cell_number, new_source, edit_mode } =
        serde_json::from_str(input).ok()?;
    let id = cell_id.or_else(|| cell_number.map(|number| format!("cell-{number}")));
    Some((notebook_path, Cell { id, source: new_source, mode: edit_mode.unwrap_or_default() }))
}

impl Cell {
    /// The cell's source after it.
    pub(crate) fn after(&self) -> &str {
        match self.mode {
            Mode::Replace | Mode::Insert => &self.source,
            Mode::Delete => "",
        }
    }

    /// The cell's source before it, in a notebook's JSON.
    pub(crate) fn before(&self, notebook: &str) -> Option<String> {
        if self.mode == Mode::Insert {
            return Some(String::new());
        }
        let notebook: Value = serde_json::from_str(notebook).ok()?;
        let cells = notebook.get("cells")?.as_array()?;
        let id = self.id.as_deref()?;
        let named = cells.iter().find(|cell| cell.get("id").and_then(Value::as_str) == Some(id));
        // Cells without an id are named by their place.
        let placed = || cells.get(id.strip_prefix("cell-")?.parse::<usize>().ok()?);
        match named.or_else(placed)?.get("source")? {
            Value::String(source) => Some(source.clone()),
            Value::Array(lines) => Some(lines.iter().filter_map(Value::as_str).collect()),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOTEBOOK: &str =
        r#"{"cells":[{"cell_type":"code","id":"a","source":["x = 1\n","y"]},{"source":"z"}]}"#;

    #[test]
    fn cells_are_found_by_id_or_place() {
        for (input, before, after) in [
            (r#"{"notebook_path":"n","cell_id":"a","new_source":"q"}"#, Some("x = 1\ny"), "q"),
            (r#"{"notebook_path":"n","cell_id":"cell-1","new_source":"q"}"#, Some("z"), "q"),
            (r#"{"notebook_path":"n","cell_number":1,"new_source":"q"}"#, Some("z"), "q"),
            (r#"{"notebook_path":"n","cell_id":"b","new_source":"q"}"#, None, "q"),
            (
                r#"{"notebook_path":"n","cell_id":"a","new_source":"q","edit_mode":"insert"}"#,
                Some(""),
                "q",
            ),
            (
                r#"{"notebook_path":"n","cell_id":"a","new_source":"","edit_mode":"delete"}"#,
                Some("x = 1\ny"),
                "",
            ),
        ] {
            let (path, cell) = cell(input).unwrap();
            assert_eq!(path, "n");
            assert_eq!(
                (cell.before(NOTEBOOK).as_deref(), cell.after()),
                (before, after),
                "{input}"
            );
        }
        assert_eq!(cell("{}"), None);
    }
}
