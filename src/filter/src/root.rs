//! What belongs to no stream: the policy, the issuers' keys, the ticks, the batches.

use crate::host::{self, Buffer, Level, Map};
use crate::stream::HttpStream;
use crate::vm::Vm;
use hansard_core::config::Policy;
use hansard_core::delivery::Sinks;
use hansard_core::exchange::Arrival;
use hansard_core::identity::Verifier;
use hansard_core::redaction::{Keys, Redactor};
use proxy_wasm::traits::{Context, HttpContext, RootContext};
use proxy_wasm::types::ContextType;
use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

/// The variable that holds the key of placeholders and fingerprints.
const KEY: &str = "HANSARD_REDACT_KEY";

/// How often time is looked at: deadlines are kept to this.
const TICK_MS: u32 = 100;

/// A policy and its issuers' keys. Streams keep theirs when a new policy comes.
pub(crate) struct Rules {
    pub(crate) policy: Policy,
    /// The policy's sinks, and which of them answers.
    pub(crate) sinks: Rc<Sinks>,
    verifier: RefCell<Verifier>,
    redactor: RefCell<Redactor>,
}

impl Rules {
    /// Verifies the caller of an arrival, as far as the keys are here.
    pub(crate) fn identify(&self, arrival: &mut Arrival, now: u64) {
        if let Ok(mut verifier) = self.verifier.try_borrow_mut() {
            arrival.identify(&self.policy, &mut verifier, now);
        }
    }

    /// Lets the redactor work; `None` while it is at work.
    pub(crate) fn redact<T>(&self, vm: &Vm, work: impl FnOnce(&mut Redactor) -> T) -> Option<T> {
        let mut redactor = self.redactor.try_borrow_mut().ok()?;
        let done = work(&mut redactor);
        vm.count_found(redactor.take_found());
        Some(done)
    }
}

/// The policy's redactor, under the key that the VM's environment holds.
fn redactor(policy: &Policy) -> Result<Redactor, String> {
    let mut seen = [0; 16];
    getrandom::fill(&mut seen).map_err(|_| "the host gave no random bytes".to_owned())?;
    let placeholders = match std::env::var(KEY) {
        Ok(key) if !key.is_empty() => key.into_bytes(),
        // Nothing is looked for, so nothing stands in its place.
        _ if policy.redact.is_off() => vec![0; 16],
        _ => {
            return Err(format!(
                "redact: needs a key: set {KEY} in Envoy's environment, the same wherever \
                 placeholders must be, and name it in vm_config.environment_variables.host_env_keys"
            ));
        }
    };
    let keys = Keys { placeholders: &placeholders, seen };
    Redactor::new(&policy.redact, keys).map_err(|error| error.to_string())
}

/// The root context: one for each policy that was configured.
pub(crate) struct Root {
    id: u32,
    served: Option<(Rc<Vm>, Rc<Rules>)>,
    /// Key fetches under way, by call.
    fetches: HashMap<u32, usize>,
}

impl Root {
    pub(crate) fn new(id: u32) -> Self {
        Self { id, served: None, fetches: HashMap::new() }
    }

    fn fetch_keys(&mut self, now: u64) {
        let Some((_, rules)) = &self.served else { return };
        let Ok(mut verifier) = rules.verifier.try_borrow_mut() else { return };
        for fetch in verifier.keys().due(now) {
            match host::http_call(&fetch.cluster, &fetch.authority, &fetch.path) {
                Ok(call) => drop(self.fetches.insert(call, fetch.issuer)),
                // The cluster may not be there yet: tried again on a later tick.
                Err(_) => verifier.keys_arrived(fetch.issuer, None, now),
            }
        }
    }
}

impl Context for Root {
    fn on_grpc_call_response(&mut self, call: u32, status: u32, size: usize) {
        if let Some((vm, _)) = &self.served {
            let _not_of_a_stream = vm.answered(self.id, call, status, size);
        }
    }

    fn on_http_call_response(&mut self, call: u32, _: usize, body_size: usize, _: usize) {
        let Some(issuer) = self.fetches.remove(&call) else { return };
        let Some((vm, rules)) = &self.served else { return };
        vm.next_turn(self.id);
        let now = host::now().unwrap_or(0);
        let is_ok = host::headers(Map::HttpCallHeaders)
            .is_ok_and(|headers| headers.first(":status") == Some("200"));
        let body = if is_ok { host::read(Buffer::HttpCallBody, 0, body_size).ok() } else { None };
        if let Ok(mut verifier) = rules.verifier.try_borrow_mut() {
            verifier.keys_arrived(issuer, body.as_deref(), now);
        }
        vm.look_for_keys(now);
    }
}

impl RootContext for Root {
    fn on_configure(&mut self, size: usize) -> bool {
        let policy = match host::read(Buffer::PluginConfiguration, 0, size) {
            Ok(json) => match Policy::parse(&json) {
                Ok(policy) => policy,
                Err(error) => {
                    host::log(Level::Error, &format!("hansard: the policy is refused: {error}"));
                    return false;
                }
            },
            Err(_) => return false,
        };
        let redactor = match redactor(&policy) {
            Ok(redactor) => RefCell::new(redactor),
            Err(error) => {
                host::log(Level::Error, &format!("hansard: the policy is refused: {error}"));
                return false;
            }
        };
        let Some(vm) = Vm::get() else { return false };
        let sinks = Rc::new(Sinks::new(policy.record.clusters.clone()));
        if !vm.serve(self.id, &sinks, policy.record.timeout_ms)
            || host::tick_every(TICK_MS).is_err()
        {
            return false;
        }
        host::log(Level::Info, &format!("hansard: policy {} is in force", policy.digest));
        if policy.issuers.is_empty() {
            host::log(Level::Warn, "hansard: the policy trusts no issuer; every token is refused");
        }
        let verifier = RefCell::new(Verifier::new(&policy));
        self.served = Some((vm, Rc::new(Rules { policy, sinks, verifier, redactor })));
        self.fetch_keys(host::now().unwrap_or(0));
        true
    }

    fn on_tick(&mut self) {
        let Ok(now) = host::now() else { return };
        self.fetch_keys(now);
        if let Some((vm, _)) = &self.served {
            vm.tick(self.id, now);
            vm.look_for_keys(now);
        }
    }

    fn on_queue_ready(&mut self, queue: u32) {
        if let Some((vm, _)) = &self.served {
            vm.woken(self.id, queue);
        }
    }

    fn create_http_context(&self, id: u32) -> Option<Box<dyn HttpContext>> {
        match &self.served {
            Some((vm, rules)) => {
                Some(Box::new(HttpStream::new(id, Rc::clone(vm), Rc::clone(rules))))
            }
            None => Some(Box::new(Unserved)),
        }
    }

    fn get_type(&self) -> Option<ContextType> {
        Some(ContextType::HttpContext)
    }
}

/// A stream that came without a policy in force: nothing of it passes.
struct Unserved;

impl Context for Unserved {}

impl HttpContext for Unserved {
    fn on_http_request_headers(&mut self, _: usize, _: bool) -> proxy_wasm::types::Action {
        let _stays_closed = host::answer(503, &[], b"");
        proxy_wasm::types::Action::Pause
    }
}
