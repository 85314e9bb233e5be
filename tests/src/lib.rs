//! What the tests run against: a scripted Claude, a sink under control, a client that sees every
//! chunk, and the real gateway between them.

pub mod bypass;
pub mod client;
pub mod gateway;
pub mod outside;
pub mod scripted;
pub mod sink;
