//! The session at a glance: one row a lane, one bar for what happened in a slice of time.
//!
//! A picture of bounded size, whatever the session's length: time is cut into slices, and a slice
//! shows the gravest of what happened in it.

use super::time::offset;
use hansard_replay::archive::{Head, Stop};
use hansard_replay::model::{LaneKind, Status};
use maud::{Markup, html};

/// Slices of time.
const SLICES: usize = 240;
/// Rows; the lanes beyond share the last.
const ROWS: usize = 6;
/// Units of the picture.
const WIDTH: usize = 960;
const ROW: usize = 10;

/// Idle time is drawn no longer than this, in milliseconds.
const LONGEST_IDLE: i64 = 20_000;

#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
enum Mark {
    #[default]
    Nothing,
    Quiet,
    Calls,
    Broken,
}

pub(crate) fn timeline(head: &Head) -> Markup {
    let stops = &head.stops;
    let rows = head.lanes.len().clamp(1, ROWS);
    let marks = marks(stops, rows);
    let height = rows * ROW + 2;
    let (from, to) = ends(stops);
    html! {
        figure.timeline {
            svg viewBox={ "0 0 " (WIDTH) " " (height) } preserveAspectRatio="none" role="img"
                aria-label={ "Timeline of " (stops.len()) " turns over " (offset(to - from)) } {
                @for (place, row) in marks.iter().enumerate() {
                    rect.track x="0" y=(place * ROW + 1) width=(WIDTH) height=(ROW - 2) {}
                    @for (start, length, mark) in runs(row) {
                        rect class={ (class(mark)) " " (kind(head, place)) } x=(start * WIDTH / SLICES) y=(place * ROW + 1)
                            width=(length * WIDTH / SLICES) height=(ROW - 2) {}
                    }
                }
            }
            div #cursor hidden {}
            figcaption {
                span { "0:00" }
                ul.legend aria-hidden="true" {
                    li.quiet { "answer" } li.calls { "tool calls" } li.broken { "refused, ended early or interrupted" }
                }
                span { (offset(to - from)) }
            }
        }
    }
}

fn class(mark: Mark) -> &'static str {
    match mark {
        Mark::Nothing => "nothing",
        Mark::Quiet => "quiet",
        Mark::Calls => "calls",
        Mark::Broken => "broken",
    }
}

fn kind(head: &Head, row: usize) -> &'static str {
    match head.lanes.get(row).map(|lane| lane.kind) {
        Some(LaneKind::Subagent) => "sub",
        Some(LaneKind::Side) => "side",
        Some(LaneKind::Main) | None => "main",
    }
}

fn ends(stops: &[Stop]) -> (i64, i64) {
    let from = stops.iter().map(|stop| stop.from).min().unwrap_or(0);
    let to = stops.iter().map(|stop| stop.to).max().unwrap_or(from);
    (from, to.max(from))
}

/// Where each moment is drawn: time goes on evenly but for idle time, which is cut short. Returns
/// the drawn start and end of each stop, and the drawn length of the whole.
pub(crate) fn drawn(stops: &[Stop]) -> (Vec<(i64, i64)>, i64) {
    let mut order: Vec<usize> = (0..stops.len()).collect();
    order.sort_by_key(|index| stops.get(*index).map_or(0, |stop| stop.from));
    let (from, _) = ends(stops);
    let (mut cut, mut heard) = (0_i64, from);
    let mut places = vec![(0, 0); stops.len()];
    let mut length = 0;
    for index in order {
        let Some(stop) = stops.get(index) else { continue };
        cut += (stop.from - heard - LONGEST_IDLE).max(0);
        heard = heard.max(stop.to);
        let place = (stop.from - from - cut, stop.to.max(stop.from) - from - cut);
        length = length.max(place.1);
        if let Some(slot) = places.get_mut(index) {
            *slot = place;
        }
    }
    (places, length)
}

fn marks(stops: &[Stop], rows: usize) -> Vec<Vec<Mark>> {
    let (places, length) = drawn(stops);
    let slice = |at: i64| -> usize {
        let slice = i128::from(at) * SLICES as i128 / i128::from(length.max(1));
        usize::try_from(slice).unwrap_or(0).min(SLICES - 1)
    };
    let mut marks = vec![vec![Mark::Nothing; SLICES]; rows];
    for (stop, (from, to)) in stops.iter().zip(places) {
        let mark = match stop.status {
            Status::Refused | Status::Interrupted | Status::Ended => Mark::Broken,
            _ if stop.calls > 0 => Mark::Calls,
            _ => Mark::Quiet,
        };
        let Some(row) = marks.get_mut(stop.lane.min(rows - 1)) else { continue };
        for slot in row.iter_mut().take(slice(to) + 1).skip(slice(from)) {
            *slot = (*slot).max(mark);
        }
    }
    marks
}

/// Slices that follow each other with the same mark: start, length, mark.
fn runs(row: &[Mark]) -> Vec<(usize, usize, Mark)> {
    let mut runs: Vec<(usize, usize, Mark)> = Vec::new();
    for (place, mark) in row.iter().enumerate() {
        match runs.last_mut() {
            Some((_, length, last)) if last == mark => *length += 1,
            _ => runs.push((place, 1, *mark)),
        }
    }
    runs.retain(|(_, _, mark)| *mark != Mark::Nothing);
    runs
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stop(from: i64, to: i64, calls: usize) -> Stop {
        Stop { lane: 0, from, to, status: Status::Complete, calls }
    }

    #[test]
    fn idle_time_is_cut_short_and_the_rest_is_to_scale() {
        let stops = [stop(1_000, 2_000, 0), stop(3_000, 5_000, 0), stop(905_000, 906_000, 0)];
        let (places, length) = drawn(&stops);
        assert_eq!(places, [(0, 1_000), (2_000, 4_000), (24_000, 25_000)]);
        assert_eq!(length, 25_000);
    }

    #[test]
    fn the_gravest_of_a_slice_is_shown() {
        let mut broken = stop(0, 10, 0);
        broken.status = Status::Refused;
        let row = marks(&[stop(0, 10, 1), broken, stop(0, 10, 0)], 1).remove(0);
        assert!(row.iter().all(|mark| *mark == Mark::Broken));
        assert_eq!(runs(&row).len(), 1);
    }

    #[test]
    fn any_times_can_be_drawn() {
        assert_eq!(marks(&[], 2).len(), 2);
        let _ = marks(&[stop(i64::MAX / 2, i64::MIN / 2, 0), stop(0, i64::MAX / 2, 3)], 1);
    }
}
