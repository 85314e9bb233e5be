//! Search: what is found, what is shown of it, and what a hostile question does.

use super::{archive, specimen, texts};
use crate::archive::ArchiveError;
use crate::archive::specimen::Specimen;
use crate::listing::{Filter, Hit};
use proptest::prelude::{prop_assert, proptest};

fn sessions() -> Vec<Specimen> {
    vec![
        Specimen {
            writes: vec![(
                "src/auth/login.rs".to_owned(),
                "fn check_token(raw: &str) {}".to_owned(),
            )],
            commands: texts(&["git push --force origin"]),
            ..specimen("s-1", &["please add a Überprüfung of the token", "thanks"])
        },
        specimen("s-2", &["the token is in src/auth/login.rs"]),
        Specimen { subject: "bob".to_owned(), ..specimen("s-3", &["token, token and token"]) },
    ]
}

fn found(hits: &[Hit]) -> Vec<(&str, usize, &str)> {
    hits.iter().map(|hit| (hit.session.as_str(), hit.turn, hit.place.as_str())).collect()
}

#[test]
fn words_phrases_beginnings_paths_and_code_are_found() {
    let (_folder, _archive, view) = archive(&sessions());
    for (asked, expected) in [
        (
            "token",
            vec![
                ("s-3", 1, "prompt"),
                ("s-2", 1, "prompt"),
                ("s-1", 1, "tool call"),
                ("s-1", 1, "prompt"),
            ],
        ),
        ("TOKEN please", vec![("s-1", 1, "prompt")]),
        ("uberprufung", vec![("s-1", 1, "prompt")]),
        ("\"token is\"", vec![("s-2", 1, "prompt")]),
        ("\"is token\"", vec![]),
        ("is token", vec![("s-2", 1, "prompt")]),
        ("src/auth/login.rs", vec![("s-2", 1, "prompt"), ("s-1", 1, "tool call")]),
        ("check_token(raw:", vec![("s-1", 1, "tool call")]),
        ("thank*", vec![("s-1", 2, "prompt")]),
        ("thank", vec![]),
        ("th*", vec![]),
        ("--force", vec![("s-1", 2, "tool call")]),
        ("done", vec![]),
    ] {
        let page = view.search(asked, &Filter::default(), None, 50).unwrap();
        assert_eq!(found(&page.items), expected, "{asked}");
        assert_eq!(page.next, None);
    }
}

#[test]
fn a_hit_shows_its_words_and_whose_they_are() {
    let (_folder, _archive, view) = archive(&sessions());
    let page = view.search("\"token is\"", &Filter::default(), None, 50).unwrap();
    let [hit] = page.items.as_slice() else { panic!("{page:?}") };
    let pieces: Vec<_> = hit.snippet.iter().map(|(found, text)| (*found, text.as_str())).collect();
    assert_eq!(pieces, [(false, "the "), (true, "token is"), (false, " in src/auth/login.rs")]);
    assert_eq!((hit.subject.as_str(), hit.at), ("alice", 1_000));
    assert_eq!(hit.title.as_deref(), Some("the token is in src/auth/login.rs"));
}

#[test]
fn rights_are_part_of_the_search() {
    let (_folder, _archive, view) = archive(&sessions());
    let only = Some(("https://issuer".to_owned(), "bob".to_owned()));
    let filter = Filter { only, ..Filter::default() };
    let page = view.search("token", &filter, None, 50).unwrap();
    assert_eq!(found(&page.items), [("s-3", 1, "prompt")]);
    let nobody = Filter { only: Some(("https://other".to_owned(), "bob".to_owned())), ..filter };
    assert!(view.search("token", &nobody, None, 50).unwrap().items.is_empty());
    let nowhere = Filter { only_groups: Some(Vec::new()), ..Filter::default() };
    assert!(view.search("token", &nowhere, None, 50).unwrap().items.is_empty());
}

