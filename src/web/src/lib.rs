//! The replay in a browser: what was suggested, what was accepted, what ran.
//!
//! Enters: sessions as `hansard_replay` rebuilds them, and requests of people who logged in. Leaves:
//! pages that are whole without a script, and the same as JSON.
//!
//! Promises: nothing is shown to a stranger, nor to anybody beyond their role; every view, search
//! and export is on record before it is answered; everything recorded is hostile text, and nothing
//! of it acts in the page: it is escaped, laid out by elements of our own, and the content security
//! policy allows no script or style but ours. A page's size does not grow with a session's.

pub mod access;
mod api;
mod assets;
pub mod audit;
mod doors;
#[cfg(any(test, feature = "made-up"))]
pub mod fixture;
mod pages;
pub mod prices;
mod query;
mod serve;
mod show;
mod site;
pub mod source;

pub use access::oidc::Provider;
pub use access::roles::{Role, Roles, RolesError};
pub use audit::{Audit, AuditError};
pub use prices::{Prices, PricesError};
pub use serve::{router, token};
pub use site::{Login, Settings};
pub use source::{Reach, Source, SourceError};
