//! Characters that nobody would see as what they are.

/// Controls (C0 with ESC, DEL, C1), and characters that reorder, hide, or have no width.
///
/// Variation selectors 15 and 16 are not: they choose between the text and emoji form of a sign.
#[must_use]
pub fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            // Soft hyphen, joiners, Arabic letter mark, fillers and vowel separators.
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
                | '\u{180b}'..='\u{180f}' | '\u{3164}' | '\u{ffa0}'
                // Zero width, bidi marks, embeddings and isolates, line separators, invisible signs.
                | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
                // Variation selectors 1-14, byte order mark, interlinear annotation.
                | '\u{fe00}'..='\u{fe0d}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}'
                // Formats of shorthand and music, tags and variation selectors 17-256.
                | '\u{13430}'..='\u{1345f}' | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}'
                | '\u{e0000}'..='\u{e0fff}'
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_acted_on_or_not_seen_is_hidden_and_what_is_read_is_not() {
        for c in
            "\u{1b}\u{7f}\u{9b}\u{ad}\u{200b}\u{202e}\u{2066}\u{fe00}\u{feff}\u{e0041}\n".chars()
        {
            assert!(is_hidden(c), "{c:?}");
        }
        for c in "aü世🙂é \u{fe0e}\u{fe0f}\u{301}".chars() {
            assert!(!is_hidden(c), "{c:?}");
        }
    }
}
