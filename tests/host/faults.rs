//! Promise 7 by exhaustion: every host call of every scenario fails once, with every status.
//!
//! A clean run counts the host calls; then the scenario is played once for each call and status.
//! Whatever failed: no trap, nothing passes unrecorded, no stream hangs, nothing is missing of the
//! record in the end, and the same VM serves a further exchange.

use crate::fault::{Plan, statuses};
use crate::gateway::Gateway;
use crate::outcome::{all_leave, hanging, one_more};
use crate::scenario::{ACKNOWLEDGED, LOGGED, Scenario, plain};
use crate::verdict::{breaches, faults, gaps};
use std::collections::BTreeMap;

/// What was wrong, and after which failing calls.
#[derive(Default)]
struct Wrong(BTreeMap<String, Vec<String>>);

impl Wrong {
    fn add(&mut self, plan: Plan, call: &str, found: Vec<String>) {
        for what in found {
            let status = plan.status as u32;
            self.0.entry(what).or_default().push(format!("{} {call} {status}", plan.at));
        }
    }

    fn expect_none(&self, name: &str) {
        let mut report = String::new();
        for (what, calls) in &self.0 {
            report += &format!("\n{what}\n    after the failure of {}", calls.join(", "));
        }
        assert!(self.0.is_empty(), "{name}: {report}");
    }
}

/// Plays a scenario and lets everything come to rest. What was wrong.
fn play(scenario: &Scenario, base: &Gateway, plan: Plan) -> Vec<String> {
    let mut gateway = base.fork(Some(plan));
    (scenario.play)(&mut gateway);
    assert!(gateway.world().faults.struck().is_some(), "{}: {plan:?}", scenario.name);
    gateway.settle();
    let hanging = hanging(&gateway);
    all_leave(&mut gateway);
    gateway.settle();
    let mut wrong = Vec::new();
    // A host that goes on failing serves nobody; there it counts that nothing passes.
    if !plan.lasts {
        wrong.extend(hanging.into_iter().map(|id| format!("stream {id} hangs")));
        wrong.extend(one_more(&mut gateway));
        gateway.settle();
        if scenario.is_acknowledged() {
            wrong.extend(gaps(gateway.world_ref()));
        }
    }
    let always = if scenario.is_acknowledged() { breaches } else { faults };
    wrong.extend(always(gateway.world_ref()));
    wrong
}

/// Fails each call of a scenario, once or from then on.
fn fail_each_call(scenario: &Scenario, lasts: bool) {
    let base = scenario.base();
    let mut clean = base.fork(None);
    (scenario.play)(&mut clean);
    let calls = clean.world().faults.made();
    let mut wrong = Wrong::default();
    let mut runs = 0;
    for (at, &call) in calls.iter().enumerate() {
        // A lasting failure is tried with one status: it takes no other way for another.
        let tried = if lasts { 1 } else { usize::MAX };
        for &status in statuses(call).iter().take(tried) {
            let plan = Plan { at, status, lasts };
            wrong.add(plan, call, play(scenario, &base, plan));
            runs += 1;
        }
    }
    println!("{}: {} host calls, {runs} runs", scenario.name, calls.len());
    wrong.expect_none(scenario.name);
}

/// A filter that is not told its policy, its time or its queue says so, and Envoy refuses the
/// configuration; whatever else fails, the first exchange is served.
#[test]
fn configure() {
    let calls = Gateway::start(&plain()).world().faults.made().to_vec();
    let mut wrong = Wrong::default();
    for (at, &call) in calls.iter().enumerate() {
        for &status in statuses(call) {
            let plan = Plan { at, status, lasts: false };
            let mut gateway = Gateway::with_fault(&plain(), Some(plan));
            if gateway.configured {
                wrong.add(plan, call, one_more(&mut gateway).into_iter().collect());
                gateway.settle();
                wrong.add(plan, call, gaps(gateway.world_ref()));
            }
            wrong.add(plan, call, breaches(gateway.world_ref()));
        }
    }
    wrong.expect_none("configure");
}

/// A scenario's name is its test's.
macro_rules! each_call_fails_once {
    ($($name:ident)*) => {$(
        #[test]
        fn $name() {
            let mut all = ACKNOWLEDGED.iter().chain(LOGGED);
            fail_each_call(all.find(|s| s.name == stringify!($name)).unwrap(), false);
        }
    )*};
}

each_call_fails_once! {
    json text tool tool_cut tools_at_once tool_refused timed timed_refused spare_sink turns turns_forgotten
    refused_by_policy no_token models trailers keys_pending sink_away sink_silent client_leaves upstream_breaks shared_calls too_large probe
    logged_json logged_tool logged_refusal
}

/// The host goes on failing: each call, in every scenario, from each time on.
#[test]
fn calls_that_fail_from_some_time_on() {
    for scenario in ACKNOWLEDGED {
        fail_each_call(scenario, true);
    }
}
