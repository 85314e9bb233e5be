//! Lists: every filter against one that looks at each session by itself, and paging.

use super::{archive, specimen, texts};
use crate::archive::specimen::Specimen;
use crate::archive::{Archive, ArchiveError, View};
use crate::listing::Filter;
use crate::model::Status;
use hansard_store::SILENCE;
use proptest::collection::vec;
use proptest::option::{of, weighted};
use proptest::prelude::{Strategy, any, prop_assert_eq, proptest};
use proptest::sample::{select, subsequence};
use std::collections::BTreeSet;

const PEOPLE: [&str; 4] = ["alice", "alina", "Bob", "b"];
const GROUPS: [&str; 3] = ["dev", "ops", "development"];
const PATHS: [&str; 5] =
    ["src/auth.rs", "auth.rs", "/x/src/auth.rs", "src/xauth.rs", "C:\\src\\auth.rs"];
const COMMANDS: [&str; 4] = ["git push --force", "git status", "rm -rf build", "cargo push"];
const RULES: [&str; 2] = ["email", "email-address"];
const STATES: [Status; 4] = [Status::Open, Status::Complete, Status::Ended, Status::Refused];

fn list(from: &'static [&'static str]) -> impl Strategy<Value = Vec<String>> {
    subsequence(from.to_vec(), 0..=from.len()).prop_map(|some| texts(&some))
}

fn specimens() -> impl Strategy<Value = Vec<Specimen>> {
    let one = (
        (select(&PEOPLE[..]), of(select(&["alice@example.com", "ALINA@x"][..])), list(&GROUPS)),
        (list(&PATHS), list(&COMMANDS), list(&RULES), select(&STATES[..])),
        (0_i64..6, any::<bool>(), any::<bool>()),
    );
    let one =
        one.prop_map(|((subject, email, groups), (paths, commands, findings, status), rest)| {
            let (at, refused, gap) = rest;
            Specimen {
                subject: subject.to_owned(),
                email: email.map(str::to_owned),
                models: groups.clone(),
                groups,
                started_at: at * 1_000,
                status,
                prompts: texts(&["one", "two"]),
                writes: paths.into_iter().map(|path| (path, "text".to_owned())).collect(),
                commands,
                findings,
                refused,
                gap,
                ..Specimen::default()
            }
        });
    vec(one, 1..12).prop_map(|mut all| {
        for (number, one) in all.iter_mut().enumerate() {
            one.id = format!("s-{number}");
        }
        all
    })
}

fn filters() -> impl Strategy<Value = Filter> {
    let text = |from: &'static [&'static str]| weighted(0.2, select(from).prop_map(str::to_owned));
    (
        (
            weighted(0.2, select(&PEOPLE[..])),
            weighted(0.2, list(&GROUPS)),
            text(&["al", "ALI", "bob", "alina@", "", "zoe"]),
            text(&["dev", "none"]),
            text(&["ops", "op"]),
            text(&["Bash", "Write", "bash"]),
        ),
        (
            text(&["auth.rs", "src/auth.rs", "x/src/auth.rs", "th.rs", "/x/src/auth.rs"]),
            text(&["push", "git push", "PUSH git", "forc", "status git rf"]),
            weighted(0.2, select(&STATES[..])),
            weighted(0.2, select(&["*", "email", "e"][..]).prop_map(str::to_owned)),
        ),
        (weighted(0.1, any::<()>()), weighted(0.1, any::<()>())),
        (weighted(0.2, 0_i64..7), weighted(0.2, 0_i64..7)),
    )
        .prop_map(|(who, what, flags, times)| Filter {
            only: who.0.map(|subject| ("https://issuer".to_owned(), subject.to_owned())),
            only_groups: who.1,
            person: who.2,
            group: who.3,
            model: who.4,
            tool: who.5,
            path: what.0,
            command: what.1,
            status: what.2,
            finding: what.3,
            refused: flags.0.is_some(),
            gaps: flags.1.is_some(),
            since: times.0.map(|at| at * 1_000),
            until: times.1.map(|at| at * 1_000),
        })
}

