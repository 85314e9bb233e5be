//! What host calls read and change: time, contexts, streams, queues, calls, metrics, logs.

use crate::abi::{Buffer, Headers, Map, Status, Way};
use crate::fault::Faults;
use crate::journal::Event;
use crate::sink::{Part, Shelf};
use crate::stream::Stream;
use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;
use wasmi::{Memory, TypedFunc};

/// Where virtual time begins: some day in 2027, Unix milliseconds.
pub(crate) const START_MS: u64 = 1_800_000_000_000;

/// The sinks' clusters that there are.
pub(crate) const SINKS: [&str; 2] = ["hansard_sink", "spare_sink"];

#[derive(Clone, Default)]
pub(crate) struct World {
    pub(crate) now_ms: u64,
    pub(crate) faults: Faults,
    pub(crate) journal: Vec<Event>,
    pub(crate) logs: Vec<String>,
    pub(crate) roots: BTreeMap<u32, Root>,
    pub(crate) streams: BTreeMap<u32, Stream>,
    pub(crate) queues: Vec<Queue>,
    /// Queue callbacks that are due, one for each item that was put in.
    pub(crate) ready: VecDeque<u32>,
    pub(crate) metrics: Vec<(String, u64)>,
    /// gRPC calls that nobody has answered.
    pub(crate) calls: BTreeMap<u32, Call>,
    /// HTTP calls, likewise.
    pub(crate) fetches: BTreeMap<u32, Fetch>,
    /// What the sinks have of acknowledged parts, by cluster and digest.
    pub(crate) shelf: Shelf,
    /// The sinks do not say that they take folded parts.
    pub(crate) is_generic: bool,
    /// The message that answers a gRPC call.
    pub(crate) told: Vec<u8>,
    /// The response of the HTTP call that is being answered.
    pub(crate) fetched: Option<(Headers, Vec<u8>)>,
    /// What is to be done once the VM has returned, as Envoy does it.
    pub(crate) after: VecDeque<After>,
    /// An answer of the filter's own stops the iteration, whatever the callback returns.
    pub(crate) stop_next: bool,
    /// Host calls that no filter should make, and messages that nobody can read.
    pub(crate) misuse: Vec<String>,
    /// The VM has trapped, and how.
    pub(crate) trap: Option<String>,
    /// The context that a callback is for, and the one that it acts for (0: the same).
    pub(crate) context: u32,
    pub(crate) effective: u32,
    pub(crate) memory: Option<Memory>,
    pub(crate) allocate: Option<TypedFunc<u32, u32>>,
    random: u64,
    calls_made: u32,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Root {
    pub(crate) configuration: Vec<u8>,
    pub(crate) ticks: bool,
}

#[derive(Clone, Debug)]
pub(crate) struct Queue {
    pub(crate) name: String,
    pub(crate) root: u32,
    pub(crate) items: VecDeque<Vec<u8>>,
}

#[derive(Clone, Debug)]
pub(crate) struct Call {
    /// The sink's cluster.
    pub(crate) cluster: String,
    /// The context that is told of the answer.
    pub(crate) owner: u32,
    /// Empty when the sink does not have what they build on.
    pub(crate) parts: Vec<Rc<Part>>,
    pub(crate) is_folded: bool,
    pub(crate) times_out_at: u64,
}

#[derive(Clone, Debug)]
pub(crate) struct Fetch {
    pub(crate) owner: u32,
    pub(crate) headers: Headers,
}

/// Deferred until the VM has returned (`addAfterVmCallAction`).
#[derive(Clone, Debug)]
pub(crate) enum After {
    Resume { stream: u32, way: Way },
    Reset { stream: u32 },
    Answer { stream: u32, headers: Headers, body: Vec<u8> },
}

impl World {
    pub(crate) fn new(faults: Faults) -> Self {
        Self { now_ms: START_MS, faults, random: 0x5eed, ..Self::default() }
    }

    /// The context that host calls are about.
    pub(crate) fn acting(&self) -> u32 {
        if self.effective != 0 && self.has_context(self.effective) {
            self.effective
        } else {
            self.context
        }
    }

    pub(crate) fn has_context(&self, id: u32) -> bool {
        self.roots.contains_key(&id) || self.streams.get(&id).is_some_and(|stream| !stream.dead)
    }

    /// The stream that host calls are about; `None` in a root's own callbacks.
    pub(crate) fn acting_stream(&mut self) -> Option<&mut Stream> {
        let id = self.acting();
        self.streams.get_mut(&id)
    }

    /// Deterministic: a run is repeated call for call.
    pub(crate) fn random(&mut self) -> u8 {
        self.random = self.random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        self.random.to_be_bytes()[0]
    }

    // === what the imports do ===

