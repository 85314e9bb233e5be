//! Whatever the order in which parts arrive, the same sessions and exchanges are read back.

use crate::parts::{incoming, part, who};
use hansard_record::ExchangeId;
use hansard_store::{Exchange, Reader, Session, SessionId, Status, Writer};
use serde_json::{Value, json};
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc;

/// One arrival of a set of parts; ids and subject are its own, so that thousands share a ledger.
#[derive(Clone, Copy)]
struct World(u16);

impl World {
    fn exchange(self, n: u8) -> ExchangeId {
        let [high, low] = self.0.to_be_bytes();
        ExchangeId::new(1_000, [high, low, n, 0, 0, 0, 0, 0, 0, 0])
    }

    fn subject(self) -> String {
        format!("subject {}", self.0)
    }

    /// Number 5 in a world's boot is unique in the ledger: worlds take ranges of numbers.
    fn part(self, n: u8, seq: u64, at: u64, content: Value) -> Vec<u8> {
        part(self.exchange(n), u64::from(self.0) * 100 + seq, at, content)
    }

    fn opened(self, n: u8, seq: u64, hint: Option<&str>, model: &str) -> Vec<u8> {
        let content = json!({"opened": {
            "who": who(&self.subject()),
            "from": {"address": "10.0.0.1:5000"},
            "session": hint.map_or(json!({}), |id| json!({"id": id})),
            "decision": {"rule": "developers", "effect": "allow"},
            "request": {"method": "POST", "path": "/v1/messages", "headers": [], "model": model,
                        "bytes": 0},
        }});
        self.part(n, seq, 1_000 + seq, content)
    }

    fn closed(self, n: u8, seq: u64, why: &str) -> Vec<u8> {
        let content = json!({"closed": {
            "response": {"status": 200, "at": 1_500, "headers": [], "bytes": 0,
                         "usage": {"input_tokens": seq, "output_tokens": seq}},
            "end": {"why": why},
        }});
        self.part(n, seq, 3_000 + seq, content)
    }

    fn progress(self, n: u8, seq: u64) -> Vec<u8> {
        self.part(n, seq, 2_000 + seq, json!({"progress": {"index": 0, "block": {}}}))
    }

    fn refused(self, n: u8, seq: u64, hint: Option<&str>) -> Vec<u8> {
        let content = json!({"refused": {
            "who": who(&self.subject()),
            "from": {"address": "10.0.0.1:5000"},
            "session": hint.map_or(json!({}), |id| json!({"id": id})),
            "decision": {"effect": "refuse"},
            "request": {"method": "POST", "path": "/v1/messages", "headers": [], "bytes": 0},
            "refusal": {"status": 503, "kind": "overloaded_error", "message": "the sink is away"},
        }});
        self.part(n, seq, 900 + seq, content)
    }

    /// What a reader sees of this world, less what is the world's own.
    fn read(self, reader: &Reader, exchanges: u8) -> Vec<(Session, Vec<Exchange>)> {
        let mut sessions: Vec<Session> = Vec::new();
        for n in 0..exchanges {
            if let Ok(session) = reader.session(&self.exchange(n).to_string())
                && !sessions.contains(&session)
            {
                sessions.push(session);
            }
        }
        sessions
            .into_iter()
            .enumerate()
            .map(|(number, mut session)| {
                let mut rows = reader.exchanges(&session.id).unwrap();
                for row in &mut rows {
                    row.id = row.id.get(24..26).unwrap().to_owned();
                    row.session = number.to_string();
                    let introduction = Arc::make_mut(&mut row.introduction);
                    introduction.subject = String::new();
                    introduction.groups.retain(|group| !group.starts_with("subject"));
                }
                session.id = number.to_string();
                session.subject = String::new();
                session.groups.retain(|group| !group.starts_with("subject"));
                (session, rows)
            })
            .collect()
    }
}

/// Sends the parts of `world` in every order and expects each to read back the same.
fn same_in_every_order(
    exchanges: u8,
    world: impl Fn(World) -> Vec<Vec<u8>>,
) -> Vec<(Session, Vec<Exchange>)> {
    let folder = tempfile::tempdir().unwrap();
    let orders = permutations(world(World(0)).len());
    store(folder.path(), &orders, &world);
    let reader = Reader::open(folder.path()).unwrap();
    let expected = World(0).read(&reader, exchanges);
    for (number, order) in orders.iter().enumerate() {
        let read = World(number as u16).read(&reader, exchanges);
        assert_eq!(without_keys(&read), without_keys(&expected), "order {order:?}");
    }
    expected
}

