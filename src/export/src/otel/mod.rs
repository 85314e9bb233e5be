//! `otel`: a session as one trace, in OTLP/JSON.
//!
//! Enters: a replay. Leaves: one `ExportTraceServiceRequest` in one line, as the OpenTelemetry
//! protocol's JSON mapping writes it (hex ids), for `POST /v1/traces` or a collector's file receiver.
//!
//! ```text
//! invoke_agent                      the session
//! ├─ chat {model}                   an exchange
//! ├─ execute_tool {name}            a tool call, linked to the exchange that suggested it
//! │  └─ invoke_agent {label}        a subagent that it started
//! │     └─ chat {model} …
//! ```
//!
//! Attributes follow the GenAI semantic conventions (semantic-conventions-genai, status
//! Development); what they have no name for begins with `hansard.`. Ids are hashes of the session's
//! and exchange's ids: the same session gives the same trace. Messages, system prompts, tool inputs
//! and results are in it only with [`Content::With`]: the conventions make them opt-in; input
//! messages are those that are new in an exchange. An exchange or a call whose end is not on record
//! ends at its last known moment and says `hansard.open`.

mod attributes;
mod ids;
mod messages;
mod spans;

pub(crate) use ids::{SpanId, TraceId};

use crate::Content;
use crate::text::json_line;
use attributes::Attributes;
use hansard_replay::Replay;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::InstrumentationScope;
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans};
use std::io::{self, Write};

/// Writes a session as spans.
///
/// # Errors
/// When the writer fails.
pub fn write(replay: &Replay, content: Content, out: &mut dyn Write) -> io::Result<()> {
    let mut resource = Attributes::default();
    resource.text("service.name", "hansard");
    resource.text("service.version", env!("CARGO_PKG_VERSION"));
    let request = ExportTraceServiceRequest {
        resource_spans: vec![ResourceSpans {
            resource: Some(Resource { attributes: resource.into(), ..Resource::default() }),
            scope_spans: vec![ScopeSpans {
                scope: Some(InstrumentationScope {
                    name: "hansard.export".to_owned(),
                    version: env!("CARGO_PKG_VERSION").to_owned(),
                    ..InstrumentationScope::default()
                }),
                spans: spans::of(replay, content),
                schema_url: String::new(),
            }],
            schema_url: String::new(),
        }],
    };
    json_line(out, &request)?;
    out.write_all(b"\n")
}