/// The same question, asked of one session.
fn holds(filter: &Filter, one: &Specimen) -> bool {
    let lower = |text: &str| text.to_lowercase();
    let person = |asked: &String| {
        let names = [Some(&one.subject), one.email.as_ref()];
        names.into_iter().flatten().any(|name| lower(name).starts_with(&lower(asked)))
    };
    let tool = |asked: &String| match asked.as_str() {
        "Bash" => !one.commands.is_empty(),
        "Write" => !one.writes.is_empty(),
        _ => false,
    };
    let path = |asked: &String| {
        let slashed = |path: &str| path.replace('\\', "/");
        one.writes.iter().any(|(path, _)| {
            slashed(path) == *asked || slashed(path).ends_with(&format!("/{asked}"))
        })
    };
    let words = |text: &str| -> BTreeSet<String> {
        let words = text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
        words.map(lower).collect()
    };
    let command =
        |asked: &String| one.commands.iter().any(|one| words(one).is_superset(&words(asked)));
    let finding = |asked: &String| match asked.as_str() {
        "*" => !one.findings.is_empty(),
        rule => one.findings.iter().any(|found| found == rule),
    };
    let active_at = one.started_at + 1_500;
    let own = filter.only.as_ref().map(|(_, subject)| *subject == one.subject);
    let led = filter.only_groups.as_ref().map(|any| any.iter().any(|g| one.groups.contains(g)));
    let within_reach = match (own, led) {
        (None, None) => true,
        (own, led) => own == Some(true) || led == Some(true),
    };
    within_reach
        && filter.person.as_ref().is_none_or(person)
        && filter.group.as_ref().is_none_or(|group| one.groups.contains(group))
        && filter.model.as_ref().is_none_or(|model| one.models.contains(model))
        && filter.tool.as_ref().is_none_or(tool)
        && filter.path.as_ref().is_none_or(path)
        && filter.command.as_ref().is_none_or(command)
        && filter.status.is_none_or(|status| status == one.status)
        && filter.finding.as_ref().is_none_or(finding)
        && (!filter.refused || one.refused)
        && (!filter.gaps || one.gap)
        && filter.since.is_none_or(|since| active_at >= since)
        && filter.until.is_none_or(|until| one.started_at < until)
}

fn all(view: &View, filter: &Filter, limit: usize) -> Vec<String> {
    let (mut ids, mut after) = (Vec::new(), None);
    loop {
        let page = view.sessions(filter, after.as_deref(), limit).unwrap();
        assert!(page.items.len() <= limit);
        ids.extend(page.items.into_iter().map(|row| row.id));
        after = page.next;
        if after.is_none() {
            return ids;
        }
    }
}

proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(40))]
    #[test]
    fn a_filter_is_what_it_says(sessions in specimens(), filters in vec(filters(), 20)) {
        let (_folder, _archive, view) = archive(&sessions);
        for filter in filters {
            let mut expected: Vec<_> = sessions.iter().enumerate().collect();
            expected.retain(|(_, one)| holds(&filter, one));
            expected.sort_by_key(|(number, one)| std::cmp::Reverse((one.started_at, *number)));
            let expected: Vec<_> = expected.iter().map(|(_, one)| one.id.clone()).collect();
            for limit in [1, 3, 100] {
                prop_assert_eq!(&all(&view, &filter, limit), &expected, "{:?}", filter);
            }
            prop_assert_eq!(view.count(&filter, 100).unwrap(), expected.len());
            prop_assert_eq!(view.count(&filter, 1).unwrap(), expected.len().min(1));
            // A search looks at the same sessions.
            let found = view.search("two", &filter, None, 100).unwrap().items;
            let found: BTreeSet<_> = found.into_iter().map(|hit| hit.session).collect();
            prop_assert_eq!(found, expected.into_iter().collect::<BTreeSet<_>>(), "{:?}", filter);
        }
    }
}

