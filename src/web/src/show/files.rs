//! Files that a session wrote: as a tree, and each with its changes in their order.

use super::badge;
use super::call::sizes;
use super::diff::diff;
use super::page::encoded;
use super::text::{Line, Text};
use hansard_replay::archive::{ChangeHead, FileHead, Head};
use hansard_replay::model::{Before, Change, Command, File, Outcome};
use maud::{Markup, html};
use std::collections::BTreeMap;

/// Commands on a page.
pub(crate) const COMMANDS: usize = 100;
/// Files on a page.
pub(crate) const FILES: usize = 50;
/// Folders within each other, beyond which a path is one name.
const DEEPEST: usize = 24;

#[derive(Default)]
struct Folder<'a> {
    folders: BTreeMap<&'a str, Folder<'a>>,
    files: Vec<(&'a str, usize, &'a FileHead)>,
}

/// The tree, with the index of the file that is shown.
pub(crate) fn tree(session: &str, files: &[FileHead], current: Option<usize>) -> Markup {
    let mut root = Folder::default();
    for (index, file) in files.iter().enumerate() {
        let path = file.path.trim_start_matches('/');
        let mut pieces: Vec<&str> = path.splitn(DEEPEST, '/').collect();
        let name = pieces.pop().unwrap_or(path);
        let folder =
            pieces.iter().fold(&mut root, |folder, piece| folder.folders.entry(piece).or_default());
        folder.files.push((name, index, file));
    }
    html! { div.tree { (folder(session, &root, current)) } }
}

fn folder(session: &str, at: &Folder<'_>, current: Option<usize>) -> Markup {
    html! {
        ul {
            @for (name, below) in &at.folders {
                // Folders that hold one folder alone stand in one line.
                @let (name, below) = joined(name, below);
                li.folder { span { (Line(&name)) "/" } (folder(session, below, current)) }
            }
            @for (name, index, file) in &at.files {
                li.file {
                    a href={ "/sessions/" (encoded(session)) "/files/" (index) } aria-current=[(current == Some(*index)).then_some("page")] { (Line(name)) }
                    " " (sizes(sum(file, |change| change.added), sum(file, |change| change.removed)))
                }
            }
        }
    }
}

fn joined<'a>(name: &str, mut folder: &'a Folder<'a>) -> (String, &'a Folder<'a>) {
    let mut name = name.to_owned();
    while folder.files.is_empty()
        && let (1, Some((next, below))) = (folder.folders.len(), folder.folders.first_key_value())
    {
        name = format!("{name}/{next}");
        folder = below;
    }
    (name, folder)
}

/// Over the changes that were made.
fn sum(file: &FileHead, of: impl Fn(&ChangeHead) -> usize) -> usize {
    file.changes.iter().filter(|change| change.applied).map(of).sum()
}

/// Files with their changes, beside the tree of all; `only` is the place of one change in the file.
pub(crate) fn files(
    head: &Head,
    shown: &[(usize, File)],
    current: Option<usize>,
    only: Option<usize>,
) -> Markup {
    let session = &head.session.id;
    html! {
        (crumbs(session))
        h1 { "Files" }
        @if head.files.is_empty() {
            p.empty { "No tool call of this session wrote a file." }
        }
        div.columns {
            nav.side aria-label="Files" { (tree(session, &head.files, current)) }
            div.transcript {
                @for (index, file) in shown { (one(session, *index, file, only)) }
                @if current.is_none() && shown.len() < head.files.len() {
                    p.muted { "The other " (head.files.len() - shown.len()) " files are behind their names in the tree." }
                }
            }
        }
    }
}

fn one(session: &str, index: usize, file: &File, only: Option<usize>) -> Markup {
    let base = format!("/sessions/{}/files/{index}", encoded(session));
    html! {
        section.file-changes aria-labelledby={ "f" (index) } {
            h2 id={ "f" (index) } { code { (Line(&file.path)) } }
            nav.tabs aria-label={ "Changes of file " (index + 1) } {
                a href=(base) aria-current=[only.is_none().then_some("page")] { "All changes" }
                @for (place, change) in file.changes.iter().enumerate() {
                    a href={ (base) "?change=" (place) } aria-current=[(only == Some(place)).then_some("page")] { "Turn " (change.turn + 1) }
                }
            }
            @for (place, change) in file.changes.iter().enumerate() {
                @if only.is_none_or(|only| only == place) { (self::change(session, change)) }
            }
            @if let Some(content) = &file.content {
                details.fold {
                    summary { "After the last change that ran" span.muted { " · " (badge::counted(content.lines().count(), "line", "lines")) } }
                    pre.output tabindex="0" { (Text(content)) }
                }
            }
        }
    }
}

