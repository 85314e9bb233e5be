//! What a test plays: clients, the upstream, the sink, the issuer, and the passing of time.
//!
//! Nothing happens by itself, and nothing that cannot happen is played: a dead stream gets no more
//! data, an upstream answers only a request that it has.

use crate::abi::{Headers, Way};
use crate::fixture::jwks;
use crate::gateway::Gateway;
use crate::journal::Event;
use crate::stream::{Ask, Stream};
use crate::world::World;
use hansard_record::fold::{TAKES_FOLDED, UNKNOWN_STATUS};

/// `grpc-status`: the sink is away.
pub(crate) const UNAVAILABLE: u32 = 14;
/// How often a root context is called with the time.
const TICK_MS: u64 = 100;

// === the client ===

impl Gateway {
    /// A request's head arrives, on a stream of its own.
    pub(crate) fn open(&mut self, ask: &Ask) -> u32 {
        let id = self.new_context();
        let session = ask.headers.first("x-claude-code-session-id").unwrap_or_default().to_owned();
        let root = self.root;
        let mut stream = Stream::new(root, session);
        let end = ask.body.is_empty();
        stream.request.headers_arrive(ask.headers.clone(), end);
        self.world().streams.insert(id, stream);
        self.call(id, "proxy_on_context_create", &[id, root]);
        let count = u32::try_from(ask.headers.0.len()).unwrap();
        self.callback(id, Way::Request, "proxy_on_request_headers", &[id, count, u32::from(end)]);
        id
    }

    /// A whole request arrives, its body in one piece.
    pub(crate) fn ask(&mut self, ask: &Ask) -> u32 {
        let id = self.open(ask);
        if !ask.body.is_empty() {
            self.request_data(id, &ask.body, true);
        }
        id
    }

    pub(crate) fn request_data(&mut self, id: u32, data: &[u8], end: bool) {
        let stream = self.stream(id);
        stream.request_body.extend_from_slice(data);
        // After an answer Envoy drops what else the client sends.
        if stream.dead || stream.answered {
            return;
        }
        let size = u32::try_from(stream.request.data_arrives(data, end)).unwrap();
        let args = [id, size, u32::from(end)];
        self.callback(id, Way::Request, "proxy_on_request_body", &args);
    }

    pub(crate) fn request_trailers(&mut self, id: u32) {
        let stream = self.stream(id);
        if stream.dead || stream.answered {
            return;
        }
        stream.request.trailers_arrive();
        self.callback(id, Way::Request, "proxy_on_request_trailers", &[id, 1]);
    }

    /// The client goes away.
    pub(crate) fn client_leaves(&mut self, id: u32) {
        self.reset(id, "downstream_remote_disconnect", 1 << 14);
    }
}

// === the upstream ===

impl Gateway {
    /// The upstream answers with a head. Whether it has a request to answer.
    pub(crate) fn respond(&mut self, id: u32, headers: &Headers, end: bool) -> bool {
        let stream = self.stream(id);
        if stream.dead || stream.answered || !stream.is_forwarded() {
            return false;
        }
        stream.response.headers_arrive(headers.clone(), end);
        let count = u32::try_from(headers.0.len()).unwrap();
        let args = [id, count, u32::from(end)];
        self.callback(id, Way::Response, "proxy_on_response_headers", &args);
        true
    }

    pub(crate) fn response_data(&mut self, id: u32, data: &[u8], end: bool) {
        let stream = self.stream(id);
        if stream.dead || stream.answered || stream.response.headers.0.is_empty() {
            return;
        }
        stream.response_body.extend_from_slice(data);
        let size = u32::try_from(stream.response.data_arrives(data, end)).unwrap();
        let args = [id, size, u32::from(end)];
        self.callback(id, Way::Response, "proxy_on_response_body", &args);
    }

    pub(crate) fn response_trailers(&mut self, id: u32) {
        let stream = self.stream(id);
        if stream.dead || stream.answered || stream.response.headers.0.is_empty() {
            return;
        }
        stream.response.trailers_arrive();
        self.callback(id, Way::Response, "proxy_on_response_trailers", &[id, 1]);
    }

    /// The upstream breaks off: Envoy answers while there is no response, and resets afterwards.
    pub(crate) fn upstream_breaks(&mut self, id: u32) {
        let stream = self.stream(id);
        if stream.dead || !stream.request.headers_are_gone() {
            return;
        }
        let details = "upstream_reset_before_response_started{connection_termination}";
        stream.details = Some(details.into());
        stream.flags |= 1 << 6;
        if stream.response.headers.0.is_empty() {
            let headers = Headers::new(&[(":status", "503"), ("content-type", "text/plain")]);
            self.answer(id, headers, b"upstream connect error");
        } else {
            self.reset(id, details, 1 << 6);
        }
    }
}

// === the sink and the issuer ===

impl Gateway {
    /// The oldest message that the sink has not answered.
    pub(crate) fn oldest_call(&self) -> Option<u32> {
        self.world_ref().calls.keys().next().copied()
    }

    /// The sink that a message was sent to.
    pub(crate) fn cluster_of(&self, call: u32) -> &str {
        self.world_ref().calls.get(&call).map(|call| call.cluster.as_str()).unwrap_or_default()
    }

