//! VMs, as what is noted of them and as their parts have them: nodes, times, what was given up, and what
//! is missing, with the time in which it was made.

use super::Fallible;
use crate::Report;
use crate::entry::Part;
use rusqlite::Connection;
use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};

/// What is noted of each VM.
pub(super) struct Boots(HashMap<String, Boot>);

struct Boot {
    node: String,
    times: Times,
}

/// What the entries say of each VM, in their order.
#[derive(Default)]
pub(super) struct Heard(HashMap<String, Times>);

#[derive(Clone, Copy, PartialEq)]
struct Times {
    /// Of the part that came first.
    first_at: i64,
    /// Of the part of the highest number.
    last_at: i64,
    highest: i64,
}

/// A stretch of numbers that are missing, as it is noted.
struct Gap {
    first: i64,
    last: i64,
    times: GapTimes,
}

/// When a gap opened, and the times of the parts before and behind it.
#[derive(PartialEq)]
struct GapTimes {
    noticed_at: i64,
    after_at: i64,
    before_at: i64,
}

impl Heard {
    pub(super) fn add(&mut self, part: &Part<'_>) {
        let seq = i64::try_from(part.seq).unwrap_or(i64::MAX);
        let times = match self.0.get_mut(&*part.boot) {
            Some(times) => times,
            None => self.0.entry(part.boot.clone().into_owned()).or_insert(Times {
                first_at: part.at,
                last_at: part.at,
                highest: 0,
            }),
        };
        if seq > times.highest {
            (times.highest, times.last_at) = (seq, part.at);
        }
    }

    /// What a later stretch of the log says.
    pub(super) fn merge(&mut self, next: Self) {
        for (boot, later) in next.0 {
            let times = self.0.entry(boot).or_insert(later);
            if later.highest > times.highest {
                (times.highest, times.last_at) = (later.highest, later.last_at);
            }
        }
    }
}

impl Boots {
    pub(super) fn read(connection: &Connection) -> Fallible<Self> {
        let mut statement =
            connection.prepare("SELECT boot, node, first_at, last_at, highest FROM boots")?;
        let rows = statement.query_map([], |row| {
            let times = Times { first_at: row.get(2)?, last_at: row.get(3)?, highest: row.get(4)? };
            Ok((row.get(0)?, Boot { node: row.get(1)?, times }))
        })?;
        Ok(Self(rows.collect::<Fallible<_>>()?))
    }

    /// The node of a VM, which all of its parts prove.
    pub(super) fn node(&self, boot: &str) -> Option<&str> {
        self.0.get(boot).map(|boot| boot.node.as_str())
    }

    pub(super) fn check(
        &self,
        connection: &Connection,
        heard: &Heard,
        given_up: &BTreeSet<(String, u64)>,
        report: &mut Report,
    ) -> Fallible<()> {
        for (boot, noted) in &self.0 {
            if heard.0.get(boot) != Some(&noted.times) {
                report.problem(format!("what is noted of VM {boot} is not what its parts say"));
            }
        }
        for boot in heard.0.keys().filter(|boot| !self.0.contains_key(*boot)) {
            report.problem(format!("VM {boot} is not noted"));
        }
        let noted = gaps(connection)?;
        let stretches = noted
            .iter()
            .flat_map(|(boot, gaps)| gaps.iter().map(|gap| (boot.clone(), gap.first, gap.last)));
        let is_missing = |gap: &crate::Gap| {
            let number = |number| i64::try_from(number).unwrap_or(i64::MAX);
            (gap.boot.clone(), number(gap.first), number(gap.last))
        };
        let stretches: BTreeSet<_> = stretches.collect();
        let found: BTreeSet<_> = report.gaps.iter().map(is_missing).collect();
        for (boot, first, last) in found.symmetric_difference(&stretches) {
            report.problem(format!("that {first} to {last} of {boot} are missing is not as noted"));
        }
        if noted_as_given_up(connection)? != *given_up {
            report.problem("the numbers that were given up are not as noted".to_owned());
        }
        if noted.is_empty() {
            return Ok(());
        }
        let mut parts = parts_beside_gaps(connection)?;
        for (boot, gaps) in noted {
            let parts = parts.remove(&boot).unwrap_or_default();
            for Gap { first, last, .. } in mistimed(parts, gaps) {
                report
                    .problem(format!("when {first} to {last} of {boot} went missing was changed"));
            }
        }
        Ok(())
    }
}

