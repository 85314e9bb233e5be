//! Go's regular expressions (RE2 syntax) as the gateway writes them.
//!
//! Both read most patterns alike. What differs is written out, by Go's `regexp/syntax`:
//!
//! | Go | here |
//! |---|---|
//! | `{` that begins no repetition is itself | `\{` |
//! | `\Q…\E`, `\C`, `\123` | escaped, `(?s:.)`, `\x{53}` |
//! | `\<`, `\_`, `\"`: any escaped sign is itself | without the backslash where it has a meaning of its own |
//! | `[`, `&&`, `--`, `~~` in a class are themselves | escaped |
//!
//! Patterns run over bytes here, so one that names characters beyond ASCII by number, or asks for a
//! Unicode class, is not translated. What neither knows is left for the gateway to refuse.

use std::str::Chars;

/// Signs that mean something to the gateway's syntax, and can be escaped in it.
const SIGNS: &str = r"\.+*?()|[]{}^$#&-~";

/// Translates a pattern.
///
/// # Errors
/// What of it has no counterpart: one sentence.
pub(super) fn translate(go: &str) -> Result<String, String> {
    let mut out = String::with_capacity(go.len() + 16);
    let mut rest = go.chars();
    while let Some(c) = rest.next() {
        match c {
            '\\' => escape(&mut rest, &mut out)?,
            '[' => class(&mut rest, &mut out)?,
            '{' => match repetition(rest.as_str()) {
                Some(inner) => {
                    out.push('{');
                    out.push_str(inner);
                    rest = rest.as_str().strip_prefix(inner).unwrap_or_default().chars();
                }
                None => out.push_str(r"\{"),
            },
            other => out.push(other),
        }
    }
    Ok(out)
}

/// What stands between the braces of a repetition; `None` when the brace is only itself.
fn repetition(rest: &str) -> Option<&str> {
    let (inner, _) = rest.split_once('}')?;
    let is_number = |text: &str| {
        text.bytes().all(|byte| byte.is_ascii_digit())
            && (text.len() == 1 || !text.starts_with('0'))
    };
    let (least, most) = inner.split_once(',').unwrap_or((inner, ""));
    let is_one = !least.is_empty() && is_number(least) && (most.is_empty() || is_number(most));
    is_one.then_some(inner)
}

/// Behind a backslash, outside of a class.
fn escape(rest: &mut Chars<'_>, out: &mut String) -> Result<(), String> {
    match rest.next() {
        Some('Q') => {
            let text = rest.as_str();
            let (literal, behind) = text.split_once(r"\E").unwrap_or((text, ""));
            literal.chars().for_each(|c| itself(c, out));
            *rest = behind.chars();
        }
        Some('C') => out.push_str("(?s:.)"),
        Some(c @ ('A' | 'z' | 'b' | 'B' | 'd' | 'D' | 's' | 'S' | 'w' | 'W')) => {
            out.push('\\');
            out.push(c);
        }
        Some(c) => itself(sign(c, rest)?, out),
        None => return Err("it ends within an escape".into()),
    }
    Ok(())
}

/// The character that an escape stands for.
fn sign(c: char, rest: &mut Chars<'_>) -> Result<char, String> {
    match c {
        'a' => Ok('\x07'),
        'f' => Ok('\x0c'),
        'n' => Ok('\n'),
        'r' => Ok('\r'),
        't' => Ok('\t'),
        'v' => Ok('\x0b'),
        'x' => hexadecimal(rest),
        '0'..='7' => octal(c, rest),
        'p' | 'P' => Err("it asks for a Unicode class, and texts are bytes here".into()),
        c if c.is_ascii() && !c.is_ascii_alphanumeric() => Ok(c),
        other => Err(format!("\\{other} is not known")),
    }
}

fn hexadecimal(rest: &mut Chars<'_>) -> Result<char, String> {
    let text = rest.as_str();
    let (digits, behind) = match text.strip_prefix('{') {
        Some(braced) => braced.split_once('}').unwrap_or((braced, "")),
        None => text.split_at_checked(2).unwrap_or((text, "")),
    };
    let code = u32::from_str_radix(digits, 16).map_err(|_| format!("\\x{digits} is no number"))?;
    *rest = behind.chars();
    ascii(code)
}

fn octal(first: char, rest: &mut Chars<'_>) -> Result<char, String> {
    let mut code = first.to_digit(8).unwrap_or_default();
    let mut digits = 1;
    while digits < 3
        && let Some(digit) = rest.clone().next().and_then(|next| next.to_digit(8))
    {
        code = code * 8 + digit;
        digits += 1;
        rest.next();
    }
    if digits == 1 && first != '0' {
        return Err(format!("\\{first} refers back to a group"));
    }
    ascii(code)
}

fn ascii(code: u32) -> Result<char, String> {
    u8::try_from(code).ok().filter(u8::is_ascii).map(char::from).ok_or_else(|| {
        "it names a character beyond ASCII by number, and texts are bytes here".into()
    })
}

