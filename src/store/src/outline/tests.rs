use super::*;
use crate::{Custodian, Incoming, Order, Source, Writer};
use serde_json::{Value, json};
use std::collections::HashSet;
use std::path::Path;
use std::sync::mpsc;

const EXCHANGES: [&str; 2] =
    ["01890000-0000-7000-8000-0000000000e1", "01890000-0000-7000-8000-0000000000e2"];

fn opened(number: usize, body: &str) -> Vec<u8> {
    let part = json!({"hansard.v2": {
        "exchange": EXCHANGES[number],
        "boot": "01890000-0000-7000-8000-000000000001",
        "seq": number + 1,
        "at": 1_000,
        "gateway": {"node": "n", "filter": "0.1.0", "policy": "00"},
        "part": {"opened": {
            "who": {"issuer": "i", "subject": "ada", "groups": [], "expires_at": 9, "token": "0"},
            "from": {"address": "10.0.0.1:5000"},
            "session": {"id": "one"},
            "decision": {"rule": "developers", "effect": "allow"},
            "request": {"method": "POST", "path": "/v1/messages", "headers": [], "bytes": 58,
                        "body": "BODY"},
        }},
    }});
    part.to_string().replace("\"BODY\"", body).into_bytes()
}

fn store(folder: &Path, bodies: &[&str]) {
    let writer = Writer::start(folder).unwrap();
    for (number, body) in bodies.iter().enumerate() {
        let part = Incoming::part(opened(number, body), Source::Acknowledged, 5_000, "hansard");
        assert_eq!(part.defect(), None);
        let (done, receipt) = mpsc::channel();
        writer.handle().append(vec![part], move |result| done.send(result).unwrap()).unwrap();
        assert_eq!(receipt.recv().unwrap().unwrap().parts, 1);
    }
    writer.close();
}

fn long(word: &str) -> String {
    format!("\"{}\"", word.repeat(100))
}

#[test]
fn a_second_turn_is_read_from_where_the_first_ends() {
    let folder = tempfile::tempdir().unwrap();
    let system = long("system");
    let first = format!(r#"{{"messages": [{{"a":1}}],"system":{system} ,"stream":true}}"#);
    let second = format!(r#"{{"messages": [{{"a":1}}, {{"b":2}},{{"c":3}}],"system":{system}}}"#);
    store(folder.path(), &[&first, &second]);
    let reader = Reader::open(folder.path()).unwrap();
    let mut known = HashSet::new();
    let mut read = Vec::new();
    for exchange in EXCHANGES {
        let outline = reader.outline(exchange).unwrap().remove(0);
        let part: Value = serde_json::from_str(&outline.json).unwrap();
        let body = &part["hansard.v2"]["part"]["opened"]["request"]["body"];
        assert_eq!((&body["messages"], &body["system"]), (&json!([]), &Value::Null));
        let members: Vec<_> = outline.streams.iter().map(|stream| stream.member).collect();
        assert_eq!(members, [Member::Messages, Member::System]);
        for stream in &outline.streams {
            let links = reader.blocks_after(stream, |chain| known.contains(&chain)).unwrap();
            known.extend(links.iter().map(|link| link.chain));
            let blocks: Vec<_> = links.iter().map(|link| link.block).collect();
            read.push(reader.block_texts(stream, &blocks).unwrap());
        }
    }
    let [first, first_system, second, second_system] = read.try_into().unwrap();
    assert_eq!(first, [r#"{"a":1}"#]);
    assert_eq!(first_system, [system]);
    assert_eq!(second, [r#", {"b":2}"#, r#",{"c":3}"#]);
    assert_eq!(second_system, Vec::<String>::new());
}

#[test]
fn members_are_told_by_their_place() {
    let long = long("text");
    for (body, expected) in [
        (r#"{"model":"m"}"#.to_owned(), vec![]),
        (format!(r#"{{"system":{long},"tools":[{long}]}}"#), vec![Member::System, Member::Tools]),
        // What looks like a stream's place is not one, and a name may be escaped.
        (
            format!(r#"{{"x":{{"tools":null,"messages":[]}},"\u0074ools":{long},"messages":[1]}}"#),
            vec![Member::Tools, Member::Messages],
        ),
    ] {
        let folder = tempfile::tempdir().unwrap();
        store(folder.path(), &[&body]);
        let reader = Reader::open(folder.path()).unwrap();
        let outline = reader.outline(EXCHANGES[0]).unwrap().remove(0);
        let members: Vec<_> = outline.streams.iter().map(|stream| stream.member).collect();
        assert_eq!(members, expected, "{body}");
        assert!(serde_json::from_str::<Value>(&outline.json).is_ok());
    }
}

#[test]
fn markers_are_the_same_for_the_same_body() {
    let marked = r#"{"messages":[{"t":"x","cache_control":{"type":"ephemeral"}}]}"#;
    let folder = tempfile::tempdir().unwrap();
    store(folder.path(), &[marked, marked]);
    let reader = Reader::open(folder.path()).unwrap();
    let [first, second] = EXCHANGES.map(|id| reader.outline(id).unwrap().remove(0));
    assert!(first.markers.contains("ephemeral"));
    assert_eq!(first.markers, second.markers);
    assert_eq!(first.streams[0].chain, second.streams[0].chain);
}

#[test]
fn of_an_erased_session_nothing_is_read() {
    let folder = tempfile::tempdir().unwrap();
    store(folder.path(), &[r#"{"messages":[{"a":1}]}"#]);
    let reader = Reader::open(folder.path()).unwrap();
    let stream = reader.outline(EXCHANGES[0]).unwrap()[0].streams[0];
    let blocks: Vec<_> =
        reader.blocks_after(&stream, |_| false).unwrap().iter().map(|link| link.block).collect();
    assert_eq!(reader.block_texts(&stream, &blocks).unwrap(), [r#"{"a":1}"#]);
    let session = reader.session("one").unwrap().id;
    let mut custodian = Custodian::open(folder.path(), None).unwrap();
    custodian.erase(&session, Order { reason: "asked", by: "dpo", at: 9 }).unwrap();
    let erased = reader.outline(EXCHANGES[0]);
    assert!(matches!(erased, Err(StoreError::Erased { .. })), "{erased:?}");
    assert!(matches!(reader.block_texts(&stream, &blocks), Err(StoreError::Unreadable)));
}
