//! What an auditor asks of a full index, and how long each answer takes.

use crate::Fallible;
use crate::figures::Figures;
use crate::made::{Dice, MODELS, PEOPLE, person, word};
use hansard_replay::Replay;
use hansard_replay::archive::View;
use hansard_replay::listing::Filter;
use hansard_replay::model::Status;
use std::path::Path;
use std::time::Instant;

const ROUNDS: u64 = 12;
/// Items of a page.
const PAGE: usize = 50;

/// Filters as a person sets them; `round` varies whom and what they ask for.
fn filters(round: u64) -> Vec<(&'static str, Filter)> {
    let (who, team) = (person(round * 37 % PEOPLE), format!("team-{}", round % 20));
    let model = MODELS.get(round as usize % 4).copied().unwrap_or_default().to_owned();
    let of = Filter::default;
    let only = Some(("https://login.example.com".to_owned(), who.clone()));
    let month = 1_790_000_000_000 + (round as i64 + 1) * 60_000_000;
    vec![
        ("none", of()),
        ("person", Filter { person: Some(who.clone()), ..of() }),
        (
            "beginning of a person",
            Filter { person: Some(word(round).chars().take(2).collect()), ..of() },
        ),
        ("own sessions alone", Filter { only: only.clone(), ..of() }),
        ("group", Filter { group: Some(team.clone()), ..of() }),
        ("a lead's groups", Filter { only_groups: Some(vec![team.clone()]), ..of() }),
        ("model", Filter { model: Some(model.clone()), ..of() }),
        ("tool", Filter { tool: Some("Bash".to_owned()), ..of() }),
        (
            "path",
            Filter {
                path: Some(format!("{}/{}_{round}.rs", word(round), word(round * 7))),
                ..of()
            },
        ),
        ("a common command", Filter { command: Some("git push".to_owned()), ..of() }),
        (
            "words of a command",
            Filter { command: Some(format!("rg {}", word(2_000 + round))), ..of() },
        ),
        ("status", Filter { status: Some(Status::Ended), ..of() }),
        ("refused", Filter { refused: true, ..of() }),
        ("any finding", Filter { finding: Some("*".to_owned()), ..of() }),
        ("finding", Filter { finding: Some("email".to_owned()), ..of() }),
        ("gaps (none there)", Filter { gaps: true, ..of() }),
        ("time", Filter { since: Some(month), until: Some(month + 86_400_000), ..of() }),
        (
            "six at once",
            Filter {
                group: Some("engineering".to_owned()),
                model: Some(model),
                tool: Some("Edit".to_owned()),
                command: Some("cargo test".to_owned()),
                finding: Some("*".to_owned()),
                since: Some(month),
                ..of()
            },
        ),
    ]
}

/// Every filter, its first page and one further on. And the slowest filter.
pub(crate) fn lists(folder: &Path) -> Fallible<(Figures, String)> {
    let mut slowest = Slowest::default();
    let mut times = Vec::new();
    for round in 0..ROUNDS {
        for (name, filter) in filters(round) {
            let mut after = None;
            for _ in 0..2 {
                // As a request does.
                let start = Instant::now();
                let page = View::open(folder)?.sessions(&filter, after.as_deref(), PAGE)?;
                let took = start.elapsed();
                times.push(took);
                slowest.note(name, took);
                after = page.next;
                if after.is_none() {
                    break;
                }
            }
        }
    }
    Ok((Figures::of(times), slowest.0.map(|(name, _)| name).unwrap_or_default()))
}