    pub(crate) fn read(&mut self, buffer: Buffer, start: usize, most: usize) -> Vec<u8> {
        let part = |bytes: &[u8]| {
            let end = start.saturating_add(most).min(bytes.len());
            bytes.get(start..end).unwrap_or_default().to_vec()
        };
        match buffer {
            Buffer::Body(way) => self
                .acting_stream()
                .map(|stream| stream.side(way).read(start, most))
                .unwrap_or_default(),
            Buffer::HttpCallBody => {
                self.fetched.as_ref().map(|(_, body)| part(body)).unwrap_or_default()
            }
            Buffer::GrpcMessage => part(&self.told),
            Buffer::PluginConfiguration => {
                self.roots.get(&self.acting()).map(|r| part(&r.configuration)).unwrap_or_default()
            }
        }
    }

    pub(crate) fn headers(&mut self, map: Map) -> Headers {
        match map {
            Map::Headers(way) => self
                .acting_stream()
                .and_then(|stream| stream.side(way).headers())
                .cloned()
                .unwrap_or_default(),
            Map::HttpCallHeaders => {
                self.fetched.as_ref().map(|(headers, _)| headers.clone()).unwrap_or_default()
            }
        }
    }

    pub(crate) fn property(&mut self, path: &str) -> Option<Vec<u8>> {
        if path == "node\0id" {
            return Some(b"node-1".to_vec());
        }
        let id = self.acting();
        let stream = self.streams.get(&id)?;
        match path {
            "source\0address" => Some(format!("10.0.0.7:{}", 40_000 + id).into_bytes()),
            "response\0code_details" => stream.details.clone().map(String::into_bytes),
            "response\0flags" => Some(stream.flags.to_le_bytes().to_vec()),
            "response\0code" => {
                let status = stream.response.headers.first(":status")?.parse::<u64>().ok()?;
                Some(status.to_le_bytes().to_vec())
            }
            _ => None,
        }
    }

    /// The filter's message goes to the sink's cluster; the answer is the test's to give.
    pub(crate) fn grpc_call(&mut self, to: &str, message: &[u8], timeout_ms: u64) -> u32 {
        let (cluster, method) = to.split_once('/').unwrap_or_default();
        let service = "envoy.service.accesslog.v3.AccessLogService/StreamAccessLogs";
        if !SINKS.contains(&cluster) || method != service {
            self.misuse.push(format!("a call to {to}"));
        }
        let shelf = &self.shelf;
        let parts = Part::read_all(message, |digest| shelf.text(cluster, digest));
        let (parts, is_folded) = parts.unwrap_or_else(|| {
            self.misuse.push("a message that is no access log of ours".into());
            (Some(Vec::new()), false)
        });
        if is_folded && self.is_generic {
            self.misuse.push("a folded part for a sink that did not say that it takes them".into());
        }
        let parts: Vec<_> = parts.into_iter().flatten().map(Rc::new).collect();
        let call = self.next_call();
        self.journal.push(Event::Sent { parts: parts.clone() });
        let owner = self.acting();
        let times_out_at = self.now_ms + timeout_ms;
        let cluster = cluster.to_owned();
        self.calls.insert(call, Call { cluster, owner, parts, is_folded, times_out_at });
        call
    }

    pub(crate) fn http_call(&mut self, headers: Headers) -> u32 {
        let call = self.next_call();
        let owner = self.acting();
        self.fetches.insert(call, Fetch { owner, headers });
        call
    }

    fn next_call(&mut self) -> u32 {
        self.calls_made += 1;
        self.calls_made
    }

    pub(crate) fn register(&mut self, name: &str) -> u32 {
        let acting = self.acting();
        let root = self.streams.get(&acting).map_or(acting, |stream| stream.root);
        if self.queues.iter().any(|queue| queue.name == name) {
            self.misuse.push(format!("two queues of the name {name}"));
        }
        self.queues.push(Queue { name: name.into(), root, items: VecDeque::new() });
        u32::try_from(self.queues.len()).unwrap()
    }

    pub(crate) fn queue(&mut self, number: u32) -> Option<&mut Queue> {
        self.queues.get_mut(usize::try_from(number).ok()?.checked_sub(1)?)
    }

    pub(crate) fn enqueue(&mut self, number: u32, item: Vec<u8>) -> Status {
        let Some(queue) = self.queue(number) else { return Status::NotFound };
        queue.items.push_back(item);
        self.ready.push_back(number);
        Status::Ok
    }

    pub(crate) fn resume(&mut self, way: Way) {
        let stream = self.acting();
        match self.streams.get_mut(&stream).map(|found| found.side(way).is_finished()) {
            Some(false) => self.after.push_back(After::Resume { stream, way }),
            Some(true) => self.misuse.push(format!("{way:?} of {stream} is resumed after its end")),
            None => self.misuse.push(format!("{way:?} is resumed in a root context")),
        }
    }

    pub(crate) fn close(&mut self) {
        let stream = self.acting();
        if self.streams.contains_key(&stream) {
            self.after.push_back(After::Reset { stream });
        } else {
            self.misuse.push("a stream is closed in a root context".into());
        }
    }

    pub(crate) fn answer(&mut self, headers: Headers, body: Vec<u8>) {
        let stream = self.acting();
        self.stop_next = true;
        if self.streams.contains_key(&stream) {
            self.after.push_back(After::Answer { stream, headers, body });
        } else {
            self.misuse.push("a stream is answered in a root context".into());
        }
    }
}
