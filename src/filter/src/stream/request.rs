//! The request's callbacks: nothing of it goes upstream before it is on record.

use super::{Flow, Phase};
use crate::host::{self, Buffer, Map, Side};
use crate::vm::{Count, new_exchange_id};
use hansard_core::exchange::{Arrival, Head, Opening, Refused};
use hansard_core::http::Answer;
use proxy_wasm::types::Action;
use std::rc::Rc;

impl Flow {
    pub(super) fn request_headers(&mut self, end: bool) -> Action {
        match self.arrive() {
            Some(arrival) if arrival.is_probe() => self.answer(&Answer::probe()),
            Some(arrival) => {
                let keys_by = self.now().saturating_add(self.rules.policy.limits.key_wait_ms);
                if !arrival.is_identified() {
                    self.vm.wait_for_keys(self.id);
                }
                self.phase = Phase::Arriving { arrival, ended: end, keys_by };
                self.conclude();
            }
            None => self.fail(),
        }
        self.held()
    }

    /// Reads the head, takes the credentials off the request, and verifies the caller.
    fn arrive(&mut self) -> Option<Arrival> {
        let now = host::now().ok()?;
        let headers = host::headers(Map::Headers(Side::Request)).ok()?;
        #[cfg(feature = "trap")]
        crate::trap::spring(&headers);
        let address = host::text_property(&["source", "address"]).unwrap_or_default();
        // A property costs a microsecond or two; without TLS there is no certificate.
        let is_tls = headers.first(":scheme") == Some("https");
        let certificate = if is_tls {
            host::text_property(&["connection", "subject_peer_certificate"])
        } else {
            None
        };
        let head = Head::new(&headers, address, certificate);
        let id = new_exchange_id(now)?;
        let policy = &self.rules.policy;
        let mut arrival = self
            .rules
            .redact(&self.vm, |redactor| Arrival::new(id, now, policy, redactor, &headers, head))?;
        if arrival.is_probe() {
            return Some(arrival);
        }
        for name in Arrival::headers_to_remove(&headers) {
            host::remove_header(Side::Request, name).ok()?;
        }
        let (set, remove) = arrival.head_changes();
        for name in remove {
            host::remove_header(Side::Request, name).ok()?;
        }
        for (name, value) in set {
            host::set_header(Side::Request, name, value).ok()?;
        }
        host::set_header(Side::Request, "accept-encoding", "identity").ok()?;
        // The second witness joins on it; without it the record still stands.
        let _unwitnessed = host::set_filter_state("hansard.exchange", id.to_string().as_bytes());
        let announced = headers.first("content-length").and_then(|text| text.parse().ok());
        self.has_length = headers.first("content-length").is_some();
        arrival.measure(&self.rules.policy, &self.vm.budget, announced.unwrap_or(0));
        self.rules.identify(&mut arrival, now);
        Some(arrival)
    }

    pub(super) fn request_body(&mut self, size: usize, end: bool) -> Action {
        if let Phase::Arriving { arrival, ended, .. } = &mut self.phase {
            self.buffered = size;
            *ended |= end;
            arrival.measure(&self.rules.policy, &self.vm.budget, size);
            if !arrival.wants_body() && arrival.is_identified() {
                // What nobody will read is let go as it comes: a client that is answered while it
                // still sends sees a broken connection instead of the answer.
                if size > 0 && host::write(Side::Request, 0, &[]).is_err() {
                    self.fail();
                    return self.held();
                }
                self.drained = self.drained.saturating_add(size);
                self.buffered = 0;
            }
            self.conclude();
        }
        self.held()
    }

    pub(super) fn request_trailers(&mut self) -> Action {
        if let Phase::Arriving { ended, .. } = &mut self.phase {
            *ended = true;
            self.conclude();
        }
        self.held()
    }

    /// Decides, once the caller is known and the body is here (or far too large to wait for).
    fn conclude(&mut self) {
        let Phase::Arriving { arrival, ended, .. } = &self.phase else { return };
        let patience = self.rules.policy.limits.request_bytes.saturating_mul(4);
        if !arrival.is_identified() || !(*ended || self.drained > patience) {
            return;
        }
        let wanted = if arrival.wants_body() { self.buffered } else { 0 };
        self.charge.set(wanted.saturating_mul(4));
        let body = match host::read(Buffer::Body(Side::Request), 0, wanted) {
            Ok(body) if body.len() == wanted => body,
            _ => return self.fail(),
        };
        let Phase::Arriving { arrival, .. } = std::mem::replace(&mut self.phase, Phase::Answered)
        else {
            return;
        };
        let now = self.now();
        let rules = Rc::clone(&self.rules);
        let opening = rules.redact(&self.vm, |redactor| {
            self.vm.write(|scribe| arrival.conclude(&rules.policy, redactor, scribe, &body, now))
        });
        let Some(opening) = opening.flatten() else { return self.fail() };
        drop(body);
        self.buffered = 0;
        match opening {
            Opening::Opened(mut opened, parcel) => {
                if let Some(wire) = opened.take_wire()
                    && self.replace(Side::Request, &wire).is_err()
                {
                    let policy = &self.rules.policy;
                    let written = self.vm.write(|scribe| opened.record_failed(policy, scribe, now));
                    self.keep(written.and_then(|refused| refused.parcel));
                    return self.answer(&Answer::gateway_failed());
                }
                self.vm.count(Count::Admitted);
                self.charge.set(parcel.message.capacity());
                if self.is_logged() {
                    self.opened = Some(parcel);
                    self.phase = Phase::Forwarded(opened.forward(true));
                } else {
                    self.phase = Phase::Opening { opened };
                    self.send(parcel, now);
                }
            }
            Opening::Refused(refused) => self.refuse(refused, now),
        }
    }

    fn refuse(&mut self, refused: Refused, now: u64) {
        let Refused { answer, unrecorded, parcel } = refused;
        self.vm.count(Count::Refused);
        match parcel {
            Some(parcel) if self.is_logged() => {
                self.opened = Some(parcel);
                self.answer(&answer);
            }
            Some(parcel) => {
                self.phase = Phase::Refusing { answer, unrecorded };
                self.send(parcel, now);
            }
            None => self.answer(&unrecorded),
        }
    }

    /// Keys have come, or time has passed.
    pub(crate) fn look_for_keys(&mut self, now: u64) {
        if let Phase::Arriving { arrival, keys_by, .. } = &mut self.phase {
            self.rules.identify(arrival, now);
            if !arrival.is_identified() && *keys_by <= now {
                arrival.no_keys();
            }
            if !arrival.is_identified() {
                return self.vm.wait_for_keys(self.id);
            }
            self.conclude();
            if matches!(self.phase, Phase::Forwarded(_)) && host::resume(Side::Request).is_err() {
                self.fail();
            }
        }
    }

    /// What a request callback returns: on, once the request may go on.
    fn held(&self) -> Action {
        match self.phase {
            Phase::Forwarded(_) | Phase::Whole { .. } | Phase::Streaming(_) | Phase::Closed => {
                Action::Continue
            }
            Phase::Fresh
            | Phase::Arriving { .. }
            | Phase::Opening { .. }
            | Phase::Refusing { .. }
            | Phase::Answered
            | Phase::Withheld => Action::Pause,
        }
    }
}
