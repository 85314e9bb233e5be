//! The layers of one scan, and what they add up to.

use super::literals::Role;
use super::matcher::Decided;
use super::{Action, DEPTH, Engine, Finding, PLACEHOLDER, Resume, coded, plain};
use crate::pii;
use std::ops::Range;

impl Engine {
    /// Scans a text, and what it holds in disguise, so many layers deep. The offset that is
    /// returned does not fall within the evidence of anything that was found.
    pub(super) fn scan_layers(
        &mut self,
        text: &[u8],
        from: Resume,
        complete: bool,
        depth: u8,
        found: &mut Vec<Finding>,
    ) -> Resume {
        let first = found.len();
        let mut safe = self.scan_literals(text, from.at, complete, depth == DEPTH, found);
        if !self.kinds.is_empty() {
            safe = safe.min(self.scan_personal(text, from.at, complete, found));
        }
        let mut resume = Resume { at: safe, in_run: false };
        if depth > 0 {
            let plain = self.scan_disguised(text, from.at, complete, depth, found);
            resume.at = resume.at.min(plain);
            resume = self.scan_coded(text, from, complete, depth, resume, found);
        }
        // What is found lies wholly before the offset, or is found again from there.
        loop {
            let straddled = found
                .get(first..)
                .unwrap_or_default()
                .iter()
                .filter(|one| one.from < resume.at && resume.at < one.end)
                .map(|one| one.from)
                .min();
            match straddled {
                Some(at) => {
                    resume = Resume { at: at.max(from.at), in_run: at <= from.at && from.in_run }
                }
                None => break,
            }
            if resume.at <= from.at {
                break;
            }
        }
        if !complete {
            if let Some(start) = plain::around(text, from.at, resume.at) {
                resume = Resume { at: start, in_run: false };
            }
            retain_from(found, first, |one| one.end <= resume.at);
        }
        resume
    }

    /// The detectors' patterns, wherever one of their literals stands.
    fn scan_literals(
        &mut self,
        text: &[u8],
        from: usize,
        complete: bool,
        is_top: bool,
        found: &mut Vec<Finding>,
    ) -> usize {
        let Self { literals, detectors, keyring, steps, done, scans, grown, look_back, .. } = self;
        *scans = scans.wrapping_add(1);
        let scan = *scans;
        let mut safe = text.len();
        let mut placeholders: Vec<Range<usize>> = Vec::new();
        let mut limit = None;
        literals.each(text, from, |start, end, heads| {
            for head in heads {
                if head.role == Role::Placeholder {
                    if *steps < PROOF_STEPS {
                        limit = Some(start);
                        return false;
                    }
                    *steps = steps.saturating_sub(PROOF_STEPS);
                    match keyring.placeholder_at(text.get(start..).unwrap_or_default()) {
                        Some(length) => {
                            placeholders.push(start..start.saturating_add(length));
                        }
                        None if !complete
                            && text.len().saturating_sub(start) < crate::placeholder::LONGEST =>
                        {
                            safe = safe.min(start);
                        }
                        None => {}
                    }
                    continue;
                }
                let Some((last_scan, last_end)) = done.get_mut(head.detector) else { continue };
                let is_done = *last_scan == scan && start < *last_end;
                let Some(detector) = detectors.get_mut(head.detector).filter(|_| !is_done) else {
                    continue;
                };
                let mut spent = 0;
                let decided = match head.role {
                    Role::Begin => detector.decide(text, start, complete, &mut spent, grown),
                    Role::Keyword => {
                        let least = if *last_scan == scan { from.max(*last_end) } else { from };
                        detector.find(text, start, least, complete, &mut spent, grown)
                    }
                    Role::Value => word(text, start..end, complete),
                    Role::Placeholder => Decided::No,
                };
                match decided {
                    Decided::No => {}
                    // All that stands behind is looked at again, with more.
                    Decided::Open => {
                        safe = safe.min(open_from(head.role, start, from));
                        return false;
                    }
                    Decided::Match { whole, secret } => {
                        let secret = whole_characters(text, secret);
                        *last_scan = scan;
                        *last_end = secret.end;
                        found.push(Finding {
                            from: whole.start,
                            start: secret.start,
                            end: secret.end,
                            detector: head.detector,
                        });
                    }
                }
                if spent > *steps {
                    limit = Some(start);
                    return false;
                }
                *steps = steps.saturating_sub(spent);
            }
            true
        });
        if let Some(start) = limit {
            let detector = detectors.len().saturating_sub(1);
            found.push(Finding { from: start, start, end: text.len(), detector });
            return text.len();
        }
        if !complete {
            safe = safe.min(text.len().saturating_sub(literals.open(text, from)));
            safe = safe.min(text.len().saturating_sub(*look_back).max(from));
        }
        if is_top {
            found.extend(placeholders.into_iter().map(|at| Finding {
                from: at.start,
                start: at.start,
                end: at.end,
                detector: PLACEHOLDER,
            }));
        }
        safe
    }

