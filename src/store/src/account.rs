//! One exchange read back: its parts, in their order, as one account.
//!
//! Enters: the stored parts of an exchange. Leaves: what was asked, what was answered and how it
//! ended, borrowed from the parts' bytes. The first part that introduces and the last part that
//! ends decide, as in the projection (`exchange.rs`).

use crate::error::StoreError;
use crate::reader::StoredPart;
use hansard_record::part::{
    Closed, Content, Decision, Opened, Part, Progress, Refused, Request, Response, Who,
};
use hansard_record::{RawJson, Record};

/// Everything on record about one exchange.
#[derive(Debug, Default)]
pub struct Account<'a> {
    /// The parts that were read, in the order of their numbers.
    pub parts: Vec<Part<'a>>,
}

impl<'a> Account<'a> {
    /// Reads the parts of one exchange, as [`Reader::parts`](crate::Reader::parts) gives them.
    ///
    /// # Errors
    /// When a stored part can no longer be read.
    pub fn read(stored: &'a [StoredPart]) -> Result<Self, StoreError> {
        let parts = stored.iter().map(|stored| match Record::parse(&stored.json) {
            Ok(record) => Ok(record.into_part()),
            Err(_) => Err(StoreError::Damaged { boot: stored.boot.clone(), seq: stored.seq }),
        });
        Ok(Self { parts: parts.collect::<Result<_, _>>()? })
    }

    /// The part that admitted the request, and when.
    #[must_use]
    pub fn opened(&self) -> Option<(u64, &Opened<'a>)> {
        self.parts.iter().find_map(|part| match &part.part {
            Content::Opened(opened) => Some((part.at, opened)),
            Content::Progress(_) | Content::Closed(_) | Content::Refused(_) => None,
        })
    }

    /// The part that turned the request away, and when.
    #[must_use]
    pub fn refused(&self) -> Option<(u64, &Refused<'a>)> {
        match self.end() {
            Some((at, Content::Refused(refused))) => Some((at, refused)),
            _ => None,
        }
    }

    /// The part that ended an admitted exchange, and when.
    #[must_use]
    pub fn closed(&self) -> Option<(u64, &Closed<'a>)> {
        match self.end() {
            Some((at, Content::Closed(closed))) => Some((at, closed)),
            _ => None,
        }
    }

    /// What was answered. An end that came after the answer was on record does not repeat it.
    #[must_use]
    pub fn response(&self) -> Option<&Response<'a>> {
        self.parts.iter().rev().find_map(|part| match &part.part {
            Content::Closed(closed) => closed.response.as_ref(),
            Content::Opened(_) | Content::Progress(_) | Content::Refused(_) => None,
        })
    }

    /// What was put on record of the answer before its end.
    pub fn progress(&self) -> impl Iterator<Item = &Progress<'a>> {
        self.parts.iter().filter_map(|part| match &part.part {
            Content::Progress(progress) => Some(progress),
            Content::Opened(_) | Content::Closed(_) | Content::Refused(_) => None,
        })
    }

    /// The blocks among it, with their indices.
    pub fn blocks(&self) -> impl Iterator<Item = (u64, RawJson<'a>)> {
        self.progress().filter_map(|progress| Some((progress.index?, progress.block?)))
    }

    /// A stream's events, as arrays that follow each other: the response's; of one whose end is not
    /// on record, those that were put on record while it ran.
    #[must_use]
    pub fn events(&self) -> Vec<RawJson<'a>> {
        match self.response() {
            Some(response) => response.events.into_iter().collect(),
            None => self.progress().filter_map(|progress| progress.events).collect(),
        }
    }

    /// The verified caller.
    #[must_use]
    pub fn who(&self) -> Option<&Who<'a>> {
        self.introduction().and_then(|(who, _, _)| who)
    }

    /// What the policy said.
    #[must_use]
    pub fn decision(&self) -> Option<&Decision<'a>> {
        self.introduction().map(|(_, decision, _)| decision)
    }

    /// What was asked.
    #[must_use]
    pub fn request(&self) -> Option<&Request<'a>> {
        self.introduction().map(|(_, _, request)| request)
    }

    fn introduction(&self) -> Option<(Option<&Who<'a>>, &Decision<'a>, &Request<'a>)> {
        self.parts.iter().find_map(|part| match &part.part {
            Content::Opened(opened) => Some((Some(&opened.who), &opened.decision, &opened.request)),
            Content::Refused(refused) => {
                Some((refused.who.as_ref(), &refused.decision, &refused.request))
            }
            Content::Progress(_) | Content::Closed(_) => None,
        })
    }

    fn end(&self) -> Option<(u64, &Content<'a>)> {
        self.parts.iter().rev().find_map(|part| match &part.part {
            content @ (Content::Closed(_) | Content::Refused(_)) => Some((part.at, content)),
            Content::Opened(_) | Content::Progress(_) => None,
        })
    }
}
