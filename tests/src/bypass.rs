//! The bypass corpus: requests and answers that try to carry a value past the redactor, one file a
//! trick, and the eye that looks for the value wherever it may have gone.
//!
//! ```text
//! : trick: The letters of the token are JSON escapes.   what is tried
//! : way: request                                        where the body stands, or the header
//! : canary: glpat-…                                     what must not be seen
//! : expect: redacted
//!                                                       a blank line
//! {"model": …                                           the body, less one final newline
//! ```
//!
//! The eye knows nothing of the redactor: it undoes what a reader might undo, in any order, three
//! deep, and puts together what a client puts together. It does not unpack compressed bodies. The
//! core's own tests include this file; it needs the standard library alone.

// Named, since for the core this file is no child of the crate's.
#[path = "bypass/pieces.rs"]
mod pieces;
#[path = "bypass/undo.rs"]
mod undo;

use pieces::put_together;
use std::collections::{BTreeMap, HashSet};
use std::path::Path;
use undo::{digit, unbased, uncovered, unescaped, unpercented};

/// Where a case's value stands, and so which way it goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    Request,
    Query,
    Header,
    /// A request that brings back what an answer or a tool said.
    Echo,
    Stream,
    Whole,
    Error,
}

/// What must become of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expect {
    /// It goes on without the value.
    Redacted,
    /// It does not go on.
    Refused,
    /// It goes on byte for byte, since a signature covers it; the record does without the value.
    Signed,
}

/// Under which policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Variant {
    /// Every secret is masked.
    Usual,
    /// Personal data too.
    Personal,
    Pseudonymize,
    Block,
}

/// One file.
#[derive(Clone, Debug)]
pub struct Case {
    /// `request/base64-twice`.
    pub name: String,
    pub trick: String,
    pub way: Way,
    pub canary: String,
    pub expect: Expect,
    pub variant: Variant,
    /// Path and query.
    pub path: String,
    /// Of the request, as they stand in the file.
    pub headers: Vec<(String, String)>,
    /// Of the response.
    pub status: u16,
    /// Of whichever body is the case's.
    pub content_type: String,
    /// Bytes in which the body is sent.
    pub chunk: Option<usize>,
    /// It is sent cut in two at every place.
    pub is_split: bool,
    pub body: Vec<u8>,
}

/// Every case under a folder of folders, by name.
///
/// # Errors
/// The first file that is not as the format says.
pub fn cases(folder: &Path) -> Result<Vec<Case>, String> {
    let list = |folder: &Path| -> Result<Vec<_>, String> {
        let told = |error| format!("{}: {error}", folder.display());
        let entries = std::fs::read_dir(folder).map_err(told)?;
        let mut paths = Vec::new();
        for entry in entries {
            paths.push(entry.map_err(told)?.path());
        }
        paths.sort();
        Ok(paths)
    };
    let name_of = |path: &Path| path.file_stem().map(|stem| stem.to_string_lossy().into_owned());
    let mut cases = Vec::new();
    for way in list(folder)? {
        for file in list(&way)? {
            let (Some(way), Some(trick)) = (name_of(&way), name_of(&file)) else { continue };
            let name = format!("{way}/{trick}");
            let text = std::fs::read(&file).map_err(|error| format!("{name}: {error}"))?;
            let case = Case::parse(&name, &text).map_err(|error| format!("{name}: {error}"))?;
            if !matches!(file.extension(), Some(end) if end == "case") {
                return Err(format!("{name}: is no .case"));
            }
            cases.push(case);
        }
    }
    Ok(cases)
}

// === impl Variant ===

