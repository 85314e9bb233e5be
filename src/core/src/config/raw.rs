//! A policy as an operator writes it: YAML for people, the same keys in JSON for the filter.
//!
//! Every struct refuses unknown keys, so that a misspelt `group:` is an error with its path and
//! never a rule that applies to everybody.

use serde::de::{self, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt;

/// The file.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawPolicy {
    /// Schema version of the file; 1.
    pub version: u32,
    /// Whose tokens are trusted.
    #[serde(default)]
    pub identity: RawIdentity,
    /// Rules; the first that applies decides, and none refuses.
    pub access: Vec<RawRule>,
    /// Where records go and when data may pass.
    #[serde(default)]
    pub record: RawRecord,
    /// What is redacted.
    #[serde(default)]
    pub redact: RawRedact,
    /// Bounds on size, memory and time.
    #[serde(default)]
    pub limits: RawLimits,
    /// Cases for `hansard policy test`; the filter never sees them.
    #[serde(default, skip_serializing)]
    pub tests: Vec<Value>,
}

/// Whose tokens are trusted.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawIdentity {
    /// None means that every token is refused.
    #[serde(default)]
    pub issuers: Vec<RawIssuer>,
}

/// One OpenID Connect issuer.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawIssuer {
    /// Compared with `iss`, byte for byte.
    pub issuer: String,
    /// At least one of these must be in `aud`.
    pub audiences: Vec<String>,
    /// Of RS256, PS256, ES256, EdDSA.
    pub algorithms: Vec<String>,
    /// The issuer's keys.
    pub jwks: RawJwks,
    /// Dotted path of the claim that holds the groups.
    #[serde(default = "default_groups_claim")]
    pub groups_claim: String,
    /// Clock difference tolerated in `exp` and `nbf`, seconds.
    #[serde(default = "default_leeway_s")]
    pub leeway_s: u64,
}

/// Keys written in place (`keys`), or fetched over Envoy (`uri`, `cluster`).
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawJwks {
    /// Absolute URI of the key set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uri: Option<String>,
    /// The Envoy cluster to fetch it over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cluster: Option<String>,
    /// Seconds between fetches.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refresh_s: Option<u64>,
    /// JSON Web Keys (RFC 7517).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keys: Option<Vec<Value>>,
}

/// One access rule.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawRule {
    /// Shown in refusals and records.
    pub name: String,
    /// `allow` or `refuse`.
    pub effect: String,
    /// The caller is in any of these; `"*"` is every authenticated caller.
    pub groups: Vec<String>,
    /// Of `messages`, `count_tokens`, `models`.
    pub endpoints: Vec<String>,
    /// Globs with `*`; left out, any model.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub models: Option<Vec<String>>,
    /// With `refuse`: what the caller is told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}

/// Where records go and when data may pass.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RawRecord {
    /// The Envoy cluster of the sink; or those of several, in the order in which they are asked.
    pub cluster: RawClusters,
    /// `acknowledged` or `access_log`.
    pub delivery: String,
    /// How long data waits for an acknowledgement, milliseconds.
    pub timeout_ms: u64,
    /// `refuse` or `continue`.
    pub on_failure: String,
    /// How often a stream that runs is put on record.
    pub progress: RawProgress,
    /// Request headers that are recorded.
    pub request_headers: Vec<String>,
    /// Response headers that are recorded.
    pub response_headers: Vec<String>,
    /// How long sessions are kept, for `hansard retain` and the sink; the filter never sees it.
    #[serde(skip_serializing)]
    pub retain: Vec<RawRetain>,
}

/// How long sessions are kept that some rules admitted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawRetain {
    /// Names of access rules; none is every rule that no other entry names.
    #[serde(default)]
    pub rules: Vec<String>,
    /// Days after the session's last end.
    pub days: u32,
}

/// One name, or a list of names. One alone is written as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RawClusters(pub Vec<String>);

impl Serialize for RawClusters {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0.as_slice() {
            [alone] => serializer.serialize_str(alone),
            names => names.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for RawClusters {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Names;

        impl<'de> Visitor<'de> for Names {
            type Value = Vec<String>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a cluster's name, or a list of names")
            }

            fn visit_str<E: de::Error>(self, name: &str) -> Result<Self::Value, E> {
                Ok(vec![name.to_owned()])
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
                let mut names = Vec::new();
                while let Some(name) = list.next_element()? {
                    names.push(name);
                }
                Ok(names)
            }
        }

        deserializer.deserialize_any(Names).map(Self)
    }
}

/// When the events of a stream that runs go on record: whichever comes first.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RawProgress {
    /// The oldest event that is not on record is so old, milliseconds.
    pub every_ms: u64,
    /// The events that are not on record have so many bytes.
    pub bytes: u64,
}

