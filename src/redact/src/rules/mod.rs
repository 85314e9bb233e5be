//! The rule table: one file a family, each rule written from the vendor's documented format.
//!
//! Most patterns begin with a literal of the format itself, so that a scan starts nowhere else.
//! Where a format is only "32 hex digits", the pattern begins with the vendor's name and `near!`
//! reads from there to the value. No repetition is unbounded: a match is at most 4 KB long, a
//! private key in armour at most 16 KB. Classes list what they accept in ASCII and never negate,
//! so that bytes and characters count the same.
//!
//! Sample secrets are random characters. Nothing here was ever valid.

use crate::rule::Rule;
use std::collections::HashMap;

/// From a vendor's word to the value it names: the rest of the name, and then whatever closes it,
/// assigns and opens the value. On the way there may be one step into a mapping or a call
/// (`vendor:⏎ key`, `"vendor": {"key"`, `Vendor({key`) or the `value` of a list of variables.
macro_rules! near {
    ($word:literal) => {
        concat!(
            "(?i:",
            $word,
            r#")[\w\s.-]{0,24}(?:["'`\\\])]{0,3}"#,
            r#"(?:,?\s{1,16}["']?value|\s{0,3}[:=]\s{0,24}(?:[\w.]{0,24}[({]{1,2}\s{0,24})?["']?[\w.-]{1,24}))??"#,
            r#"[\s"'`\\=:,>(|?\[\]{})]{1,16}"#
        )
    };
}

mod artifacts;
mod assignments;
mod aws;
mod azure;
mod banking;
mod chat;
mod ci;
mod ciphers;
mod clouds;
mod commerce;
mod content;
mod data_platforms;
mod databases;
mod forges;
mod frameworks;
mod generic;
mod gitlab;
mod google;
mod hosting;
mod identity;
mod inference;
mod keys;
mod logs;
mod mail;
mod messaging;
mod model_tools;
mod models;
mod named_services;
mod networks;
mod observability;
mod payment;
mod platforms;
mod quality;
mod registries;
mod secrets;
mod services;
mod social;
mod workplace;

/// For each rule, the literals with which its matches begin: a line each, after the rule's id, with
/// tabs between. Made from the patterns and held to them by a test, so that no pattern is parsed
/// before a text asks for it.
const BEGINS: &str = include_str!("begins.tsv");

/// Each rule's literals, in lower case and with tabs between, by the rule's id.
pub(crate) fn begins() -> HashMap<&'static str, &'static str> {
    BEGINS.lines().filter_map(|line| line.split_once('\t')).collect()
}

/// Every rule, by family. Order carries no meaning.
pub(crate) static RULES: &[&[Rule]] = &[
    artifacts::RULES,
    assignments::RULES,
    aws::RULES,
    azure::RULES,
    banking::RULES,
    chat::RULES,
    ci::RULES,
    ciphers::RULES,
    clouds::RULES,
    commerce::RULES,
    content::RULES,
    data_platforms::RULES,
    databases::RULES,
    forges::RULES,
    frameworks::RULES,
    generic::RULES,
    gitlab::RULES,
    google::RULES,
    hosting::RULES,
    identity::RULES,
    inference::RULES,
    keys::RULES,
    logs::RULES,
    mail::RULES,
    messaging::RULES,
    model_tools::RULES,
    models::RULES,
    named_services::RULES,
    networks::RULES,
    observability::RULES,
    payment::RULES,
    platforms::RULES,
    quality::RULES,
    registries::RULES,
    secrets::RULES,
    services::RULES,
    social::RULES,
    workplace::RULES,
];
