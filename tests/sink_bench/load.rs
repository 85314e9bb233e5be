//! Parts of 2 KB over a number of connections, each waiting for its acknowledgement.

use crate::parts::{Begin, text};
use crate::sink::Sink;
use crate::{Fallible, Figures};
use std::path::Path;
use std::time::{Duration, Instant};

pub(crate) async fn measure(
    hansard: &Path,
    folder: &Path,
    connections: u8,
    time: Duration,
) -> Fallible<Figures> {
    let sink = Sink::start(hansard, &folder.join(format!("load-{connections}")))?;
    let mut workers = Vec::new();
    let start = Instant::now();
    for worker in 0..connections {
        let mut client = sink.connect().await?;
        workers.push(tokio::spawn(async move {
            let mut times = Vec::new();
            let session = format!("session of {worker}");
            for seq in 1.. {
                if start.elapsed() > time {
                    break;
                }
                let text = text(seq << 8 | u64::from(worker), 1200);
                let body = format!(r#"{{"messages":[{{"role":"user","content":"{text}"}}]}}"#);
                let part = Begin { worker, seq, session: &session, body: &body }.message()?;
                let one = Instant::now();
                client.stream_access_logs(tokio_stream::once(part)).await?;
                times.push(one.elapsed());
            }
            Fallible::Ok(times)
        }));
    }
    let mut times = Vec::new();
    for worker in workers {
        times.append(&mut worker.await??);
    }
    Ok(Figures::of(times, start.elapsed()))
}
