//! What happened, in order.

use crate::side::Out;
use crate::sink::Part;
use std::rc::Rc;

/// Whose bytes the client gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    /// The upstream's response, as the filter let it pass.
    Upstream,
    /// An answer that was made at the gateway, by the filter or by Envoy.
    Gateway,
}

/// One thing that happened. Streams go by their numbers.
#[derive(Clone, Debug)]
pub(crate) enum Event {
    /// The filter sent a message to the sink.
    Sent { parts: Vec<Rc<Part>> },
    /// The sink took a message and the filter is about to hear of it.
    Acknowledged { parts: Vec<Rc<Part>> },
    /// Something of a request reached the upstream.
    Upstream { stream: u32, out: Out },
    /// Something of a response reached the client.
    Client { stream: u32, out: Out, source: Source },
}
