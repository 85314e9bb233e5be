//! A part folded over what a sink has is the part again.

use super::*;

const MARKER: &str = r#","cache_control":{"type":"ephemeral"}"#;

fn part(messages: &[&str]) -> String {
    let tools = format!("[\"{}\"]", "t".repeat(300));
    let list = messages.join(" ,");
    format!(r#"{{"id":7,"body":{{"model":"m","tools":{tools},"messages":[{list}],"top":1}}}}"#)
}

fn pieces(part: &str) -> Pieces<'_> {
    let body = part.find("\"body\":").map(|at| &part[at + 7..part.len() - 1]);
    Pieces::at(part.as_bytes(), &Cut::of(part.as_bytes(), body))
}

/// The part with the first `known` pieces of each stream folded away.
fn folded(part: &str, known: usize) -> (Folded<'_>, Vec<Vec<u8>>) {
    let mut folded = Folded::from(pieces(part));
    let mut gone = Vec::new();
    for stream in &mut folded.streams {
        let rest = stream.pieces.split_off(known.min(stream.pieces.len()));
        let before = std::mem::replace(&mut stream.pieces, rest);
        let chain =
            before.iter().fold(Chain::default(), |chain, piece| chain.then(&Chain::sum(piece)));
        let bytes = before.concat();
        if !before.is_empty() {
            stream.known = Some(Known { digest: chain, bytes: bytes.len() });
        }
        gone.push(bytes);
    }
    (folded, gone)
}

#[test]
fn what_travels_is_the_part_once_the_known_is_back() {
    let marked = format!(r#"{{"t":"c"{MARKER}}}"#);
    // A marker that is not what it seems: without it the rest is no JSON.
    let odd = r#"{"t":"d","cache_control":{"type":"eph}emeral"}}"#;
    let part = part(&["1", r#"{"t":"b"}"#, &marked, odd]);
    for known in 0..=4 {
        let (folded, gone) = folded(&part, known);
        let wire = folded.encode().unwrap();
        let read = Folded::parse(&wire).unwrap();
        assert_eq!(read, folded);
        assert_eq!(read.part_bytes(), part.len(), "{known}");
        let streams: Vec<_> = read
            .streams
            .iter()
            .zip(gone)
            .map(|(stream, gone)| [gone, stream.pieces.concat()].concat())
            .collect();
        assert_eq!(Pieces::join(&read.frame, &streams).unwrap(), part.as_bytes(), "{known}");
        let sketch = read.sketch().unwrap();
        let json: serde_json::Value = serde_json::from_slice(&sketch).unwrap();
        let list = json["body"]["messages"].as_array().unwrap();
        assert_eq!(list.len(), if known == 0 { 4 } else { 5 - known }, "{known}: {json}");
        assert_eq!(json["body"]["top"], 1);
    }
}

#[test]
fn the_form_stays_as_released() {
    let (folded, _) = folded(r#"{"body":{"messages":["a","b"]}}"#, 1);
    let wire = String::from_utf8(folded.encode().unwrap()).unwrap();
    assert_eq!(
        wire,
        "{\"frame\":41,\"streams\":[{\"known\":{\"digest\":\
         \"9ff54845d0e7e130de93d1146b3d274349bdb0d180a394becef0bdd27a6a07ea\",\"bytes\":3},\
         \"pieces\":[4]}]}\n{\"streams\":[21]}\n{\"body\":{\"messages\":[]}},\"b\""
    );
}

#[test]
fn what_does_not_add_up_is_none() {
    let part = part(&["1", "2"]);
    let wire = folded(&part, 1).0.encode().unwrap();
    assert!(Folded::parse(&wire[..wire.len() - 1]).is_none());
    assert!(Folded::parse(&[&wire[..], b"x"].concat()).is_none());
    for (text, by) in [
        ("\"frame\":", "\"frame\":9"),
        ("\"known\"", "\"unknown\""),
        ("\"digest\":\"", "\"digest\":\"0"),
        ("\"streams\":[{", "\"streams\":[{\"pieces\":[]},{"),
        ("\"pieces\":[", "\"pieces\":[18446744073709551615,"),
    ] {
        let changed = String::from_utf8(wire.clone()).unwrap().replacen(text, by, 1);
        assert!(Folded::parse(changed.as_bytes()).is_none(), "{text}");
    }
    assert!(Folded::parse(b"").is_none());
}

#[test]
fn a_piece_is_the_same_wherever_it_is_cut() {
    let marked = format!(r#"{{"t":"c"{MARKER}}}"#);
    let part = part(&["1", &marked]);
    let body = part.find("\"body\":").map(|at| &part[at + 7..part.len() - 1]);
    let cut = Cut::of(part.as_bytes(), body);
    let again: Vec<Vec<_>> = cut
        .streams()
        .map(|stream| stream.iter().map(|at| piece_at(part.as_bytes(), at.clone())).collect())
        .collect();
    assert_eq!(again, Pieces::at(part.as_bytes(), &cut).streams);
}
