//! What tokens cost, by the operator's own table; without a price nothing is said.
//!
//! Enters: a TOML or JSON file of prices per million tokens. Leaves: the cost of some usage, or
//! nothing where the table has no price for the model.

use hansard_replay::model::Usage;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use thiserror::Error;

/// A table of prices.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Prices {
    /// What stands before an amount, as `$`.
    #[serde(default)]
    pub currency: String,
    /// By model; a name that ends in `*` is the beginning of names.
    #[serde(default)]
    pub models: BTreeMap<String, Price>,
}

/// What a million tokens cost.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Price {
    /// Read anew.
    pub input: f64,
    /// Written.
    pub output: f64,
    /// Read from the cache.
    pub cache_read: f64,
    /// Written to the cache.
    pub cache_write: f64,
}

/// Why a table cannot be used.
#[derive(Debug, Error)]
pub enum PricesError {
    /// The file cannot be read.
    #[error("cannot read the prices in {path}: {source}; name another file with --prices", path = path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// It is no table of prices.
    #[error("{path}: {problem}; each model takes input, output, cache_read and cache_write", path = path.display())]
    Form {
        /// Which.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
}

impl Prices {
    /// Reads a file: JSON when its name ends in `.json`, else TOML.
    ///
    /// # Errors
    /// When it cannot be read, or holds anything else.
    pub fn read(path: &Path) -> Result<Self, PricesError> {
        let text = std::fs::read_to_string(path)
            .map_err(|source| PricesError::File { path: path.to_owned(), source })?;
        let is_json = path.extension().is_some_and(|extension| extension == "json");
        Self::parse(&text, is_json)
            .map_err(|problem| PricesError::Form { path: path.to_owned(), problem })
    }

    fn parse(text: &str, is_json: bool) -> Result<Self, String> {
        let prices: Self = if is_json {
            serde_json::from_str(text).map_err(|error| error.to_string())?
        } else {
            toml::from_str(text).map_err(|error| error.message().to_owned())?
        };
        for (model, price) in &prices.models {
            let Price { input, output, cache_read, cache_write } = *price;
            let is_price = |amount: f64| amount.is_finite() && amount >= 0.0;
            if ![input, output, cache_read, cache_write].into_iter().all(is_price) {
                return Err(format!("a price of {model} is negative or no number"));
            }
        }
        Ok(prices)
    }

    /// The cost in units of the currency.
    pub(crate) fn cost(&self, model: Option<&str>, usage: &Usage) -> Option<f64> {
        let price = self.price(model?)?;
        let of = |tokens: u64, price: f64| tokens as f64 * price / 1e6;
        Some(
            of(usage.input, price.input)
                + of(usage.output, price.output)
                + of(usage.cache_read, price.cache_read)
                + of(usage.cache_write, price.cache_write),
        )
    }

    /// An amount as it is shown: `$0.0123`.
    pub(crate) fn shown(&self, amount: f64) -> String {
        let digits = if amount < 1.0 { 4 } else { 2 };
        format!("{}{amount:.digits$}", self.currency)
    }

    /// The exact name, else the longest beginning.
    fn price(&self, model: &str) -> Option<&Price> {
        let begins =
            |name: &str| name.strip_suffix('*').is_some_and(|head| model.starts_with(head));
        self.models.get(model).or_else(|| {
            let fitting = self.models.iter().filter(|(name, _)| begins(name));
            fitting.max_by_key(|(name, _)| name.len()).map(|(_, price)| price)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &str = "currency = '$'\n[models.'claude-sonnet-*']\ninput = 3\noutput = 15\ncache_read = 0.3\ncache_write = 3.75\n";

    #[test]
    fn what_is_in_the_table_has_a_cost_and_nothing_else() {
        let prices = Prices::parse(TABLE, false).unwrap();
        let usage =
            Usage { input: 1_000_000, cache_read: 1_000_000, cache_write: 0, output: 100_000 };
        let cost = prices.cost(Some("claude-sonnet-4-5"), &usage).unwrap();
        assert_eq!(prices.shown(cost), "$4.80");
        assert_eq!(prices.cost(Some("claude-opus-4"), &usage), None);
        assert_eq!(prices.cost(None, &usage), None);
        let json =
            r#"{"models": {"m": {"input": 1, "output": 1, "cache_read": 1, "cache_write": 1}}}"#;
        assert_eq!(Prices::parse(json, true).unwrap().cost(Some("m"), &usage), Some(2.1));
    }

    #[test]
    fn what_is_not_a_price_is_an_error() {
        for (text, word) in [
            ("currenzy = '$'", "currenzy"),
            ("[models.m]\ninput = 1\noutput = 1\ncache_read = 1", "cache_write"),
            ("[models.m]\ninput = -1\noutput = 1\ncache_read = 1\ncache_write = 1", "negative"),
            ("[models.m]\ninput = nan\noutput = 1\ncache_read = 1\ncache_write = 1", "no number"),
        ] {
            assert!(Prices::parse(text, false).unwrap_err().contains(word), "{text}");
        }
    }
}