/// Gaps by VM, the last first.
fn gaps(connection: &Connection) -> Fallible<BTreeMap<String, Vec<Gap>>> {
    let mut statement = connection.prepare(
        "SELECT boot, first, last, noticed_at, after_at, before_at FROM gaps
         ORDER BY boot, first DESC",
    )?;
    let mut rows = statement.query([])?;
    let mut gaps: BTreeMap<String, Vec<Gap>> = BTreeMap::new();
    while let Some(row) = rows.next()? {
        let times =
            GapTimes { noticed_at: row.get(3)?, after_at: row.get(4)?, before_at: row.get(5)? };
        let gap = Gap { first: row.get(1)?, last: row.get(2)?, times };
        gaps.entry(row.get(0)?).or_default().push(gap);
    }
    Ok(gaps)
}

fn noted_as_given_up(connection: &Connection) -> Fallible<BTreeSet<(String, u64)>> {
    let mut statement = connection.prepare("SELECT boot, seq FROM given_up")?;
    let rows = statement.query_map([], |row| {
        Ok((row.get(0)?, u64::try_from(row.get::<_, i64>(1)?).unwrap_or(u64::MAX)))
    })?;
    rows.collect()
}

/// The parts of the VMs of which something is missing, by VM.
fn parts_beside_gaps(connection: &Connection) -> Fallible<HashMap<String, Vec<Came>>> {
    let mut parts: HashMap<String, Vec<Came>> = HashMap::new();
    let mut statement = connection.prepare(
        "SELECT boot, seq, id, at, received_at FROM parts WHERE boot IN (SELECT boot FROM gaps)",
    )?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let boot = row.get_ref(0)?.as_str().unwrap_or_default();
        let came = Came {
            seq: row.get(1)?,
            entry: row.get(2)?,
            at: row.get(3)?,
            received_at: row.get(4)?,
        };
        match parts.get_mut(boot) {
            Some(parts) => parts.push(came),
            None => drop(parts.insert(boot.to_owned(), vec![came])),
        }
    }
    Ok(parts)
}

/// A part that came: its number, its entry, its time and when it came.
#[derive(Clone, Copy)]
struct Came {
    seq: i64,
    entry: i64,
    at: i64,
    received_at: i64,
}

/// The gaps of a VM, the last first, whose times are not what its parts say.
///
/// A gap opened with the part behind it that came first; before it is the part of the highest number
/// that was there by then. Parts are walked from the last number down.
fn mistimed(mut parts: Vec<Came>, gaps: Vec<Gap>) -> Vec<Gap> {
    parts.sort_unstable_by_key(|came| std::cmp::Reverse(came.seq));
    let mut gaps = gaps.into_iter().peekable();
    // Their openers came the earlier, the later they begin.
    let mut begun: VecDeque<(Gap, Came)> = VecDeque::new();
    let mut wrong = Vec::new();
    let mut opener: Option<Came> = None;
    for came in parts {
        while let Some(gap) = gaps.next_if(|gap| gap.last >= came.seq) {
            match opener {
                Some(opener) => begun.push_back((gap, opener)),
                None => wrong.push(gap),
            }
        }
        while let Some((gap, opener)) = begun.pop_front_if(|(_, opener)| came.entry < opener.entry)
        {
            if gap.times != opener.times(came.at) {
                wrong.push(gap);
            }
        }
        if begun.is_empty() && gaps.peek().is_none() {
            return wrong;
        }
        if opener.is_none_or(|opener| came.entry < opener.entry) {
            opener = Some(came);
        }
    }
    // Nothing was there when they opened.
    begun.extend(gaps.filter_map(|gap| Some((gap, opener?))));
    wrong.extend(
        begun
            .into_iter()
            .filter_map(|(gap, opener)| (gap.times != opener.times(opener.at)).then_some(gap)),
    );
    wrong
}

impl Came {
    /// Of a gap that this part opened, behind one of that time.
    fn times(self, after_at: i64) -> GapTimes {
        GapTimes { noticed_at: self.received_at, after_at, before_at: self.at }
    }
}
