//! The place in a text at which a search found its words.
//!
//! SQLite itself finds them, in a table of its own in memory with the same rules for words as the
//! index has: what is shown is what was found.

use super::error::ArchiveError;
use rusqlite::Connection;

/// Words around a find.
const WORDS: usize = 24;
/// Characters of a piece that are shown: a word may be as long as its text.
const LONGEST: usize = 400;
/// Bytes of a text that are looked at as one.
const WINDOW: usize = 32 * 1024;

/// Text, cut where what was searched for begins and ends; `true` for what was searched for.
pub(super) type Pieces = Vec<(bool, String)>;

/// Finds words in texts, one text at a time.
#[derive(Debug)]
pub(super) struct Snippets(Connection);

impl Snippets {
    pub(super) fn new() -> Result<Self, ArchiveError> {
        let connection = Connection::open_in_memory()?;
        connection
            .execute_batch("CREATE VIRTUAL TABLE one USING fts5 (text, tokenize = 'unicode61')")?;
        Ok(Self(connection))
    }

    /// Where the phrases stand in a text. Of a long text, where the first of any of them does.
    pub(super) fn of(&self, text: &str, phrases: &[String]) -> Result<Pieces, ArchiveError> {
        if text.len() <= WINDOW
            && let Some(pieces) = self.look(text, &phrases.join(" AND "))?
        {
            return Ok(pieces);
        }
        let any = phrases.join(" OR ");
        let mut from = 0;
        while from < text.len() {
            let to = text.floor_char_boundary(from.saturating_add(WINDOW));
            if let Some(pieces) = self.look(text.get(from..to).unwrap_or_default(), &any)? {
                return Ok(pieces);
            }
            // A phrase that stands across the end is found in the next.
            let next = text.floor_char_boundary(to.saturating_sub(WINDOW / 16));
            from = if to < text.len() { next } else { to };
        }
        Ok(vec![(false, short(text))])
    }

    fn look(&self, text: &str, expression: &str) -> Result<Option<Pieces>, ArchiveError> {
        let connection = &self.0;
        connection.prepare_cached("DELETE FROM one")?.execute([])?;
        // The marks of begin and end cannot stand in the text.
        let plain = text.replace(['\u{1}', '\u{2}', '\0'], " ");
        connection
            .prepare_cached("INSERT INTO one (rowid, text) VALUES (1, ?1)")?
            .execute([plain])?;
        let snippet =
            "SELECT snippet(one, 0, char(1), char(2), '…', ?2) FROM one WHERE one MATCH ?1";
        let mut statement = connection.prepare_cached(snippet)?;
        let mut rows = statement.query(rusqlite::params![expression, WORDS as i64])?;
        let Some(row) = rows.next()? else { return Ok(None) };
        Ok(Some(pieces(row.get_ref(0)?.as_str().unwrap_or_default())))
    }
}

fn pieces(marked: &str) -> Pieces {
    let mut pieces = Pieces::new();
    for part in marked.split_inclusive(['\u{1}', '\u{2}']) {
        let found = part.ends_with('\u{2}');
        let text = part.trim_end_matches(['\u{1}', '\u{2}']);
        if !text.is_empty() {
            pieces.push((found, short(text)));
        }
    }
    pieces
}

fn short(text: &str) -> String {
    if text.chars().nth(LONGEST).is_none() {
        return text.to_owned();
    }
    text.chars().take(LONGEST).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn look(text: &str, phrases: &[&str]) -> Pieces {
        let phrases: Vec<String> = phrases.iter().map(|phrase| format!("\"{phrase}\"")).collect();
        Snippets::new().unwrap().of(text, &phrases).unwrap()
    }

    #[test]
    fn what_was_searched_for_is_marked() {
        let piece = |found: bool, text: &str| (found, text.to_owned());
        assert_eq!(
            look("please run cargo test in src", &["cargo test", "src"]),
            [
                piece(false, "please run "),
                piece(true, "cargo test"),
                piece(false, " in "),
                piece(true, "src")
            ]
        );
        // Marks of the text's own are none.
        assert_eq!(look("a\u{1}b\u{2} c", &["c"]), [piece(false, "a b  "), piece(true, "c")]);
    }

    #[test]
    fn the_end_of_a_long_text_is_found_across_windows() {
        for before in [WINDOW - 4, WINDOW, 2 * WINDOW - 3, 3 * WINDOW + 17] {
            let text = format!("{}needle hay", "é ".repeat(before / 3));
            let pieces = look(&text, &["needle hay"]);
            assert!(pieces.contains(&(true, "needle hay".to_owned())), "{before}: {pieces:?}");
        }
    }

    #[test]
    fn a_word_without_end_is_cut() {
        let pieces = look(&"x".repeat(100_000), &["y"]);
        assert_eq!(pieces.len(), 1);
        assert_eq!(pieces[0].1.chars().count(), LONGEST + 1);
    }
}
