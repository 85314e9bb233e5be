//! What the log says: JSON as the writer documents it, read here on its own terms.

use serde::Deserialize;
use std::borrow::Cow;
use std::cell::RefCell;
use zstd::zstd_safe::{DCtx, DDict};

#[derive(Debug, Deserialize)]
#[serde(tag = "entry", rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum Entry<'a> {
    #[serde(borrow)]
    Part(Box<Part<'a>>),
    Malformed {
        received_at: i64,
        log: String,
        reason: String,
        size: i64,
        sum: String,
    },
    Witness {
        received_at: i64,
        exchange: Option<String>,
        status: Option<u16>,
        sum: String,
    },
    Erasure {
        #[serde(rename = "at")]
        _at: i64,
        session: String,
        #[serde(rename = "reason")]
        _reason: String,
        #[serde(rename = "by")]
        _by: String,
        keys: Vec<i64>,
    },
    Hold {
        #[serde(rename = "at")]
        _at: i64,
        session: String,
        reason: String,
        #[serde(rename = "by")]
        _by: String,
        held: bool,
    },
    Access {
        at: i64,
        by: String,
        role: String,
        action: String,
        target: String,
    },
    Telemetry {
        at: i64,
        received_at: i64,
        session: String,
        name: String,
        sum: String,
        #[serde(default)]
        key: Option<String>,
    },
}

/// What entries are compressed against in the database (RFC 8878 section 5): as the writer has it, for as
/// long as ledgers of this form live.
const DICTIONARY: &[u8] = include_bytes!("entry.dictionary");
/// No entry is larger.
const MOST: usize = 16 << 20;

thread_local! {
    static UNPACKING: RefCell<Option<(DCtx<'static>, DDict<'static>)>> =
        RefCell::new(DCtx::try_create().zip(DDict::try_create(DICTIONARY)));
}

/// An entry's bytes as they stand in the database: length (LEB128) ‖ zstd. What cannot be read has none.
pub(crate) fn unpacked(packed: &[u8]) -> Vec<u8> {
    UNPACKING
        .with_borrow_mut(|unpacking| {
            let (context, dictionary) = unpacking.as_mut()?;
            unpack(packed, MOST, |text, frame| {
                context.decompress_using_ddict(text, frame, dictionary).ok()
            })
        })
        .unwrap_or_default()
}

/// A text by its length, of at most so many bytes, and a zstd frame.
pub(crate) fn unpack(
    packed: &[u8],
    most: usize,
    decompress: impl FnOnce(&mut Vec<u8>, &[u8]) -> Option<usize>,
) -> Option<Vec<u8>> {
    let end = packed.iter().position(|byte| byte & 0x80 == 0).filter(|end| *end < 9)?;
    let (length, frame) = packed.split_at_checked(end.checked_add(1)?)?;
    let digits = length.iter().rev().map(|byte| usize::from(byte & 0x7f));
    let length = digits.fold(0_usize, |length, digit| length << 7 | digit);
    let mut text = Vec::new();
    text.try_reserve_exact(Some(length).filter(|length| *length <= most)?).ok()?;
    decompress(&mut text, frame)?;
    (text.len() == length).then_some(text)
}

/// How every part's entry begins.
const PART: &[u8] = br#"{"entry":"part","#;

impl<'a> Entry<'a> {
    /// Nearly all are parts, which are read at once; the name of any other stands among its members
    /// and is looked for first.
    pub(crate) fn read(bytes: &'a [u8]) -> serde_json::Result<Self> {
        if bytes.starts_with(PART) {
            return serde_json::from_slice(bytes).map(|part| Self::Part(Box::new(part)));
        }
        serde_json::from_slice(bytes)
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Part<'a> {
    #[serde(rename = "entry", default)]
    _entry: &'a str,
    #[serde(borrow)]
    pub(crate) exchange: Cow<'a, str>,
    #[serde(borrow)]
    pub(crate) boot: Cow<'a, str>,
    pub(crate) seq: u64,
    #[serde(borrow)]
    pub(crate) kind: Cow<'a, str>,
    #[serde(borrow)]
    pub(crate) source: Cow<'a, str>,
    pub(crate) at: i64,
    pub(crate) received_at: i64,
    #[serde(borrow)]
    pub(crate) session: Cow<'a, str>,
    #[serde(borrow)]
    pub(crate) content: Cow<'a, str>,
    #[serde(borrow, default)]
    pub(crate) key: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    pub(crate) dictionary: Option<Cow<'a, str>>,
    pub(crate) bytes: u64,
    #[serde(default)]
    pub(crate) abandoned: Vec<u64>,
}

/// Whether a text is these bytes in hex.
pub(crate) fn is_hex(bytes: &[u8], text: &str) -> bool {
    let digit = |nibble: u8| char::from_digit(u32::from(nibble), 16).unwrap_or('?');
    let digits = bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]);
    digits.eq(text.chars())
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    let digit = |nibble: u8| char::from_digit(u32::from(nibble), 16).unwrap_or('?');
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}
