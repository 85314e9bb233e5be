//! The gateway: a VM, its contexts, and what Envoy does around each callback.
//!
//! A callback is called, then what was deferred is done (resumes, resets, answers, in order), and
//! only then does what it returned take effect: that is Envoy's order (`DeferAfterCallActions`).

use crate::abi::{Action, Headers, Way};
use crate::fault::{Faults, Plan};
use crate::journal::{Event, Source};
use crate::side::Out;
use crate::stream::Stream;
use crate::vm::{Returned, Vm};
use crate::world::{After, Root, World};

pub(crate) struct Gateway {
    vm: Vm,
    /// The root context that new streams are made under.
    pub(crate) root: u32,
    /// Whether the filter took its policy.
    pub(crate) configured: bool,
    contexts: u32,
}

impl Gateway {
    /// A gateway with a policy, none of whose host calls fails.
    pub(crate) fn start(policy: &str) -> Self {
        let gateway = Self::with_fault(policy, None);
        assert!(gateway.configured, "the policy is refused: {:?}", gateway.world_ref().logs);
        gateway
    }

    /// A gateway with a policy, one of whose host calls may fail.
    pub(crate) fn with_fault(policy: &str, plan: Option<Plan>) -> Self {
        let vm = Vm::new(World::new(Faults::planned(plan)));
        let mut gateway = Self { vm, root: 0, configured: false, contexts: 0 };
        gateway.configured = gateway.configure(policy);
        gateway
    }

    /// A second gateway in the same state, one of whose further host calls may fail.
    pub(crate) fn fork(&self, plan: Option<Plan>) -> Self {
        self.fork_with(Faults::planned(plan))
    }

    /// The same, whose further host calls fail as they do.
    pub(crate) fn fork_with(&self, faults: Faults) -> Self {
        let mut world = self.world_ref().clone();
        world.faults = faults;
        Self { vm: self.vm.fork(world), ..*self }
    }

    /// Loads a policy into the running VM: a root context of its own, as for a reloaded plugin.
    pub(crate) fn configure(&mut self, policy: &str) -> bool {
        let root = self.new_context();
        let configuration = policy.as_bytes().to_vec();
        let size = u32::try_from(configuration.len()).unwrap();
        self.world().roots.insert(root, Root { configuration, ticks: false });
        self.call(root, "proxy_on_context_create", &[root, 0]);
        if self.root == 0 {
            self.call(root, "proxy_on_vm_start", &[root, 0]);
        }
        let taken = self.call(root, "proxy_on_configure", &[root, size]);
        let taken = taken.is_some_and(Returned::is_true);
        if taken {
            self.root = root;
        }
        taken
    }

    /// Lets go of an earlier root context, as Envoy does once no stream of it is left.
    pub(crate) fn retire(&mut self, root: u32) {
        self.call(root, "proxy_on_done", &[root]);
        self.call(root, "proxy_on_delete", &[root]);
        self.world().roots.remove(&root);
        self.forget_calls_of(root);
    }

    pub(crate) fn world(&mut self) -> &mut World {
        self.vm.store.data_mut()
    }

    pub(crate) fn world_ref(&self) -> &World {
        self.vm.store.data()
    }

    pub(crate) fn stream(&mut self, id: u32) -> &mut Stream {
        self.world().streams.get_mut(&id).unwrap()
    }

    pub(crate) fn new_context(&mut self) -> u32 {
        self.contexts += 1;
        self.contexts
    }

    /// A callback and what it deferred. An action is still to be carried out by the caller.
    pub(crate) fn call(&mut self, context: u32, export: &str, args: &[u32]) -> Option<Returned> {
        let returned = self.vm.call(context, export, args);
        while let Some(after) = self.world().after.pop_front() {
            match after {
                After::Resume { stream, way } => {
                    if !self.stream(stream).dead {
                        let out = self.stream(stream).side(way).resume();
                        self.pass(stream, way, out);
                    }
                }
                After::Reset { stream } => self.reset(stream, "wasm_close_stream", 0),
                After::Answer { stream, headers, body } => self.answer(stream, headers, &body),
            }
        }
        returned
    }

    /// A callback of a stream and all that follows. A VM that failed answers nothing, and Envoy
    /// ends its streams.
    pub(crate) fn callback(&mut self, id: u32, way: Way, export: &str, args: &[u32]) {
        match self.call(id, export, args).map(Returned::action) {
            Some(action) => self.answered(id, way, export, action),
            None => self.reset(id, "wasm_fail_stream", 0),
        }
    }

