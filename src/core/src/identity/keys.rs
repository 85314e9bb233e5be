//! The issuers' key sets over time: what is due to be fetched, and the last good set.
//!
//! A fetch that fails leaves the old set in force. A token with an unknown `kid` brings the next
//! fetch forward, at most once in ten seconds, so that a rotation is taken in quickly and a forger
//! cannot make the gateway hammer its issuer.

use super::jwks::{self, Algorithm, Key};
use crate::config::{JwksSource, Policy};

/// After a failed fetch while there is no set, and while there is one.
const RETRY_WITHOUT_MS: u64 = 1000;
const RETRY_WITH_MS: u64 = 30_000;
/// The least time between fetches that unknown keys ask for.
const UNKNOWN_KEY_MS: u64 = 10_000;
/// A fetch that was not answered by then is taken as failed.
const FETCH_TIMEOUT_MS: u64 = 10_000;

/// A fetch to make.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fetch {
    /// Which issuer; hand it back with the answer.
    pub issuer: usize,
    /// The cluster to fetch over.
    pub cluster: String,
    /// `:authority`.
    pub authority: String,
    /// `:path`.
    pub path: String,
}

/// The key sets of a policy's issuers, in the policy's order.
pub struct KeyStore {
    issuers: Vec<IssuerKeys>,
}

struct IssuerKeys {
    accepted: Vec<Algorithm>,
    source: Option<Source>,
    /// `None` until the first set.
    keys: Option<Vec<Key>>,
    /// The set as it came, to tell a change.
    text: Vec<u8>,
}

struct Source {
    cluster: String,
    authority: String,
    path: String,
    refresh_ms: u64,
    due_at: u64,
    asked_at: Option<u64>,
}

impl KeyStore {
    pub(super) fn new(policy: &Policy) -> Self {
        let issuers = policy.issuers.iter().map(|issuer| {
            let accepted = issuer.algorithms.clone();
            match &issuer.jwks {
                JwksSource::Inline(set) => {
                    let keys = jwks::parse(set.to_string().as_bytes(), &accepted);
                    let keys = Some(keys.unwrap_or_default());
                    IssuerKeys { accepted, source: None, keys, text: Vec::new() }
                }
                JwksSource::Fetch { authority, path, cluster, refresh_ms } => {
                    let source = Source {
                        cluster: cluster.clone(),
                        authority: authority.clone(),
                        path: path.clone(),
                        refresh_ms: *refresh_ms,
                        due_at: 0,
                        asked_at: None,
                    };
                    IssuerKeys { accepted, source: Some(source), keys: None, text: Vec::new() }
                }
            }
        });
        Self { issuers: issuers.collect() }
    }

    /// The fetches to make now. Each is due again when it fails or its time-out passes.
    pub fn due(&mut self, now_ms: u64) -> Vec<Fetch> {
        let mut fetches = Vec::new();
        for (issuer, keys) in self.issuers.iter_mut().enumerate() {
            let Some(source) = &mut keys.source else { continue };
            let waiting = source.asked_at.is_some_and(|at| now_ms < at + FETCH_TIMEOUT_MS);
            if waiting || now_ms < source.due_at {
                continue;
            }
            source.asked_at = Some(now_ms);
            fetches.push(Fetch {
                issuer,
                cluster: source.cluster.clone(),
                authority: source.authority.clone(),
                path: source.path.clone(),
            });
        }
        fetches
    }

    /// Takes in the answer to a fetch (`None`: it failed). Whether the keys in force changed.
    pub(super) fn arrived(&mut self, issuer: usize, body: Option<&[u8]>, now_ms: u64) -> bool {
        let Some(entry) = self.issuers.get_mut(issuer) else { return false };
        let IssuerKeys { accepted, source: Some(source), keys, text } = entry else { return false };
        source.asked_at = None;
        // A set without one usable key is as good as none: the last good set stays.
        let parsed = body.and_then(|b| jwks::parse(b, accepted)).filter(|set| !set.is_empty());
        match (parsed, body) {
            (Some(set), Some(body)) => {
                source.due_at = now_ms + source.refresh_ms;
                let changed = keys.is_none() || text != body;
                *keys = Some(set);
                *text = body.to_vec();
                changed
            }
            _ => {
                let wait = if keys.is_some() { RETRY_WITH_MS } else { RETRY_WITHOUT_MS };
                source.due_at = now_ms + wait.min(source.refresh_ms);
                false
            }
        }
    }

    /// Whether every issuer has keys.
    #[must_use]
    pub fn complete(&self) -> bool {
        self.issuers.iter().all(|issuer| issuer.keys.is_some())
    }

    /// The keys of an issuer, `None` until the first set came.
    pub(super) fn of(&self, issuer: usize) -> Option<&[Key]> {
        self.issuers.get(issuer)?.keys.as_deref()
    }

    /// A token named a key that the set does not have.
    pub(super) fn unknown_key(&mut self, issuer: usize, now_ms: u64) {
        let source = self.issuers.get_mut(issuer).and_then(|keys| keys.source.as_mut());
        if let Some(source) = source {
            let last = source.due_at.saturating_sub(source.refresh_ms);
            source.due_at = source.due_at.min((last + UNKNOWN_KEY_MS).max(now_ms));
        }
    }
}
