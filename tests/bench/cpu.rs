//! What a process has spent.

use crate::problem::Problem;
use std::fs;
use std::time::Duration;

/// Clock ticks of `/proc/PID/stat` (USER_HZ, 100 on every Linux).
const TICK: Duration = Duration::from_millis(10);

/// CPU time of all threads of a process, user and system.
///
/// From each thread's `schedstat`, to the nanosecond; where the kernel has none, from the process's
/// `stat`, to 10 ms. A thread that ends takes its nanoseconds along; Envoy's and the sink's stay.
pub(crate) fn spent(pid: u32) -> Result<Duration, Problem> {
    by_thread(pid).map_or_else(|| by_process(pid), Ok)
}

fn by_thread(pid: u32) -> Option<Duration> {
    let mut total = 0;
    for thread in fs::read_dir(format!("/proc/{pid}/task")).ok()? {
        let text = fs::read_to_string(thread.ok()?.path().join("schedstat")).ok()?;
        total += text.split_ascii_whitespace().next()?.parse::<u64>().ok()?;
    }
    (total > 0).then(|| Duration::from_nanos(total))
}

fn by_process(pid: u32) -> Result<Duration, Problem> {
    let path = format!("/proc/{pid}/stat");
    let failed = |why: &str| Problem::Proc { path: path.clone(), why: why.to_owned() };
    let text = fs::read_to_string(&path).map_err(|error| failed(&error.to_string()))?;
    let ticks = ticks(&text).ok_or_else(|| failed("it has another form"))?;
    Ok(TICK * ticks)
}

/// `utime` and `stime`: the 12th and 13th field behind the name, which may hold blanks itself.
fn ticks(stat: &str) -> Option<u32> {
    let (_, rest) = stat.rsplit_once(')')?;
    let mut fields = rest.split_ascii_whitespace().skip(11);
    let user: u32 = fields.next()?.parse().ok()?;
    Some(user + fields.next()?.parse::<u32>().ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_sources_agree() {
        let pid = std::process::id();
        while by_process(pid).unwrap() < TICK * 5 {
            std::hint::black_box(pid);
        }
        let (fine, coarse) = (by_thread(pid), by_process(pid).unwrap());
        if let Some(fine) = fine {
            assert!(fine.abs_diff(coarse) < TICK * 4, "{fine:?} {coarse:?}");
        }
    }

    #[test]
    fn a_name_may_hold_anything() {
        let stat = "7 (a) b (c) S 1 7 7 0 -1 4194304 100 0 0 0 12 30 0 0 20 0 1 0 5 1 2";
        assert_eq!(ticks(stat), Some(42));
        assert_eq!(ticks("7 (a)"), None);
    }
}
