//! Texts that are made to keep a scanner busy, of any length, and one that is not.

use crate::base64;
use crate::random::Random;
use hansard_redact::body::quoted_content;
use hansard_redact::{Rule, rules};

/// Bytes of each as a request's body, about, where nothing else is asked for.
pub(crate) const SIZE: usize = 1 << 20;

/// Ordinary text: this project's own documentation and code.
const NORMAL: [&str; 6] = [
    include_str!("../../../README.md"),
    include_str!("../../bench/bench.rs"),
    include_str!("../../../src/README.md"),
    include_str!("../../bench/payload.rs"),
    include_str!("../../../src/record/src/lib.rs"),
    include_str!("../../bench/report.rs"),
];

/// What is repeated until there is enough of it.
const UNITS: [(&str, &str); 15] = [
    ("curl", "curl "),
    ("api-key", "api_key = \""),
    ("password", "password = \""),
    ("jwt", "eyJ-"),
    ("pem", "-----BEGIN PRIVATE KEY-----\n"),
    ("sk", "sk-"),
    ("query", "?token="),
    ("oauth", "ya29."),
    ("percent", "%63%75%72%6c%20"),
    ("escapes", "\\u0063\\u0075\\u0072\\u006c\\u0020"),
    ("invisible", "p\u{200b}a\u{200b}s\u{200b}s\u{200b}"),
    ("addresses", "a@b.c@"),
    ("numbers", "4111 1111 1111 111 "),
    ("words-for-numbers", "ssn bsn pesel nhs iban 12 "),
    ("secrets", "AKIAQ3EGRZ7XKD2WVN5L "),
];

/// An input.
pub(crate) enum Input {
    /// A text, which a body or a stream can hold.
    Text(String),
    /// A body by itself.
    Json(String),
}

impl Input {
    /// As a text; `None` for what is none.
    pub(crate) fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Json(_) => None,
        }
    }

    /// As a request's body.
    pub(crate) fn body(&self) -> String {
        match self {
            Self::Json(body) => body.clone(),
            Self::Text(text) => {
                let text = quoted_content(text);
                format!("{{\"messages\":[{{\"role\":\"user\",\"content\":\"{text}\"}}]}}")
            }
        }
    }
}

/// The name of the input that the others are compared with.
pub(crate) const NORMAL_NAME: &str = "normal";

/// Every name, the normal input's first.
pub(crate) fn names() -> Vec<&'static str> {
    let units = UNITS.iter().map(|(name, _)| *name);
    let made = [
        "every-keyword",
        "near-matches",
        "near-placeholders",
        "long-assignment",
        "base64-text",
        "base64-twice",
        "base64-bytes",
        "deep-json",
        "short-strings",
    ];
    [NORMAL_NAME].into_iter().chain(units).chain(made).collect()
}

/// The input of a name, about so many bytes as a request's body.
pub(crate) fn input(name: &str, size: usize) -> Option<Input> {
    if let Some((_, unit)) = UNITS.iter().find(|(unit, _)| *unit == name) {
        return Some(Input::Text(repeated(unit, size)));
    }
    Some(match name {
        NORMAL_NAME => Input::Text(repeated(&NORMAL.concat(), size)),
        "every-keyword" => Input::Text(repeated(&every_keyword(), size)),
        "near-matches" => Input::Text(repeated(&near_matches(), size)),
        "near-placeholders" => Input::Text(repeated(&format!("HANSARD-{}", "a-".repeat(48)), size)),
        "long-assignment" => Input::Text(format!("api_key = \"{}", letters(size))),
        "base64-text" => Input::Text(coded(repeated("curl -u api_key = ", size).as_bytes(), size)),
        "base64-twice" => {
            let once = coded(repeated("curl -u api_key = ", size).as_bytes(), size);
            Input::Text(coded(once.as_bytes(), size))
        }
        "base64-bytes" => {
            let mut random = Random::new(8);
            let bytes: Vec<u8> = (0..size).map(|_| (random.next() >> 32) as u8).collect();
            Input::Text(coded(&bytes, size))
        }
        "deep-json" => Input::Json(deep_json(size)),
        "short-strings" => Input::Json(format!("[{}0]", "\"key\",".repeat(size / 6))),
        _ => return None,
    })
}

/// A piece of text over and over, or a part of it, about so many bytes in JSON.
pub(crate) fn repeated(unit: &str, bytes: usize) -> String {
    let once = quoted_content(unit).len().max(1);
    let whole = unit.repeat(bytes / once);
    let part = unit.floor_char_boundary(unit.len() * (bytes % once) / once);
    whole + unit.get(..part).unwrap_or_default()
}

/// A rule's first sample, up to shortly before its secret's end.
pub(crate) fn near_match(rule: &Rule) -> Option<String> {
    let (before, rest) = rule.positives.first()?.split_once('«')?;
    let (secret, _) = rest.split_once('»')?;
    let end = secret.floor_char_boundary(secret.len() * 7 / 8);
    Some(format!("{before}{}", secret.get(..end)?))
}

fn every_keyword() -> String {
    rules().flat_map(|rule| rule.keywords).map(|keyword| format!("{keyword} ")).collect()
}

fn near_matches() -> String {
    rules().filter_map(near_match).map(|text| text + "!\n").collect()
}

fn letters(bytes: usize) -> String {
    let mut random = Random::new(7);
    let digits = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    (0..bytes)
        .filter_map(|_| digits.get(random.within(0..digits.len())))
        .copied()
        .map(char::from)
        .collect()
}

fn coded(bytes: &[u8], size: usize) -> String {
    let mut text = base64::encode(bytes);
    text.truncate(size);
    text
}

/// Lists and objects in each other, as deep as they are read, again and again.
fn deep_json(size: usize) -> String {
    let half = 60;
    let one = format!("{}\"password\"{}", "{\"a\":[".repeat(half), "]}".repeat(half));
    let count = size / one.len();
    format!("[{}]", vec![one; count].join(","))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_input_is_as_long_as_the_others() {
        for name in names() {
            for size in [SIZE, 32 << 10] {
                let length = input(name, size).unwrap().body().len();
                assert!((size * 3 / 4..size * 5 / 4).contains(&length), "{name}: {length} bytes");
            }
        }
    }
}
