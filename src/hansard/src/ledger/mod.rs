//! Commands about the ledger as a whole: whether it is complete and intact, what leaves it as
//! evidence, and what is taken back.

pub(crate) mod accesses;
pub(crate) mod erase;
pub(crate) mod export;
pub(crate) mod status;
pub(crate) mod verify;
pub(crate) mod witness;

use std::env;

/// Who gives an order, for the log.
fn operator() -> String {
    ["SUDO_USER", "USER", "LOGNAME"]
        .into_iter()
        .find_map(|name| env::var(name).ok().filter(|value| !value.is_empty()))
        .unwrap_or_else(|| "unknown".to_owned())
}
