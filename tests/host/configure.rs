//! Policies that are refused, and what is left in force.

use crate::fixture;
use crate::gateway::Gateway;
use crate::outcome::{one_more, received};
use crate::scenario::plain;
use crate::stream::Ask;
use crate::verdict::breaches;
use serde_json::json;

#[test]
fn a_policy_that_does_not_load_is_refused_and_named() {
    let cases = [
        ("not JSON", "expected ident at line 1 column 2"),
        ("{}", "missing field"),
        (&plain().replace("\"groups\"", "\"grups\""), "unknown field `grups`"),
        (&fixture::with("record", json!({"delivery": "perhaps"})), "record.delivery"),
        (&fixture::with("record", json!({"on_failure": "ignore"})), "record.on_failure"),
        (&fixture::with("limits", json!({"memory_bytes": 1})), "limits.memory_bytes"),
    ];
    for (policy, told) in cases {
        let gateway = Gateway::with_fault(policy, None);
        assert!(!gateway.configured, "{policy}");
        let logs = gateway.world_ref().logs.join("\n");
        assert!(logs.contains(told), "{logs}\n  expected {told}");
        assert!(breaches(gateway.world_ref()).is_empty());
    }
}

#[test]
fn an_empty_configuration_is_refused() {
    assert!(!Gateway::with_fault("", None).configured);
}

#[test]
fn the_old_policy_stays_in_force_when_the_new_one_is_refused() {
    let mut gateway = Gateway::start(&plain());
    assert!(!gateway.configure("{\"version\":2}"));
    assert_eq!(one_more(&mut gateway), None);
    gateway.settle();
    assert!(breaches(gateway.world_ref()).is_empty());
}

/// Envoy makes no streams under a root that refused; if it did, nothing would pass.
#[test]
fn a_stream_without_a_policy_is_turned_away() {
    let mut gateway = Gateway::with_fault("{}", None);
    gateway.root = 1;
    let id = gateway.ask(&Ask::messages("s"));
    assert_eq!(received(&gateway, id).status.as_deref(), Some("503"));
    assert!(breaches(gateway.world_ref()).is_empty());
}

#[test]
fn a_policy_that_trusts_nobody_refuses_every_token() {
    let mut policy = fixture::policy();
    policy["identity"] = json!({"issuers": []});
    let mut gateway = Gateway::start(&policy.to_string());
    let id = gateway.ask(&Ask::messages("s"));
    gateway.pump();
    assert_eq!(received(&gateway, id).status.as_deref(), Some("401"));
    assert!(breaches(gateway.world_ref()).is_empty());
}
