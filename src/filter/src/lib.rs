//! The proxy-wasm filter: Envoy's callbacks in, `hansard-core`'s decisions out.
//!
//! Nothing here knows what Claude, a group or a policy rule is. [`stream`] turns the callbacks of
//! one HTTP stream into the steps of one exchange, [`hold`] keeps to the sequence in which Envoy
//! lets a filter withhold data, [`vm`] owns what the streams of a worker share, [`root`] carries
//! out what belongs to no stream, and [`host`] is the one file that speaks to Envoy.

mod hold;
mod host;
mod root;
mod stream;
mod vm;

proxy_wasm::main! {{
    proxy_wasm::set_root_context(|id| Box::new(root::Root::new(id)));
}}
