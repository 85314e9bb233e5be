//! The token among the headers.

use crate::http::Headers;

/// What the caller presented.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Credential<'a> {
    /// `Authorization: Bearer …`; the token, not yet looked at.
    Bearer(&'a str),
    /// Nothing that could be a token for this gateway.
    Missing,
    /// An API key of Anthropic's own: a private credential that has no place here.
    AnthropicKey,
    /// More than one `authorization` field, or another scheme.
    Malformed,
}

/// Finds the credential. The identity comes from `Authorization: Bearer` alone; an `x-api-key`
/// beside it is ignored (Claude Code's `apiKeyHelper` sends both) unless it is Anthropic's own.
#[must_use]
pub fn credential(headers: &Headers) -> Credential<'_> {
    let mut fields = headers.all("authorization");
    let (first, second) = (fields.next(), fields.next());
    let is_key = |value: &str| value.trim().starts_with("sk-ant-");
    if headers.all("x-api-key").any(is_key) {
        return Credential::AnthropicKey;
    }
    match (first, second) {
        (None, _) => Credential::Missing,
        (Some(_), Some(_)) => Credential::Malformed,
        (Some(value), None) => match value.trim().split_once(' ') {
            Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => {
                let token = token.trim();
                if is_key(token) {
                    Credential::AnthropicKey
                } else if token.is_empty() || token.contains([' ', ',', '\t']) {
                    Credential::Malformed
                } else {
                    Credential::Bearer(token)
                }
            }
            _ => Credential::Malformed,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials() {
        let cases: &[(&[(&str, &str)], Credential<'_>)] = &[
            (&[], Credential::Missing),
            (&[("authorization", "Bearer a.b.c")], Credential::Bearer("a.b.c")),
            (&[("authorization", "bearer  a.b.c ")], Credential::Bearer("a.b.c")),
            (&[("authorization", "Bearer a"), ("x-api-key", "a")], Credential::Bearer("a")),
            (&[("x-api-key", "a.b.c")], Credential::Missing),
            (&[("x-api-key", "sk-ant-api03-x")], Credential::AnthropicKey),
            (&[("authorization", "Bearer sk-ant-oat01-x")], Credential::AnthropicKey),
            (
                &[("authorization", "Bearer a"), ("x-api-key", " sk-ant-x")],
                Credential::AnthropicKey,
            ),
            (&[("authorization", "Basic YTpi")], Credential::Malformed),
            (&[("authorization", "Bearer")], Credential::Malformed),
            (&[("authorization", "Bearer a,Bearer b")], Credential::Malformed),
            (
                &[("authorization", "Bearer a"), ("authorization", "Bearer b")],
                Credential::Malformed,
            ),
        ];
        for (fields, expected) in cases {
            let headers = Headers(fields.iter().map(|(k, v)| ((*k).into(), (*v).into())).collect());
            assert_eq!(credential(&headers), *expected, "{fields:?}");
        }
    }
}
