//! Texts that come in pieces, put together as a client does.
//!
//! Enters: any bytes. Leaves: each text that the deltas of an event stream add up to, and likewise
//! the deltas that stand in a document, as a record's `events` do. Nothing needs to be valid: a
//! reader that gives up would be blind to what a lenient client reads.

use super::undo::unescaped;
use std::collections::BTreeMap;

/// JSON as it stands: strings with their escapes, members in their order, the same name twice.
enum Json<'a> {
    Text(&'a [u8]),
    Plain(&'a [u8]),
    List(Vec<Json<'a>>),
    Map(Vec<(&'a [u8], Json<'a>)>),
}

/// Reads what there is of a document, and makes something of anything.
struct Reader<'a>(&'a [u8]);

/// What a client appends to.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Channel {
    index: String,
    name: Vec<u8>,
    /// Its place among members of the same name.
    nth: usize,
}

/// Below this nothing is read: no client's stream is so deep.
const DEEPEST: usize = 100;

/// Each text that comes in pieces, whole: of a stream's events, and of events in a document.
pub(super) fn put_together(bytes: &[u8]) -> Vec<(String, Vec<u8>)> {
    let mut texts = BTreeMap::new();
    for data in event_data(bytes) {
        collect(&Reader(&data).value(0), &mut texts);
    }
    let mut within = BTreeMap::new();
    if let Some(begin) = bytes.iter().position(|byte| matches!(byte, b'{' | b'[')) {
        collect(&Reader(bytes.get(begin..).unwrap_or_default()).value(0), &mut within);
    }
    let named = |(channel, text): (Channel, Vec<u8>)| {
        let Channel { index, name, .. } = channel;
        let how = format!("{} of block {index} put together", name.escape_ascii());
        (how, unescaped(&text))
    };
    texts.into_iter().chain(within).map(named).collect()
}

/// The data of each event, ended or not.
fn event_data(bytes: &[u8]) -> Vec<Vec<u8>> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let mut all = Vec::new();
    let mut data: Vec<u8> = Vec::new();
    // Between CR and LF stands an empty line more, which ends no event that has not ended.
    let mut after_cr = false;
    for line in bytes.split_inclusive(|byte| matches!(byte, b'\n' | b'\r')) {
        let content = line.strip_suffix(b"\n").or(line.strip_suffix(b"\r")).unwrap_or(line);
        let is_rest = std::mem::replace(&mut after_cr, line.ends_with(b"\r")) && line == b"\n";
        if is_rest {
            continue;
        }
        if content.is_empty() {
            all.push(std::mem::take(&mut data));
        } else if let Some(value) = content.strip_prefix(b"data:") {
            data.extend_from_slice(value.strip_prefix(b" ").unwrap_or(value));
            data.push(b'\n');
        }
    }
    all.push(data);
    all
}

/// Finds `index` beside `delta` or `content_block`, anywhere, and appends the strings in there.
fn collect(json: &Json<'_>, texts: &mut BTreeMap<Channel, Vec<u8>>) {
    match json {
        Json::Text(_) | Json::Plain(_) => {}
        Json::List(items) => items.iter().for_each(|item| collect(item, texts)),
        Json::Map(members) => {
            let index = members.iter().find(|(name, _)| unescaped(name) == b"index");
            let index = index.map(|(_, index)| number(index)).unwrap_or_default();
            for (name, value) in members {
                if matches!(unescaped(name).as_slice(), b"delta" | b"content_block") {
                    append(value, &index, texts);
                }
                collect(value, texts);
            }
        }
    }
}

fn append(piece: &Json<'_>, index: &str, texts: &mut BTreeMap<Channel, Vec<u8>>) {
    let members: Vec<(&[u8], _)> = match piece {
        Json::Map(members) => members.iter().map(|(name, value)| (*name, value)).collect(),
        _ => vec![(b"", piece)],
    };
    let mut names = Vec::new();
    for (name, value) in members {
        let Json::Text(text) = value else { continue };
        let name = unescaped(name);
        let nth = names.iter().filter(|other| **other == name).count();
        names.push(name.clone());
        let channel = Channel { index: index.to_owned(), name, nth };
        texts.entry(channel).or_default().extend_from_slice(text);
    }
}

/// An index as a lenient client reads it: `0`, `0.0` and `"0"` are one.
fn number(index: &Json<'_>) -> String {
    let (Json::Plain(text) | Json::Text(text)) = index else { return String::new() };
    let text = String::from_utf8_lossy(text).into_owned();
    text.trim().parse::<f64>().map_or(text, |number| number.to_string())
}

// === impl Reader ===

impl<'a> Reader<'a> {
    fn skip(&mut self) {
        self.0 = self.0.get(1..).unwrap_or_default();
    }

