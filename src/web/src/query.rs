//! What a query asks for: a filter, a page, words. What is not known is an error, not ignored.

use hansard_replay::listing::Filter;
use hansard_replay::model::Status;

/// A listing's or a search's query.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Asked {
    pub(crate) filter: Filter,
    /// Where the last page ended.
    pub(crate) after: Option<String>,
    /// How many at most.
    pub(crate) limit: Option<usize>,
    /// The words of a search.
    pub(crate) words: Option<String>,
    /// Whether only the list is wanted.
    pub(crate) fragment: bool,
}

/// The longest value of a field, bytes.
const LONGEST: usize = 1_000;

impl Asked {
    /// Reads a query's pairs; an empty value is as good as none.
    ///
    /// # Errors
    /// A sentence that names the field.
    pub(crate) fn read(pairs: &[(String, String)]) -> Result<Self, String> {
        let mut asked = Self::default();
        let pairs = pairs.iter().map(|(name, value)| (name.as_str(), value.trim()));
        for (name, value) in pairs.filter(|(_, value)| !value.is_empty()) {
            if value.len() > LONGEST {
                return Err(format!("{name} is longer than {LONGEST} bytes: make it shorter"));
            }
            let filter = &mut asked.filter;
            let text = Some(value.to_owned());
            match name {
                "person" => filter.person = text,
                "group" => filter.group = text,
                "model" => filter.model = text,
                "tool" => filter.tool = text,
                "path" => filter.path = text,
                "command" => filter.command = text,
                "finding" => filter.finding = text,
                "status" => filter.status = Some(status(value)?),
                "refused" => filter.refused = flag(name, value)?,
                "gaps" => filter.gaps = flag(name, value)?,
                "since" => filter.since = Some(time(name, value)?),
                "until" => filter.until = Some(time(name, value)?),
                "after" => asked.after = text,
                "q" => asked.words = text,
                "fragment" => asked.fragment = flag(name, value)?,
                "limit" => {
                    let limit = value.parse().ok().filter(|limit| (1..=500).contains(limit));
                    asked.limit = Some(limit.ok_or("limit is a number from 1 to 500")?);
                }
                other => return Err(format!("there is no field {other:?} to ask for")),
            }
        }
        Ok(asked)
    }

    /// For the record of who looked.
    pub(crate) fn shown(&self) -> String {
        serde_json::to_string(&self.filter)
            .ok()
            .filter(|_| self.filter != Filter::default())
            .map(|filter| match &self.words {
                Some(words) => format!("{words} {filter}"),
                None => filter,
            })
            .or_else(|| self.words.clone())
            .unwrap_or_default()
    }
}

fn status(value: &str) -> Result<Status, String> {
    serde_json::from_value(value.into())
        .map_err(|_| "status is open, complete, ended, refused or interrupted".into())
}

fn flag(name: &str, value: &str) -> Result<bool, String> {
    value.parse().map_err(|_| format!("{name} is true or false"))
}

/// A form's local time in UTC, or Unix milliseconds.
fn time(name: &str, value: &str) -> Result<i64, String> {
    value
        .parse()
        .ok()
        .or_else(|| hansard_shown::parse(value))
        .ok_or_else(|| format!("{name} is a time as 2026-01-02T03:04 in UTC, or Unix milliseconds"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(query: &[(&str, &str)]) -> Result<Asked, String> {
        let pairs: Vec<_> =
            query.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Asked::read(&pairs)
    }

    #[test]
    fn a_form_is_a_filter() {
        let asked = read(&[
            ("person", " ada "),
            ("group", ""),
            ("status", "refused"),
            ("gaps", "true"),
            ("since", "2024-03-01T00:00"),
            ("until", "1709251200001"),
            ("limit", "7"),
            ("q", "two words"),
        ])
        .unwrap();
        let filter = Filter {
            person: Some("ada".into()),
            status: Some(Status::Refused),
            gaps: true,
            since: Some(1_709_251_200_000),
            until: Some(1_709_251_200_001),
            ..Filter::default()
        };
        assert_eq!((asked.filter.clone(), asked.limit), (filter, Some(7)));
        assert!(asked.shown().starts_with("two words {\"person\":\"ada\""), "{}", asked.shown());
    }

    #[test]
    fn what_makes_no_sense_is_said() {
        for (name, value, word) in [
            ("persn", "x", "persn"),
            ("only", "x", "only"),
            ("only_groups", "x", "only_groups"),
            ("status", "x", "interrupted"),
            ("gaps", "yes", "true or false"),
            ("since", "yesterday", "UTC"),
            ("limit", "0", "500"),
            ("limit", "501", "500"),
        ] {
            assert!(read(&[(name, value)]).unwrap_err().contains(word), "{name}");
        }
        assert!(read(&[("q", &"x".repeat(1_001))]).is_err());
    }
}
