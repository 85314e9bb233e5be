//! Texts, compressed, most of them against a dictionary: texts of one session are much alike.
//!
//! ```text
//! length (LEB128) ‖ a zstd frame (RFC 8878), under a dictionary or under none
//! ```

use std::cell::RefCell;
use std::fmt;
use zstd::zstd_safe::{CCtx, CDict, DCtx, DDict, compress_bound};

/// How hard a text is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Effort {
    /// In three fifths of the time: what its dictionary says nearly all of is no larger this way, other
    /// texts are by a twenty-fifth.
    Little,
    /// As zstd does by itself.
    Usual,
}

impl Effort {
    fn level(self) -> i32 {
        match self {
            Self::Usual => 3,
            Self::Little => 1,
        }
    }
}

/// Bytes that a length takes, usually at most.
const LENGTH: usize = 4;

/// What texts are compressed against. Its text may be a conversation's: it is never printed.
pub(crate) struct Dictionary {
    text: Vec<u8>,
    /// Tables over it, for both ways, if they were made: many times as large, and faster only where one
    /// dictionary is used again and again. Among many, reading one's tables costs more than making them
    /// anew.
    tables: Option<(CDict<'static>, DDict<'static>)>,
}

impl fmt::Debug for Dictionary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Dictionary({} bytes)", self.text.len())
    }
}

impl Dictionary {
    pub(crate) fn new(text: Vec<u8>) -> Self {
        Self { text, tables: None }
    }

    /// One that is used over and over.
    pub(crate) fn prepared(text: Vec<u8>) -> Self {
        Self {
            tables: CDict::try_create(&text, Effort::Usual.level()).zip(DDict::try_create(&text)),
            text,
        }
    }

    pub(crate) fn text(&self) -> &[u8] {
        &self.text
    }
}

/// What compresses, and where to.
struct Packing {
    context: CCtx<'static>,
    packed: Vec<u8>,
}

/// Bytes of the second that are kept for the next text.
const KEPT: usize = 1 << 20;

thread_local! {
    // Their memory costs more to get than a small text to compress.
    static PACKING: RefCell<Option<Packing>> =
        RefCell::new(CCtx::try_create().map(|context| Packing { context, packed: Vec::new() }));
    static UNPACKING: RefCell<Option<DCtx<'static>>> = RefCell::new(DCtx::try_create());
}

/// Compresses a text. `None` when memory is short.
pub(crate) fn pack(text: &[u8], dictionary: Option<&Dictionary>) -> Option<Vec<u8>> {
    packed(text, dictionary, Effort::Usual, [0, 0])
}

/// The same, with room before and behind.
pub(super) fn packed(
    text: &[u8],
    dictionary: Option<&Dictionary>,
    effort: Effort,
    [before, behind]: [usize; 2],
) -> Option<Vec<u8>> {
    PACKING.with_borrow_mut(|packing| {
        let Packing { context, packed } = packing.as_mut()?;
        packed.clear();
        packed.try_reserve(compress_bound(text.len())).ok()?;
        match dictionary {
            Some(Dictionary { tables: Some((tables, _)), .. }) => {
                context.compress_using_cdict(packed, text, tables).ok()
            }
            Some(Dictionary { text: known, tables: None }) => {
                context.compress_using_dict(packed, text, known, effort.level()).ok()
            }
            None => context.compress(packed, text, effort.level()).ok(),
        }?;
        let mut all = Vec::with_capacity(before + packed.len() + LENGTH + behind);
        all.resize(before, 0);
        let mut length = text.len();
        while length > 0x7f {
            all.push(length as u8 | 0x80);
            length >>= 7;
        }
        all.push(length as u8);
        all.extend_from_slice(packed);
        packed.shrink_to(KEPT);
        Some(all)
    })
}

/// The text that was compressed, of at most `most` bytes. `None` when it is another, or was changed
/// so that it can be no text.
pub(crate) fn unpack(
    packed: &[u8],
    dictionary: Option<&Dictionary>,
    most: usize,
) -> Option<Vec<u8>> {
    let end = packed.iter().position(|byte| byte & 0x80 == 0).filter(|end| *end < 9)?;
    let (length, rest) = packed.split_at_checked(end + 1)?;
    let length = length.iter().rev().fold(0, |length, byte| length << 7 | usize::from(byte & 0x7f));
    if length > most {
        return None;
    }
    let mut text = Vec::new();
    text.try_reserve_exact(length).ok()?;
    UNPACKING.with_borrow_mut(|context| {
        let context = context.as_mut()?;
        match dictionary {
            Some(Dictionary { tables: Some((_, tables)), .. }) => {
                context.decompress_using_ddict(&mut text, rest, tables).ok()
            }
            known => {
                let known = known.map_or(&[][..], Dictionary::text);
                context.decompress_using_dict(&mut text, rest, known).ok()
            }
        }
    })?;
    (text.len() == length).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_come_back_under_the_dictionary_that_they_were_packed_with() {
        let known = b"{\"a text\":\"that others are like\"}".to_vec();
        let (dictionary, prepared) = (Dictionary::new(known.clone()), Dictionary::prepared(known));
        for text in [&b""[..], b"x", &b"{\"a text\":\"that others are like, too\"}".repeat(9)] {
            let (alone, under) =
                (pack(text, None).unwrap(), pack(text, Some(&dictionary)).unwrap());
            assert_eq!(unpack(&alone, None, 1000).as_deref(), Some(text));
            assert_eq!(unpack(&under, Some(&dictionary), 1000).as_deref(), Some(text));
            let other = pack(text, Some(&prepared)).unwrap();
            assert_eq!(unpack(&other, Some(&dictionary), 1000).as_deref(), Some(text));
            assert!(text.len() < 9 || under.len() < alone.len());
        }
        assert_eq!(format!("{dictionary:?}"), "Dictionary(33 bytes)");
    }

    #[test]
    fn what_is_no_text_or_too_long_is_none() {
        let packed = pack(&[b'x'; 300], None).unwrap();
        assert_eq!(unpack(&packed, None, 299), None);
        assert_eq!(unpack(&packed[1..], None, 1000), None);
        assert_eq!(unpack(&[0xff; 12], None, usize::MAX), None);
        assert_eq!(unpack(&[], None, 9), None);
        for bit in 0..packed.len() * 8 {
            let mut changed = packed.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            // It says so, or it is another text; it never fails otherwise.
            let _ = unpack(&changed, None, 1000);
        }
    }
}
