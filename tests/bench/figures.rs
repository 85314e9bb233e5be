//! What the samples come to: medians over the rounds, and ratios taken within each round.

use crate::bench::{Column, Row};
use crate::slice::Sample;
use crate::stats::Spread;
use crate::variant::Variant;

impl Row {
    fn column(&self, variant: Variant) -> Option<&Column> {
        self.columns.iter().find(|column| column.variant == variant)
    }

    /// A figure of a variant.
    pub(crate) fn figure(&self, variant: Variant, of: impl Fn(&Sample) -> f64) -> Option<Spread> {
        Spread::of(self.column(variant)?.samples.iter().map(of))
    }

    /// Envoy CPU per request, against no filter in the same round.
    pub(crate) fn ratio(&self, variant: Variant) -> Option<Spread> {
        self.against(variant, |own, base| own.envoy_us / base.envoy_us)
    }

    /// Milliseconds added to the first byte at p50, against no filter in the same round.
    pub(crate) fn added_first_ms(&self, variant: Variant) -> Option<Spread> {
        self.against(variant, |own, base| own.first_ms - base.first_ms)
    }

    fn against(&self, variant: Variant, of: impl Fn(&Sample, &Sample) -> f64) -> Option<Spread> {
        let own = self.column(variant)?.samples.iter();
        let base = self.column(Variant::NoFilter)?.samples.iter();
        Spread::of(own.zip(base).map(|(own, base)| of(own, base)))
    }
}
