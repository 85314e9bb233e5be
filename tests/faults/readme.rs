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

/// A column for each moment, a line for each fault; faults that end alike share one.
fn render(rows: &[Row]) -> String {
    let mut actions: Vec<_> = rows.iter().map(|row| row.action).collect();
    actions.sort();
    actions.dedup();
    let names: Vec<_> = Moment::ALL.iter().map(|moment| moment.name()).collect();
    let mut lines: Vec<(Vec<&str>, String)> = Vec::new();
    for action in actions {
        let cells = Moment::ALL.map(|moment| {
            let cell = rows.iter().find(|row| (row.action, row.moment) == (action, moment));
            cell.map(words).unwrap_or_default()
        });
        let cells = cells.join(" | ");
        match lines.iter_mut().find(|(_, same)| *same == cells) {
            Some((names, _)) => names.push(action.name()),
            None => lines.push((vec![action.name()], cells)),
        }
    }
    let head = format!("| fault | {} |\n|---|{}\n", names.join(" | "), "---|".repeat(names.len()));
    let line =
        |(names, cells): &(Vec<&str>, String)| format!("| {} | {cells} |\n", names.join(", "));
    lines.iter().fold(head, |table, one| table + &line(one))
}

fn words(row: &Row) -> String {
    let dash = |word| if word == "nothing" { "–" } else { word };
    [row.upstream, row.client, row.ledger].map(dash).join(" · ").replace('/', " or ")
}
