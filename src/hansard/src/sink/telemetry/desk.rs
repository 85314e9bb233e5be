//! Who sends telemetry, and what of it may be kept: one thread that verifies tokens by the policy's
//! issuers and redacts by its rules, as the gateway does with requests.
//!
//! Enters: a token and the events that came with it. Leaves: what the writer stores, bound to the
//! verified subject, or a refusal. Verifier and redactor belong to one thread each; that is this one.

use super::otlp::Event;
use crate::policy::{Loaded, PolicyError};
use crate::redact::Redaction;
use crate::time::now;
use hansard_core::config::Policy;
use hansard_core::identity::{Fetch, Identity, TokenError, Verification, Verifier};
use hansard_core::redaction::Redactor;
use hansard_store::{Incoming, SessionId, Telemetry};
use std::sync::mpsc;
use std::thread;
use tokio::sync::oneshot;

/// Why nothing of a request is kept.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Turned {
    /// The token is not good.
    Token(TokenError),
    /// Try again: keys have not come, or too many tokens have.
    Later,
}

enum Ask {
    Take(String, Vec<Event>, oneshot::Sender<Result<Vec<Incoming>, Turned>>),
    Due(oneshot::Sender<Vec<Fetch>>),
    Arrived(usize, Option<Vec<u8>>),
}

/// The way to the thread; it ends when the last of these is gone.
#[derive(Clone)]
pub(super) struct Desk(mpsc::Sender<Ask>);

impl Desk {
    /// Opens it for a policy, with the gateway's key of placeholders.
    pub(super) fn open(loaded: Loaded, key: Vec<u8>) -> Result<Self, PolicyError> {
        // What a redactor is made of does not change: one that can be made here can be made there.
        loaded.redactor(&key)?;
        let (asks, asked) = mpsc::channel();
        thread::spawn(move || {
            let Ok(redactor) = loaded.redactor(&key) else { return };
            let verifier = Verifier::new(&loaded.policy);
            serve(&asked, &loaded.policy, verifier, redactor);
        });
        Ok(Self(asks))
    }

    /// What is to be stored of events that came with a token.
    pub(super) async fn take(
        &self,
        token: String,
        events: Vec<Event>,
    ) -> Result<Vec<Incoming>, Turned> {
        let (done, answer) = oneshot::channel();
        // A thread that is gone answers nobody.
        let _ = self.0.send(Ask::Take(token, events, done));
        answer.await.unwrap_or(Err(Turned::Later))
    }

    /// Key sets to fetch now.
    pub(super) async fn due(&self) -> Vec<Fetch> {
        let (done, answer) = oneshot::channel();
        let _ = self.0.send(Ask::Due(done));
        answer.await.unwrap_or_default()
    }

    /// A key set has come, or has not.
    pub(super) fn arrived(&self, issuer: usize, body: Option<Vec<u8>>) {
        let _ = self.0.send(Ask::Arrived(issuer, body));
    }
}

fn serve(
    asked: &mpsc::Receiver<Ask>,
    policy: &Policy,
    mut verifier: Verifier,
    mut redactor: Redactor,
) {
    while let Ok(ask) = asked.recv() {
        match ask {
            Ask::Take(token, events, done) => {
                let said = match verifier.verify(policy, &token, now()) {
                    Verification::Verified(identity) => {
                        Ok(events.into_iter().map(|e| keep(e, &identity, &mut redactor)).collect())
                    }
                    Verification::Refused(error) => Err(Turned::Token(error)),
                    Verification::KeysPending | Verification::Busy => Err(Turned::Later),
                };
                let _ = done.send(said);
            }
            Ask::Due(done) => {
                let _ = done.send(verifier.keys().due(now()));
            }
            Ask::Arrived(issuer, body) => {
                verifier.keys_arrived(issuer, body.as_deref(), now());
            }
        }
    }
}

/// Under the session that the verified subject has by the client's id, and redacted.
fn keep(event: Event, identity: &Identity, redactor: &mut Redactor) -> Incoming {
    let Event { session, at, name, attributes } = event;
    let who = &identity.who;
    let attributes = serde_json::Value::from(attributes).to_string();
    let attributes = Redaction::of_body(redactor, attributes.as_bytes()).record;
    let name = Redaction::of_text(redactor, name.as_bytes()).record;
    let received_at = now() as i64;
    Incoming::telemetry(Telemetry {
        session: SessionId::hinted(&who.issuer, &who.subject, &session),
        // By the client's own clock: a time that cannot be one is not kept.
        at: i64::try_from(at).ok().filter(|at| *at < received_at.saturating_mul(2)).unwrap_or(0),
        received_at,
        name: String::from_utf8_lossy(&name).into_owned(),
        attributes: String::from_utf8_lossy(&attributes).into_owned(),
    })
}
