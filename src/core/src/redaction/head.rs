//! A request's head: its path with the query, and every header field that would go upstream.

use super::{Blocked, Redactor};
use crate::exchange::Head;
use hansard_redact::{Restores, Tallies, Way, text};

/// What came of a head. The head itself holds placeholders now.
#[derive(Debug, Default)]
pub struct HeadRedaction {
    /// Header fields to set on the wire, `:path` among them.
    pub set: Vec<(String, String)>,
    /// Header fields to take off the wire: their names hold values.
    pub remove: Vec<String>,
    pub(crate) tallies: Tallies,
    pub(crate) blocked: Option<Blocked>,
    pub(crate) restores: Restores,
}

impl Redactor {
    /// Redacts a head in place.
    pub fn head(&mut self, head: &mut Head) -> HeadRedaction {
        let mut out = HeadRedaction::default();
        if self.is_off() {
            return out;
        }
        if let Some(path) = self.field("", &head.path.clone(), "path", &mut out) {
            if let Some(wire) = path.wire {
                out.set.push((":path".into(), wire));
            }
            head.path = path.record;
        }
        let mut kept = Vec::with_capacity(head.headers.0.len());
        for (name, value) in std::mem::take(&mut head.headers.0) {
            let place = format!("header {name}");
            if !text::redact(&mut self.engine, name.as_bytes(), "", Way::Request).changes.is_empty()
            {
                // A name cannot be a placeholder: the field is gone, and the record says so.
                let found =
                    text::redact(&mut self.engine, name.as_bytes(), "header name", Way::Request);
                out.tallies.extend(found.tallies);
                out.remove.push(name);
                continue;
            }
            match self.field(&format!("{name}: "), &value, &place, &mut out) {
                Some(field) => {
                    if let Some(wire) = field.wire {
                        out.set.push((name.clone(), wire));
                    }
                    kept.push((name, field.record));
                }
                None => kept.push((name, value)),
            }
        }
        head.headers.0 = kept;
        self.count(&out.tallies);
        if let Some(agent) = &mut head.peer.user_agent {
            let agent_now = head.headers.0.iter().find(|(name, _)| name == "user-agent");
            *agent = agent_now.map(|(_, value)| value.clone()).unwrap_or_default().into();
        }
        out
    }

    /// Redacts a value that is read behind a prefix; `None` when nothing was found in it.
    fn field(
        &mut self,
        prefix: &str,
        value: &str,
        place: &str,
        out: &mut HeadRedaction,
    ) -> Option<Field> {
        let whole = format!("{prefix}{value}");
        let found = text::redact(&mut self.engine, whole.as_bytes(), place, Way::Request);
        if found.changes.is_empty() {
            return None;
        }
        let strip = |bytes: Vec<u8>| {
            let text = String::from_utf8_lossy(&bytes).into_owned();
            // A value that begins within the name takes the whole field.
            text.strip_prefix(prefix).map_or_else(String::new, str::to_owned)
        };
        let wire = found.wire(whole.as_bytes()).map(strip);
        let record = strip(found.record(whole.as_bytes()).into_inner().into_owned());
        if let Some((detector, place)) = found.blocked
            && out.blocked.is_none()
        {
            out.blocked = Some(self.blocked("This request", detector, &place));
        }
        out.tallies.extend(found.tallies);
        out.restores.extend(found.restores);
        Some(Field { wire, record })
    }
}

struct Field {
    wire: Option<String>,
    record: String,
}
