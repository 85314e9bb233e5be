//! Why an exchange ended, as far as Envoy's code details and response flags tell
//! (envoy/stream_info/stream_info.h, and the codecs' own details).

use super::*;

const NO_HEALTHY_UPSTREAM: u64 = 1 << 1;
const UPSTREAM_REQUEST_TIMEOUT: u64 = 1 << 2;
const UPSTREAM_REMOTE_RESET: u64 = 1 << 4;
const UPSTREAM_CONNECTION_FAILURE: u64 = 1 << 5;
const UPSTREAM_CONNECTION_TERMINATION: u64 = 1 << 6;
const UPSTREAM_OVERFLOW: u64 = 1 << 7;
const DOWNSTREAM_CONNECTION_TERMINATION: u64 = 1 << 14;
const UPSTREAM_RETRY_LIMIT: u64 = 1 << 15;
const STREAM_IDLE_TIMEOUT: u64 = 1 << 16;
const DOWNSTREAM_PROTOCOL_ERROR: u64 = 1 << 18;
const UPSTREAM_MAX_DURATION: u64 = 1 << 19;
const DURATION_TIMEOUT: u64 = 1 << 22;
const UPSTREAM_PROTOCOL_ERROR: u64 = 1 << 23;
const DNS_FAILED: u64 = 1 << 26;
const DOWNSTREAM_REMOTE_RESET: u64 = 1 << 28;

#[test]
fn what_envoy_reports_tells_why() {
    use EndWhy::{ClientGone, TimedOut, UpstreamFailed};
    let cases: &[(&str, u64, EndWhy)] = &[
        ("downstream_remote_disconnect", DOWNSTREAM_CONNECTION_TERMINATION, ClientGone),
        ("downstream_remote_disconnect", 0, ClientGone),
        (
            "downstream_local_disconnect(deferred_close_on_drained_connection)",
            DOWNSTREAM_CONNECTION_TERMINATION,
            ClientGone,
        ),
        ("http2.remote_reset", DOWNSTREAM_REMOTE_RESET, ClientGone),
        ("http2.remote_reset", 0, ClientGone),
        ("http2.remote_refuse", 0, ClientGone),
        ("http3.remote_reset", DOWNSTREAM_REMOTE_RESET, ClientGone),
        ("http2.violation.of.messaging.rule", DOWNSTREAM_PROTOCOL_ERROR, ClientGone),
        ("http1.codec_error", DOWNSTREAM_PROTOCOL_ERROR, ClientGone),
        ("http1.codec_error", 0, ClientGone),
        ("stream_idle_timeout", STREAM_IDLE_TIMEOUT, TimedOut),
        ("stream_idle_timeout", 0, TimedOut),
        ("request_overall_timeout", 0, TimedOut),
        ("request_header_timeout", 0, TimedOut),
        ("downstream_header_timeout", 0, TimedOut),
        ("response_timeout", UPSTREAM_REQUEST_TIMEOUT, TimedOut),
        ("upstream_response_timeout", UPSTREAM_REQUEST_TIMEOUT, TimedOut),
        ("upstream_per_try_timeout", UPSTREAM_REQUEST_TIMEOUT, TimedOut),
        ("upstream_max_stream_duration_reached", UPSTREAM_MAX_DURATION, TimedOut),
        ("max_duration_timeout", UPSTREAM_MAX_DURATION, TimedOut),
        ("duration_timeout", DURATION_TIMEOUT, TimedOut),
        (
            "downstream_local_disconnect(http2_ping_timeout)",
            DOWNSTREAM_CONNECTION_TERMINATION,
            TimedOut,
        ),
        (
            "upstream_reset_before_response_started{connection_timeout}",
            UPSTREAM_CONNECTION_FAILURE,
            TimedOut,
        ),
        (
            "upstream_reset_before_response_started{connection_termination}",
            UPSTREAM_CONNECTION_TERMINATION,
            UpstreamFailed,
        ),
        (
            "upstream_reset_before_response_started{remote_connection_failure|delayed_connect_error:_Connection_refused}",
            UPSTREAM_CONNECTION_FAILURE | UPSTREAM_RETRY_LIMIT,
            UpstreamFailed,
        ),
        (
            "upstream_reset_before_response_started{remote_connection_failure|TLS_error:|verify_cert_failed:_no_client_certificate}",
            UPSTREAM_CONNECTION_FAILURE,
            UpstreamFailed,
        ),
        ("upstream_reset_before_response_started{overflow}", UPSTREAM_OVERFLOW, UpstreamFailed),
        (
            "upstream_reset_after_response_started{remote_reset}",
            UPSTREAM_REMOTE_RESET,
            UpstreamFailed,
        ),
        (
            "upstream_reset_after_response_started{protocol_error|http1.codec_error}",
            UPSTREAM_PROTOCOL_ERROR,
            UpstreamFailed,
        ),
        ("no_healthy_upstream", NO_HEALTHY_UPSTREAM, UpstreamFailed),
        ("cluster_not_found", 0, UpstreamFailed),
        ("dns_resolution_failure", DNS_FAILED, UpstreamFailed),
        ("via_upstream", UPSTREAM_REMOTE_RESET, UpstreamFailed),
        ("", 0, UpstreamFailed),
    ];
    for (details, flags, why) in cases {
        let ending = Ending::reported(Some((*details).into()), Some(*flags));
        assert_eq!(ending.why, *why, "{details} {flags:#x}");
        assert_eq!(ending.detail.as_deref(), Some(*details));
        assert_eq!(ending.flags, Some(*flags));
    }
    assert_eq!(Ending::reported(None, None).why, UpstreamFailed);
}