    fn take(&mut self, bytes: usize) -> &'a [u8] {
        let (taken, rest) = self.0.split_at_checked(bytes).unwrap_or((self.0, b""));
        self.0 = rest;
        taken
    }

    /// The next byte that is not white space.
    fn next(&mut self) -> Option<u8> {
        self.0 = self.0.trim_ascii_start();
        self.0.first().copied()
    }

    fn value(&mut self, depth: usize) -> Json<'a> {
        match self.next() {
            _ if depth > DEEPEST => {
                self.0 = b"";
                Json::Plain(b"")
            }
            Some(b'"') => Json::Text(self.string()),
            Some(b'[') => {
                self.skip();
                let mut items = Vec::new();
                while let Some(byte) = self.next() {
                    match byte {
                        b',' => self.skip(),
                        b']' | b'}' => {
                            self.skip();
                            break;
                        }
                        _ => items.push(self.value(depth + 1)),
                    }
                }
                Json::List(items)
            }
            Some(b'{') => {
                self.skip();
                let mut members = Vec::new();
                while let Some(byte) = self.next() {
                    match byte {
                        b'"' => {
                            let name = self.string();
                            if self.next() == Some(b':') {
                                self.skip();
                            }
                            members.push((name, self.value(depth + 1)));
                        }
                        b'}' | b']' => {
                            self.skip();
                            break;
                        }
                        _ => self.skip(),
                    }
                }
                Json::Map(members)
            }
            _ => {
                let end = |byte: &u8| b",:]}\"".contains(byte) || byte.is_ascii_whitespace();
                let length = self.0.iter().position(end).unwrap_or(self.0.len());
                // Something is taken, or a reader of garbage would stand still.
                Json::Plain(self.take(length.max(1)))
            }
        }
    }

    /// A string's content as it stands.
    fn string(&mut self) -> &'a [u8] {
        self.skip();
        let mut is_escaped = false;
        let end = self.0.iter().position(|byte| {
            let is_end = *byte == b'"' && !is_escaped;
            is_escaped = *byte == b'\\' && !is_escaped;
            is_end
        });
        let content = self.take(end.unwrap_or(self.0.len()));
        self.skip();
        content
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(bytes: &str) -> Vec<String> {
        let texts = put_together(bytes.as_bytes());
        texts.into_iter().map(|(_, text)| String::from_utf8(text).unwrap()).collect()
    }

    fn delta(index: &str, member: &str) -> String {
        format!("data: {{\"index\":{index},\"delta\":{{\"type\":\"x\",{member}}}}}\n\n")
    }

    /// Whether a text among those that were put together holds another.
    fn has(bytes: &str, text: &str) -> bool {
        texts(bytes).iter().any(|whole| whole.contains(text))
    }

    #[test]
    fn deltas_add_up_by_block_and_member() {
        let stream = [
            delta("0", r#""text":"ab\ud83d""#),
            delta("1", r#""text":"--""#),
            ": a comment\n\n".into(),
            delta("0.0", r#""text":"\ude00c\"""#),
            delta("\"0\"", r#""thinking":"!!""#),
            delta("\"0\"", r#""text":"d""#),
        ];
        let stream = stream.concat();
        for framed in [stream.clone(), stream.replace('\n', "\r\n"), stream.replace('\n', "\r")] {
            assert!(has(&framed, "ab😀c\"d"), "{:?}", texts(&framed));
            assert!(texts(&framed).contains(&"!!".to_owned()));
        }
    }

    #[test]
    fn a_block_begins_where_it_starts() {
        let start = "data: {\"index\":0,\"content_block\":{\"type\":\"text\",\"text\":\"ab\"}}\n\n";
        assert!(has(&format!("{start}{}", delta("0", r#""text":"cd""#)), "abcd"));
        let bare = "data: {\"delta\":\"ab\"}\n\ndata: {\"delta\":\"cd\"}";
        assert!(has(bare, "abcd"), "without index, object and end");
        let tool =
            [delta("2", r#""partial_json":"{\"a\": \"b""#), delta("2", r#""partial_json":"c\"}""#)];
        assert!(has(&tool.concat(), r#"{"a": "bc"}"#));
        let lines = "data: {\"index\":0,\ndata: \"delta\":{\"text\":\"a\"}}\n\n";
        assert!(has(&format!("{lines}{}", delta("0", r#""text":"b""#)), "ab"));
    }

    #[test]
    fn events_within_a_document_add_up_too() {
        let record = r#"{"hansard":{"events":[{"at":1,"data":{"index":0,"delta":{"text":"ab"}}},
            {"at":2,"data":{"index":0,"delta":{"t\u0065xt":"cd","text":"ef"}}}]}}"#;
        assert!(has(record, "abcd"), "{:?}", texts(record));
        assert!(texts(record).contains(&"ef".to_owned()), "the same name twice is another text");
    }

    #[test]
    fn garbage_is_read_to_its_end() {
        for text in
            ["{", "[[[", "{\"a", "}{]", "data: {\"delta\":{\"a\":\"b", "\"", "{:::}", "{a b}"]
        {
            texts(text);
        }
        texts(&"[".repeat(100_000));
        texts(&r#"{"a":"#.repeat(100_000));
    }
}
