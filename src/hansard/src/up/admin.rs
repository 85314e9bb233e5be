//! Envoy's admin interface, as far as a start and a stop need it.

use http_body_util::{BodyExt, Empty, Limited};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use std::path::Path;
use tonic::codegen::{Bytes, http};

const LARGEST_ANSWER: usize = 4 << 20;

/// A client of one Envoy's admin interface.
pub(super) struct Admin {
    base: String,
    client: Client<HttpConnector, Empty<Bytes>>,
}

impl Admin {
    /// Reads the address that Envoy wrote; `None` while it has not.
    pub(super) fn read(file: &Path) -> Option<Self> {
        let address = std::fs::read_to_string(file).ok()?;
        let address = address.trim();
        let client = Client::builder(TokioExecutor::new()).build_http();
        (!address.is_empty()).then(|| Self { base: format!("http://{address}"), client })
    }

    /// Whether Envoy is ready to take requests.
    pub(super) async fn is_ready(&self) -> bool {
        self.ask("GET", "/ready").await.is_some()
    }

    /// A statistic's value.
    pub(super) async fn number(&self, name: &str) -> Option<u64> {
        let filter = name.replace('.', "%5C.");
        let text = self.ask("GET", &format!("/stats?filter=^{filter}$")).await?;
        text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": ")?.parse().ok())
    }

    /// Envoy's version, as `1.40.0`.
    pub(super) async fn version(&self) -> Option<String> {
        let text = self.ask("GET", "/server_info").await?;
        let info: serde_json::Value = serde_json::from_str(&text).ok()?;
        info.get("version")?.as_str()?.split('/').nth(1).map(str::to_owned)
    }

    /// Tells Envoy to do something; it may be gone already.
    pub(super) async fn post(&self, path: &str) {
        let _it_may_be_gone = self.ask("POST", path).await;
    }

    async fn ask(&self, method: &str, path: &str) -> Option<String> {
        let request = http::Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.base))
            .body(Empty::new())
            .ok()?;
        let answer = self.client.request(request).await.ok()?;
        if !answer.status().is_success() {
            return None;
        }
        let body = Limited::new(answer.into_body(), LARGEST_ANSWER).collect().await.ok()?;
        String::from_utf8(body.to_bytes().to_vec()).ok()
    }
}