#[test]
fn only_an_unflagged_end_via_the_upstream_is_clean() {
    let cases = [
        (Some("via_upstream"), Some(0), true),
        (Some("via_upstream"), None, true),
        (Some("via_upstream"), Some(DOWNSTREAM_CONNECTION_TERMINATION), false),
        (Some("via_upstream{}"), Some(0), false),
        (Some("downstream_remote_disconnect"), Some(0), false),
        (None, Some(0), false),
        (None, None, false),
    ];
    for (details, flags, clean) in cases {
        let ending = Ending::reported(details.map(Into::into), flags);
        assert_eq!(ending.is_clean(), clean, "{details:?} {flags:?}");
    }
}

#[test]
fn the_ending_stands_in_the_closing_part() {
    let detail = "upstream_reset_before_response_started{connection_termination}";
    let ending = || Ending::reported(Some(detail.into()), Some(UPSTREAM_CONNECTION_TERMINATION));
    let end = json!({"why": "upstream_failed", "detail": detail, "flags": 64});
    let mut gateway = Gateway::new();

    let forwarded = gateway.forwarded();
    let closed = content(&forwarded.ended(ending(), &mut gateway.scribe, NOW).unwrap(), "closed");
    assert_eq!(closed, json!({"end": end}), "no response at all");

    let whole = gateway.whole(&[(":status", "200")]);
    let closed = content(
        &whole.close(ending(), &mut gateway.redactor, &mut gateway.scribe, b"{", NOW).unwrap(),
        "closed",
    );
    assert_eq!(closed["end"], end);
    assert_eq!(closed["response"]["body_base64"], "ew==");

    let mut stream = gateway.stream();
    stream.feed(
        b"event: ping\ndata: {}\n\nevent: mess",
        false,
        &mut gateway.redactor,
        &mut gateway.scribe,
        NOW,
    );
    let closed = content(
        &stream.close(ending(), &mut gateway.redactor, &mut gateway.scribe, NOW).unwrap(),
        "closed",
    );
    assert_eq!(closed["end"], end);
    let unfinished = json!({"at": 0, "event": "", "data": "event: mess"});
    let ping = json!({"at": 0, "event": "ping", "data": {}});
    assert_eq!(closed["response"]["events"], json!([ping, unfinished]));
    assert_eq!(closed["response"]["bytes"], 33);
}
