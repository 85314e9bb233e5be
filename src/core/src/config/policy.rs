//! A policy as it is meant: parsed once, then only read.

use super::raw::{self, RawIssuer, RawJwks, RawPolicy, RawRule};
use super::redact::RedactPolicy;
use crate::http::Endpoint;
use crate::identity::Algorithm;
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::fmt::Write;

/// The whole policy.
#[derive(Debug)]
pub struct Policy {
    /// Trusted issuers; empty means that every token is refused.
    pub issuers: Vec<Issuer>,
    /// Rules in their order.
    pub rules: Vec<Rule>,
    /// Where records go and when data may pass.
    pub record: RecordPolicy,
    /// What is redacted.
    pub redact: RedactPolicy,
    /// Bounds.
    pub limits: Limits,
    /// SHA-256 of the JSON text, hex: stands in every part.
    pub digest: String,
}

/// A trusted issuer.
#[derive(Debug)]
pub struct Issuer {
    /// `iss`, exactly.
    pub issuer: String,
    /// Accepted `aud` values, at least one.
    pub audiences: Vec<String>,
    /// Accepted `alg` values, at least one.
    pub algorithms: Vec<Algorithm>,
    /// Where the keys come from.
    pub jwks: JwksSource,
    /// Path of the groups claim.
    pub groups_claim: Vec<String>,
    /// Tolerance in seconds.
    pub leeway_s: u64,
}

/// Where an issuer's keys come from.
#[derive(Debug)]
pub enum JwksSource {
    /// Written in the policy: a JWK set.
    Inline(Value),
    /// Fetched over an Envoy cluster.
    Fetch {
        /// `:authority` of the request.
        authority: String,
        /// `:path` of the request.
        path: String,
        /// The cluster.
        cluster: String,
        /// Milliseconds between fetches.
        refresh_ms: u64,
    },
}

/// An access rule.
#[derive(Debug)]
pub struct Rule {
    /// Its name.
    pub name: String,
    /// What it says when it applies.
    pub effect: Effect,
    /// Groups, any of.
    pub groups: Vec<String>,
    /// Endpoints, any of.
    pub endpoints: Vec<Endpoint>,
    /// Model globs, any of; `None` is any model.
    pub models: Option<Vec<String>>,
    /// What a refused caller is told.
    pub message: Option<String>,
}

/// What a rule says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Admit.
    Allow,
    /// Turn away.
    Refuse,
}

/// Where records go and when data may pass.
#[derive(Debug)]
pub struct RecordPolicy {
    /// The sinks' clusters, at least one, in the order in which they are asked.
    pub clusters: Vec<String>,
    /// How parts are delivered.
    pub delivery: Delivery,
    /// How long data waits for an acknowledgement.
    pub timeout_ms: u64,
    /// What happens when none comes.
    pub on_failure: OnFailure,
    /// When the events of a stream that runs go on record.
    pub progress: Pace,
    /// Recorded request headers, lower case.
    pub request_headers: Vec<String>,
    /// Recorded response headers, lower case.
    pub response_headers: Vec<String>,
}

/// When the events of a stream that runs go on record: whichever comes first.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// Age of the oldest that is not, milliseconds.
    pub every_ms: u64,
    /// Bytes of all that are not.
    pub bytes: usize,
}

/// How parts are delivered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// The filter sends each part and waits for the answer.
    Acknowledged,
    /// The record rides on Envoy's own access logger; nothing waits, and it can be lost.
    AccessLog,
}

/// What happens to data whose part is not acknowledged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnFailure {
    /// It does not pass.
    Refuse,
    /// It passes, and the record says so.
    Continue,
}

/// Bounds on size, memory and time.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Largest request body, bytes.
    pub request_bytes: usize,
    /// Largest response body, bytes.
    pub response_bytes: usize,
    /// Most data of one stream that waits for an acknowledgement, bytes.
    pub hold_bytes: usize,
    /// Memory of a VM above which new exchanges are turned away, bytes.
    pub memory_bytes: usize,
    /// How long a request waits for the first key set.
    pub key_wait_ms: u64,
}

