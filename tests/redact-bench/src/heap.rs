//! Memory of the module, as it grows.
//!
//! A body is read only when its turn comes: what is measured is the engine's memory, and a body's
//! worth of scratch.

use crate::engines;
use crate::figures::Heap;
use crate::problem::Problem;
use crate::speed::{fresh, request};
use std::io;

/// Builds an engine, then redacts the corpus on standard input with it.
pub(crate) fn measure() -> Result<Heap, Problem> {
    let before = memory();
    let mut engine = engines::everything()?;
    let configured = memory().saturating_sub(before);
    let mut seen = fresh();
    for body in io::stdin().lines() {
        request(&mut engine, &mut seen, &body?)
            .map_err(|refusal| Problem::Corpus(format!("{refusal:?}")))?;
    }
    Ok(Heap { configured, scanned: memory().saturating_sub(before) })
}

/// Bytes of linear memory.
#[cfg(target_family = "wasm")]
fn memory() -> usize {
    core::arch::wasm32::memory_size(0) << 16
}

/// Natively nobody counts.
#[cfg(not(target_family = "wasm"))]
fn memory() -> usize {
    0
}
