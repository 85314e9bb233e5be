//! The secrets that the corpus holds: positives of rules from all over the table.

use hansard_redact::rules;

/// How many are planted, each in a body of its own.
pub(crate) const COUNT: usize = 73;

/// A secret, and what stands around it.
pub(crate) struct Planted {
    /// The rule whose positive it is.
    pub(crate) rule: &'static str,
    /// The sample's text.
    pub(crate) text: String,
    /// What must not be left of it: the longest line of the secret.
    pub(crate) evidence: String,
}

/// All of them, in the order of the table.
pub(crate) fn all() -> Vec<Planted> {
    let count = rules().count();
    let chosen = (0..COUNT).filter_map(|i| rules().nth(i * count / COUNT));
    let planted = chosen.filter_map(|rule| {
        let (before, rest) = rule.positives.first()?.split_once('«')?;
        let (secret, after) = rest.split_once('»')?;
        let evidence = secret.lines().max_by_key(|line| line.len())?;
        let text = format!("{before}{secret}{after}");
        Some(Planted { rule: rule.id, text, evidence: evidence.to_owned() })
    });
    planted.collect()
}

/// The number of the secret that a body holds, by the number of the body.
pub(crate) fn in_body(body: usize) -> Option<usize> {
    (body % 2 == 1 && body / 2 < COUNT).then_some(body / 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_as_many_as_promised() {
        assert_eq!(all().len(), COUNT);
        assert_eq!(
            (0..1000).filter_map(in_body).collect::<Vec<_>>(),
            (0..COUNT).collect::<Vec<_>>()
        );
    }
}