/// What is wrong with a policy: one sentence that begins with the path.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("{0}")]
pub struct PolicyError(String);

impl PolicyError {
    pub(crate) fn new(what: String) -> Self {
        Self(what)
    }
}

impl Policy {
    /// Reads the JSON that `hansard policy render` writes.
    ///
    /// # Errors
    /// Names the path and what is wrong with it.
    pub fn parse(json: &[u8]) -> Result<Self, PolicyError> {
        let mut from = serde_json::Deserializer::from_slice(json);
        let raw = raw::read(&mut from).map_err(PolicyError)?;
        from.end().map_err(|e| PolicyError(e.to_string()))?;
        Self::new(raw, json)
    }

    /// Gives a raw policy its meaning; `json` is the text that the digest is taken of.
    ///
    /// # Errors
    /// Names the path and what is wrong with it.
    pub fn new(raw: RawPolicy, json: &[u8]) -> Result<Self, PolicyError> {
        let RawPolicy { version, identity, access, record, redact, limits, tests: _ } = raw;
        if version != 1 {
            return wrong("version", format!("is {version}; this gateway reads version 1"));
        }
        let issuers = each("identity.issuers", identity.issuers, issuer)?;
        for (i, one) in issuers.iter().enumerate() {
            if issuers.iter().take(i).any(|other| other.issuer == one.issuer) {
                return wrong(&format!("identity.issuers[{i}].issuer"), "is listed twice");
            }
        }
        let rules = each("access", access, rule)?;
        for (i, one) in rules.iter().enumerate() {
            if rules.iter().take(i).any(|other| other.name == one.name) {
                return wrong(
                    &format!("access[{i}].name"),
                    "is used twice; names tell rules apart",
                );
            }
        }
        Ok(Self {
            issuers,
            rules,
            record: record_policy(record)?,
            redact: RedactPolicy::new(redact)?,
            limits: bounds(&limits)?,
            digest: hex(&Sha256::digest(json)),
        })
    }
}

fn issuer(path: &str, raw: RawIssuer) -> Result<Issuer, PolicyError> {
    let RawIssuer { issuer, audiences, algorithms, jwks, groups_claim, leeway_s } = raw;
    filled(&format!("{path}.issuer"), &issuer)?;
    some(&format!("{path}.audiences"), &audiences)?;
    some(&format!("{path}.algorithms"), &algorithms)?;
    if leeway_s > 300 {
        return wrong(&format!("{path}.leeway_s"), "is over 300 seconds");
    }
    Ok(Issuer {
        algorithms: each(&format!("{path}.algorithms"), algorithms, |path, name| {
            Algorithm::named(&name).ok_or(()).or_else(|()| {
                wrong(path, format!("{name:?} is not one of RS256, PS256, ES256, EdDSA"))
            })
        })?,
        jwks: jwks_source(&format!("{path}.jwks"), jwks)?,
        groups_claim: {
            filled(&format!("{path}.groups_claim"), &groups_claim)?;
            groups_claim.split('.').map(str::to_owned).collect()
        },
        issuer,
        audiences,
        leeway_s,
    })
}

fn jwks_source(path: &str, raw: RawJwks) -> Result<JwksSource, PolicyError> {
    match raw {
        RawJwks { uri: None, cluster: None, refresh_s: None, keys: Some(keys) } => {
            Ok(JwksSource::Inline(serde_json::json!({ "keys": keys })))
        }
        RawJwks { uri: Some(uri), cluster: Some(cluster), refresh_s, keys: None } => {
            filled(&format!("{path}.cluster"), &cluster)?;
            let Some((_, rest)) = uri.split_once("://") else {
                return wrong(&format!("{path}.uri"), "is not an absolute URI");
            };
            let (authority, path_and_query) = match rest.find('/') {
                Some(at) => rest.split_at(at),
                None => (rest, "/"),
            };
            filled(&format!("{path}.uri"), authority)?;
            let refresh_s = refresh_s.unwrap_or(300);
            if !(1..=86_400).contains(&refresh_s) {
                return wrong(&format!("{path}.refresh_s"), "is not within 1 to 86400");
            }
            Ok(JwksSource::Fetch {
                authority: authority.to_owned(),
                path: path_and_query.to_owned(),
                cluster,
                refresh_ms: refresh_s * 1000,
            })
        }
        _ => wrong(path, "needs either `keys`, or `uri` and `cluster`"),
    }
}