    fn answered(&mut self, id: u32, way: Way, export: &str, action: Action) {
        let stream = self.stream(id);
        if stream.dead {
            return;
        }
        let side = stream.side(way);
        let out = if export.ends_with("headers") {
            side.headers_answered(action)
        } else if export.ends_with("body") {
            side.data_answered(action)
        } else {
            side.trailers_answered(action)
        };
        self.pass(id, way, out);
    }

    /// What the filter let pass reaches its receiver. The end of the response is that of the
    /// stream.
    fn pass(&mut self, id: u32, way: Way, out: Vec<Out>) {
        let source = if self.stream(id).answering { Source::Gateway } else { Source::Upstream };
        for out in out {
            let ends = out.ends();
            self.world().journal.push(match way {
                Way::Request => Event::Upstream { stream: id, out },
                Way::Response => Event::Client { stream: id, out, source },
            });
            if ends && way == Way::Response {
                let details = if source == Source::Upstream { "via_upstream" } else { "wasm" };
                self.end(id, details, 0);
            }
        }
    }

    /// An answer made at the gateway (`sendLocalReply`): through the filter while there is no
    /// response, past it while the client has no headers, and a reset afterwards.
    pub(crate) fn answer(&mut self, id: u32, mut headers: Headers, body: &[u8]) {
        let stream = self.stream(id);
        if stream.dead {
            return;
        }
        stream.answered = true;
        if stream.response.headers_are_gone() {
            return self.reset(id, "wasm", 0);
        }
        headers.set("content-length", &body.len().to_string());
        let end = body.is_empty();
        if stream.response.headers.0.is_empty() {
            stream.answering = true;
            return self.response_through_filter(id, headers, body);
        }
        let data = Out::Data { bytes: body.to_vec(), end: true };
        let headers = Out::Headers { headers, end };
        for out in std::iter::once(headers).chain((!end).then_some(data)) {
            let source = Source::Gateway;
            self.world().journal.push(Event::Client { stream: id, out, source });
        }
        self.end(id, "wasm", 0);
    }

    fn response_through_filter(&mut self, id: u32, headers: Headers, body: &[u8]) {
        let end = body.is_empty();
        let count = u32::try_from(headers.0.len()).unwrap();
        self.stream(id).response.headers_arrive(headers, end);
        let way = Way::Response;
        self.callback(id, way, "proxy_on_response_headers", &[id, count, u32::from(end)]);
        if !end && !self.stream(id).dead {
            let size = self.stream(id).response.data_arrives(body, true);
            let size = u32::try_from(size).unwrap();
            self.callback(id, way, "proxy_on_response_body", &[id, size, 1]);
        }
    }

    /// The stream is broken off on both sides.
    pub(crate) fn reset(&mut self, id: u32, details: &str, flags: u64) {
        if self.stream(id).dead {
            return;
        }
        let source = Source::Gateway;
        self.world().journal.push(Event::Client { stream: id, out: Out::Reset, source });
        self.end(id, details, flags);
    }

    /// The stream is over: the filter logs it, and its context goes with its calls.
    fn end(&mut self, id: u32, details: &str, flags: u64) {
        let stream = self.stream(id);
        stream.details.get_or_insert(details.into());
        stream.flags |= flags;
        let upstream_is_cut = stream.request.headers_are_gone()
            && !(stream.request.is_finished() && stream.response.is_ended());
        if upstream_is_cut {
            self.world().journal.push(Event::Upstream { stream: id, out: Out::Reset });
        }
        // Nothing of the stream can happen from here on but its log.
        self.stream(id).answered = true;
        self.call_of_ended(id, "proxy_on_log");
        self.call_of_ended(id, "proxy_on_done");
        self.call_of_ended(id, "proxy_on_delete");
        self.stream(id).dead = true;
        self.forget_calls_of(id);
    }

    /// What a stream that is over still asks for comes to nothing.
    fn call_of_ended(&mut self, id: u32, export: &str) {
        self.vm.call(id, export, &[id]);
        let after = std::mem::take(&mut self.world().after);
        let is_of_others = |after: &After| match after {
            After::Resume { stream, .. }
            | After::Reset { stream }
            | After::Answer { stream, .. } => *stream != id,
        };
        self.world().after = after.into_iter().filter(is_of_others).collect();
    }

    /// The host gives the answers to a context's calls to nobody once the context is gone.
    fn forget_calls_of(&mut self, context: u32) {
        self.world().calls.retain(|_, call| call.owner != context);
        self.world().fetches.retain(|_, fetch| fetch.owner != context);
    }
}