impl Default for RawProgress {
    fn default() -> Self {
        Self { every_ms: 1000, bytes: 64 << 10 }
    }
}

/// What is redacted. An action is `off`, `observe`, `pseudonymize`, `mask` or `block`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RawRedact {
    /// The action of every built-in rule for secrets.
    pub secrets: String,
    /// Built-in rules whose action is another; the first glob that an id matches decides.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub rules: Vec<RawRuleAction>,
    /// Actions for personal data, by kind; a kind that is not named is off.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub personal: BTreeMap<String, String>,
    /// The operator's own rules.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub custom: Vec<RawCustom>,
    /// A file of rules in gitleaks' format; `hansard policy render` turns it into `custom`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gitleaks: Option<RawGitleaks>,
    /// What becomes of a value in thinking and other members that must not be altered:
    /// `pass_redact_record` or `block`.
    pub signed: String,
    /// Whether base64 media stand in the record: `record` or `drop`.
    pub media: String,
}

/// Another action for some built-in rules.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawRuleAction {
    /// A rule's id, or a glob with `*` over ids.
    pub id: String,
    /// The action.
    pub action: String,
}

/// A rule of the operator's: one of `pattern`, `literals`, `keys`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawCustom {
    /// Its name in records and metrics.
    pub id: String,
    /// The action.
    pub action: String,
    /// A regular expression over bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pattern: Option<String>,
    /// With `pattern`: literals, one of which stands in or near every match.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub keywords: Vec<String>,
    /// With `pattern`: least entropy of the value, bits a byte.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_entropy: Option<f32>,
    /// With `pattern`: the group that holds the value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<usize>,
    /// With `pattern`: a value in which one of these matches is not one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub allow: Vec<String>,
    /// With `pattern`: a value that holds one of these is not one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub stop_words: Vec<String>,
    /// Values, each as a word of its own.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub literals: Vec<String>,
    /// Names of JSON members whose values are taken.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub keys: Vec<String>,
}

/// A file of rules in gitleaks' format.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawGitleaks {
    /// The file, beside the policy.
    pub file: String,
    /// The action of its rules.
    pub action: String,
}

impl Default for RawRedact {
    fn default() -> Self {
        Self {
            secrets: "mask".into(),
            rules: Vec::new(),
            personal: BTreeMap::new(),
            custom: Vec::new(),
            gitleaks: None,
            signed: "pass_redact_record".into(),
            media: "record".into(),
        }
    }
}

/// Bounds on size, memory and time.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RawLimits {
    /// Largest request body.
    pub request_bytes: u64,
    /// Largest response body.
    pub response_bytes: u64,
    /// Most data of one stream that waits for an acknowledgement. Keep it below the listener's
    /// `per_connection_buffer_limit_bytes`.
    pub hold_bytes: u64,
    /// Memory of one VM above which new exchanges are turned away.
    pub memory_bytes: u64,
    /// How long a request waits for the first key set, milliseconds.
    pub key_wait_ms: u64,
}

impl Default for RawRecord {
    fn default() -> Self {
        let list = |names: &[&str]| names.iter().map(ToString::to_string).collect();
        Self {
            cluster: RawClusters(vec!["hansard_sink".into()]),
            delivery: "acknowledged".into(),
            timeout_ms: 5000,
            on_failure: "refuse".into(),
            progress: RawProgress::default(),
            request_headers: list(&[
                "anthropic-beta",
                "anthropic-version",
                "content-type",
                "user-agent",
                "x-app",
                "x-claude-code-agent-id",
                "x-claude-code-session-id",
                "x-stainless-retry-count",
            ]),
            response_headers: list(&["content-type", "request-id", "retry-after"]),
            retain: Vec::new(),
        }
    }
}

impl Default for RawLimits {
    fn default() -> Self {
        Self {
            request_bytes: 32 << 20,
            response_bytes: 32 << 20,
            hold_bytes: 32 << 20,
            memory_bytes: 512 << 20,
            key_wait_ms: 5000,
        }
    }
}

/// Reads a policy from any format, naming the path of what is wrong.
///
/// # Errors
/// `path: message`, as in `` access[0].grups: unknown field `grups`, expected … ``.
pub fn read<'de, D: Deserializer<'de>>(from: D) -> Result<RawPolicy, String> {
    serde_path_to_error::deserialize(from).map_err(|e| match e.path().to_string().as_str() {
        "." => e.inner().to_string(),
        path => format!("{path}: {}", e.inner()),
    })
}

fn default_groups_claim() -> String {
    "groups".into()
}

fn default_leeway_s() -> u64 {
    30
}
