//! Exchanges whose end is not on record: still running, or not any more.

use crate::parts::{closed, incoming, opened, progress};
use hansard_store::{Incoming, Reader, SILENCE, Writer};
use std::path::Path;
use std::sync::mpsc;

fn append(data: &Path, batch: Vec<Incoming>) {
    let writer = Writer::start(data).unwrap();
    let (done, answer) = mpsc::channel();
    writer.handle().append(batch, move |result| done.send(result).unwrap()).unwrap();
    answer.recv().unwrap().unwrap();
    writer.close();
}

#[test]
fn an_open_exchange_of_which_nothing_is_heard_any_more_was_interrupted() {
    let folder = tempfile::tempdir().unwrap();
    // Parts are received at 5000 here (see `incoming`).
    let parts = [opened(1, "alice", Some("one")), progress(1, 2)];
    append(folder.path(), parts.iter().map(|part| incoming(part)).collect());
    let seen = |now: Option<i64>| {
        let reader = Reader::open(folder.path()).unwrap();
        let reader = if let Some(now) = now { reader.at(now) } else { reader };
        let session = reader.sessions(9).unwrap().remove(0);
        let again = reader.session(&session.id).unwrap();
        assert_eq!(again, session);
        let exchange = reader.exchanges(&session.id).unwrap().remove(0);
        (session.status().name(), exchange.status.name(), session.ended_at())
    };
    let received = 5_000;
    assert_eq!(seen(None), ("open", "open", None));
    assert_eq!(seen(Some(received + SILENCE - 1)), ("open", "open", None));
    assert_eq!(seen(Some(received + SILENCE)), ("interrupted", "interrupted", None));
    let figures = |now| Reader::open(folder.path()).unwrap().status(now, 0).unwrap();
    let counted = |now| (figures(now).open, figures(now).interrupted);
    assert_eq!(counted(received), (1, 0));
    assert_eq!(counted(received + SILENCE), (1, 1));
    // Its end comes after all.
    append(folder.path(), vec![incoming(&closed(1, 3, "complete"))]);
    let (session, exchange, _) = seen(Some(received + SILENCE));
    assert_eq!((session, exchange), ("complete", "complete"));
}
