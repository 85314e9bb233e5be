//! The ledger from outside, as the sink and the auditor use it.

// `cfg(test)` tells clippy that helpers, too, are tests and may panic.
#[cfg(test)]
mod crash;
#[cfg(test)]
mod folded;
#[cfg(test)]
mod intake;
#[cfg(test)]
mod interrupted;
#[cfg(test)]
mod ledger;
#[cfg(test)]
mod looked;
#[cfg(test)]
mod order;
#[cfg(test)]
mod parts;
#[cfg(test)]
mod retention;
#[cfg(test)]
mod rows;
#[cfg(test)]
mod tamper;
