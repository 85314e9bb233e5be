//! A text that is not JSON: an error page, a header, a query, a body that cannot be read.

use crate::body::{Body, Change, restored, scan};
use crate::engine::{Action, Engine};
use crate::way::Way;
use std::rc::Rc;

/// Redacts a text. `place` names it in the tallies.
pub fn redact(engine: &mut Engine, text: &[u8], place: &str, way: Way<'_>) -> Body {
    let mut body = Body::default();
    for hit in scan(engine, text) {
        if hit.is_placeholder() {
            body.changes.extend(restored(&hit, way).map(|change| Change {
                // Not within JSON: as it is.
                with: match way {
                    Way::Response(restores) => {
                        restores.value(&hit.placeholder).unwrap_or("").into()
                    }
                    Way::Request => Rc::clone(&hit.placeholder),
                },
                ..change
            }));
            continue;
        }
        let action = way.action(engine.action(hit.detector));
        body.tallies.add(engine.id(hit.detector), place, &hit.fingerprint, action);
        if action == Action::Block && body.blocked.is_none() {
            body.blocked = Some((hit.detector, place.to_owned()));
        }
        if action == Action::Pseudonymize {
            let value = text.get(hit.at.clone()).unwrap_or_default();
            body.restores.add(&hit.placeholder, String::from_utf8_lossy(value).into_owned());
        }
        body.changes.push(Change {
            at: hit.at,
            with: hit.placeholder,
            wire: matches!(action, Action::Mask | Action::Pseudonymize),
            record: true,
        });
    }
    body
}
