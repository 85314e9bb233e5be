//! One pattern's automata, built when a text first asks for them.
//!
//! A lazy DFA decides whether and how far a pattern matches, at a given place; only when it does, a
//! slower engine says where the secret stands within the match. All run on one NFA, so they never
//! disagree.

use super::prefix;
use regex_automata::hybrid::dfa::{Cache as DfaCache, DFA};
use regex_automata::nfa::thompson::backtrack::{BoundedBacktracker, Cache as TrackCache};
use regex_automata::nfa::thompson::pikevm::{Cache as PikeCache, PikeVM};
use regex_automata::nfa::thompson::{self, NFA};
use regex_automata::util::captures::Captures;
use regex_automata::{Anchored, Input};
use std::ops::Range;

/// Memory for one lazy DFA's states; full, it starts anew, and every step that makes a state again
/// costs a thousand that do not. The longest pattern of the table needs half of this.
const DFA_BYTES: usize = 1 << 20;

/// The longest match that is looked for, bytes.
const WINDOW: usize = 16 << 10;
/// What it costs to begin, in steps of the DFA.
const START_STEPS: usize = 8;
/// What the slower engine costs a byte, in steps of the DFA.
const GROUP_STEPS: usize = 12;

/// What a pattern says at one place of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Decided {
    /// It does not match here.
    No,
    /// It does.
    Match {
        /// The whole match.
        whole: Range<usize>,
        /// The secret in it: group 1, or the whole.
        secret: Range<usize>,
    },
    /// The text that is here does not tell.
    Open,
}

/// A pattern, ready to run.
#[derive(Debug)]
pub(crate) struct Matcher {
    dfa: DFA,
    dfa_cache: DfaCache,
    /// Made with the first match: most patterns never see one.
    found: Option<Groups>,
    groups: usize,
    /// How far a match is looked for, bytes.
    window: usize,
}

impl Matcher {
    /// Builds a pattern.
    ///
    /// # Errors
    /// What is wrong with it, in one sentence.
    pub(crate) fn new(pattern: &str) -> Result<Self, String> {
        let pattern = prefix::parse(pattern)?;
        let window = pattern.properties().maximum_len().map_or(WINDOW, |most| most.min(WINDOW));
        let config = thompson::Config::new().utf8(false).nfa_size_limit(Some(8 << 20));
        let nfa: NFA = thompson::Compiler::new()
            .configure(config)
            .build_from_hir(&prefix::lengthen(&pattern))
            .map_err(|error| prefix::one_line(&error.to_string()))?;
        let dfa = DFA::builder()
            .configure(DFA::config().cache_capacity(DFA_BYTES).skip_cache_capacity_check(true))
            .build_from_nfa(nfa)
            .map_err(|error| prefix::one_line(&error.to_string()))?;
        let groups = dfa.get_nfa().group_info().group_len(regex_automata::PatternID::ZERO);
        Ok(Self { dfa_cache: dfa.create_cache(), found: None, dfa, groups, window })
    }

    /// Bytes of memory held.
    pub(crate) fn bytes(&self) -> usize {
        let vm = self.found.as_ref().map_or(0, Groups::bytes);
        let dfa = self.dfa_cache.memory_usage();
        dfa.saturating_add(vm).saturating_add(self.dfa.get_nfa().memory_usage())
    }

    /// Asks at one place. `steps` counts the bytes looked at.
    pub(crate) fn decide(
        &mut self,
        text: &[u8],
        start: usize,
        complete: bool,
        steps: &mut usize,
    ) -> Decided {
        let end = start.saturating_add(self.window).min(text.len());
        // Within the window the end of the text is seen only when it is the end.
        let is_open = !complete && start.saturating_add(self.window) >= text.len();
        match self.walk(text, start..end, is_open, steps) {
            Walk::Open => Decided::Open,
            Walk::Done(None) => Decided::No,
            Walk::Done(Some(end)) => self.capture(text, start, end, steps),
        }
    }

    /// Finds a match that begins anywhere in a range.
    pub(crate) fn find(&mut self, text: &[u8], range: Range<usize>, steps: &mut usize) -> Decided {
        *steps = steps.saturating_add(range.len().saturating_mul(GROUP_STEPS));
        self.run(Input::new(text).range(range).anchored(Anchored::No))
    }

    /// A group of the match that was found last.
    pub(crate) fn group(&self, group: usize) -> Option<Range<usize>> {
        let group = self.found.as_ref()?.captures.get_group(group)?;
        (group.start < group.end).then_some(group.start..group.end)
    }

    fn capture(&mut self, text: &[u8], start: usize, end: usize, steps: &mut usize) -> Decided {
        if self.groups <= 1 {
            return Decided::Match { whole: start..end, secret: start..end };
        }
        *steps = steps.saturating_add(end.saturating_sub(start).saturating_mul(GROUP_STEPS));
        match self.run(Input::new(text).range(start..end).anchored(Anchored::Yes)) {
            // The DFA has found it: better too much than nothing.
            Decided::No | Decided::Open => Decided::Match { whole: start..end, secret: start..end },
            found @ Decided::Match { .. } => found,
        }
    }

