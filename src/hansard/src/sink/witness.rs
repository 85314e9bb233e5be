//! An entry of Envoy's own access log, as the second witness of an exchange.
//!
//! Envoy writes it whatever the filter did; a stream that it saw without a record is an alarm.

use envoy_types::pb::envoy::config::core::v3::RequestMethod;
use envoy_types::pb::envoy::data::accesslog::v3::{
    AccessLogCommon, AccessLogType, HttpAccessLogEntry, ResponseFlags,
};
use hansard_record::ExchangeId;
use hansard_store::Witness;
use serde_json::json;

pub(super) fn witness(entry: &HttpAccessLogEntry, exchange: Option<ExchangeId>) -> Witness {
    let none = AccessLogCommon::default();
    let common = entry.common_properties.as_ref().unwrap_or(&none);
    let request = entry.request.clone().unwrap_or_default();
    let response = entry.response.clone().unwrap_or_default();
    let method = RequestMethod::try_from(request.request_method);
    let kind = AccessLogType::try_from(common.access_log_type);
    let details = json!({
        "type": kind.map(|kind| kind.as_str_name()).unwrap_or_default(),
        "flags": common.response_flags.as_ref().map(flags).unwrap_or_default(),
        "code_details": response.response_code_details,
        "termination_details": common.connection_termination_details,
        "upstream_failure": common.upstream_transport_failure_reason,
        "upstream_cluster": common.upstream_cluster,
        "route": common.route_name,
        "stream_id": common.stream_id,
        "request_id": request.request_id,
        "authority": request.authority,
        "user_agent": request.user_agent,
        "started_at": common.start_time.as_ref().map(|at| milliseconds(at.seconds, at.nanos)),
        "duration_ms": common.duration.as_ref().map(|span| milliseconds(span.seconds, span.nanos)),
        "request_bytes": request.request_body_bytes,
        "response_bytes": response.response_body_bytes,
    });
    Witness {
        exchange,
        method: match method {
            Ok(RequestMethod::MethodUnspecified) | Err(_) => String::new(),
            Ok(method) => method.as_str_name().to_owned(),
        },
        path: request.path,
        status: response.response_code.and_then(|code| u16::try_from(code.value).ok()),
        details: details.to_string(),
    }
}

fn milliseconds(seconds: i64, nanos: i32) -> i64 {
    seconds.saturating_mul(1000).saturating_add(i64::from(nanos) / 1_000_000)
}

/// The names of the flags that are set, as in the message's definition.
fn flags(flags: &ResponseFlags) -> Vec<&'static str> {
    // Destructured whole: a flag that a new version adds is a compile error here.
    let ResponseFlags {
        failed_local_healthcheck,
        no_healthy_upstream,
        upstream_request_timeout,
        local_reset,
        upstream_remote_reset,
        upstream_connection_failure,
        upstream_connection_termination,
        upstream_overflow,
        no_route_found,
        delay_injected,
        fault_injected,
        rate_limited,
        unauthorized_details,
        rate_limit_service_error,
        downstream_connection_termination,
        upstream_retry_limit_exceeded,
        stream_idle_timeout,
        invalid_envoy_request_headers,
        downstream_protocol_error,
        upstream_max_stream_duration_reached,
        response_from_cache_filter,
        no_filter_config_found,
        duration_timeout,
        upstream_protocol_error,
        no_cluster_found,
        overload_manager,
        dns_resolution_failure,
        downstream_remote_reset,
    } = *flags;
    [
        (failed_local_healthcheck, "failed_local_healthcheck"),
        (no_healthy_upstream, "no_healthy_upstream"),
        (upstream_request_timeout, "upstream_request_timeout"),
        (local_reset, "local_reset"),
        (upstream_remote_reset, "upstream_remote_reset"),
        (upstream_connection_failure, "upstream_connection_failure"),
        (upstream_connection_termination, "upstream_connection_termination"),
        (upstream_overflow, "upstream_overflow"),
        (no_route_found, "no_route_found"),
        (delay_injected, "delay_injected"),
        (fault_injected, "fault_injected"),
        (rate_limited, "rate_limited"),
        (unauthorized_details.is_some(), "unauthorized_details"),
        (rate_limit_service_error, "rate_limit_service_error"),
        (downstream_connection_termination, "downstream_connection_termination"),
        (upstream_retry_limit_exceeded, "upstream_retry_limit_exceeded"),
        (stream_idle_timeout, "stream_idle_timeout"),
        (invalid_envoy_request_headers, "invalid_envoy_request_headers"),
        (downstream_protocol_error, "downstream_protocol_error"),
        (upstream_max_stream_duration_reached, "upstream_max_stream_duration_reached"),
        (response_from_cache_filter, "response_from_cache_filter"),
        (no_filter_config_found, "no_filter_config_found"),
        (duration_timeout, "duration_timeout"),
        (upstream_protocol_error, "upstream_protocol_error"),
        (no_cluster_found, "no_cluster_found"),
        (overload_manager, "overload_manager"),
        (dns_resolution_failure, "dns_resolution_failure"),
        (downstream_remote_reset, "downstream_remote_reset"),
    ]
    .into_iter()
    .filter_map(|(set, name)| set.then_some(name))
    .collect()
}