fn rule(path: &str, raw: RawRule) -> Result<Rule, PolicyError> {
    let RawRule { name, effect, groups, endpoints, models, message } = raw;
    filled(&format!("{path}.name"), &name)?;
    some(&format!("{path}.groups"), &groups)?;
    some(&format!("{path}.endpoints"), &endpoints)?;
    if let Some(models) = &models {
        some(&format!("{path}.models"), models)?;
    }
    let effect = match effect.as_str() {
        "allow" => Effect::Allow,
        "refuse" => Effect::Refuse,
        other => {
            return wrong(
                &format!("{path}.effect"),
                format!("{other:?} is neither `allow` nor `refuse`"),
            );
        }
    };
    if message.is_some() && effect == Effect::Allow {
        return wrong(&format!("{path}.message"), "stands in a rule that allows");
    }
    let endpoints = each(&format!("{path}.endpoints"), endpoints, |path, name| {
        Endpoint::named(&name).ok_or(()).or_else(|()| {
            wrong(path, format!("{name:?} is not one of messages, count_tokens, models"))
        })
    })?;
    Ok(Rule { name, effect, groups, endpoints, models, message })
}

fn record_policy(raw: raw::RawRecord) -> Result<RecordPolicy, PolicyError> {
    let raw::RawRecord {
        cluster,
        delivery,
        timeout_ms,
        on_failure,
        progress,
        request_headers,
        response_headers,
        retain: _,
    } = raw;
    let clusters = clusters(cluster)?;
    if !(10..=60_000).contains(&timeout_ms) {
        return wrong("record.timeout_ms", "is not within 10 to 60000");
    }
    Ok(RecordPolicy {
        clusters,
        delivery: match delivery.as_str() {
            "acknowledged" => Delivery::Acknowledged,
            "access_log" => Delivery::AccessLog,
            other => {
                return wrong(
                    "record.delivery",
                    format!("{other:?} is neither `acknowledged` nor `access_log`"),
                );
            }
        },
        timeout_ms,
        on_failure: match on_failure.as_str() {
            "refuse" => OnFailure::Refuse,
            "continue" => OnFailure::Continue,
            other => {
                return wrong(
                    "record.on_failure",
                    format!("{other:?} is neither `refuse` nor `continue`"),
                );
            }
        },
        progress: pace(&progress)?,
        request_headers: recorded("record.request_headers", request_headers)?,
        response_headers: recorded("record.response_headers", response_headers)?,
    })
}

fn clusters(raw: raw::RawClusters) -> Result<Vec<String>, PolicyError> {
    let raw::RawClusters(names) = raw;
    some("record.cluster", &names)?;
    for (i, name) in names.iter().enumerate() {
        let path = match names.len() {
            1 => "record.cluster".to_owned(),
            _ => format!("record.cluster[{i}]"),
        };
        filled(&path, name)?;
        if names.iter().take(i).any(|other| other == name) {
            return wrong(&path, "is listed twice");
        }
    }
    Ok(names)
}

fn pace(raw: &raw::RawProgress) -> Result<Pace, PolicyError> {
    let raw::RawProgress { every_ms, bytes } = *raw;
    if !(10..=3_600_000).contains(&every_ms) {
        return wrong("record.progress.every_ms", "is not within 10 to 3600000");
    }
    match usize::try_from(bytes) {
        Ok(bytes @ 1..=0x1000_0000) => Ok(Pace { every_ms, bytes }),
        _ => wrong("record.progress.bytes", "is not within 1 to 268435456"),
    }
}