    /// Says where a match and its groups are.
    fn run(&mut self, input: Input<'_>) -> Decided {
        if self.found.is_none() {
            self.found = Groups::new(self.dfa.get_nfa());
        }
        let Some(groups) = &mut self.found else { return Decided::No };
        groups.search(&input);
        let Some(whole) = groups.captures.get_group(0) else { return Decided::No };
        let whole = whole.start..whole.end;
        let secret = (1..self.groups)
            .filter_map(|group| groups.captures.get_group(group))
            .find(|group| group.start < group.end)
            .map_or(whole.clone(), |group| group.start..group.end);
        Decided::Match { whole, secret }
    }

    /// Goes on until the automaton dies. Not the automaton's own search: that does not say how far
    /// it had to look for nothing.
    fn walk(&mut self, text: &[u8], at: Range<usize>, is_open: bool, steps: &mut usize) -> Walk {
        let Self { dfa, dfa_cache: cache, .. } = self;
        let input = Input::new(text).range(at.clone()).anchored(Anchored::Yes);
        // An error is a DFA that gives up, which this configuration never does: then the slow
        // engine decides alone.
        let given_up = if is_open { Walk::Open } else { Walk::Done(Some(at.end)) };
        let Ok(mut state) = dfa.start_state_forward(cache, &input) else { return given_up };
        let mut found = None;
        *steps = steps.saturating_add(START_STEPS);
        for (place, byte) in (at.start..).zip(text.get(at.clone()).unwrap_or_default()) {
            let Ok(next) = dfa.next_state(cache, state, *byte) else { return given_up };
            state = next;
            if state.is_tagged() {
                // A match shows one byte late.
                if state.is_match() {
                    found = Some(place);
                } else if state.is_dead() || state.is_quit() {
                    *steps = steps.saturating_add(place.saturating_sub(at.start));
                    return Walk::Done(found);
                }
            }
        }
        *steps = steps.saturating_add(at.len());
        if is_open {
            return Walk::Open;
        }
        let last = match text.get(at.end) {
            Some(byte) => dfa.next_state(cache, state, *byte),
            None => dfa.next_eoi_state(cache, state),
        };
        match last {
            Ok(state) if state.is_match() => Walk::Done(Some(at.end)),
            Ok(_) => Walk::Done(found),
            Err(_) => given_up,
        }
    }
}

/// Finds a match's groups: a backtracker that never comes to one place twice, and for what is too
/// long for it an engine that needs less memory and ten times as long.
#[derive(Debug)]
struct Groups {
    tracker: BoundedBacktracker,
    track_cache: TrackCache,
    vm: PikeVM,
    vm_cache: Option<PikeCache>,
    captures: Captures,
}

impl Groups {
    fn new(nfa: &NFA) -> Option<Self> {
        let vm = PikeVM::builder().build_from_nfa(nfa.clone()).ok()?;
        let tracker = BoundedBacktracker::builder().build_from_nfa(nfa.clone()).ok()?;
        let (track_cache, captures) = (tracker.create_cache(), tracker.create_captures());
        Some(Self { tracker, track_cache, vm, vm_cache: None, captures })
    }

    fn search(&mut self, input: &Input<'_>) {
        let tracked =
            self.tracker.try_captures(&mut self.track_cache, input.clone(), &mut self.captures);
        if tracked.is_err() {
            let cache = self.vm_cache.get_or_insert_with(|| self.vm.create_cache());
            self.vm.captures(cache, input.clone(), &mut self.captures);
        }
    }

    fn bytes(&self) -> usize {
        let vm = self.vm_cache.as_ref().map_or(0, PikeCache::memory_usage);
        self.track_cache.memory_usage().saturating_add(vm)
    }
}

enum Walk {
    Open,
    Done(Option<usize>),
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decide(pattern: &str, text: &str, start: usize, complete: bool) -> Decided {
        let mut matcher = Matcher::new(pattern).unwrap();
        matcher.decide(text.as_bytes(), start, complete, &mut 0)
    }

    fn found(whole: Range<usize>, secret: Range<usize>) -> Decided {
        Decided::Match { whole, secret }
    }

    #[test]
    fn a_place_is_decided_as_soon_as_the_text_tells() {
        let key = r"\bkey=([a-z]{2,4})\b";
        let cases = [
            ("key=abc ", 0, true, found(0..7, 4..7)),
            ("key=abc x", 0, false, found(0..7, 4..7)),
            ("key=abc ", 0, false, Decided::Open),
            ("key=abc", 0, true, found(0..7, 4..7)),
            ("key=abc", 0, false, Decided::Open),
            ("key=", 0, false, Decided::Open),
            ("key=", 0, true, Decided::No),
            ("key=a1", 0, false, Decided::No),
            ("akey=abc ", 1, true, Decided::No),
            ("-key=abc x", 1, false, found(1..8, 5..8)),
        ];
        for (text, start, complete, expected) in cases {
            assert_eq!(decide(key, text, start, complete), expected, "{text} {complete}");
        }
    }

    #[test]
    fn a_match_is_as_long_as_the_pattern_says() {
        let text = format!("k{}", "x".repeat(2 * WINDOW));
        for (pattern, open, whole) in [
            ("kx{10,500}", true, Some(501)),
            ("kx{10,500}y", true, None),
            (r"kx{10,500}\b", true, None),
            ("kx{10,20}", true, Some(21)),
            ("kx+", true, Some(WINDOW)),
            ("kx+", false, Some(WINDOW)),
        ] {
            let expected = whole.map_or(Decided::No, |end| found(0..end, 0..end));
            assert_eq!(decide(pattern, &text, 0, !open), expected, "{pattern}");
        }
    }
}
