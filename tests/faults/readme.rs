//! The table in README, section "When something fails": what the last run saw.
//!
//! `HANSARD_WRITE=1` writes it anew; without, README must say what was seen.

use crate::table::{Moment, Row};
use std::path::Path;

const MARKS: [&str; 2] = ["<!-- faults -->\n", "<!-- /faults -->"];

/// Each of these rows was seen to hold.
pub(crate) fn says(rows: &[Row]) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../README.md");
    let readme = std::fs::read_to_string(&path).unwrap();
    let (before, rest) = readme.split_once(MARKS[0]).unwrap();
    let (told, after) = rest.split_once(MARKS[1]).unwrap();
    let table = render(rows);
    if std::env::var_os("HANSARD_WRITE").is_some() {
        let [open, close] = MARKS;
        std::fs::write(&path, format!("{before}{open}{table}{close}{after}")).unwrap();
        return;
    }
    assert_eq!(told, table, "README says otherwise; HANSARD_WRITE=1 writes it");
}

/// A line for each fault, a column for each moment.
fn render(rows: &[Row]) -> String {
    let mut actions: Vec<_> = rows.iter().map(|row| row.action).collect();
    actions.sort();
    actions.dedup();
    let names: Vec<_> = Moment::ALL.iter().map(|moment| moment.name()).collect();
    let mut lines = vec![
        format!("| fault | {} |", names.join(" | ")),
        format!("|---|{}", "---|".repeat(names.len())),
    ];
    for action in actions {
        let cells = Moment::ALL.map(|moment| {
            let cell = rows.iter().find(|row| (row.action, row.moment) == (action, moment));
            let words = |row: &Row| {
                let words = [row.upstream, row.client, row.ledger].map(dash);
                words.join(" · ").replace('/', " or ")
            };
            cell.map(words).unwrap_or_default()
        });
        lines.push(format!("| {} | {} |", action.name(), cells.join(" | ")));
    }
    lines.join("\n") + "\n"
}

fn dash(word: &str) -> &str {
    if word == "nothing" { "–" } else { word }
}
