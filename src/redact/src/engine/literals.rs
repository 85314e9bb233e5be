//! Finds the literals of all detectors in one pass, letters' case aside.
//!
//! A literal is known by its first four bytes, or by its three. Each place of a text asks one bit:
//! do the bytes here begin any literal? The bits fit into a processor's first cache and no place
//! depends on the one before it, so this is faster than an automaton over the literals, whose table
//! does not fit. Where the bit is set, the literals that begin so are compared, eight bytes at once.

/// The least length of a literal, bytes.
pub(super) const LEAST: usize = 3;
/// Bit 5 tells an upper-case letter from its lower-case one. Other bytes that differ in it alone
/// are told apart when a literal is compared to its end.
const FOLD: u64 = 0x2020_2020_2020_2020;

/// What a literal means to a detector.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Role {
    /// Its pattern may match from here.
    Begin,
    /// Its pattern may match around here.
    Keyword,
    /// It is the value itself.
    Value,
    /// A placeholder may stand here.
    Placeholder,
}

/// A literal's meaning to one detector.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Head {
    pub(super) detector: usize,
    pub(super) role: Role,
}

/// The literals, as they are gathered.
#[derive(Debug, Default)]
pub(super) struct Gathered(Vec<(Vec<u8>, Head)>);

impl Gathered {
    /// Adds a literal of at least [`LEAST`] bytes; a shorter one is not looked for.
    pub(super) fn add(&mut self, literal: &[u8], head: Head) {
        if literal.len() >= LEAST {
            self.0.push((literal.to_ascii_lowercase(), head));
        }
    }

    pub(super) fn build(mut self) -> Literals {
        let placeholder = Head { detector: usize::MAX, role: Role::Placeholder };
        self.add(crate::placeholder::PREFIX.as_bytes(), placeholder);
        self.0.sort_unstable();
        self.0.dedup();
        let mut all: Vec<Literal> = Vec::new();
        for (bytes, head) in self.0 {
            match all.last_mut() {
                Some(last) if *last.bytes == *bytes => last.heads.push(head),
                _ => all.push(Literal::new(&bytes, head)),
            }
        }
        let mut starts = Bits::new();
        let mut pairs = Bits::new();
        for literal in &all {
            if let [first, second, ..] = *literal.bytes {
                starts.set(u16::from(first));
                pairs.set(pair(first, second));
            }
        }
        let longest = all.iter().map(|literal| literal.bytes.len()).max().unwrap_or(0);
        let mut triples: Vec<[u8; 3]> = all
            .iter()
            .filter(|one| one.bytes.len() > 3)
            .filter_map(|one| one.bytes.first_chunk().copied())
            .collect();
        triples.dedup();
        let mut begins = Begins::new();
        all.iter().for_each(|literal| begins.add(literal));
        let (short, long) = all.into_iter().partition(|literal| literal.bytes.len() < 4);
        Literals {
            begins,
            long: Table::new(long, hash_of_four),
            short: Table::new(short, hash_of_three),
            starts,
            pairs,
            triples,
            longest,
        }
    }
}

#[derive(Debug)]
struct Literal {
    bytes: Box<[u8]>,
    /// The first eight bytes, folded; fewer are filled up with what `mask` leaves out.
    first: u64,
    mask: u64,
    heads: Vec<Head>,
}

impl Literal {
    fn new(bytes: &[u8], head: Head) -> Self {
        let (mut first, mut mask) = ([0; 8], [0; 8]);
        for ((first, mask), byte) in first.iter_mut().zip(&mut mask).zip(bytes) {
            (*first, *mask) = (*byte, 0xff);
        }
        let mask = u64::from_le_bytes(mask);
        let first = (u64::from_le_bytes(first) | FOLD) & mask;
        Self { bytes: bytes.into(), first, mask, heads: vec![head] }
    }
}

/// The literals, ready to be looked for.
#[derive(Debug)]
pub(super) struct Literals {
    begins: Begins,
    /// Those of four bytes and more.
    long: Table,
    /// Those of three.
    short: Table,
    /// A bit for each byte with which some literal begins.
    starts: Bits,
    /// A bit for each two bytes with which some literal begins.
    pairs: Bits,
    /// The first three bytes of the long ones, in order.
    triples: Vec<[u8; 3]>,
    longest: usize,
}

/// Literals by the hash of their begin.
#[derive(Debug)]
struct Table {
    bits: Bits,
    /// For each hash, where its literals begin in `all`.
    buckets: Vec<u32>,
    all: Vec<Literal>,
}