    /// Whether a message leaves something out.
    pub(crate) fn is_folded(&self, call: u32) -> bool {
        self.world_ref().calls.get(&call).is_some_and(|call| call.is_folded)
    }

    /// The sink has made a message durable and says so; or it lacks what that builds on, and says that.
    pub(crate) fn acknowledge(&mut self, call: u32) {
        if self.world_ref().calls.get(&call).is_some_and(|call| call.parts.is_empty()) {
            return self.refuse(call, UNKNOWN_STATUS);
        }
        let Some(answered) = self.world().calls.remove(&call) else { return };
        for part in &answered.parts {
            self.world().shelf.take(&answered.cluster, part);
        }
        self.world().journal.push(Event::Acknowledged { parts: answered.parts });
        self.world().told =
            if self.world_ref().is_generic { Vec::new() } else { TAKES_FOLDED.to_vec() };
        let size = u32::try_from(self.world_ref().told.len()).unwrap();
        self.world().faults.expect_sdk(true);
        self.call(answered.owner, "proxy_on_grpc_receive", &[answered.owner, call, size]);
        self.world().faults.expect_sdk(false);
        self.world().told.clear();
    }

    /// The sink refuses a message, or it cannot be reached.
    pub(crate) fn refuse(&mut self, call: u32, status: u32) {
        let Some(answered) = self.world().calls.remove(&call) else { return };
        self.world().faults.expect_sdk(true);
        self.call(answered.owner, "proxy_on_grpc_close", &[answered.owner, call, status]);
        self.world().faults.expect_sdk(false);
    }

    /// Every fetch of keys gets this answer: a status and a body; status 0 is a fetch that failed.
    pub(crate) fn answer_fetches(&mut self, status: u32, body: &str) {
        while let Some((call, fetch)) = self.world().fetches.pop_first() {
            let headers = Headers::new(&[(":status", &status.to_string())]);
            let (count, size) = if status == 0 { (0, 0) } else { (1, body.len()) };
            self.world().fetched = (status != 0).then(|| (headers, body.as_bytes().to_vec()));
            self.world().faults.expect_sdk(true);
            let args = [fetch.owner, call, count, u32::try_from(size).unwrap(), 0];
            self.call(fetch.owner, "proxy_on_http_call_response", &args);
            self.world().faults.expect_sdk(false);
            self.world().fetched = None;
        }
    }
}

// === the event loop ===

impl Gateway {
    /// Delivers what is in the queues; whether there was any.
    pub(crate) fn wake(&mut self) -> bool {
        let mut woken = false;
        while let Some(queue) = self.world().ready.pop_front() {
            let root = self.world().queue(queue).unwrap().root;
            if self.world().roots.contains_key(&root) {
                self.call(root, "proxy_on_queue_ready", &[root, queue]);
            }
            woken = true;
        }
        woken
    }

    /// Wakes and acknowledges until nothing is left to do.
    pub(crate) fn pump(&mut self) {
        loop {
            let woken = self.wake();
            match self.oldest_call() {
                Some(call) => self.acknowledge(call),
                None if woken => {}
                None => return,
            }
        }
    }

    /// Wakes and refuses until nothing is left to do at this time.
    pub(crate) fn pump_refusing(&mut self) {
        self.pump_but("");
    }

    /// Wakes, and of the sinks this one acknowledges and the others refuse, until nothing is left to do
    /// at this time.
    pub(crate) fn pump_but(&mut self, works: &str) {
        loop {
            let woken = self.wake();
            match self.oldest_call() {
                Some(call) if self.cluster_of(call) == works => self.acknowledge(call),
                Some(call) => self.refuse(call, UNAVAILABLE),
                None if woken => {}
                None => return,
            }
        }
    }

    /// Time passes. With `calls_end`, Envoy ends calls at their time-outs; without, their answers
    /// are lost and only the filter's own clock helps.
    pub(crate) fn pass_time(&mut self, ms: u64, calls_end: bool) {
        let until = self.world_ref().now_ms + ms;
        while self.world_ref().now_ms < until {
            self.stride(TICK_MS.min(until - self.world_ref().now_ms), calls_end);
        }
    }

    /// The sink and the issuer work and time passes, in strides, until everything that waits has been told: first
    /// past each deadline of a stream, then past the time after which a call is given up as lost.
    pub(crate) fn settle(&mut self) {
        self.pump();
        for stride_ms in [500, 500, 500, 1000, 1000, 10_000, 40_000, 40_000, 10_000] {
            self.stride(stride_ms, true);
            self.answer_fetches(200, &jwks().to_string());
            self.pump();
        }
    }

    fn stride(&mut self, ms: u64, calls_end: bool) {
        self.world().now_ms += ms;
        let now = self.world_ref().now_ms;
        let late = |world: &World| {
            world.calls.iter().find(|(_, call)| call.times_out_at <= now).map(|(id, _)| *id)
        };
        while let Some(call) = late(self.world_ref()).filter(|_| calls_end) {
            self.refuse(call, UNAVAILABLE);
        }
        let ticking = self.world_ref().roots.iter().filter(|(_, root)| root.ticks);
        for root in ticking.map(|(id, _)| *id).collect::<Vec<_>>() {
            self.call(root, "proxy_on_tick", &[root]);
        }
    }
}
