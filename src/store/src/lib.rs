//! The ledger of recorded exchanges: one writer, many readers, one SQLite file.
//!
//! Enters: parts of records as the sink received them ([`Incoming`]). Leaves: [`Accepted`] once they
//! are on disk, a [`Receipt`] once they are in the ledger, and what an auditor reads back
//! ([`Session`], [`Exchange`], [`StoredPart`], [`Account`]).
//!
//! Promises: what is accepted has been synced, and is in the ledger within a second or at the next
//! start; a receipt is given only after the commit that holds the parts has been synced; a part
//! is stored once, byte for byte as it came; what is derived from parts (sessions, exchanges) does
//! not depend on the order in which they arrive. Only [`Writer`] changes anything: [`Reader`] has
//! no method that writes, and its connection refuses to.
//!
//! This crate knows no network, no async runtime and no clock: the time of receipt is an argument.

mod access;
mod account;
mod around;
mod boots;
mod brake;
mod clear;
mod content;
mod erase;
mod error;
mod evidence;
mod exchange;
mod follow;
mod helper;
mod incoming;
mod intake;
mod integrate;
mod interrupted;
mod journal;
mod leaves;
mod ledger;
mod malformed;
mod outline;
mod paced;
mod progress;
mod projections;
mod queue;
mod reader;
mod receive;
mod retention;
mod rows;
mod schema;
mod session;
mod status;
mod telemetry;
mod writer;
mod yields;

pub use access::{Access, Accessed};
pub use account::Account;
pub use erase::{Custodian, Order};
pub use error::{AppendError, StoreError};
pub use evidence::{Chained, Evidence, Inclusion, ProvenEntry};
pub use exchange::{Exchange, Status};
pub use follow::{Change, Changes};
pub use incoming::{Incoming, Source, Witness};
pub use interrupted::SILENCE;
pub use leaves::{Leaf, Tip};
pub use ledger::{Keys, beside, make_key};
pub use malformed::Defect;
pub use outline::{Link, Member, Outline, Stream};
pub use queue::Rejected;
pub use reader::{Reader, StoredPart};
pub use retention::Keep;
pub use session::{Session, SessionId};
pub use status::{Gap, Status as LedgerStatus};
pub use telemetry::{Said, Telemetry};
pub use writer::{Accepted, Options, Receipt, Stats, Writer, WriterHandle};
