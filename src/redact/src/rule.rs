//! One detector: what a secret of one kind looks like, and proof that the pattern says so.

/// What a rule looks for. Rules are written from the vendors' documented formats.
#[derive(Debug)]
pub struct Rule {
    /// Stable name, as in policies, records and metrics: `aws-access-key-id`.
    pub id: &'static str,
    /// One line for a person: what leaks when this leaks.
    pub description: &'static str,
    /// Lower-case literals; every match begins with one of them or holds one near its begin.
    pub keywords: &'static [&'static str],
    /// Regular expression over bytes, without Unicode (the syntax of the `regex` crate). Group 1, where there is
    /// one, is the secret; else the whole match is. Case-insensitive parts say `(?i:…)`.
    pub pattern: &'static str,
    /// Least Shannon entropy of the secret in bits a byte; 0 asks for none.
    pub min_entropy: f32,
    /// What the format itself proves.
    pub check: Check,
    /// Texts with exactly one secret of this rule, between `«` and `»`.
    pub positives: &'static [&'static str],
    /// Texts in which this rule finds nothing.
    pub negatives: &'static [&'static str],
}

/// A proof that some formats carry within themselves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Check {
    /// None.
    Nothing,
    /// The last six characters are the base-62 CRC-32 of the text between prefix and checksum
    /// (GitHub tokens).
    GithubCrc32,
    /// Three base64url segments whose first decodes to a JSON object with `alg`.
    Jwt,
}
