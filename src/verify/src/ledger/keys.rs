//! Keys that are gone, dictionaries, and sessions that are held: each with an entry that says so.

use super::Fallible;
use super::log::{Order, Said};
use crate::Report;
use crate::entry::is_hex;
use rusqlite::Connection;
use sha2::{Digest, Sha256};
use std::collections::{BTreeSet, HashMap};

pub(super) fn check(connection: &Connection, report: &mut Report, said: Said) -> Fallible<()> {
    let Said { mut keys, mut wrapped, mut dictionaries, orders } = said;
    let (mut erased, mut destroyed) = (BTreeSet::new(), BTreeSet::new());
    let mut held = HashMap::new();
    for order in orders {
        match order {
            Order::Erased { session, keys } => {
                erased.insert(session);
                destroyed.extend(keys);
            }
            Order::Held { session, reason: Some(reason) } => {
                held.insert(session, reason);
            }
            Order::Held { session, reason: None } => {
                held.remove(&session);
            }
        }
    }
    let mut statement = connection.prepare("SELECT id, session, wrapped, dictionary FROM keys")?;
    let mut rows = statement.query([])?;
    let mut gone = BTreeSet::new();
    while let Some(row) = rows.next()? {
        let (id, session): (i64, String) = (row.get(0)?, row.get(1)?);
        let key = row.get_ref(2)?.as_blob().ok();
        let made = wrapped.remove(&id);
        if key.is_some_and(|key| !made.is_some_and(|made| is_hex(&Sha256::digest(key), &made))) {
            report.problem(format!("key {id} is not the one that was made"));
        }
        if keys.remove(&id).is_some_and(|used| used != session) {
            report.problem(format!("key {id} is of another session than its parts"));
        }
        let is_right = match (row.get_ref(3)?.as_blob(), dictionaries.remove(&id)) {
            (Ok(sealed), Some(digest)) => is_hex(&Sha256::digest(sealed), &digest),
            (Ok(_), None) | (Err(_), Some(_)) => false,
            (Err(_), None) => true,
        };
        if !is_right {
            report.problem(format!("the dictionary of key {id} was changed, or is gone"));
        }
        if key.is_none() {
            gone.insert(id);
        }
    }
    for id in keys.keys() {
        report.problem(format!("key {id} is not there: what it sealed cannot be read"));
    }
    for id in gone.difference(&destroyed) {
        report.problem(format!("key {id} was destroyed, and no entry says so"));
    }
    for id in destroyed.difference(&gone) {
        report.problem(format!("key {id} is there, which an entry says was destroyed"));
    }
    report.erased = erased.len() as u64;
    let mut statement = connection.prepare("SELECT session, reason FROM holds")?;
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    if rows.collect::<Result<HashMap<String, String>, _>>()? != held {
        report.problem("the sessions on hold are not those of the log".to_owned());
    }
    Ok(())
}