fn store(folder: &Path, orders: &[Vec<usize>], world: &impl Fn(World) -> Vec<Vec<u8>>) {
    let writer = Writer::start(folder).unwrap();
    let (done, answers) = mpsc::channel();
    for (number, order) in orders.iter().enumerate() {
        let parts = world(World(number as u16));
        for &place in order {
            let done = done.clone();
            let answer = move |result| done.send(result).unwrap();
            writer.handle().append(vec![incoming(&parts[place])], answer).unwrap();
        }
    }
    drop(done);
    assert!(answers.iter().all(|answer: Result<_, _>| answer.is_ok()));
}

/// Boots and numbers are a world's own, and so are places in the log.
fn without_keys(read: &[(Session, Vec<Exchange>)]) -> String {
    let text = format!("{read:#?}");
    let lines = text.lines();
    let own = ["01890000-", "session: \"s-", " part: ", " seq: "];
    let kept = lines.filter(|line| !own.iter().any(|own| line.contains(own)));
    kept.collect::<Vec<_>>().join("\n")
}

fn permutations(n: usize) -> Vec<Vec<usize>> {
    if n == 0 {
        return vec![Vec::new()];
    }
    let shorter = permutations(n - 1);
    shorter
        .iter()
        .flat_map(|order| {
            (0..n).map(move |place| {
                let mut longer = order.clone();
                longer.insert(place, n - 1);
                longer
            })
        })
        .collect()
}

#[test]
fn a_session_of_three_exchanges() {
    let read = same_in_every_order(3, |world| {
        vec![
            world.opened(0, 1, Some("hint"), "claude-b"),
            world.progress(0, 2),
            world.closed(0, 3, "complete"),
            world.opened(1, 4, Some("hint"), "claude-a"),
            world.closed(1, 5, "client_gone"),
            world.refused(2, 6, Some("hint")),
        ]
    });
    let [(session, exchanges)] = read.as_slice() else { panic!("{read:#?}") };
    assert_eq!((session.exchanges, session.open), (3, 0));
    assert_eq!((session.complete, session.ended, session.refused), (1, 1, 1));
    assert_eq!(session.status(), Status::Ended);
    assert_eq!(session.models, ["claude-a", "claude-b"]);
    assert_eq!(session.groups, ["developers"]);
    assert_eq!((session.started_at, session.ended_at()), (906, Some(3_005)));
    let ending = exchanges[1].ending.as_ref().unwrap();
    assert_eq!((ending.why.as_str(), ending.input_tokens), ("complete", Some(3)));
}

#[test]
fn an_exchange_that_is_still_open_keeps_its_session_open() {
    let read = same_in_every_order(2, |world| {
        vec![
            world.opened(0, 1, Some("hint"), "claude-a"),
            world.closed(0, 2, "complete"),
            world.opened(1, 3, Some("hint"), "claude-a"),
            world.progress(1, 4),
        ]
    });
    let [(session, _)] = read.as_slice() else { panic!("{read:#?}") };
    assert_eq!((session.status(), session.ended_at()), (Status::Open, None));
}

#[test]
fn exchanges_without_a_hint_are_sessions_of_their_own() {
    let read = same_in_every_order(2, |world| {
        vec![
            world.opened(0, 1, None, "claude-a"),
            world.closed(0, 2, "complete"),
            world.refused(1, 3, None),
        ]
    });
    assert_eq!(read.len(), 2);
    assert_eq!(read[0].0.status(), Status::Complete);
    assert_eq!(read[1].0.status(), Status::Refused);
}

#[test]
fn a_gateway_that_contradicts_itself_still_reads_the_same() {
    // A sink that stored what it could not acknowledge: opened, then refused, then closed twice.
    let read = same_in_every_order(2, |world| {
        vec![
            world.opened(0, 1, Some("one"), "claude-a"),
            world.opened(0, 2, Some("two"), "claude-b"),
            world.refused(0, 3, Some("two")),
            world.closed(0, 4, "complete"),
            world.closed(0, 5, "client_gone"),
            world.opened(1, 6, Some("one"), "claude-c"),
        ]
    });
    let [(session, exchanges)] = read.as_slice() else { panic!("{read:#?}") };
    assert_eq!(session.models, ["claude-a", "claude-c"]);
    assert_eq!(session.hint.as_deref(), Some("one"));
    assert_eq!(exchanges[0].ending.as_ref().unwrap().why, "client_gone");
}

#[test]
fn an_end_without_a_beginning_does_not_hide() {
    let folder = tempfile::tempdir().unwrap();
    store(folder.path(), &[vec![0]], &|world: World| vec![world.closed(0, 7, "complete")]);
    let reader = Reader::open(folder.path()).unwrap();
    let session = reader.sessions(1).unwrap().remove(0);
    assert_eq!(session.id, SessionId::alone(World(0).exchange(0)).to_string());
    assert_eq!((session.subject.as_str(), session.status()), ("", Status::Complete));
}