/// Words of each kind, alone and with filters.
pub(crate) fn searches(folder: &Path) -> Fallible<(Figures, String)> {
    let mut slowest = Slowest::default();
    let mut times = Vec::new();
    for round in 0..ROUNDS {
        let (common, other, rare) = (word(round), word(round + 40), word(20_000 + round * 17));
        let who = person(round * 37 % PEOPLE);
        let only = Some(("https://login.example.com".to_owned(), who.clone()));
        let own = Filter { only, ..Filter::default() };
        let model = MODELS.get(round as usize % 4).copied().unwrap_or_default().to_owned();
        let model = Filter { model: Some(model), ..Filter::default() };
        let refused = Filter { refused: true, ..Filter::default() };
        let beginning: String = common.chars().take(3).collect();
        for (name, asked, filter) in [
            ("a common word", common.clone(), Filter::default()),
            ("a rare word", rare.clone(), Filter::default()),
            ("a word that is not there", "nowhere_at_all".to_owned(), Filter::default()),
            ("two common words", format!("{common} {other}"), Filter::default()),
            ("a common and a rare word", format!("{common} {rare}"), Filter::default()),
            ("a phrase", format!("\"{common} {other}\""), Filter::default()),
            ("a beginning", format!("{beginning}*"), Filter::default()),
            ("a path", format!("src/{common}/{}_7.rs", word(49)), Filter::default()),
            ("code", format!("= {common}({other})?;"), Filter::default()),
            ("a common word in own sessions", common.clone(), own.clone()),
            ("a rare word in own sessions", rare.clone(), own),
            ("a common word of a model's", common.clone(), model.clone()),
            ("a rare word of a model's", rare, model),
            ("two common words where something was refused", format!("{common} {other}"), refused),
        ] {
            let start = Instant::now();
            View::open(folder)?.search(&asked, &filter, None, PAGE)?;
            let took = start.elapsed();
            times.push(took);
            slowest.note(name, took);
        }
    }
    Ok((Figures::of(times), slowest.0.map(|(name, _)| name).unwrap_or_default()))
}

/// Of a long session: opening it with its first turns, and going somewhere else in it.
pub(crate) fn windows(folder: &Path, session: &str, turns: usize) -> Fallible<(Figures, Figures)> {
    let (mut first, mut jumps) = (Vec::new(), Vec::new());
    for round in 0..40 {
        let start = Instant::now();
        let view = View::open(folder)?;
        let head = view.head(session)?.ok_or("the long session is not there")?;
        let window = view.turns(session, 0, PAGE)?;
        first.push(start.elapsed());
        if head.turns != turns || window.turns.len() != PAGE.min(turns) {
            return Err("the long session is not whole".into());
        }
        let start = Instant::now();
        view.turns(session, round * 7_919 % turns, PAGE)?;
        jumps.push(start.elapsed());
    }
    Ok((Figures::of(first), Figures::of(jumps)))
}

/// A file of so many lines: of ten, six from calls of these sessions, one as everybody writes it, and
/// three of a person's own.
pub(crate) fn blame(
    folder: &Path,
    sessions: &[Replay],
    length: usize,
) -> Fallible<(Figures, usize)> {
    let calls = sessions.iter().flat_map(|session| &session.calls);
    let texts = calls.filter_map(|call| {
        let input: serde_json::Value = serde_json::from_str(&call.input).ok()?;
        input.get("new_string")?.as_str().map(str::to_owned)
    });
    let suggested: Vec<String> =
        texts.flat_map(|text| text.lines().map(str::to_owned).collect::<Vec<_>>()).collect();
    let mut dice = Dice::new(7);
    let lines: Vec<String> = (0..length)
        .map(|place| match place % 10 {
            0..6 => suggested.get(place % suggested.len().max(1)).cloned().unwrap_or_default(),
            6 => "        return Ok(());".to_owned(),
            _ => dice.code(1).trim_end().to_owned(),
        })
        .collect();
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    let (mut times, mut found) = (Vec::new(), 0);
    for _ in 0..10 {
        let start = Instant::now();
        let blamed = View::open(folder)?.blame(&lines, Some("src/a.rs"), &Filter::default())?;
        times.push(start.elapsed());
        found = blamed.iter().flatten().count();
    }
    Ok((Figures::of(times), found))
}

#[derive(Default)]
struct Slowest(Option<(String, std::time::Duration)>);

impl Slowest {
    fn note(&mut self, name: &str, took: std::time::Duration) {
        if self.0.as_ref().is_none_or(|(_, slowest)| took > *slowest) {
            self.0 = Some((name.to_owned(), took));
        }
    }
}
