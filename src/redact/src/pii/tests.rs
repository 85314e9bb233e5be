//! Samples, cut everywhere; noise; and what hostile texts may cost.

use super::*;
use std::time::Instant;

fn all() -> Kinds {
    Pii::ALL.iter().copied().collect()
}

fn whole(text: &[u8], kinds: Kinds) -> Vec<Hit> {
    let mut hits = Vec::new();
    assert_eq!(scan(text, 0, true, kinds, &mut hits), text.len());
    assert!(hits.iter().all(|hit| hit.from <= hit.start && hit.start < hit.end));
    assert!(hits.windows(2).all(|two| two[0].end <= two[1].start));
    hits
}

/// Scans a text that comes in pieces with these ends. Of what was decided only eight bytes stay.
fn pieces(text: &[u8], ends: impl IntoIterator<Item = usize>, kinds: Kinds) -> Vec<Hit> {
    let mut hits = Vec::new();
    let mut safe = 0_usize;
    let ends = ends.into_iter().map(|end| (end, false)).chain([(text.len(), true)]);
    for (end, complete) in ends {
        let base = safe.saturating_sub(8);
        let first = hits.len();
        let next = base + scan(&text[base..end], safe - base, complete, kinds, &mut hits);
        assert!(safe <= next && next <= end && end - next <= 400, "{safe} {next} {end}");
        for hit in &mut hits[first..] {
            hit.from += base;
            hit.start += base;
            hit.end += base;
            assert!(safe <= hit.from && hit.end <= next);
        }
        safe = next;
    }
    assert_eq!(safe, text.len());
    hits
}

/// A sample without its marks, and what they mark.
fn unmarked(sample: &str) -> (String, Vec<(usize, usize)>) {
    let (mut text, mut marked, mut start) = (String::new(), Vec::new(), 0);
    for character in sample.chars() {
        match character {
            '«' => start = text.len(),
            '»' => marked.push((start, text.len())),
            other => text.push(other),
        }
    }
    (text, marked)
}

fn samples() -> impl Iterator<Item = (Pii, &'static str)> {
    let each = |kind: Pii| kind.positives().iter().chain(kind.negatives()).map(move |s| (kind, *s));
    Pii::ALL.iter().copied().flat_map(each)
}

#[test]
fn kinds_have_names_of_their_own() {
    let mut kinds = Kinds::default();
    assert!(kinds.is_empty());
    for kind in Pii::ALL {
        assert_eq!(Pii::named(kind.id()), Some(*kind));
        assert!(!kinds.contains(*kind));
        kinds.insert(*kind);
        assert!(kinds.contains(*kind));
        let is_kebab = |c: char| c.is_ascii_lowercase() || c == '-';
        assert!(kind.id().chars().all(is_kebab) && !kind.description().is_empty());
        assert!(kind.positives().len() >= 2 && kind.negatives().len() >= 2, "{kind:?}");
    }
    assert_eq!(kinds, all());
    assert_eq!(Pii::named("e-mail"), None);
}

#[test]
fn a_positive_holds_what_is_marked_and_nothing_else() {
    for kind in Pii::ALL {
        for sample in kind.positives() {
            let (text, marked) = unmarked(sample);
            for kinds in [all(), Kinds::from_iter([*kind])] {
                let found = whole(text.as_bytes(), kinds);
                let found: Vec<_> = found.iter().map(|h| (h.kind, (h.start, h.end))).collect();
                let marked: Vec<_> = marked.iter().map(|range| (*kind, *range)).collect();
                assert_eq!(found, marked, "{sample}");
                assert!(!marked.is_empty(), "{sample}");
            }
        }
    }
}

#[test]
fn a_negative_holds_nothing_of_its_kind() {
    for kind in Pii::ALL {
        for sample in kind.negatives() {
            let found = whole(sample.as_bytes(), all());
            assert!(found.iter().all(|hit| hit.kind != *kind), "{sample}: {found:?}");
        }
    }
}

#[test]
fn what_was_not_asked_for_is_not_found() {
    for (kind, sample) in samples() {
        let others = Pii::ALL.iter().copied().filter(|other| *other != kind).collect();
        let (text, _) = unmarked(sample);
        assert!(whole(text.as_bytes(), others).iter().all(|hit| hit.kind != kind), "{sample}");
    }
}

