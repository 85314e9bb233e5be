//! The trap itself.

use hansard_core::http::Headers;

#[expect(clippy::panic, reason = "it is what this file is for")]
pub(crate) fn spring(headers: &Headers) {
    if headers.first("x-hansard-trap").is_some() {
        panic!("the trap was sprung");
    }
}
