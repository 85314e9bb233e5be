//! Policy: from its JSON text to what it means.
//!
//! [`raw`] is what an operator may write, [`policy`] what the rest of the code works with; the
//! step between them is the one place where a policy can be wrong.

mod policy;
pub mod raw;
mod redact;

pub(crate) use policy::hex;
pub use policy::{
    Delivery, Effect, Issuer, JwksSource, Limits, OnFailure, Pace, Policy, PolicyError,
    RecordPolicy, Rule,
};
pub use redact::RedactPolicy;

// What a policy names without describing it.
pub use hansard_redact::{Action, pii::Pii, rules};
