//! Host calls that fail on purpose.
//!
//! One plan a run: the k-th host call answers with a status and does nothing; or some calls do, by
//! chance, all the time. Every call counts but one: the `proxy_set_effective_context` that the SDK makes first thing in a gRPC or HTTP
//! answer. It unwraps the status (dispatcher.rs), and Envoy fails it only for a context that is
//! gone, to which it delivers no answers.

use crate::abi::Status;

/// What is to fail.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan {
    /// Which call, from 0.
    pub(crate) at: usize,
    /// With what.
    pub(crate) status: Status,
    /// Every later call of the same name fails, too.
    pub(crate) lasts: bool,
}

/// The calls of a run so far.
#[derive(Clone, Debug, Default)]
pub(crate) struct Faults {
    plan: Option<Plan>,
    /// Calls fail by chance: the state of the dice, and how many of a thousand fail.
    chance: Option<(u64, u64)>,
    made: Vec<&'static str>,
    struck: Option<&'static str>,
    /// The next call is the SDK's own.
    sdk_is_next: bool,
}

/// Statuses that a failing call is given. Calls whose status the SDK itself matches get those that
/// it takes; Envoy gives it no others for these calls (`Context::grpcCall`, `Context::httpCall`).
pub(crate) fn statuses(call: &str) -> &'static [Status] {
    match call {
        "proxy_grpc_call" => &[Status::ParseFailure, Status::InternalFailure],
        "proxy_http_call" => &[Status::BadArgument, Status::InternalFailure],
        _ => &[
            Status::InternalFailure,
            Status::BadArgument,
            Status::NotFound,
            Status::Empty,
            Status::ParseFailure,
            Status::SerializationFailure,
        ],
    }
}

impl Faults {
    pub(crate) fn planned(plan: Option<Plan>) -> Self {
        Self { plan, ..Self::default() }
    }

    /// From here on, so many of a thousand calls fail by chance.
    pub(crate) fn by_chance(seed: u64, per_mille: u64) -> Self {
        Self { chance: Some((seed, per_mille)), ..Self::default() }
    }

    /// An answer is about to be delivered through the SDK's dispatcher.
    pub(crate) fn expect_sdk(&mut self, expected: bool) {
        self.sdk_is_next = expected;
    }

    /// A call is made; the status with which it fails, if it does.
    pub(crate) fn strike(&mut self, call: &'static str) -> Option<Status> {
        if std::mem::take(&mut self.sdk_is_next) && call == "proxy_set_effective_context" {
            return None;
        }
        let number = self.made.len();
        self.made.push(call);
        if let Some((dice, per_mille)) = &mut self.chance {
            *dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let (fails, which) = ((*dice >> 33) % 1000 < *per_mille, (*dice >> 50) as usize);
            let statuses = statuses(call);
            return fails.then(|| statuses[which % statuses.len()]);
        }
        let plan = self.plan?;
        let first = number == plan.at;
        let again = plan.lasts && self.struck == Some(call);
        if first {
            self.struck = Some(call);
        }
        (first || again).then_some(plan.status)
    }

    /// The names of all calls so far.
    pub(crate) fn made(&self) -> &[&'static str] {
        &self.made
    }

    /// The call that failed, if the run came as far.
    pub(crate) fn struck(&self) -> Option<&'static str> {
        self.struck
    }
}