#[test]
fn pages_of_hits_go_on_without_a_gap() {
    let many: Vec<_> = (0..25)
        .map(|number| specimen(&format!("s-{number}"), &["needle one", "hay", "needle two"]))
        .collect();
    let (_folder, _archive, view) = archive(&many);
    let bob = Filter { person: Some("alice".to_owned()), ..Filter::default() };
    for filter in [Filter::default(), bob] {
        let whole = view.search("needle", &filter, None, 100).unwrap();
        assert_eq!((whole.items.len(), whole.next), (50, None));
        let (mut hits, mut after) = (Vec::new(), None);
        loop {
            let page = view.search("needle", &filter, after.as_deref(), 7).unwrap();
            hits.extend(page.items);
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        assert_eq!(hits, whole.items);
    }
    assert!(matches!(
        view.search("needle", &Filter::default(), Some("x"), 7),
        Err(ArchiveError::Cursor)
    ));
}

#[test]
fn a_text_that_changed_is_found_by_its_new_words_alone() {
    let (_folder, mut archive, view) = archive(&sessions());
    let search = |asked: &str| {
        let page = view.search(asked, &Filter::default(), None, 50).unwrap();
        page.items.into_iter().map(|hit| hit.session).collect::<Vec<_>>()
    };
    archive.put([(2, &specimen("s-2", &["nothing here", "more"]).replay())]).unwrap();
    assert_eq!(search("src/auth/login.rs"), ["s-1"]);
    assert_eq!(search("nothing"), ["s-2"]);
    archive.put([(2, &specimen("s-2", &["nothing here"]).replay())]).unwrap();
    assert!(search("more").is_empty());
    // The index itself agrees with its own bookkeeping.
    for table in ["search", "command_words"] {
        let check = format!("INSERT INTO {table} ({table}) VALUES ('integrity-check')");
        archive.connection.execute_batch(&check).unwrap();
    }
}

#[test]
fn marks_of_the_search_are_words_like_any_other() {
    let (_folder, _archive, view) = archive(&sessions());
    for hostile in [
        "\"",
        "\"\"",
        "\"\"\"",
        "a\"",
        "'",
        "''; DROP TABLE turns; --",
        "NEAR(a b, 3)",
        "text : token",
        "{text} : token",
        "^token",
        "token AND",
        "AND",
        "NOT token",
        "(token",
        "token)",
        "token*token",
        "* *",
        "\0",
        "token\0",
        "\"token\0is\"",
        "+ token",
        "-text:token",
        "token^2",
        "\u{1}\u{2}",
        "%_",
        "a* OR b*",
        "\u{202e}token",
        "\u{ffff}",
        "🙂",
        "tok\u{301}en",
        "\u{0345}\u{0345}",
    ] {
        match view.search(hostile, &Filter::default(), None, 5) {
            Ok(_) | Err(ArchiveError::NoWords { .. }) => {}
            Err(error) => panic!("{hostile:?}: {error}"),
        }
        let filter = Filter { command: Some(hostile.to_owned()), ..Filter::default() };
        match view.sessions(&filter, None, 5) {
            Ok(_) | Err(ArchiveError::NoWords { .. }) => {}
            Err(error) => panic!("{hostile:?} as a command: {error}"),
        }
    }
    let long = "token ".repeat(50_000);
    assert_eq!(view.search(&long, &Filter::default(), None, 50).unwrap().items.len(), 4);
}

proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(30))]
    #[test]
    fn no_question_is_a_syntax_error(asked in proptest::collection::vec(".{0,20}|[a-z\"*:^()+ -]{0,30}", 30)) {
        let (_folder, _archive, view) = archive(&sessions());
        for asked in asked {
            let answer = view.search(&asked, &Filter::default(), None, 5);
            prop_assert!(matches!(answer, Ok(_) | Err(ArchiveError::NoWords { .. })), "{asked:?}: {answer:?}");
        }
    }
}

#[test]
fn words_that_are_taken_out_are_not_in_the_file() {
    const CANARY: &str = "qzxvwkjhqzx";
    let (folder, mut archive, _) = archive(&sessions());
    // Changed over and over, as when it was followed live.
    for length in 1..40 {
        let prompts =
            (0..length).map(|turn| format!("the {CANARY} word {turn} {length}")).collect();
        let writes = vec![(format!("{CANARY}.rs"), format!("let {CANARY} = {length};"))];
        let commands = vec![format!("echo {CANARY}{length} {CANARY}")];
        let session = Specimen { prompts, writes, commands, ..specimen("s-2", &[]) };
        archive.put([(2, &session.replay())]).unwrap();
    }
    let files_hold_it = |archive: &crate::archive::Archive| {
        let truncate = "PRAGMA wal_checkpoint(TRUNCATE)";
        archive.connection.query_row(truncate, [], |_| Ok(())).unwrap();
        // Words share their beginnings with the word before.
        let needle = &CANARY.as_bytes()[3..];
        let bytes = std::fs::read(folder.path().join("index.db")).unwrap().to_ascii_lowercase();
        bytes.windows(needle.len()).any(|some| some == needle)
    };
    assert!(files_hold_it(&archive));
    archive.put([(2, &specimen("s-2", &[]).replay())]).unwrap();
    assert!(!files_hold_it(&archive));
}
