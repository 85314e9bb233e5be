//! `ocsf`: one OCSF event for each exchange, for a SIEM.
//!
//! Enters: a replay, and the ledger's proof. Leaves: JSON lines of API Activity (class 6003) in OCSF
//! 1.9.0, the first release with both profiles that it needs: `ai_operation` (model, tokens, agent)
//! and `record_integrity` (see `src/export/src/ocsf/integrity.rs`); `security_control` says what the
//! policy did, and `trace` carries the ids of the same session's `otel` export. What OCSF has no
//! attribute for (findings, tool calls, places in the log) stands in `unmapped.hansard`.
//!
//! The activity is `Create` for a message, `Read` for a token count, and otherwise the HTTP method's.
//! Prompt and answer are in it only with [`Content::With`].

mod event;
mod integrity;
mod jcs;

use crate::text::json_line;
use crate::turns::Turns;
use crate::{Content, Proof};
use hansard_replay::Replay;
use std::io::{self, Write};

/// Writes a session's events.
///
/// # Errors
/// When the writer fails.
pub fn write(
    replay: &Replay,
    proof: &Proof,
    content: Content,
    out: &mut dyn Write,
) -> io::Result<()> {
    let turns = Turns::of(replay);
    let mut chain = integrity::Chain::new(replay, proof);
    for (turn, of) in turns.each(replay) {
        let mut event = event::of(replay, proof, content, turn, of);
        chain.attest(&mut event);
        json_line(out, &event)?;
        out.write_all(b"\n")?;
    }
    Ok(())
}