#[test]
fn overlaps_and_neighbours() {
    let cases: &[(&str, &[(&str, &str)])] = &[
        ("415-555-0132@x.example", &[("email", "415-555-0132@x.example")]),
        ("+1 415 555 0132.x@y.example", &[("email", "0132.x@y.example")]),
        ("4111111111111111@y.example", &[("email", "4111111111111111@y.example")]),
        ("a@b.example,c@d.example", &[("email", "a@b.example"), ("email", "c@d.example")]),
        ("a@b.example:4111111111111111", &[("email", "a@b.example"), ("card", "4111111111111111")]),
        ("BSN 111222333, 367418253", &[("nl-bsn", "111222333"), ("nl-bsn", "367418253")]),
        ("BSN of a@b.nl: 111222333", &[("email", "a@b.nl"), ("nl-bsn", "111222333")]),
        ("a.bsn@b.nl 111222333", &[("email", "a.bsn@b.nl")]),
        ("BSN a.nhs@b.nl 111222333", &[("email", "a.nhs@b.nl"), ("nl-bsn", "111222333")]),
        ("BSN, NHS 111222333", &[]),
        ("NHS 943-476-5919", &[("uk-nhs", "943-476-5919")]),
        ("943-476-5919", &[("phone", "943-476-5919")]),
        ("x@y.example.", &[("email", "x@y.example")]),
        ("x@y.example-", &[("email", "x@y.example")]),
        ("+49 30 901820 2nd floor", &[("phone", "+49 30 901820")]),
        ("+49 30 901820 2024-05-01", &[("phone", "+49 30 901820")]),
    ];
    for (text, expected) in cases {
        let found = whole(text.as_bytes(), all());
        let found: Vec<_> = found.iter().map(|h| (h.kind.id(), &text[h.start..h.end])).collect();
        assert_eq!(&found, expected, "{text}");
    }
}

#[test]
fn every_sample_at_every_cut_and_byte_by_byte() {
    for (_, sample) in samples() {
        let (sample, _) = unmarked(sample);
        for text in [sample.clone(), format!("BSN tin 1 {sample} 12 {sample}")] {
            let text = text.as_bytes();
            for kinds in [all(), Kinds::from_iter([Pii::NlBsn, Pii::Phone])] {
                let expected = whole(text, kinds);
                for cut in 0..=text.len() {
                    assert_eq!(pieces(text, [cut], kinds), expected, "{sample} at {cut}");
                }
                assert_eq!(pieces(text, 0..=text.len(), kinds), expected, "{sample}");
            }
        }
    }
}

#[test]
fn the_undecided_end_is_short() {
    let (local, domain) = ("a".repeat(64), "b-c.".repeat(80));
    let iban = "GB82 WEST 1234 5698 7654 32";
    for text in [
        format!("burgerservicenummer{}{local}@{domain}", " ".repeat(47)),
        format!("burgerservicenummer{}{local}.{local}@{domain}", " ".repeat(47)),
        format!("bsn{}{iban}.{local}@{domain}", " ".repeat(47)),
        format!("bsn{}{iban}.x@{domain}", " ".repeat(47)),
        format!("bsn {}", "1".repeat(900)),
        format!("bsn {}", "bsn1-".repeat(200)),
        format!("+{}", "44 ".repeat(300)),
        format!("{local}{local}{local}@{domain}"),
    ] {
        // `pieces` measures.
        let expected = whole(text.as_bytes(), all());
        assert_eq!(pieces(text.as_bytes(), 0..text.len(), all()), expected, "{text}");
    }
}

/// Numbers below a bound, the same ones each time (xorshift64).
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as usize % bound
    }
}

#[rustfmt::skip]
const NOISE: &[&str] = &[
    " ", "\n", "-", ".", ",", ": ", "@", "+", "(", ")", "/", "_", "1", "12", "0132", "a", "Bc", "DE",
    "AB ", "X", "é", "中", "tax", "tax ", "bsn ", "BSN", "nhs", " id nr ", "social ", "sofi", "x@y.zz",
    "@x.de", "415-555-0132", "4111 ", "111222333", "943 476 5919", "86095742719", "DE89 3704",
    "aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffff", "\u{0}", "....", "2", "--",
];