/// A class, behind its `[`.
fn class(rest: &mut Chars<'_>, out: &mut String) -> Result<(), String> {
    let next = |rest: &Chars<'_>| rest.clone().next();
    out.push('[');
    if next(rest) == Some('^') {
        rest.next();
        out.push('^');
    }
    let mut is_first = true;
    loop {
        let text = rest.as_str();
        if let Some((name, behind)) = text.strip_prefix("[:").and_then(|rest| rest.split_once(":]"))
        {
            out.push_str(&format!("[:{name}:]"));
            *rest = behind.chars();
        } else if let Some(c @ ('d' | 'D' | 's' | 'S' | 'w' | 'W')) =
            text.strip_prefix('\\').and_then(|rest| rest.chars().next())
        {
            out.push('\\');
            out.push(c);
            rest.next();
            rest.next();
        } else {
            match rest.next() {
                None => return Err("a class has no end".into()),
                Some(']') if !is_first => {
                    out.push(']');
                    return Ok(());
                }
                Some(c) => {
                    itself(member(c, rest)?, out);
                    let range = rest.as_str().strip_prefix('-').map(|behind| behind.chars());
                    if let Some(mut behind) = range
                        && let Some(last) = behind.next().filter(|last| *last != ']')
                    {
                        out.push('-');
                        itself(member(last, &mut behind)?, out);
                        *rest = behind;
                    }
                }
            }
        }
        is_first = false;
    }
}

/// A character of a class, whose first sign is read already.
fn member(c: char, rest: &mut Chars<'_>) -> Result<char, String> {
    match c {
        '\\' => match rest.next() {
            Some(escaped) => sign(escaped, rest),
            None => Err("it ends within an escape".into()),
        },
        other => Ok(other),
    }
}

/// A character that is only itself.
fn itself(c: char, out: &mut String) {
    if c.is_ascii_control() {
        out.push_str(&format!("\\x{:02x}", u32::from(c)));
        return;
    }
    if SIGNS.contains(c) {
        out.push('\\');
    }
    out.push(c);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_go_reads_otherwise_is_written_out() {
        let cases = [
            ("plain", r"\b(AKIA[A-Z0-9]{16})\b", r"\b(AKIA[A-Z0-9]{16})\b"),
            ("groups", r"(?i)(?P<n>a)(?<m>b)(?:c)(?i:d)\z", r"(?i)(?P<n>a)(?<m>b)(?:c)(?i:d)\z"),
            ("repetitions", "a{2}b{2,}c{2,3}", "a{2}b{2,}c{2,3}"),
            ("braces", "{a}{,5}{01}{1x}{", r"\{a}\{,5}\{01}\{1x}\{"),
            ("escaped braces", r"\{a\}", r"\{a\}"),
            ("template", r"\b{{ key }}", r"\b\{\{ key }}"),
            ("signs", r#"\<\_\"\'\/\@\."#, r#"<_"'/@\."#),
            ("controls", "\\n\\x60\\x{3d}\\0\\101", r"\x0a`=\x00A"),
            ("quoted", r"\Qa.b{\Ec\Q[", r"a\.b\{c\["),
            ("any byte", r"a\Cb", r"a(?s:.)b"),
            ("class", r"[a-z\d_.\-/+=]", r"[a-z\d_\.\-/\+=]"),
            ("class of brackets", r"[][a]", r"[\]\[a]"),
            ("class without bracket", r"[^]a]", r"[^\]a]"),
            ("set signs", "[a&&b~~c]", r"[a\&\&b\~\~c]"),
            ("dashes", "[-a][a-][+--][\\w-.]", r"[\-a][a\-][\+-\-][\w\-\.]"),
            ("posix", "[[:alnum:]_][^[:^space:]]", "[[:alnum:]_][^[:^space:]]"),
            ("class of controls", r"[\n\x60-\x7e]", r"[\x0a`-\~]"),
            ("caret", r"[a^]", r"[a\^]"),
        ];
        for (name, go, expected) in cases {
            assert_eq!(translate(go).as_deref(), Ok(expected), "{name}");
        }
    }

    #[test]
    fn what_has_no_counterpart_is_said() {
        let cases = [
            (r"\p{Greek}", "Unicode class"),
            (r"[\pL]", "Unicode class"),
            (r"\xe9", "beyond ASCII"),
            (r"[\x{80}-\x{ff}]", "beyond ASCII"),
            (r"(a)\1", r"\1 refers back"),
            (r"\y", r"\y is not known"),
            (r"[a", "a class has no end"),
            (r"a\", "ends within an escape"),
            (r"\x{zz}", "is no number"),
        ];
        for (go, expected) in cases {
            let why = translate(go).unwrap_err();
            assert!(why.contains(expected), "{go}: {why}");
        }
    }
}
