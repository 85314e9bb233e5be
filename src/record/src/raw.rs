//! JSON text inside a record, carried verbatim.
//!
//! `serde_json::value::RawValue` can only be made by scanning the text. The filter has scanned it
//! already (to read the model, the usage), and a second scan of a 32 MB body is time that a client
//! waits; so this type carries text that its maker has parsed, and serialises it as `RawValue` does.

use serde::ser::SerializeStruct;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;

/// The struct and field name by which `serde_json` knows verbatim text.
const VERBATIM: &str = "$serde_json::private::RawValue";

/// Valid JSON text, unchanged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RawJson<'a>(&'a str);

impl<'a> RawJson<'a> {
    /// Text that the caller has parsed as one JSON value. Anything else makes an unreadable part.
    #[must_use]
    pub fn parsed(text: &'a str) -> Self {
        Self(text)
    }

    /// The text.
    #[must_use]
    pub fn get(self) -> &'a str {
        self.0
    }
}

impl Serialize for RawJson<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut verbatim = serializer.serialize_struct(VERBATIM, 1)?;
        verbatim.serialize_field(VERBATIM, self.0)?;
        verbatim.end()
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for RawJson<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        <&RawValue>::deserialize(deserializer).map(|raw| Self(raw.get()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_passes_verbatim_both_ways() {
        let text = r#"{"b":1e5,"a":[123456789012345678901234567890,"\/\ud83d"],"a":0}"#;
        let outer = serde_json::to_string(&vec![RawJson::parsed(text)]).unwrap();
        assert_eq!(outer, format!("[{text}]"));
        let back: Vec<RawJson<'_>> = serde_json::from_str(&outer).unwrap();
        assert_eq!(back, [RawJson(text)]);
    }
}
