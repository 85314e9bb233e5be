//! The built filter, run by a host of our own that models Envoy.
//!
//! The real `hansard_filter.wasm` runs on an interpreter. [`vm`] calls it, [`imports`] and [`wasi`]
//! answer its host calls, [`side`] and [`stream`] hold data as Envoy's filter manager does,
//! [`gateway`] plays the traffic, [`sink`] reads what the filter sends. Everything that happens
//! goes into one [`journal`], in order, and [`verdict`] judges the journal: what passed before it
//! was on record. So a promise is kept or broken by order of events, never by timing, and any host
//! call of any run can be made to fail ([`fault`]).
//!
//! Not here: TLS, HTTP framing, connection pools, more than one worker. `tests/it` has the real
//! Envoy for those.

// `cfg(test)` tells clippy that helpers, too, are tests and may panic.

// === the host ===
#[cfg(test)]
mod abi;
#[cfg(test)]
mod fault;
#[cfg(test)]
mod gateway;
#[cfg(test)]
mod imports;
#[cfg(test)]
mod journal;
#[cfg(test)]
mod proto;
#[cfg(test)]
mod side;
#[cfg(test)]
mod sink;
#[cfg(test)]
mod stream;
#[cfg(test)]
mod traffic;
#[cfg(test)]
mod verdict;
#[cfg(test)]
mod vm;
#[cfg(test)]
mod wasi;
#[cfg(test)]
mod world;

// === what is played, and what came of it ===
#[cfg(test)]
mod fixture;
#[cfg(test)]
mod outcome;
#[cfg(test)]
mod scenario;

// === the tests ===
#[cfg(test)]
mod answers;
#[cfg(test)]
mod baseline;
#[cfg(test)]
mod configure;
#[cfg(test)]
mod crowds;
#[cfg(test)]
mod deaths;
#[cfg(test)]
mod faults;
#[cfg(test)]
mod folded;
#[cfg(test)]
mod import_section;
#[cfg(test)]
mod keys;
#[cfg(test)]
mod refusals;
#[cfg(test)]
mod schedules;
#[cfg(test)]
mod sharing;
#[cfg(test)]
mod sinks;
#[cfg(test)]
mod timed;
