//! Sessions that the policy keeps no longer, erased on schedule.

use super::http::Source;
use crate::time::now;
use hansard_store::{Custodian, Keep, Order, StoreError};
use std::time::Duration;

const EVERY: Duration = Duration::from_secs(3600);

/// Never ends. What could not be done is tried again the next time.
pub(super) async fn run(source: Source, keep: Vec<Keep>) {
    loop {
        let (place, keep) = (source.clone(), keep.clone());
        match tokio::task::spawn_blocking(move || step(&place, &keep, now() as i64)).await {
            Ok(Ok(0)) => {}
            Ok(Ok(sessions)) => tracing::info!(sessions, "erased: their time is over"),
            Ok(Err(error)) => tracing::error!(%error, "sessions whose time is over are still here"),
            Err(_) => tracing::error!("sessions whose time is over are still here"),
        }
        tokio::time::sleep(EVERY).await;
    }
}

/// Erases what is due at a time; how many sessions that were.
fn step(source: &Source, keep: &[Keep], at: i64) -> Result<usize, StoreError> {
    let mut custodian = Custodian::open(&source.data, Some(source.keys.clone()))?;
    let due = custodian.due(keep, at)?;
    for session in &due {
        custodian.erase(session, Order { reason: "its time is over", by: "sink", at })?;
    }
    Ok(due.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture;
    use hansard_store::{Reader, beside};

    #[test]
    fn what_is_due_is_erased_and_the_rest_stays() {
        let folder = fixture::ledger();
        let data = folder.path().to_owned();
        let source = Source { data: data.clone(), keys: beside(&data) };
        let keep = [Keep { rules: Vec::new(), days: 1 }];
        let sessions = Reader::open(&data).unwrap().sessions(99).unwrap();
        let last = sessions.iter().filter_map(|session| session.last_end).max().unwrap();
        assert_eq!(step(&source, &keep, last).unwrap(), 0);
        let later = last + 86_400_000;
        assert_eq!(step(&source, &[], later).unwrap(), 0, "nothing is said: everything is kept");
        assert_eq!(step(&source, &keep, later).unwrap(), sessions.len());
        assert_eq!(step(&source, &keep, later).unwrap(), 0);
    }
}