impl Table {
    fn new(mut all: Vec<Literal>, hash: impl Fn(u64) -> u16) -> Self {
        all.sort_by_key(|literal| hash(literal.first));
        let mut table =
            Self { bits: Bits::new(), buckets: vec![0; (1 << 16) + 1], all: Vec::new() };
        for literal in &all {
            let hash = hash(literal.first);
            table.bits.set(hash);
            if let Some(count) = table.buckets.get_mut(usize::from(hash)) {
                *count = count.saturating_add(1);
            }
        }
        let mut begin: u32 = 0;
        for bucket in &mut table.buckets {
            let count = std::mem::replace(bucket, begin);
            begin = begin.saturating_add(count);
        }
        table.all = all;
        table
    }

    fn bucket(&self, hash: u16) -> &[Literal] {
        let at = |hash: usize| self.buckets.get(hash).map_or(0, |at| *at as usize);
        let hash = usize::from(hash);
        self.all.get(at(hash)..at(hash.saturating_add(1))).unwrap_or_default()
    }
}

/// 65,536 bits: every hash has one, and no index is out of bounds.
struct Bits(Box<[u64; 1024]>);

impl std::fmt::Debug for Bits {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Bits({} set)", self.0.iter().map(|word| word.count_ones()).sum::<u32>())
    }
}

impl Bits {
    fn new() -> Self {
        Self(Box::new([0; 1024]))
    }

    fn set(&mut self, at: u16) {
        if let Some(word) = self.0.get_mut(usize::from(at >> 6)) {
            *word |= 1 << (at & 63);
        }
    }

    #[inline(always)]
    fn has(&self, at: u16) -> bool {
        self.0.get(usize::from(at >> 6)).is_some_and(|word| word >> (at & 63) & 1 == 1)
    }
}

/// For the hash of three bytes a set of what can come fourth, by its three lowest bits: does a
/// literal begin with these four?
struct Begins(Box<[u8; 1 << 15]>);

impl std::fmt::Debug for Begins {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Begins({} set)", self.0.iter().map(|fourth| fourth.count_ones()).sum::<u32>())
    }
}

impl Begins {
    fn new() -> Self {
        Self(Box::new([0; 1 << 15]))
    }

    fn add(&mut self, literal: &Literal) {
        let folded = literal.first as u32;
        let fourth = if literal.bytes.len() > 3 { 1 << (folded >> 24 & 7) } else { u8::MAX };
        if let Some(all) = self.0.get_mut(Self::place(folded)) {
            *all |= fourth;
        }
    }

    #[inline(always)]
    fn has(&self, folded: u32) -> bool {
        let fourth = self.0.get(Self::place(folded)).copied().unwrap_or(u8::MAX);
        fourth >> (folded >> 24 & 7) & 1 == 1
    }

    /// By the lowest three bytes.
    #[inline(always)]
    fn place(folded: u32) -> usize {
        ((folded << 8).wrapping_mul(0x9e37_79b1) >> 17) as usize
    }
}

#[inline(always)]
fn hash_of_four(folded: u64) -> u16 {
    ((folded as u32).wrapping_mul(0x9e37_79b1) >> 16) as u16
}

#[inline(always)]
fn hash_of_three(folded: u64) -> u16 {
    (((folded as u32) << 8).wrapping_mul(0x85eb_ca6b) >> 16) as u16
}

impl Literals {
    /// Calls for each literal in a text from an offset on, in the order of their begins, with the
    /// begin, the end and what it means. Stops when told to.
    pub(super) fn each(
        &self,
        text: &[u8],
        from: usize,
        mut each: impl FnMut(usize, usize, &[Head]) -> bool,
    ) {
        let mut at = from;
        // Eight bytes hold the first four of five places; four of them are asked at once.
        while let Some(eight) = text.get(at..).and_then(|rest| rest.first_chunk()) {
            let folded = u64::from_le_bytes(*eight) | FOLD;
            let ones = [
                self.begins.has(folded as u32),
                self.begins.has((folded >> 8) as u32),
                self.begins.has((folded >> 16) as u32),
                self.begins.has((folded >> 24) as u32),
            ];
            if ones.contains(&true) {
                for (place, _) in (at..).zip(ones).filter(|(_, is_one)| *is_one) {
                    if !self.at(text, place, &mut each) {
                        return;
                    }
                }
            }
            at = at.saturating_add(4);
        }
        for place in at..text.len() {
            if !self.at(text, place, &mut each) {
                return;
            }
        }
    }

