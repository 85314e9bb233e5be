//! The Claude Messages API, as far as a gateway must understand it.
//!
//! Requests: which model, which session ([`request`]). Responses: a stream of server-sent events
//! ([`sse`]), what each one says ([`event`]), and the message they add up to ([`assemble`]); or a
//! whole message ([`response`]). Errors in the shape that clients show ([`error`]).
//!
//! Source: the Messages API reference, and clients observed on the wire.

pub mod assemble;
pub mod error;
pub mod event;
mod fields;
pub mod request;
pub mod response;
pub mod sse;