/// Header names, lower case. A header that carries a credential cannot be listed.
fn recorded(path: &str, names: Vec<String>) -> Result<Vec<String>, PolicyError> {
    const SECRET: [&str; 6] =
        ["authorization", "x-api-key", "cookie", "set-cookie", "proxy-authorization", ""];
    each(path, names, |path, name| {
        let name = name.to_ascii_lowercase();
        if SECRET.contains(&name.as_str()) {
            return wrong(path, format!("{name:?} can carry a credential and is never recorded"));
        }
        Ok(name)
    })
}

fn bounds(raw: &raw::RawLimits) -> Result<Limits, PolicyError> {
    let raw::RawLimits { request_bytes, response_bytes, hold_bytes, memory_bytes, key_wait_ms } =
        *raw;
    let within = |name: &str, value: u64, least: u64, most: u64| {
        if (least..=most).contains(&value) {
            usize::try_from(value).or_else(|_| wrong(&format!("limits.{name}"), "is too large"))
        } else {
            wrong(&format!("limits.{name}"), format!("is not within {least} to {most}"))
        }
    };
    let mib = 1 << 20;
    Ok(Limits {
        request_bytes: within("request_bytes", request_bytes, 1024, 256 * mib)?,
        response_bytes: within("response_bytes", response_bytes, 1024, 256 * mib)?,
        hold_bytes: within("hold_bytes", hold_bytes, 1024, 256 * mib)?,
        // V8 caps a VM at 1 GiB.
        memory_bytes: within("memory_bytes", memory_bytes, mib, 896 * mib)?,
        key_wait_ms: within("key_wait_ms", key_wait_ms, 0, 60_000)? as u64,
    })
}

/// Lower-case hex.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _infallible = write!(text, "{byte:02x}");
        text
    })
}

pub(super) fn each<T, U>(
    path: &str,
    list: Vec<T>,
    one: impl Fn(&str, T) -> Result<U, PolicyError>,
) -> Result<Vec<U>, PolicyError> {
    list.into_iter().enumerate().map(|(i, item)| one(&format!("{path}[{i}]"), item)).collect()
}

pub(super) fn filled(path: &str, text: &str) -> Result<(), PolicyError> {
    if text.trim().is_empty() { wrong(path, "is empty") } else { Ok(()) }
}

fn some<T>(path: &str, list: &[T]) -> Result<(), PolicyError> {
    if list.is_empty() { wrong(path, "is empty") } else { Ok(()) }
}

