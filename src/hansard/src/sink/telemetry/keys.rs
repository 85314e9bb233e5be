//! Issuers' key sets, fetched as the gateway fetches them: when they are due, and again when it fails.

use super::desk::Desk;
use crate::policy::Loaded;
use reqwest::{Client, Url};
use std::time::Duration;

const EVERY: Duration = Duration::from_secs(1);
const PATIENCE: Duration = Duration::from_secs(5);
/// A key set is a few kilobytes.
const LARGEST: u64 = 1 << 20;

/// Where each issuer's set is; `None` for one that is written in the policy.
pub(super) fn places(loaded: &Loaded) -> Vec<Option<Url>> {
    let policy: serde_json::Value = serde_json::from_str(&loaded.json).unwrap_or_default();
    let issuers = policy.pointer("/identity/issuers").and_then(|all| all.as_array().cloned());
    let place = |issuer: &serde_json::Value| issuer.pointer("/jwks/uri")?.as_str()?.parse().ok();
    issuers.unwrap_or_default().iter().map(place).collect()
}

/// Never ends.
pub(super) async fn run(desk: Desk, places: Vec<Option<Url>>) {
    let client = Client::builder().timeout(PATIENCE).build().unwrap_or_default();
    loop {
        for due in desk.due().await {
            let place = places.get(due.issuer).cloned().flatten();
            let body = match place {
                Some(place) => fetch(&client, place).await,
                None => None,
            };
            if body.is_none() {
                tracing::warn!(authority = %due.authority, "an issuer's keys do not come");
            }
            desk.arrived(due.issuer, body);
        }
        tokio::time::sleep(EVERY).await;
    }
}

async fn fetch(client: &Client, place: Url) -> Option<Vec<u8>> {
    let mut response = client.get(place).send().await.ok()?.error_for_status().ok()?;
    let mut body = Vec::new();
    while let Some(piece) = response.chunk().await.ok()? {
        body.extend_from_slice(&piece);
        if body.len() as u64 > LARGEST {
            return None;
        }
    }
    Some(body)
}
