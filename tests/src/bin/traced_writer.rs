//! Appends parts to a ledger, one after the other, and touches `acknowledged-N` beside it when the
//! N-th is acknowledged: for who traces its calls to the system.
//!
//! ```text
//! traced-writer FOLDER PARTS
//! ```

use hansard_store::{Incoming, Source, Writer};
use std::path::PathBuf;
use std::sync::mpsc;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut args = std::env::args().skip(1);
    let folder = PathBuf::from(args.next().ok_or("which folder?")?);
    let parts: u64 = args.next().ok_or("how many parts?")?.parse()?;
    let writer = Writer::start(&folder.join("data"))?;
    for n in 1..=parts {
        let (done, answer) = mpsc::channel();
        // The answer is waited for below.
        let batch = vec![Incoming::part(part(n), Source::Acknowledged, 1_760_000_000_000 + n, "")];
        let queued = writer.handle().accept(batch, move |result| drop(done.send(result)));
        queued.map_err(|rejected| rejected.error)?;
        answer.recv()??;
        // There is no such file: that somebody looked for it is the mark.
        let _ = std::fs::File::open(folder.join(format!("acknowledged-{n}")));
    }
    writer.close();
    Ok(())
}

/// A turn of one session, with the turns before.
fn part(n: u64) -> Vec<u8> {
    let at = 1_760_000_000_000 + n;
    let messages: Vec<String> = (1..=n)
        // One is so long that the intake makes room before there is need.
        .map(|turn| (turn, "word ".repeat(if turn == 5 { 28_000 } else { 40 })))
        .map(|(turn, words)| format!(r#"{{"role":"user","content":"turn {turn}: {words}"}}"#))
        .collect();
    let body = format!(r#"{{"model":"m","messages":[{}]}}"#, messages.join(","));
    format!(
        r#"{{"hansard.v2":{{"exchange":"0199c4a2-5000-7000-8000-{n:012x}","boot":"0199c4a2-5000-7000-8000-000000000000","seq":{n},"at":{at},"gateway":{{"node":"traced","filter":"0","policy":"0"}},"part":{{"opened":{{"who":{{"issuer":"https://issuer.example","subject":"alice","groups":[],"expires_at":1800000000,"token":"0123456789abcdef"}},"from":{{"address":""}},"session":{{"id":"one"}},"decision":{{"rule":"all","effect":"allow"}},"request":{{"method":"POST","path":"/v1/messages","headers":[],"model":"m","bytes":{},"body":{body}}}}}}}}}}}"#,
        body.len()
    )
    .into_bytes()
}
