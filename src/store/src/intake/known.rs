//! What the parts that are on disk have brought: whether one more can be acknowledged before the
//! database has been asked.
//!
//! A part that leaves out what its session has, or whose number came before, may be one that the
//! ledger has to refuse or to set aside. Here stands enough to be certain of nearly all that it will
//! not; of what is left, only the ledger's own answer counts.

use crate::error::StoreError;
use crate::incoming::{Incoming, Kind, NewPart};
use hansard_record::BootId;
use hansard_record::fold::Chain;
use hashlink::LruCache;
use rusqlite::Connection;
use std::collections::HashMap;

/// What is kept in mind, in texts: about 20 MB.
const MOST: usize = 1 << 18;
/// What a session takes beside its texts, in texts.
const SESSION: usize = 4;

/// What is known of boots and sessions.
#[derive(Debug)]
pub(crate) struct Known {
    /// The highest number of each VM.
    highest: HashMap<BootId, i64>,
    /// By session, the bytes of each text; when there are too many, the session that said nothing for
    /// the longest time is forgotten.
    sessions: LruCache<String, HashMap<Chain, usize>>,
    /// What all of them take, in texts.
    taken: usize,
    most: usize,
}

impl Default for Known {
    fn default() -> Self {
        Self::of(MOST)
    }
}

impl Known {
    fn of(most: usize) -> Self {
        let sessions = LruCache::new_unbounded();
        Self { highest: HashMap::new(), sessions, taken: 0, most }
    }

    /// The numbers that the ledger has.
    pub(crate) fn load(&mut self, connection: &Connection) -> Result<(), StoreError> {
        let mut boots = connection.prepare("SELECT boot, highest FROM boots")?;
        let mut rows = boots.query([])?;
        while let Some(row) = rows.next()? {
            if let Some(boot) = row.get_ref(0)?.as_str().ok().and_then(|boot| boot.parse().ok()) {
                self.highest.insert(boot, row.get(1)?);
            }
        }
        Ok(())
    }

    /// Forgets every text: a session was erased.
    pub(crate) fn forget(&mut self) {
        self.sessions.clear();
        self.taken = 0;
    }

    /// Whether the ledger will take all of these as parts of their own, one after the other. If it
    /// will, they count as taken from here on.
    pub(super) fn admits(&mut self, items: &[Incoming]) -> bool {
        let parts = items.iter().map(|item| match &item.0 {
            Kind::Part(part) => Some(&**part),
            Kind::Malformed(_) | Kind::Witness(_) | Kind::Telemetry(_) => None,
        });
        let Some(parts) = parts.collect::<Option<Vec<_>>>() else { return false };
        let mut highest: HashMap<BootId, i64> = HashMap::new();
        for part in &parts {
            let before = highest.get(&part.boot).or_else(|| self.highest.get(&part.boot));
            if part.seq <= before.copied().unwrap_or(0) || !self.has_all(part) {
                return false;
            }
            highest.insert(part.boot, part.seq);
        }
        for part in parts {
            self.take(part);
        }
        true
    }

    /// Parts that the ledger took as its own, each of them, before they were acknowledged.
    pub(crate) fn learn(&mut self, items: &[Incoming]) {
        for item in items {
            if let Kind::Part(part) = &item.0 {
                self.take(part);
            }
        }
    }

    /// Numbers that go to the ledger another way.
    pub(super) fn saw(&mut self, items: &[Incoming]) {
        for item in items {
            if let Kind::Part(part) = &item.0 {
                self.number(part);
            }
        }
    }

    fn has_all(&self, part: &NewPart) -> bool {
        part.content.streams.iter().filter_map(|stream| stream.known).all(|known| {
            let Some(introduction) = &part.introduction else { return false };
            let texts = self.sessions.peek(&introduction.session);
            texts.and_then(|texts| texts.get(&known.digest)) == Some(&known.bytes)
        })
    }

    fn number(&mut self, part: &NewPart) {
        let highest = self.highest.entry(part.boot).or_default();
        *highest = part.seq.max(*highest);
    }

