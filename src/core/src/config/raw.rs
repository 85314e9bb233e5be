//! A policy as an operator writes it: YAML for people, the same keys in JSON for the filter.
//!
//! Every struct refuses unknown keys, so that a misspelt `group:` is an error with its path and
//! never a rule that applies to everybody.

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

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
    /// The Envoy cluster of the sink.
    pub cluster: String,
    /// `acknowledged` or `access_log`.
    pub delivery: String,
    /// How long data waits for an acknowledgement, milliseconds.
    pub timeout_ms: u64,
    /// `refuse` or `continue`.
    pub on_failure: String,
    /// Request headers that are recorded.
    pub request_headers: Vec<String>,
    /// Response headers that are recorded.
    pub response_headers: Vec<String>,
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
            cluster: "hansard_sink".into(),
            delivery: "acknowledged".into(),
            timeout_ms: 5000,
            on_failure: "refuse".into(),
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
