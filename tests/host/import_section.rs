//! The host calls that the built filter links, as a golden file: a stray import fails here, not at
//! a rollout.

use crate::vm::module;
use std::path::Path;

#[test]
fn imports() {
    let mut imports: Vec<String> =
        module().imports().map(|import| format!("{}.{}", import.module(), import.name())).collect();
    imports.sort();
    let built = imports.join("\n") + "\n";
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("host/imports.txt");
    if std::env::var_os("BLESS").is_some_and(|bless| bless == "1") {
        std::fs::write(&path, &built).unwrap();
    }
    let golden = std::fs::read_to_string(&path).unwrap_or_default();
    let only_in = |one: &str, other: &str, mark: &str| {
        let lines = one.lines().filter(|line| !other.lines().any(|known| known == *line));
        lines.map(|line| format!("{mark} {line}\n")).collect::<String>()
    };
    assert!(
        built == golden,
        "The built filter imports (+) or no longer imports (-):\n{}{}If that is meant, write \
         tests/host/imports.txt anew:\n    BLESS=1 cargo test -p hansard-tests --test host imports",
        only_in(&built, &golden, "+"),
        only_in(&golden, &built, "-"),
    );
}