    fn take(&mut self, part: &NewPart) {
        self.number(part);
        // What no client names is the session of one exchange, and nothing builds on it.
        let Some(introduction) = part.introduction.as_ref().filter(|said| said.hint.is_some())
        else {
            return;
        };
        if part.content.streams.is_empty() {
            return;
        }
        let taken = &mut self.taken;
        let texts = self.sessions.entry(introduction.session.clone()).or_insert_with(|| {
            *taken += SESSION;
            HashMap::new()
        });
        let before = texts.len();
        for stream in &part.content.streams {
            let known = stream.known.map(|known| (known.digest, known.bytes));
            let mut bytes = known.map_or(0, |(_, bytes)| bytes);
            let pieces = stream.pieces.iter().map(|piece| {
                bytes = bytes.saturating_add(piece.text.len());
                (piece.digest, bytes)
            });
            texts.extend(known.into_iter().chain(pieces));
        }
        self.taken += texts.len().saturating_sub(before);
        while self.taken > self.most {
            let Some((_, texts)) = self.sessions.remove_lru() else { break };
            self.taken = self.taken.saturating_sub(texts.len().saturating_add(SESSION));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::incoming::Source;
    use hansard_record::Record;
    use hansard_record::fold::{Cut, Folded, Known as Before, Pieces};
    use hansard_record::part::Content;

    /// A part whole, and what comes next of its session, which builds on it.
    fn two(number: u64, hint: Option<&str>) -> [Incoming; 2] {
        let session = hint.map_or(String::new(), |hint| format!(r#""id":"{hint}""#));
        let part = |seq: u64| {
            let message =
                |text: &str| format!(r#"{{"content":[{{"text":"{}"}}]}}"#, text.repeat(300));
            let body = format!(r#"{{"messages":[{},{}]}}"#, message("a"), message("b"));
            format!(
                r#"{{"hansard.v2":{{"exchange":"0199c4a2-5000-7000-8000-{number:012}","boot":"0199c4a2-5000-7000-8000-000000000000","seq":{seq},"at":1,"gateway":{{"node":"n","filter":"0","policy":"0"}},"part":{{"opened":{{"who":{{"issuer":"https://issuer.example","subject":"alice","groups":[],"expires_at":2,"token":"0123456789abcdef"}},"from":{{"address":""}},"session":{{{session}}},"decision":{{"rule":"all","effect":"allow"}},"request":{{"method":"POST","path":"/v1/messages","headers":[],"bytes":0,"body":{body}}}}}}}}}}}"#
            )
        };
        let first = Incoming::part(part(number).into(), Source::Acknowledged, 1, "");
        let next = part(number + 1);
        let Content::Opened(opened) = Record::parse(next.as_bytes()).unwrap().into_part().part
        else {
            panic!("another part")
        };
        let cut = Cut::of(next.as_bytes(), opened.request.body.map(|body| body.get()));
        let mut folded = Folded::from(Pieces::at(next.as_bytes(), &cut));
        for stream in &mut folded.streams {
            let gone = std::mem::take(&mut stream.pieces);
            let digest = gone.iter().fold(Chain::default(), |c, piece| c.then(&Chain::sum(piece)));
            let bytes = gone.iter().map(|piece| piece.len()).sum();
            stream.known = (bytes > 0).then_some(Before { digest, bytes });
        }
        let next = Incoming::folded(folded.encode().unwrap(), Source::Acknowledged, 1, "");
        assert!(first.defect().is_none() && next.defect().is_none());
        [first, next]
    }

    #[test]
    fn what_builds_on_the_sessions_that_spoke_last_is_admitted() {
        // Two sessions of two messages.
        let mut known = Known::of(2 * (2 + SESSION));
        for (number, hint) in [(1, "a"), (3, "b"), (5, "c")] {
            let [first, next] = two(number, Some(hint));
            assert!(known.admits(&[first]));
            assert!(known.admits(&[next]));
        }
        assert_eq!((known.sessions.len(), known.taken), (2, 2 * (2 + SESSION)));
        let [_, of_the_first] = two(7, Some("a"));
        assert!(!known.admits(&[of_the_first]), "the ledger is asked");
        let [_, of_the_last] = two(9, Some("c"));
        assert!(known.admits(&[of_the_last]));
    }

    #[test]
    fn what_no_client_names_is_not_kept_in_mind() {
        let mut known = Known::default();
        let [first, next] = two(1, None);
        assert!(known.admits(&[first]));
        assert_eq!((known.sessions.len(), known.taken), (0, 0));
        assert!(!known.admits(&[next]));
    }
}
