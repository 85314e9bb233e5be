//! Which script a request asks for: `NAME?opt=val&opt=val`, from the `x-script` header or from a
//! `[[…]]` marker in prompt text.
//!
//! Values are taken as they stand, with no percent-decoding. Option names are checked against one
//! list: a misspelt option is refused, since a test that silently runs without it proves nothing.

use std::collections::BTreeMap;

use super::problem::Problem;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Call {
    pub(super) name: String,
    options: BTreeMap<String, String>,
}

/// Every option of every script.
const OPTIONS: &[&str] = &[
    "bytes",
    "chunk",
    "code",
    "deltas",
    "dir",
    "early",
    "framing",
    "gap_ms",
    "gate",
    "message",
    "part",
    "retry",
    "retry_after",
    "should_retry",
    "size",
    "type",
];

impl Call {
    pub(super) fn parse(text: &str) -> Self {
        let (name, rest) = text.trim().split_once('?').unwrap_or((text.trim(), ""));
        let options = rest
            .split('&')
            .filter(|pair| !pair.is_empty())
            .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .collect();
        Self { name: name.to_owned(), options }
    }

    /// The calls in `text` that name a script, in their order. Prompts hold shell tests and TOML
    /// tables too, so that any other pair of double brackets is text.
    pub(super) fn markers<'a>(
        text: &'a str,
        known: impl Fn(&str) -> bool + 'a,
    ) -> impl Iterator<Item = Self> + 'a {
        text.split("[[")
            .skip(1)
            .filter_map(|rest| rest.split_once("]]"))
            .map(|(inner, _)| Self::parse(inner))
            .filter(move |call| known(&call.name))
    }

    pub(super) fn check(&self) -> Result<(), Problem> {
        match self.options.keys().find(|key| !OPTIONS.contains(&key.as_str())) {
            None => Ok(()),
            Some(key) => Err(Problem::new(400, format!("script option {key} does not exist"))),
        }
    }

    pub(super) fn text(&self, key: &str) -> Option<&str> {
        self.options.get(key).map(String::as_str)
    }

    pub(super) fn number(&self, key: &str) -> Result<Option<usize>, Problem> {
        self.text(key)
            .map(|value| {
                let wrong = || format!("script option {key} wants a number, not {value:?}");
                value.parse().map_err(|_| Problem::new(400, wrong()))
            })
            .transpose()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn name_and_options() {
        let call = Call::parse("text?deltas=3&size=10");
        assert_eq!(call.name, "text");
        assert_eq!(call.number("deltas").unwrap(), Some(3));
        assert_eq!(call.number("bytes").unwrap(), None);
        assert!(call.check().is_ok());
        assert!(Call::parse("text?delta=3").check().is_err());
        assert!(Call::parse("text?deltas=x").number("deltas").is_err());
    }

    #[test]
    fn only_known_names_are_markers() {
        let text = "if [[ -f x ]]; then [[text]] or [[bin]] and [[big?bytes=9]] or [[text";
        let known = |name: &str| ["text", "big"].contains(&name);
        let names: Vec<_> = Call::markers(text, known).map(|call| call.name).collect();
        assert_eq!(names, ["text", "big"]);
    }
}
