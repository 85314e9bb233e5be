//! The filter with a trap: a VM in which a request with the header `x-hansard-trap` panics, for the
//! fault tests (tests/faults). Nothing else of it differs from the real one.

#[path = "../../src/hold.rs"]
mod hold;
#[path = "../../src/host.rs"]
mod host;
#[path = "../../src/root.rs"]
mod root;
#[path = "../../src/stream/mod.rs"]
mod stream;
mod trap;
#[path = "../../src/vm.rs"]
mod vm;

proxy_wasm::main! {{
    proxy_wasm::set_root_context(|id| Box::new(root::Root::new(id)));
}}
