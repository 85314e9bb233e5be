//! Parts of 2 KB over a number of connections, each waiting for its acknowledgement.
//!
//! A connection is a VM of a gateway: it has one call under way, and what its exchanges bring meanwhile
//! goes with the next, as the filter sends it. What is sent was made before, so that what is measured
//! is the sink and the calls, not the making of texts.

use crate::calls::framed;
use crate::parts::{Begin, text};
use crate::sink::Sink;
use crate::{Fallible, Figures};
use rusqlite::{Connection, OpenFlags};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Parts that are made for each second that is measured: more than are asked for.
const PARTS: u64 = 16_000;

/// How often it is looked at how far the ledger is.
const LOOK: Duration = Duration::from_millis(20);

/// `exchanges`: on each connection, each with a part that waits.
pub(crate) async fn measure(
    hansard: &Path,
    folder: &Path,
    [connections, exchanges]: [u8; 2],
    time: Duration,
) -> Fallible<Figures> {
    let data = folder.join(format!("load-{connections}-{exchanges}"));
    let sink = Sink::start(hansard, &data)?;
    let most = PARTS * time.as_secs().max(1) / u64::from(connections) / u64::from(exchanges);
    let mut ready = Vec::new();
    for worker in 0..connections {
        let calls = (0..most).map(|call| message(worker, call, u64::from(exchanges)));
        ready.push((sink.connect().await?, calls.collect::<Fallible<Vec<_>>>()?));
    }
    let is_over = Arc::new(AtomicBool::new(false));
    let (database, until) = (data.join("hansard.db"), Arc::clone(&is_over));
    let watch = thread::spawn(move || lag(database, &until));
    let (start, before) = (Instant::now(), sink.worked()?);
    let mut workers = Vec::new();
    for (mut client, calls) in ready {
        workers.push(tokio::spawn(async move {
            let mut times = Vec::new();
            for call in calls {
                if start.elapsed() > time {
                    break;
                }
                let one = Instant::now();
                client.call(&call).await?;
                times.extend(std::iter::repeat_n(one.elapsed(), usize::from(exchanges)));
            }
            Fallible::Ok(times)
        }));
    }
    let mut times = Vec::new();
    for worker in workers {
        times.append(&mut worker.await??);
    }
    let figures =
        Figures { worked: sink.worked()? - before, ..Figures::of(times, start.elapsed()) };
    is_over.store(true, Ordering::Relaxed);
    let lag = watch.join().map_err(|_| "who watches the ledger failed")??;
    Ok(Figures { lag, ..figures })
}

/// How long ago the last part in the ledger came, at most, from the first on: what came since is
/// acknowledged and not in it yet. In milliseconds.
fn lag(database: PathBuf, is_over: &AtomicBool) -> Fallible<f64> {
    let ledger = Connection::open_with_flags(database, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    let mut last = ledger.prepare("SELECT received_at FROM parts ORDER BY id DESC LIMIT 1")?;
    let mut most = 0.0_f64;
    while !is_over.load(Ordering::Relaxed) {
        if let Some(row) = last.query([])?.next()? {
            let came = Duration::from_millis(row.get::<_, i64>(0)?.unsigned_abs());
            let now = SystemTime::now().duration_since(UNIX_EPOCH)?;
            most = most.max(now.saturating_sub(came).as_secs_f64() * 1000.0);
        }
        thread::sleep(LOOK);
    }
    Ok(most)
}

/// Parts one after the other are one message.
fn message(worker: u8, call: u64, parts: u64) -> Fallible<Vec<u8>> {
    let mut message = Vec::new();
    for seq in call * parts + 1..=(call + 1) * parts {
        let text = text(seq << 8 | u64::from(worker), 1200);
        let body = format!(r#"{{"messages":[{{"role":"user","content":"{text}"}}]}}"#);
        // Each exchange goes on with a conversation of its own.
        let session = format!("session {} of {worker}", seq % parts);
        message.extend(Begin { worker, seq, session: &session, body: &body }.encoded()?);
    }
    framed(&message)
}
