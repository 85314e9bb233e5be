//! One HTTP stream as the host sees it: both directions, and what the traffic was.

use crate::abi::{Headers, Way};
use crate::side::Side;
use std::collections::BTreeMap;

#[derive(Clone, Debug)]
pub(crate) struct Stream {
    /// The root context that it was made under.
    pub(crate) root: u32,
    pub(crate) request: Side,
    pub(crate) response: Side,
    /// What the filter set with `set_property`.
    pub(crate) filter_state: BTreeMap<String, Vec<u8>>,
    /// The session that the client names, by which its parts are told.
    pub(crate) session: String,
    /// What the client sent, to compare with what the upstream got.
    pub(crate) request_body: Vec<u8>,
    /// What the upstream sent, to compare with what the client got.
    pub(crate) response_body: Vec<u8>,
    /// An answer of the gateway's own is on its way through the filter.
    pub(crate) answering: bool,
    /// The gateway has answered: nothing of the request is read any more.
    pub(crate) answered: bool,
    /// The context is gone.
    pub(crate) dead: bool,
    /// `response.code_details` and `response.flags`, for the log.
    pub(crate) details: Option<String>,
    pub(crate) flags: u64,
}

impl Stream {
    pub(crate) fn new(root: u32, session: String) -> Self {
        Self {
            root,
            request: Side::default(),
            response: Side::default(),
            filter_state: BTreeMap::new(),
            session,
            request_body: Vec::new(),
            response_body: Vec::new(),
            answering: false,
            answered: false,
            dead: false,
            details: None,
            flags: 0,
        }
    }

    pub(crate) fn side(&mut self, way: Way) -> &mut Side {
        match way {
            Way::Request => &mut self.request,
            Way::Response => &mut self.response,
        }
    }

    /// The upstream has the whole request, and so may answer.
    pub(crate) fn is_forwarded(&self) -> bool {
        self.request.is_finished()
    }
}

/// What a client asks.
#[derive(Clone, Debug)]
pub(crate) struct Ask {
    pub(crate) headers: Headers,
    pub(crate) body: Vec<u8>,
}