#[test]
fn a_page_goes_on_where_the_last_ended_whatever_comes_in_between() {
    let sessions: Vec<_> = (0..30)
        .map(|number| Specimen {
            // Many start in the same millisecond.
            started_at: 1_000 + number / 7,
            ..specimen(&format!("s-{number}"), &["hello"])
        })
        .collect();
    let (_folder, mut archive, view) = archive(&sessions);
    let first = view.sessions(&Filter::default(), None, 10).unwrap();
    // One comes before the place, one behind it, and one that was shown goes on.
    let later = Specimen { started_at: 9_000, ..specimen("later", &["x"]) }.replay();
    let earlier = Specimen { started_at: 1, ..specimen("earlier", &["x"]) }.replay();
    let longer =
        Specimen { started_at: sessions[29].started_at, ..specimen("s-29", &["hello", "again"]) };
    archive.put([(100, &later), (101, &earlier), (30, &longer.replay())]).unwrap();
    let (mut seen, mut after) = (first.items, first.next);
    while let Some(place) = after {
        let page = view.sessions(&Filter::default(), Some(&place), 10).unwrap();
        seen.extend(page.items);
        after = page.next;
    }
    let ids: Vec<_> = seen.iter().map(|row| row.id.clone()).collect();
    let once: BTreeSet<_> = ids.iter().collect();
    assert_eq!((ids.len(), once.len()), (31, 31));
    assert!(sessions.iter().all(|one| ids.contains(&one.id)));
    assert_eq!(ids.last().map(String::as_str), Some("earlier"));
}

#[test]
fn a_cursor_of_ones_own_is_refused() {
    let (_folder, _archive, view) = archive(&[specimen("s-1", &["hello"])]);
    for cursor in ["", "1", "x_y", "1_", "1_2_3", "1'_2"] {
        let error = view.sessions(&Filter::default(), Some(cursor), 1).unwrap_err();
        assert!(matches!(error, ArchiveError::Cursor), "{cursor}");
    }
}

#[test]
fn a_session_is_read_whole_in_part_and_by_its_names() {
    let prompts: Vec<_> = (0..50).map(|number| format!("prompt {number}")).collect();
    let session = Specimen {
        prompts,
        writes: (0..40).map(|n| (format!("src/{n}.rs"), format!("fn f{n}() {{}}"))).collect(),
        commands: texts(&["cargo test"]),
        ..specimen("s-1", &[])
    };
    let replay = session.replay();
    let (_folder, _archive, view) = archive(&[specimen("s-0", &["x"]), session]);
    assert_eq!(view.replay("s-1").unwrap().unwrap(), replay);
    let head = view.head("s-1").unwrap().unwrap();
    assert_eq!((head.turns, head.calls, head.files.len()), (50, 41, 40));
    assert_eq!(head.stops.len(), 50);
    assert_eq!(head.commands[0].command, "cargo test");
    let window = view.turns("s-1", 38, 5).unwrap();
    assert_eq!((window.from, window.turns.as_slice()), (38, &replay.turns[38..43]));
    assert_eq!(window.calls.keys().copied().collect::<Vec<_>>(), [38, 39]);
    assert_eq!(window.calls[&39], replay.calls[39]);
    assert_eq!(view.file("s-1", 3).unwrap().as_ref(), replay.files.get(3));
    assert_eq!(view.command("s-1", 0).unwrap().as_ref(), replay.commands.first());
    assert_eq!(view.call("s-1", 40).unwrap().as_ref(), replay.calls.get(40));
    // Behind the end, and of nobody.
    for (session, from) in [("s-1", 50), ("s-1", usize::MAX), ("s-2", 0), ("s-0", 1)] {
        assert!(view.turns(session, from, 5).unwrap().turns.is_empty(), "{session} {from}");
    }
    assert!(view.call("s-1", 41).unwrap().is_none());
    assert!(view.replay("s-2").unwrap().is_none() && view.head("").unwrap().is_none());
    for (name, turn) in
        [("s-1", None), ("s-1-7", Some(7)), ("toolu_s-1_12", Some(12)), ("toolu_s-1_4", Some(4))]
    {
        let located = view.locate(name).unwrap();
        assert_eq!((located.len(), located[0].session.as_str()), (1, "s-1"), "{name}");
        assert_eq!(located[0].turn, turn, "{name}");
    }
    assert_eq!(view.locate("s-").unwrap().len(), 2);
    assert!(view.locate("").unwrap().is_empty() && view.locate("nobody").unwrap().is_empty());
}