    fn scan_personal(
        &mut self,
        text: &[u8],
        from: usize,
        complete: bool,
        found: &mut Vec<Finding>,
    ) -> usize {
        let mut hits = Vec::new();
        let safe = pii::scan(text, from, complete, self.kinds, &mut hits);
        for hit in hits {
            let detector = self.personal.iter().find(|(kind, _)| *kind == hit.kind);
            if let Some((_, detector)) = detector {
                let pii::Hit { from, start, end, .. } = hit;
                found.push(Finding { from, start, end, detector: *detector });
            }
        }
        safe
    }

    /// Lines with escapes, percent-encoding or invisible characters, decoded.
    fn scan_disguised(
        &mut self,
        text: &[u8],
        from: usize,
        complete: bool,
        depth: u8,
        found: &mut Vec<Finding>,
    ) -> usize {
        let mut safe = text.len();
        let mut at = from;
        let next = |at: usize| {
            let rest = text.get(at..)?;
            plain::next_lead(rest).map(|lead| at.saturating_add(lead))
        };
        while let Some(lead) = next(at) {
            let begin = memchr::memrchr(b'\n', text.get(at..lead).unwrap_or_default())
                .map_or(at, |newline| at.saturating_add(newline).saturating_add(1));
            let rest = text.get(lead..).unwrap_or_default();
            let newline = memchr::memchr(b'\n', rest).map(|length| lead.saturating_add(length));
            let end = newline.unwrap_or(text.len());
            let is_whole = newline.is_some() || complete;
            // The context of the line's begin, for what looks back.
            let context = begin.saturating_sub(8);
            let line = text.get(context..end).unwrap_or_default();
            let offset = begin.saturating_sub(context);
            if let Some(open) = self.scan_line(line, offset, is_whole, depth, found, context) {
                safe = safe.min(open);
            }
            at = end;
        }
        safe
    }

    /// Scans a line decoded. From where on it is not decided, if it is not.
    fn scan_line(
        &mut self,
        line: &[u8],
        offset: usize,
        is_whole: bool,
        depth: u8,
        found: &mut Vec<Finding>,
        base: usize,
    ) -> Option<usize> {
        let (mut scratch, mut map) = self.spare.pop().unwrap_or_default();
        // The context is decoded apart, so that nothing of it can swallow the line's begin.
        let context = line.get(..offset).unwrap_or_default();
        let body = line.get(offset..).unwrap_or_default();
        scratch.clear();
        scratch.extend_from_slice(context);
        let (changed, cut) = plain::decode(body, is_whole, &mut scratch, &mut map);
        let mut safe = cut.unwrap_or(body.len());
        if changed || cut.is_some() {
            let first = found.len();
            let text = std::mem::take(&mut scratch);
            let from = Resume { at: context.len(), in_run: false };
            let depth = if changed { depth.saturating_sub(1) } else { 0 };
            let resume = self.scan_layers(&text, from, is_whole, depth, found);
            if !is_whole {
                safe = safe.min(map.start(resume.at.saturating_sub(context.len())));
            }
            for one in found.iter_mut().skip(first) {
                let begin = base.saturating_add(offset);
                let raw = |range: Range<usize>| {
                    map.raw(
                        range.start.saturating_sub(context.len())
                            ..range.end.saturating_sub(context.len()),
                    )
                };
                let evidence = raw(one.from..one.from.saturating_add(1));
                let value = raw(one.start..one.end);
                one.from = begin.saturating_add(evidence.start);
                one.start = begin.saturating_add(value.start);
                one.end = begin.saturating_add(value.end);
            }
            scratch = text;
        }
        self.spare.push((scratch, map));
        (safe < body.len()).then(|| base.saturating_add(offset).saturating_add(safe))
    }