pub(super) fn wrong<T>(path: &str, what: impl AsRef<str>) -> Result<T, PolicyError> {
    Err(PolicyError(format!("{path}: {}", what.as_ref())))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINIMAL: &str = r#"{"version":1,"access":[{"name":"a","effect":"allow","groups":["g"],"endpoints":["messages"]}]}"#;

    #[test]
    fn a_minimal_policy_fails_closed_by_default() {
        let policy = Policy::parse(MINIMAL.as_bytes()).unwrap();
        assert!(policy.issuers.is_empty());
        assert_eq!(policy.record.delivery, Delivery::Acknowledged);
        assert_eq!(policy.record.on_failure, OnFailure::Refuse);
        let Pace { every_ms, bytes } = policy.record.progress;
        assert_eq!((every_ms, bytes), (1000, 65536));
        assert_eq!(policy.digest.len(), 64);
    }

    #[test]
    fn a_sink_is_one_name_and_several_are_a_list() {
        for (written, meant) in
            [(r#""a""#, vec!["a"]), (r#"["a"]"#, vec!["a"]), (r#"["b","a"]"#, vec!["b", "a"])]
        {
            let record = format!(r#""record":{{"cluster":{written}}},"access""#);
            let json = MINIMAL.replace(r#""access""#, &record);
            assert_eq!(Policy::parse(json.as_bytes()).unwrap().record.clusters, meant);
            let raw: RawPolicy = serde_json::from_str(&json).unwrap();
            let rendered = serde_json::to_value(&raw).unwrap();
            let alone = meant.len() == 1;
            assert_eq!(rendered["record"]["cluster"].is_string(), alone, "one is written as it is");
        }
    }

    #[test]
    fn what_is_wrong_is_named_with_its_path() {
        let issuer =
            r#"{"issuer":"i","audiences":["a"],"algorithms":["RS256"],"jwks":{"keys":[]}}"#;
        let cases: &[(&str, &str, &str)] = &[
            (r#""version":1"#, r#""version":2"#, "version: is 2; this gateway reads version 1"),
            (
                r#""groups""#,
                r#""grups""#,
                "access[0].grups: unknown field `grups`, expected one of",
            ),
            (r#"["g"]"#, "[]", "access[0].groups: is empty"),
            (r#"["messages"]"#, r#"["files"]"#, "access[0].endpoints[0]: \"files\" is not one of"),
            (r#""allow""#, r#""permit""#, "access[0].effect: \"permit\" is neither"),
            (
                r#""access""#,
                r#""record":{"request_headers":["Authorization"]},"access""#,
                "record.request_headers[0]: \"authorization\" can carry a credential",
            ),
            (
                r#""access""#,
                r#""record":{"timeout_ms":1},"access""#,
                "record.timeout_ms: is not within",
            ),
            (r#""access""#, r#""record":{"cluster":""},"access""#, "record.cluster: is empty"),
            (r#""access""#, r#""record":{"cluster":[]},"access""#, "record.cluster: is empty"),
            (
                r#""access""#,
                r#""record":{"cluster":["a","b","a"]},"access""#,
                "record.cluster[2]: is listed twice",
            ),
            (
                r#""access""#,
                r#""record":{"cluster":["a",7]},"access""#,
                "record.cluster[1]: invalid type: integer `7`, expected a string",
            ),
            (
                r#""access""#,
                r#""record":{"cluster":{"a":1}},"access""#,
                "record.cluster: invalid type: map, expected a cluster's name, or a list of names",
            ),
            (
                r#""access""#,
                r#""record":{"progress":{"every_ms":9}},"access""#,
                "record.progress.every_ms: is not within 10 to 3600000",
            ),
            (
                r#""access""#,
                r#""record":{"progress":{"bytes":0}},"access""#,
                "record.progress.bytes: is not within 1 to 268435456",
            ),
            (
                r#""access""#,
                r#""record":{"progress":{"every_s":1}},"access""#,
                "record.progress.every_s: unknown field `every_s`, expected `every_ms` or `bytes`",
            ),
            (
                r#""access""#,
                r#""limits":{"memory_bytes":1},"access""#,
                "limits.memory_bytes: is not within",
            ),
            (
                r#""access""#,
                &format!(r#""identity":{{"issuers":[{issuer},{issuer}]}},"access""#),
                "identity.issuers[1].issuer: is listed twice",
            ),
            (
                r#""access""#,
                &format!(
                    r#""identity":{{"issuers":[{}]}},"access""#,
                    issuer.replace("RS256", "none")
                ),
                "identity.issuers[0].algorithms[0]: \"none\" is not one of",
            ),
            (
                r#""access""#,
                &format!(
                    r#""identity":{{"issuers":[{}]}},"access""#,
                    issuer.replace(r#"{"keys":[]}"#, r#"{"uri":"https://x/y"}"#)
                ),
                "identity.issuers[0].jwks: needs either",
            ),
        ];
        for (from, to, expected) in cases {
            let error = Policy::parse(MINIMAL.replace(from, to).as_bytes()).unwrap_err();
            assert!(error.to_string().starts_with(expected), "{error}\n  expected {expected}");
        }
    }
}