#[test]
fn one_writes_and_the_folder_is_the_owners_alone() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path().join("index");
    assert!(matches!(View::open(&folder), Err(ArchiveError::Absent { .. })));
    let mut archive = Archive::open(&folder).unwrap();
    assert!(matches!(Archive::open(&folder), Err(ArchiveError::Locked { .. })));
    archive.put([(1, &specimen("s-1", &["hello"]).replay())]).unwrap();
    let mode = |path: &std::path::Path| path.metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&folder), 0o700);
    for file in std::fs::read_dir(&folder).unwrap() {
        let path = file.unwrap().path();
        assert_eq!(mode(&path), 0o600, "{}", path.display());
    }
    let view = View::open(&folder).unwrap();
    for statement in ["DELETE FROM turns", "DROP TABLE turns", "PRAGMA user_version = 9"] {
        assert!(view.connection.execute_batch(statement).is_err(), "{statement}");
    }
    let database = folder.join("index.db");
    drop((archive, view));
    let change = |statement: &str| {
        rusqlite::Connection::open(&database).unwrap().execute_batch(statement).unwrap();
    };
    // Another version's index is made anew; another program's database is left alone.
    change("PRAGMA user_version = 999");
    assert!(matches!(View::open(&folder), Err(ArchiveError::Version { .. })));
    drop(Archive::open(&folder).unwrap());
    assert_eq!(View::open(&folder).unwrap().count(&Filter::default(), 9).unwrap(), 0);
    change("PRAGMA application_id = 7");
    assert!(matches!(Archive::open(&folder), Err(ArchiveError::Foreign { .. })));
    assert!(matches!(View::open(&folder), Err(ArchiveError::Foreign { .. })));
}

#[test]
fn an_open_session_of_which_nothing_is_heard_any_more_was_interrupted() {
    let open = Specimen { status: Status::Open, ..specimen("s-open", &["one"]) };
    let done = Specimen { status: Status::Complete, ..specimen("s-done", &["one"]) };
    let (folder, ..) = archive(&[open, done]);
    let view = |now: Option<i64>| {
        let view = View::open(folder.path()).unwrap();
        if let Some(now) = now { view.at(now) } else { view }
    };
    let found = |now: Option<i64>, status: Status| {
        let filter = Filter { status: Some(status), ..Filter::default() };
        let page = view(now).sessions(&filter, None, 9).unwrap();
        page.items.into_iter().map(|row| (row.id, row.status)).collect::<Vec<_>>()
    };
    let last = view(None).row("s-open").unwrap().unwrap().active_at;
    let open = |status| vec![("s-open".to_owned(), status)];
    for now in [None, Some(last + SILENCE - 1)] {
        assert_eq!(found(now, Status::Open), open(Status::Open));
        assert_eq!(found(now, Status::Interrupted), []);
    }
    let late = Some(last + SILENCE);
    assert_eq!(found(late, Status::Open), []);
    assert_eq!(found(late, Status::Interrupted), open(Status::Interrupted));
    assert_eq!(view(late).row("s-open").unwrap().unwrap().status, Status::Interrupted);
    assert_eq!(found(late, Status::Complete).len(), 1);
}
