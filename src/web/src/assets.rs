//! The style, the script and the icon, compiled in. Their addresses name their content, so a
//! browser may keep them for ever.

use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use sha2::{Digest, Sha256};
use std::sync::LazyLock;

struct Asset {
    name: &'static str,
    kind: &'static str,
    content: &'static str,
}

static ASSETS: [Asset; 3] = [
    Asset {
        name: "hansard.css",
        kind: "text/css; charset=utf-8",
        content: include_str!("static/hansard.css"),
    },
    Asset {
        name: "hansard.js",
        kind: "text/javascript; charset=utf-8",
        content: include_str!("static/hansard.js"),
    },
    Asset { name: "icon.svg", kind: "image/svg+xml", content: include_str!("static/icon.svg") },
];

static ADDRESSES: LazyLock<[String; 3]> = LazyLock::new(|| {
    ASSETS.each_ref().map(|asset| {
        let digest = Sha256::digest(asset.content);
        let digest: String = digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
        format!("/assets/{}?v={digest}", asset.name)
    })
});

pub(crate) fn style() -> &'static str {
    let [style, _, _] = &*ADDRESSES;
    style
}

pub(crate) fn script() -> &'static str {
    let [_, script, _] = &*ADDRESSES;
    script
}

pub(crate) fn icon() -> &'static str {
    let [_, _, icon] = &*ADDRESSES;
    icon
}

pub(crate) fn serve(name: &str) -> Response {
    match ASSETS.iter().find(|asset| asset.name == name) {
        Some(asset) => {
            let kept = "public, max-age=31536000, immutable";
            ([(header::CONTENT_TYPE, asset.kind), (header::CACHE_CONTROL, kept)], asset.content)
                .into_response()
        }
        None => StatusCode::NOT_FOUND.into_response(),
    }
}
