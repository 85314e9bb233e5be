//! E-mail addresses: a local part of RFC 5321's dot-atoms, `@`, and a domain with a public end.
//!
//! Found from the `@`, looking back. Less is taken than RFC 5322 allows: what separates addresses
//! from the code and prose around them (quotes, `=`, `/`, `{`) belongs to none here.

use super::text::{Text, is_word};

/// The most of a local part, of a label, and of a whole address (RFC 5321 section 4.5.3.1, RFC 1035).
const LOCAL: usize = 64;
const LABEL: usize = 63;
const ADDRESS: usize = 254;

/// Last labels that are no domain: endings of files and of systemd units, as in `icon@dark.svg`.
#[rustfmt::skip]
const FILES: &[&str] = &[
    "avif", "bmp", "bz2", "css", "csv", "cjs", "dll", "exe", "gif", "gz", "htm", "html", "ico", "jar",
    "jpeg", "jpg", "js", "json", "jsx", "mjs", "mount", "mp3", "mp4", "pdf", "png", "scss", "service",
    "slice", "socket", "svg", "svelte", "tar", "tgz", "timer", "toml", "ts", "tsx", "ttf", "txt",
    "vue", "webm", "webp", "whl", "woff", "woff2", "xml", "xz", "yaml", "yml",
];

/// What joins the words of a local part, one at a time: two in a row belong to the prose.
fn is_joint(byte: u8) -> bool {
    matches!(byte, b'.' | b'%' | b'+' | b'-')
}

/// Where the local part begins that ends here, or would go on. None if it is longer than one may
/// be or begins before `floor`: then no address that is still to be found has it.
pub(super) fn run(text: &Text<'_>, end: usize, floor: usize) -> Option<usize> {
    let is_local = |length: &usize| {
        let byte = text.before(end, *length);
        is_word(byte) || (is_joint(byte) && is_word(text.before(end, length.saturating_add(1))))
    };
    let length = (1..=LOCAL.saturating_add(1)).take_while(is_local).count();
    end.checked_sub(length).filter(|start| length <= LOCAL && *start >= floor)
}

/// The address around an `@`.
pub(super) fn around(text: &Text<'_>, sign: usize, floor: usize) -> Option<(usize, usize)> {
    let start = run(text, sign, floor)?;
    if !is_word(text.before(sign, 1)) {
        return None;
    }
    let end = domain(text, sign.saturating_add(1), start.saturating_add(ADDRESS))?;
    // `git@host:path` and `ssh://git@host/path` name a login, the same for everyone.
    let is_login = matches!(text.slice(start, sign), b"git" | b"hg" | b"svn");
    (!is_login || !matches!(text.at(end), b':' | b'/')).then_some((start, end))
}

/// Whether an address goes on where something else ended: then that was a piece of it.
pub(super) fn takes(text: &Text<'_>, end: usize, floor: usize) -> bool {
    let rest = text.bytes().get(end..).unwrap_or_default();
    let is_local = |byte: &&u8| is_word(**byte) || is_joint(**byte);
    let length = rest.iter().take(LOCAL.saturating_add(1)).take_while(is_local).count();
    let sign = end.saturating_add(length);
    text.at(sign) == b'@' && around(text, sign, floor).is_some_and(|(start, _)| start < end)
}

/// Where the domain ends: behind the last label that can be the last one.
fn domain(text: &Text<'_>, start: usize, limit: usize) -> Option<usize> {
    let mut end = None;
    let mut at = start;
    let mut first_is_number = false;
    for index in 0_usize.. {
        let begin = at;
        while matches!(text.at(at), b'-' | b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z') {
            at = at.saturating_add(1);
            if at > limit {
                return None;
            }
        }
        let label = text.slice(begin, at);
        let whole = without_dashes(label);
        if whole.is_empty() || whole.starts_with(b"-") || whole.len() > LABEL {
            break;
        }
        let is_number = whole.iter().all(u8::is_ascii_digit);
        match index {
            0 if is_scale(whole) => return None,
            0 => first_is_number = is_number,
            // A version: `left-pad@1.3.0-rc.one`. One number alone can be a name: `163.com`.
            1 if first_is_number && is_number => return None,
            _ if is_last(whole) => end = Some(begin.saturating_add(whole.len())),
            _ => {}
        }
        if text.at(at) != b'.' || whole.len() < label.len() {
            break;
        }
        at = at.saturating_add(1);
    }
    end
}

/// A label without the dashes at its end, which are the prose's.
fn without_dashes(mut label: &[u8]) -> &[u8] {
    while let Some(rest) = label.strip_suffix(b"-") {
        label = rest;
    }
    label
}

/// `@2x` and its like name an image's scale.
fn is_scale(label: &[u8]) -> bool {
    matches!(label, [b'1'..=b'9', b'x'])
}

fn is_last(label: &[u8]) -> bool {
    let is_name = label.len() >= 2 && label.iter().all(u8::is_ascii_alphabetic);
    let is_file = || FILES.iter().any(|ending| label.eq_ignore_ascii_case(ending.as_bytes()));
    (is_name && !is_file()) || label.get(..4).is_some_and(|head| head.eq_ignore_ascii_case(b"xn--"))
}
