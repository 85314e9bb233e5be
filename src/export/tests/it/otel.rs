//! The spans, read back by the protocol's own types.

use crate::fixture;
use hansard_export::Content;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
use opentelemetry_proto::tonic::trace::v1::Span;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

fn spans(content: Content) -> Vec<Span> {
    let mut out = Vec::new();
    hansard_export::otel(&fixture::replay(), content, &mut out).unwrap();
    let mut request: ExportTraceServiceRequest = serde_json::from_slice(&out).unwrap();
    request.resource_spans.remove(0).scope_spans.remove(0).spans
}

fn attributes(span: &Span) -> BTreeMap<String, Any> {
    let pairs = span.attributes.iter();
    pairs.map(|pair| (pair.key.clone(), pair.value.clone().unwrap().value.unwrap())).collect()
}

fn text(value: &str) -> Any {
    Any::StringValue(value.to_owned())
}

#[test]
fn a_session_is_one_tree() {
    let spans = spans(Content::Without);
    assert_eq!(spans.len(), 1 + 1 + 7 + 5);
    let ids: BTreeSet<_> = spans.iter().map(|span| span.span_id.clone()).collect();
    assert_eq!(ids.len(), spans.len());
    for span in &spans {
        assert_eq!((span.trace_id.len(), span.span_id.len()), (16, 8));
        assert_eq!(span.trace_id, spans[0].trace_id);
        assert!(span.end_time_unix_nano >= span.start_time_unix_nano);
        let is_root = span.span_id == spans[0].span_id;
        assert_eq!(is_root, span.parent_span_id.is_empty());
        assert!(is_root || ids.contains(&span.parent_span_id));
        assert!(span.links.iter().all(|link| ids.contains(&link.span_id)));
    }
    // The subagent stands under the call that started it, its exchange under the subagent.
    let agent = &spans[1];
    let task = spans.iter().find(|span| span.name == "execute_tool Task").unwrap();
    assert_eq!(agent.parent_span_id, task.span_id);
    assert_eq!(spans.iter().filter(|span| span.parent_span_id == agent.span_id).count(), 1);
}

#[test]
fn attributes_follow_the_conventions() {
    let spans = spans(Content::Without);
    let chat = spans.iter().find(|span| span.name == "chat claude-sonnet-4-5").unwrap();
    let of = attributes(chat);
    assert_eq!(of["gen_ai.operation.name"], text("chat"));
    assert_eq!(of["gen_ai.provider.name"], text("anthropic"));
    assert_eq!(of["gen_ai.request.model"], text("claude-sonnet-4-5"));
    assert_eq!(of["gen_ai.usage.input_tokens"], Any::IntValue(2_312));
    assert_eq!(of["gen_ai.usage.cache_read.input_tokens"], Any::IntValue(2_000));
    assert_eq!(of["gen_ai.usage.cache_write.input_tokens"], Any::IntValue(300));
    assert_eq!(of["gen_ai.usage.output_tokens"], Any::IntValue(77));
    assert_eq!(of["gen_ai.conversation.id"], text("5f1d2c3b-0000-4000-8000-1234567890ab"));
    assert_eq!(of["gen_ai.response.time_to_first_chunk"], Any::DoubleValue(0.4));
    assert_eq!(chat.events.len(), 1);
    let refused = spans.iter().find(|span| span.name == "chat claude-opus-4-1").unwrap();
    assert_eq!(attributes(refused)["error.type"], text("policy_blocked"));
    assert_eq!(refused.status.as_ref().unwrap().code, 2);
    let tool = spans.iter().find(|span| span.name == "execute_tool Write").unwrap();
    let of = attributes(tool);
    assert_eq!(of["gen_ai.tool.call.id"], text("toolu_02"));
    assert_eq!(of["error.type"], text("rejected"));
}

#[test]
fn content_is_there_when_it_is_asked_for() {
    let opt_in = [
        "gen_ai.input.messages",
        "gen_ai.output.messages",
        "gen_ai.system_instructions",
        "gen_ai.tool.call.arguments",
        "gen_ai.tool.call.result",
    ];
    let has = |spans: &[Span], key: &str| {
        spans.iter().any(|span| span.attributes.iter().any(|pair| pair.key == key))
    };
    for key in opt_in {
        assert!(!has(&spans(Content::Without), key), "{key} is there");
        assert!(has(&spans(Content::With), key), "{key} is not there");
    }
    let spans = spans(Content::With);
    let parsed = |span: &Span, key: &str| -> Value {
        let Any::StringValue(json) = &attributes(span)[key] else { panic!("{key}") };
        serde_json::from_str(json).unwrap()
    };
    let first = spans.iter().find(|span| span.name == "chat claude-sonnet-4-5").unwrap();
    let output = parsed(first, "gen_ai.output.messages");
    assert_eq!(output[0]["finish_reason"], "tool_call");
    assert_eq!(output[0]["parts"][0]["type"], "reasoning");
    assert_eq!(output[0]["parts"][3]["arguments"]["command"], "ls");
    let results = spans
        .iter()
        .find(|span| attributes(span).get("hansard.turn.kind") == Some(&text("results")));
    let input = parsed(results.unwrap(), "gen_ai.input.messages");
    let roles: Vec<_> = input.as_array().unwrap().iter().map(|said| &said["role"]).collect();
    assert_eq!(roles, ["tool", "user"]);
    assert_eq!(input[0]["parts"][0]["type"], "tool_call_response");
    // What ran, where that is another than was suggested.
    let ran = spans.iter().find(|span| span.name == "execute_tool Bash").unwrap();
    assert_eq!(attributes(ran)["gen_ai.tool.call.arguments"], text("{\"command\":\"ls -a\"}"));
}
