//! Exports, held to what others published: the OCSF schema, RFC 8785 and OTLP's own messages.

use hansard_tests::outside::{python, run, script};
use std::path::Path;

/// The exports are those that `cargo test -p hansard-export` holds the code to.
#[test]
fn exports_hold_to_the_published_schemas() {
    let exports = Path::new(env!("CARGO_MANIFEST_DIR")).join("../src/export/tests/golden");
    let counted = run(python().arg(script("exports.py")).arg(exports));
    assert_eq!(counted["events"], 14);
    assert_eq!(counted["spans"], 28);
}
