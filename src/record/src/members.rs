//! An object's members as they stand: in their order, each as its own text.

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;
use std::fmt;

/// The members of an object, in their order; a name that stands twice is there twice.
#[derive(Debug)]
pub struct Members<'a>(pub Vec<(String, &'a RawValue)>);

impl<'de: 'a, 'a> Deserialize<'de> for Members<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object;
        impl<'de> Visitor<'de> for Object {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(Object)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_keep_their_order_and_their_text() {
        let text = r#"{"b": 1.0 , "a\n": [ ], "b": {"c":1}}"#;
        let Members(members) = serde_json::from_str(text).unwrap();
        let members: Vec<_> = members.iter().map(|(name, text)| (&**name, text.get())).collect();
        assert_eq!(members, [("b", "1.0"), ("a\n", "[ ]"), ("b", r#"{"c":1}"#)]);
        assert!(serde_json::from_str::<Members<'_>>("[]").is_err());
    }
}