fn change(session: &str, change: &Change) -> Markup {
    html! {
        div.change {
            p {
                a href={ "/sessions/" (encoded(session)) "?turn=" (change.turn + 1) "#c" (change.call) } { "Turn " (change.turn + 1) } " "
                (sizes(change.added, change.removed)) " "
                @if change.applied { (badge::badge("ok", "✓", "made")) } @else { (badge::badge("plain", "○", "not made")) }
                " " span.muted {
                    @match change.before {
                        Before::Known => "what was before is on record",
                        Before::Absent => "a new file",
                        Before::Unknown => "what was before is not on record",
                    }
                }
            }
            (diff(&change.diff))
        }
    }
}

/// Commands from an index on, in the order in which they were suggested.
pub(crate) fn commands(
    head: &Head,
    from: usize,
    commands: &[(Command, Option<Outcome>)],
) -> Markup {
    let session = &head.session.id;
    let link = |from: usize| format!("/sessions/{}/commands?from={from}", encoded(session));
    let to = from + commands.len();
    html! {
        (crumbs(session))
        h1 { "Commands" }
        @if head.commands.is_empty() { p.empty { "No command was suggested in this session." } }
        ol.commands start=(from + 1) {
            @for (command, outcome) in commands {
                li {
                    p {
                        a href={ "/sessions/" (encoded(session)) "?turn=" (command.turn + 1) "#c" (command.call) } { "Turn " (command.turn + 1) } " "
                        @if let Some(outcome) = outcome { (badge::outcome(outcome)) " " }
                        @if command.background { (badge::badge("note", "&", "in the background")) " " }
                        @if let Some(exit) = command.exit { span.muted { "exit " (exit) } " " }
                        @if let Some(ms) = command.duration_ms { span.muted { (super::time::span(ms)) } }
                    }
                    @if let Some(description) = &command.description { p.muted { (Line(description)) } }
                    pre.command tabindex="0" { (Text(&command.command)) }
                    @if let Some(output) = &command.output { (super::call::output(output)) }
                }
            }
        }
        nav.pages aria-label="Pages" {
            @if from > 0 { a rel="prev" href=(link(from.saturating_sub(COMMANDS))) { "← Earlier commands" } }
            @if to < head.commands.len() { a rel="next" href=(link(to)) { "Later commands →" } }
        }
    }
}

pub(crate) fn crumbs(session: &str) -> Markup {
    html! {
        nav.crumbs aria-label="Session" {
            a href={ "/sessions/" (encoded(session)) } { "Session" } " "
            a href={ "/sessions/" (encoded(session)) "/files" } { "Files" } " "
            a href={ "/sessions/" (encoded(session)) "/commands" } { "Commands" }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &str) -> FileHead {
        FileHead { path: path.into(), changes: Vec::new(), known: false }
    }

    #[test]
    fn the_tree_joins_lonely_folders_and_names_every_file() {
        let files = [file("/srv/src/a.rs"), file("/srv/src/b.rs"), file("/srv/README.md")];
        let markup = tree("s-1", &files, Some(1)).into_string();
        assert!(markup.contains("<span>srv/</span>") && markup.contains("<span>src/</span>"));
        assert!(
            markup.contains("/sessions/s-1/files/1\" aria-current=\"page\">b.rs</a>"),
            "{markup}"
        );
        let lonely = tree("s-1", &[file("/a/b/c/d.rs")], None).into_string();
        assert!(lonely.contains("<span>a/b/c/</span>"), "{lonely}");
    }

    #[test]
    fn depth_is_bounded() {
        let deep = file(&"a/".repeat(10_000));
        assert!(tree("s", &[deep], None).into_string().matches("<ul>").count() < 40);
    }
}