    /// Runs of base64, decoded.
    fn scan_coded(
        &mut self,
        text: &[u8],
        from: Resume,
        complete: bool,
        depth: u8,
        mut resume: Resume,
        found: &mut Vec<Finding>,
    ) -> Resume {
        let begin = if from.in_run { from.at } else { coded::skip_run(text, from.at) };
        let mut at = begin;
        let (mut scratch, map) = self.spare.pop().unwrap_or_default();
        while let Some(run) = coded::next_run(text, at, complete) {
            at = run.end;
            let is_open = !complete && run.end == text.len();
            let mut window = run.start;
            loop {
                let end = window.saturating_add(coded::WINDOW).min(run.end);
                let is_last = end == run.end;
                let encoded = text.get(window..end).unwrap_or_default();
                let is_text = coded::decode(encoded, &mut scratch);
                // The first window begins where the run does; or this one does, by the last call.
                let here = Resume {
                    at: window,
                    in_run: window != run.start || (from.in_run && window == from.at),
                };
                if is_open && is_text && is_last && encoded.len() < coded::WINDOW {
                    if here.at < resume.at {
                        resume = here;
                    }
                    break;
                }
                let first = found.len();
                if scratch.len() >= coded::LEAST / 4 * 3 {
                    let whole = std::mem::take(&mut scratch);
                    let depth = depth.saturating_sub(1);
                    self.scan_layers(&whole, Resume::default(), true, depth, found);
                    scratch = whole;
                }
                let mut last = window;
                for one in found.iter_mut().skip(first) {
                    let length = end.saturating_sub(window);
                    let value = coded::encoded(one.start..one.end, length);
                    let evidence = coded::encoded(one.from..one.end, length);
                    one.from = window.saturating_add(evidence.start);
                    one.start = window.saturating_add(value.start);
                    one.end = window.saturating_add(value.end);
                    last = last.max(one.end);
                }
                // Found from the run's begin, and from there alone.
                if here.at < resume.at && resume.at < last {
                    resume = here;
                }
                if !is_text || is_last {
                    break;
                }
                window = window.saturating_add(coded::STRIDE);
            }
        }
        self.spare.push((scratch, map));
        resume
    }
}

/// A range grown so that it cuts no character (UTF-8).
fn whole_characters(text: &[u8], at: Range<usize>) -> Range<usize> {
    let is_within = |at: usize| text.get(at).is_some_and(|byte| byte & 0xc0 == 0x80);
    let start = (0..=at.start).rev().take(4).find(|at| !is_within(*at)).unwrap_or(at.start);
    let end = (at.end..).take(4).find(|at| !is_within(*at)).unwrap_or(at.end);
    start..end.min(text.len())
}

/// Keeps what is wanted of the findings behind the first ones, which are another layer's.
fn retain_from(found: &mut Vec<Finding>, first: usize, keep: impl Fn(&Finding) -> bool) {
    let mut index: usize = 0;
    found.retain(|one| {
        index = index.saturating_add(1);
        index <= first || keep(one)
    });
}

/// What it costs to prove a placeholder, in steps of an automaton.
const PROOF_STEPS: usize = 500;

/// A listed value counts where no word goes on over its ends.
fn word(text: &[u8], at: Range<usize>, complete: bool) -> Decided {
    let is_word = |byte: Option<&u8>| byte.is_some_and(|b| b.is_ascii_alphanumeric() || *b == b'_');
    let before = at.start.checked_sub(1).and_then(|before| text.get(before));
    let (first, last) = (text.get(at.start), at.end.checked_sub(1).and_then(|last| text.get(last)));
    if is_word(before) && is_word(first) {
        return Decided::No;
    }
    match text.get(at.end) {
        None if !complete && is_word(last) => Decided::Open,
        after if is_word(after) && is_word(last) => Decided::No,
        _ => Decided::Match { whole: at.clone(), secret: at },
    }
}

fn open_from(role: Role, start: usize, from: usize) -> usize {
    match role {
        // Its match can begin anywhere that is still here.
        Role::Keyword => from,
        Role::Begin | Role::Value | Role::Placeholder => start,
    }
}

/// Puts what the layers found in order and makes one of what overlaps: the strongest action wins,
/// then the longest value, and the whole stretch is taken.
pub(super) fn settle(
    found: &mut Vec<Finding>,
    first: usize,
    mut resume: Resume,
    action: impl Fn(usize) -> Action,
) -> Resume {
    let mut all = found.split_off(first.min(found.len()));
    // A placeholder is no value, whatever takes it or a piece of it for one, and no evidence of one:
    // what was redacted once stays as it is.
    let placeholders: Vec<Range<usize>> = all
        .iter()
        .filter(|one| one.detector == PLACEHOLDER)
        .map(|one| one.start..one.end)
        .collect();
    if !placeholders.is_empty() {
        all.retain(|one| {
            let next = placeholders.partition_point(|p| p.end <= one.from);
            one.detector == PLACEHOLDER || placeholders.get(next).is_none_or(|p| one.end <= p.start)
        });
    }
    all.sort_by_key(|one| (one.start, std::cmp::Reverse(one.end), one.detector));
    for one in all {
        let last = if found.len() > first { found.last_mut() } else { None };
        match last {
            Some(last) if one.start < last.end => {
                let rank = |f: &Finding| (action(f.detector), f.end.saturating_sub(f.start));
                if rank(&one) > rank(last) {
                    last.detector = one.detector;
                }
                last.from = last.from.min(one.from);
                last.end = last.end.max(one.end);
            }
            _ => found.push(one),
        }
    }
    // Values that only together straddle the offset.
    while let Some(last) = found.last().filter(|_| found.len() > first) {
        if last.end <= resume.at {
            break;
        }
        resume.at = resume.at.min(last.from);
        resume.in_run = false;
        found.pop();
    }
    resume
}
