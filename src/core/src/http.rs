//! HTTP as the exchange sees it: a request's head, its endpoint, and answers of our own.
//!
//! Header names arrive in lower case (Envoy's form). A path is matched exactly, after its query:
//! what does not match a known endpoint byte for byte is unknown, however it might be decoded.

/// Header fields in their order, names in lower case.
#[derive(Clone, Debug, Default)]
pub struct Headers(pub Vec<(String, String)>);

impl Headers {
    /// The first value of a field.
    #[must_use]
    pub fn first(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// Every value of a field.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// The fields that a list names, in their order.
    #[must_use]
    pub fn listed(&self, names: &[String]) -> Vec<(String, String)> {
        self.0.iter().filter(|(key, _)| names.contains(key)).cloned().collect()
    }
}

/// What a request asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// Claude Code's unauthenticated look at start: `HEAD /`, `HEAD /api/hello`.
    Probe,
    /// An endpoint that a policy can name.
    Api(Endpoint),
    /// Anything else: refused.
    Unknown,
}

/// Endpoints of the Claude API that a policy can name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Endpoint {
    /// `POST /v1/messages`.
    Messages,
    /// `POST /v1/messages/count_tokens`.
    CountTokens,
    /// `GET /v1/models`, `GET /v1/models/{id}`.
    Models,
}

impl Endpoint {
    /// The endpoint of a name in a policy.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "messages" => Some(Self::Messages),
            "count_tokens" => Some(Self::CountTokens),
            "models" => Some(Self::Models),
            _ => None,
        }
    }

    /// Its name in a policy.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Messages => "messages",
            Self::CountTokens => "count_tokens",
            Self::Models => "models",
        }
    }

    /// Whether its body names a model.
    #[must_use]
    pub fn has_model(self) -> bool {
        match self {
            Self::Messages | Self::CountTokens => true,
            Self::Models => false,
        }
    }
}

impl Target {
    /// What a method and a path (with query) ask for.
    #[must_use]
    pub fn of(method: &str, path_and_query: &str) -> Self {
        let path = path_and_query.split_once('?').map_or(path_and_query, |(path, _)| path);
        match (method, path) {
            ("HEAD", "/" | "/api/hello") => Self::Probe,
            ("POST", "/v1/messages") => Self::Api(Endpoint::Messages),
            ("POST", "/v1/messages/count_tokens") => Self::Api(Endpoint::CountTokens),
            ("GET", "/v1/models") => Self::Api(Endpoint::Models),
            ("GET", path) => match path.strip_prefix("/v1/models/") {
                Some(id) if is_plain_segment(id) => Self::Api(Endpoint::Models),
                _ => Self::Unknown,
            },
            _ => Self::Unknown,
        }
    }
}

/// One path segment that means the same to every parser: no slash, dot segment, escape or control.
fn is_plain_segment(text: &str) -> bool {
    !text.is_empty()
        && text.bytes().any(|b| b != b'.')
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.' | b':' | b'@'))
}

/// An answer of the gateway's own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// Header fields.
    pub headers: Vec<(&'static str, String)>,
    /// The body.
    pub body: String,
}

impl Answer {
    /// What a probe gets.
    #[must_use]
    pub fn probe() -> Self {
        Self { status: 200, headers: Vec::new(), body: String::new() }
    }

    /// What a client gets when the host failed the gateway: no exchange could be named.
    #[must_use]
    pub fn gateway_failed() -> Self {
        let body = r#"{"type":"error","error":{"type":"api_error","message":"This gateway could not handle the request; try again in a moment."}}"#;
        let headers = vec![("content-type", "application/json".to_owned())];
        Self { status: 503, headers, body: body.to_owned() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets() {
        let models = Target::Api(Endpoint::Models);
        let cases = [
            ("POST", "/v1/messages", Target::Api(Endpoint::Messages)),
            ("POST", "/v1/messages?beta=true", Target::Api(Endpoint::Messages)),
            ("POST", "/v1/messages/count_tokens?beta=true", Target::Api(Endpoint::CountTokens)),
            ("GET", "/v1/models?limit=1000", models),
            ("GET", "/v1/models/claude-sonnet-4-5", models),
            ("HEAD", "/", Target::Probe),
            ("HEAD", "/api/hello", Target::Probe),
            ("GET", "/", Target::Unknown),
            ("GET", "/v1/messages", Target::Unknown),
            ("POST", "/v1/messages/", Target::Unknown),
            ("POST", "//v1/messages", Target::Unknown),
            ("POST", "/v1/Messages", Target::Unknown),
            ("POST", "/v1/messages;x", Target::Unknown),
            ("POST", "/v1/messages%2f", Target::Unknown),
            ("POST", "/v1/messages/batches", Target::Unknown),
            ("GET", "/v1/models/", Target::Unknown),
            ("GET", "/v1/models/..", Target::Unknown),
            ("GET", "/v1/models/a/b", Target::Unknown),
            ("GET", "/v1/models/a%2fb", Target::Unknown),
            ("GET", "/v1/files", Target::Unknown),
        ];
        for (method, path, expected) in cases {
            assert_eq!(Target::of(method, path), expected, "{method} {path}");
        }
    }
}