impl Variant {
    /// The policy's `redact` section, as JSON (which YAML takes too). `kinds`: every kind of
    /// personal data.
    pub fn section(self, kinds: &[&str]) -> String {
        match self {
            Self::Usual => "{}".into(),
            Self::Personal => {
                let kinds: Vec<_> =
                    kinds.iter().map(|kind| format!(r#""{kind}":"mask""#)).collect();
                format!(r#"{{"personal":{{{}}}}}"#, kinds.join(","))
            }
            Self::Pseudonymize => r#"{"secrets":"pseudonymize"}"#.into(),
            Self::Block => r#"{"secrets":"block"}"#.into(),
        }
    }
}

// === impl Case ===

const WAYS: &[(&str, Way)] = &[
    ("request", Way::Request),
    ("query", Way::Query),
    ("header", Way::Header),
    ("echo", Way::Echo),
    ("stream", Way::Stream),
    ("whole", Way::Whole),
    ("error", Way::Error),
];
const EXPECTS: &[(&str, Expect)] =
    &[("redacted", Expect::Redacted), ("refused", Expect::Refused), ("signed", Expect::Signed)];
const VARIANTS: &[(&str, Variant)] = &[
    ("pii", Variant::Personal),
    ("pseudonymize", Variant::Pseudonymize),
    ("block", Variant::Block),
];
const FLAG: &[(&str, bool)] = &[("1", true)];
const HEX: &[(&str, bool)] = &[("hex", true)];

impl Case {
    /// Reads one file.
    ///
    /// # Errors
    /// A key that is unknown, missing or there twice, or a value that is none.
    pub fn parse(name: &str, text: &[u8]) -> Result<Self, String> {
        let blank = text.windows(2).position(|two| two == b"\n\n").ok_or("no blank line")?;
        let (head, body) = text.split_at(blank);
        let body = body.get(2..).and_then(|body| body.strip_suffix(b"\n"));
        let body = body.ok_or("no newline at the end")?;
        let head = std::str::from_utf8(head).map_err(|error| error.to_string())?;
        let mut fields = BTreeMap::new();
        let mut headers = Vec::new();
        for line in head.lines() {
            let field = line.strip_prefix(": ").and_then(|line| line.split_once(": "));
            let (key, value) = field.ok_or_else(|| format!("the line {line:?}"))?;
            if key == "header" {
                let (name, value) = value.split_once(": ").ok_or("a header without a value")?;
                headers.push((name.to_owned(), value.to_owned()));
            } else if fields.insert(key, value).is_some() {
                return Err(format!("{key} twice"));
            }
        }
        let mut take = |key: &str| fields.remove(key);
        let need = |key: &str, value: Option<&str>| match value {
            Some(value) if !value.is_empty() => Ok(value.to_owned()),
            _ => Err(format!("no {key}")),
        };
        let number =
            |text: &str| text.parse::<usize>().map_err(|_| format!("{text:?} is no number"));
        let way = named(WAYS, &need("way", take("way"))?)?;
        let is_answer = matches!(way, Way::Stream | Way::Whole | Way::Error);
        let usual_type = match way {
            Way::Stream => "text/event-stream; charset=utf-8",
            _ => "application/json",
        };
        let status = match (take("status"), way) {
            (Some(status), _) => number(status)?,
            (None, Way::Error) => return Err("no status".into()),
            (None, _) => 200,
        };
        let is_hex = take("encoding").map(|coding| named(HEX, coding)).transpose()?;
        let case = Self {
            name: name.to_owned(),
            trick: need("trick", take("trick"))?,
            way,
            canary: need("canary", take("canary"))?,
            expect: named(EXPECTS, &need("expect", take("expect"))?)?,
            variant: take("policy").map_or(Ok(Variant::Usual), |policy| named(VARIANTS, policy))?,
            path: take("path").unwrap_or("/v1/messages").to_owned(),
            headers,
            status: u16::try_from(status).map_err(|error| error.to_string())?,
            content_type: take("content-type").unwrap_or(usual_type).to_owned(),
            chunk: take("chunk").map(number).transpose()?,
            is_split: take("split").map_or(Ok(false), |split| named(FLAG, split))?,
            body: if is_hex.is_some() { unhex(body)? } else { body.to_owned() },
        };
        match fields.keys().next() {
            Some(unknown) => Err(format!("an unknown key: {unknown}")),
            None if is_answer && !case.headers.is_empty() => Err("a header of an answer".into()),
            None if case.chunk == Some(0) => Err("chunks of no byte".into()),
            None => match name.split_once('/') {
                Some((folder, _)) if named(WAYS, folder) == Ok(way) => Ok(case),
                _ => Err("its folder is not its way".into()),
            },
        }
    }

    /// `GET` for models, which have no body.
    pub fn method(&self) -> &'static str {
        if self.path.starts_with("/v1/models") { "GET" } else { "POST" }
    }
}

/// What a word of the format means.
fn named<T: Copy>(table: &[(&str, T)], word: &str) -> Result<T, String> {
    let meant = table.iter().find(|(name, _)| *name == word).map(|(_, meant)| *meant);
    meant.ok_or_else(|| format!("{word:?} is no word of the format"))
}

/// Hexadecimal digits, in lines.
fn unhex(text: &[u8]) -> Result<Vec<u8>, String> {
    let digits: Option<Vec<u8>> =
        text.iter().filter(|byte| !byte.is_ascii_whitespace()).map(|byte| digit(*byte)).collect();
    let digits = digits.filter(|digits| digits.len() % 2 == 0).ok_or("odd hexadecimal digits")?;
    Ok(digits.chunks(2).map(|pair| pair.iter().fold(0, |byte, digit| byte << 4 | digit)).collect())
}

// === impl Eye ===

/// How many layers of disguise are taken off.
const DEPTH: usize = 3;

/// One way of undoing a disguise, over a whole text.
struct Undo(&'static str, fn(&[u8]) -> Vec<u8>);

const UNDO: &[Undo] = &[
    Undo("escapes", unescaped),
    Undo("percent", unpercented),
    Undo("base64", unbased),
    Undo("invisible", uncovered),
];

/// Every reading of some bytes.
pub struct Eye(Vec<(String, Vec<u8>)>);

/// Whether a value can be read nowhere in some bytes.
pub fn hides(canary: &str, bytes: &[u8]) -> bool {
    Eye::on(bytes).sees(canary).is_none()
}

impl Eye {
    /// Reads bytes in every way: as they are, and as a client puts the pieces of a stream together,
    /// each with up to three layers undone.
    pub fn on(bytes: &[u8]) -> Self {
        let mut readings = Vec::new();
        let mut seen = HashSet::new();
        let mut layer = vec![("as it is".to_owned(), bytes.to_vec())];
        layer.extend(put_together(bytes));
        for depth in 0..=DEPTH {
            layer.retain(|(_, text)| seen.insert(text.clone()));
            if depth == DEPTH {
                readings.append(&mut layer);
                break;
            }
            let undo = |(how, text): &(String, Vec<u8>)| {
                let under = |Undo(name, undo): &Undo| (format!("{how}, {name}"), undo(text));
                UNDO.iter().map(under).collect::<Vec<_>>()
            };
            let next = layer.iter().flat_map(undo).collect();
            readings.append(&mut layer);
            layer = next;
        }
        Self(readings)
    }

    /// How a value can be read, and what stands around it.
    pub fn sees(&self, canary: &str) -> Option<String> {
        let canary = canary.as_bytes();
        self.0.iter().find_map(|(how, text)| {
            let at = text.windows(canary.len()).position(|window| window == canary)?;
            let around = text.get(at.saturating_sub(40)..).unwrap_or_default();
            let around = around.get(..canary.len() + 60).unwrap_or(around);
            Some(format!("{how}: …{}", around.escape_ascii()))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CASE: &str = ": trick: It tries.\n: way: request\n: canary: c-1\n: expect: redacted\n";

    fn parsed(more: &str, body: &str) -> Result<Case, String> {
        Case::parse("request/a", format!("{CASE}{more}\n{body}\n").as_bytes())
    }

    #[test]
    fn a_case_is_what_its_file_says() {
        let case =
            parsed(": header: X-A: b: c\n: header: x-a: d\n: chunk: 7\n: policy: pii\n", "{}\n");
        let case = case.unwrap();
        assert_eq!((case.way, case.expect), (Way::Request, Expect::Redacted));
        assert_eq!((case.canary.as_str(), case.path.as_str()), ("c-1", "/v1/messages"));
        assert_eq!(case.headers, [("X-A".into(), "b: c".into()), ("x-a".into(), "d".into())]);
        assert_eq!((case.chunk, case.variant, case.is_split), (Some(7), Variant::Personal, false));
        assert_eq!(case.body, b"{}\n", "less one newline");
        assert_eq!((case.content_type.as_str(), case.status), ("application/json", 200));
        assert_eq!(parsed(": encoding: hex\n", "00 fF\n0a").unwrap().body, [0, 255, 10]);
        assert_eq!(parsed("", "").unwrap().body, b"");
    }

    #[test]
    fn what_the_format_does_not_know_is_an_error() {
        let cases = [
            (": colour: red\n", "", "an unknown key: colour"),
            (": way: echo\n", "", "way twice"),
            (": policy: strict\n", "", "\"strict\" is no word of the format"),
            (": encoding: base64\n", "", "\"base64\" is no word of the format"),
            (": encoding: hex\n", "0", "odd hexadecimal digits"),
            (": split: 2\n", "", "\"2\" is no word of the format"),
            (": chunk: 0\n", "", "chunks of no byte"),
            (": chunk: many\n", "", "\"many\" is no number"),
            ("chunk: 1\n", "", "the line \"chunk: 1\""),
            (": header: x\n", "", "a header without a value"),
        ];
        for (more, body, expected) in cases {
            assert_eq!(parsed(more, body).unwrap_err(), expected);
        }
        for line in CASE.lines() {
            let less = CASE.replace(&format!("{line}\n"), "");
            let key = line.split(": ").nth(1).unwrap().trim_start_matches(": ");
            let error = Case::parse("request/a", format!("{less}\n\n").as_bytes()).unwrap_err();
            assert_eq!(error, format!("no {key}"));
        }
        let whole = format!("{CASE}\n\n");
        assert_eq!(
            Case::parse("echo/a", whole.as_bytes()).unwrap_err(),
            "its folder is not its way"
        );
        assert_eq!(Case::parse("request/a", CASE.as_bytes()).unwrap_err(), "no blank line");
        let error = whole.replace("request", "error");
        assert_eq!(Case::parse("error/a", error.as_bytes()).unwrap_err(), "no status");
    }

    const CANARY: &str = "glpat-wreeXbULC2VFZz--tU6j";

    #[test]
    fn the_eye_sees_through_three_layers() {
        let percent: String = CANARY.bytes().map(|byte| format!("%{byte:02x}")).collect();
        let escapes: String = CANARY.bytes().map(|byte| format!("\\u{byte:04x}")).collect();
        let covered: String = CANARY.chars().flat_map(|c| [c, '\u{200b}']).collect();
        let cases = [
            format!("x{CANARY}y"),
            percent.clone(),
            escapes.clone(),
            covered.clone(),
            format!(r#"{{"a":"{}"}}"#, escapes.replace('\\', "\\\\")),
            format!(r#"{{"a":"{}"}}"#, escapes.replace('\\', "\\\\\\\\")),
            "\u{1b}[1mglpat-\u{1b}[0mwreeXbULC2VFZz--tU6j".into(),
            "token: Z2xwYXQtd3JlZVhiVUxDMlZGWnotLXRVNmo=.".into(),
            // Base64 of a percent-encoded form, within JSON.
            r#"{"a":"JTY3JTZjJTcwJTYxJTc0LXdyZWVYYlVMQzJWRlp6LS10VTZq"}"#.into(),
            covered.replace('\u{200b}', "%E2%80%8B"),
            format!(r#"{{"k":"\\u0025{}"}}"#, percent.get(1..).unwrap()),
        ];
        for case in cases {
            assert!(!hides(CANARY, case.as_bytes()), "{case}");
        }
    }

    #[test]
    fn the_eye_sees_nothing_that_is_not_there() {
        let half = "glpat-wreeXbULC2VFZz--t U6j glpat-wreeXbULC2VFZz--tU6";
        for case in
            ["", half, "GLPAT-WREEXBULC2VFZZ--TU6J", "[gitlab-token-7hJ2kQ]", "%%%\\\\\\u00"]
        {
            assert!(hides(CANARY, case.as_bytes()), "{case}");
        }
    }

    #[test]
    fn what_it_sees_is_told_with_the_way_there() {
        let told = Eye::on(b"a %67lpat-wreeXbULC2VFZz--tU6j b").sees(CANARY).unwrap();
        assert_eq!(told, format!("as it is, percent: …a {CANARY} b"));
    }
}