/// Samples, pieces of samples, noise, and bytes that are no text.
fn concatenation(dice: &mut Dice, samples: &[String]) -> Vec<u8> {
    let mut text = Vec::new();
    for _ in 0..dice.below(14) {
        match dice.below(8) {
            0 | 1 => text.extend(samples[dice.below(samples.len())].bytes()),
            2 => {
                let sample = samples[dice.below(samples.len())].as_bytes();
                let start = dice.below(sample.len());
                text.extend(&sample[start..start + dice.below(sample.len() - start + 1)]);
            }
            3 => text.push(dice.below(256) as u8),
            _ => text.extend(NOISE[dice.below(NOISE.len())].bytes()),
        }
    }
    text
}

#[test]
fn random_texts_in_random_pieces() {
    let samples: Vec<_> = samples().map(|(_, sample)| unmarked(sample).0).collect();
    let mut dice = Dice(0x9e37_79b9_7f4a_7c15);
    let rounds = if cfg!(debug_assertions) { 3_000 } else { 60_000 };
    for _ in 0..rounds {
        let text = concatenation(&mut dice, &samples);
        let mut kinds = all();
        if dice.below(4) == 0 {
            kinds = Pii::ALL.iter().copied().filter(|_| dice.below(3) > 0).collect();
        }
        let expected = whole(&text, kinds);
        let mut ends: Vec<_> = (0..dice.below(6)).map(|_| dice.below(text.len() + 1)).collect();
        ends.sort_unstable();
        let shown = String::from_utf8_lossy(&text);
        assert_eq!(pieces(&text, ends.clone(), kinds), expected, "{shown:?} {ends:?}");
        assert_eq!(pieces(&text, 0..=text.len(), kinds), expected, "{shown:?}");
        resumes_anywhere(&text, &mut dice, kinds, &expected);
    }
}

/// A caller that holds back more resumes before `safe`, outside of all that was found.
fn resumes_anywhere(text: &[u8], dice: &mut Dice, kinds: Kinds, expected: &[Hit]) {
    let mut hits = Vec::new();
    let end = dice.below(text.len() + 1);
    let safe = scan(&text[..end], 0, false, kinds, &mut hits);
    let mut at = dice.below(safe + 1);
    while let Some(hit) = hits.iter().find(|hit| hit.from < at && at < hit.end) {
        at = hit.from;
    }
    hits.retain(|hit| hit.end <= at);
    scan(text, at, true, kinds, &mut hits);
    assert_eq!(hits, expected, "{:?} to {end}, from {at}", String::from_utf8_lossy(text));
}

#[test]
#[rustfmt::skip]
fn hostile_texts_cost_little() {
    let seconds = |unit: &str| {
        let text = unit.repeat((1 << 17) / unit.len());
        let run = || {
            let start = Instant::now();
            scan(text.as_bytes(), 0, true, all(), &mut Vec::new());
            start.elapsed().as_secs_f64()
        };
        (0..5).map(|_| run()).fold(f64::MAX, f64::min)
    };
    let normal = seconds("let total = self.rows.iter().map(|row| row.len() + 1).sum(); // 2 a\n");
    let hostile = [
        "@", "a@", "a@a.", "1", "1-", "1 ", "bsn ", "bsn 1 ", "bsn111222333 ", "BSN 111222333 ", "+1 ",
        "+44 2", "111222333 ", "111 222 333 ", "4111 ", "4111 1111 1111 1112 ", "415-555-0132 ", "A1 ",
        "DE89 3704 ", "a@b.cc ", "415-555-0132.a.", "86095742719 ", "tax i", "0123456789abcdef@b.c-",
        "DE89370400440532013001 ", "AB 12 ", "RSSMRA85T10A562T ", "(415) 555-013 ", "000-00-0000 ",
    ];
    for unit in hostile {
        // Measured: 24 at most. What is quadratic costs thousands.
        let cost = seconds(unit) / normal;
        assert!(cost < 100.0, "{unit:?} costs {cost} times as much");
    }
}