    /// The literals that begin at a place; false when told to stop.
    #[inline(never)]
    fn at(
        &self,
        text: &[u8],
        at: usize,
        each: &mut impl FnMut(usize, usize, &[Head]) -> bool,
    ) -> bool {
        let rest = text.get(at..).unwrap_or_default();
        let eight = rest.first_chunk().copied().unwrap_or_else(|| {
            let mut eight = [0; 8];
            for (to, byte) in eight.iter_mut().zip(rest) {
                *to = *byte;
            }
            eight
        });
        let folded = u64::from_le_bytes(eight) | FOLD;
        let long = hash_of_four(folded);
        if self.long.bits.has(long) && !compare(self.long.bucket(long), rest, at, folded, each) {
            return false;
        }
        let short = hash_of_three(folded);
        !self.short.bits.has(short) || compare(self.short.bucket(short), rest, at, folded, each)
    }

    /// How many bytes at a text's end, from an offset on, could be the begin of a literal.
    pub(super) fn open(&self, text: &[u8], from: usize) -> usize {
        let most = self.longest.saturating_sub(1).min(text.len().saturating_sub(from));
        (1..=most)
            .rev()
            .find(|length| {
                let tail = text.get(text.len().saturating_sub(*length)..).unwrap_or_default();
                self.begins(tail)
            })
            .unwrap_or(0)
    }

    /// Whether a literal begins with these bytes and is longer.
    fn begins(&self, tail: &[u8]) -> bool {
        match *tail {
            [] => false,
            [first] => self.starts.has(u16::from(first.to_ascii_lowercase())),
            [first, second] => {
                self.pairs.has(pair(first.to_ascii_lowercase(), second.to_ascii_lowercase()))
            }
            // Literals of three bytes are no longer than this.
            [first, second, third] => {
                let three = [first, second, third].map(|byte| byte.to_ascii_lowercase());
                self.triples.binary_search(&three).is_ok()
            }
            [first, second, third, fourth, ..] => {
                let four = u64::from(u32::from_le_bytes([first, second, third, fourth])) | FOLD;
                self.long.bucket(hash_of_four(four)).iter().any(|literal| {
                    let head = literal.bytes.get(..tail.len()).unwrap_or_default();
                    literal.bytes.len() > tail.len() && tail.eq_ignore_ascii_case(head)
                })
            }
        }
    }
}

fn compare(
    literals: &[Literal],
    rest: &[u8],
    at: usize,
    folded: u64,
    each: &mut impl FnMut(usize, usize, &[Head]) -> bool,
) -> bool {
    for literal in literals {
        if folded & literal.mask != literal.first {
            continue;
        }
        let length = literal.bytes.len();
        let is_here =
            rest.get(..length).is_some_and(|here| here.eq_ignore_ascii_case(&literal.bytes));
        if is_here && !each(at, at.saturating_add(length), &literal.heads) {
            return false;
        }
    }
    true
}

fn pair(first: u8, second: u8) -> u16 {
    u16::from_be_bytes([first, second])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn literals(list: &[&str]) -> Literals {
        let mut gathered = Gathered::default();
        for (detector, literal) in list.iter().enumerate() {
            gathered.add(literal.as_bytes(), Head { detector, role: Role::Begin });
        }
        gathered.build()
    }

    fn found(literals: &Literals, text: &str, from: usize) -> Vec<(usize, usize)> {
        let mut all = Vec::new();
        literals.each(text.as_bytes(), from, |start, _, heads| {
            all.extend(heads.iter().map(|head| (start, head.detector)));
            true
        });
        all
    }

    #[test]
    fn all_are_found_where_they_begin() {
        let table = literals(&["akia", "aki", "token", "ken", "tok", "token", "~~]"]);
        assert_eq!(found(&table, "xAKIAx", 0), [(1, 0), (1, 1)]);
        assert_eq!(found(&table, "Tokens", 0), [(0, 2), (0, 5), (0, 4), (2, 3)]);
        assert_eq!(found(&table, "Tokens", 1), [(2, 3)]);
        // The same but for bit 5, and not the same.
        assert_eq!(found(&table, "^^}", 0), []);
        assert_eq!(found(&table, "~~] ak", 0), [(0, 6)]);
    }

    #[test]
    fn what_could_begin_a_literal_is_open() {
        let table = literals(&["akia", "token"]);
        let cases =
            [("x", 0), ("xa", 1), ("xAKI", 3), ("akia", 1), ("tok", 3), ("a tOkE", 4), ("", 0)];
        for (text, open) in cases {
            assert_eq!(table.open(text.as_bytes(), 0), open, "{text}");
        }
        assert_eq!(table.open(b"tok", 2), 0);
    }
}
