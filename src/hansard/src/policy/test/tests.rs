//! Policies that hold, and ones that do not.

use super::super::Source;
use super::*;
use std::path::Path;

const POLICY: &str = r#"
version: 1
access:
  - { name: all, effect: allow, groups: [developers], endpoints: [messages] }
redact:
  secrets: pseudonymize
  rules: [{ id: "*private-key*", action: block }]
  personal: { email: mask }
  custom:
    - { id: project, action: mask, literals: [bluebird] }
"#;
const AWS: &str = "AKIAZ7Q4XWN5K2MBT3PD";

fn cases(tests: &str) -> Result<Vec<Vec<String>>, String> {
    let text = format!("{POLICY}tests:\n{tests}").replace("AWS", AWS);
    let loaded = Source::parse(Path::new("p.yaml"), &text).unwrap().bare().unwrap();
    let mut redactor = loaded.redactor(TRIAL_KEY).unwrap();
    let cases = Case::all(&loaded).map_err(|error| error.to_string())?;
    Ok(cases.iter().map(|case| case.problems(&loaded, &mut redactor)).collect())
}

fn problems(test: &str) -> Vec<String> {
    cases(&format!("  - {{ name: t, {test} }}\n")).unwrap().concat()
}

#[test]
fn what_holds_has_no_problems() {
    let body = r#"request: { body: { model: m, messages: [{ content: "AWS" }, { content: "a bluebird, bluebird" }] } }"#;
    let aws =
        "{ rule: aws-access-key-id, at: /messages/0/content, action: pseudonymize, count: 1 }";
    for test in [
        "who: { groups: [developers] }, request: { endpoint: messages, model: x }, expect: { effect: allow, rule: all }",
        "who: { groups: [] }, request: { endpoint: messages, model: x }, expect: { effect: refuse }",
        &format!("{body}, expect: {{ findings: [{{ rule: project, count: 2 }}, {aws}] }}"),
        "request: { text: 'nothing here' }, expect: { findings: [], redacted: nothing here }",
        "request: { text: '[1]' }, expect: { findings: [], redacted: '[1]' }",
        "request: { body: { b: 1, a: [] } }, expect: { redacted: { a: [], b: 1 } }",
        "request: { body: { b: 1, a: [] } }, expect: { redacted: '{\"a\": [], \"b\": 1}' }",
        "request: { body: '{\"b\": 1e5}' }, expect: { redacted: '{\"b\": 1e5}' }",
        "request: { text: 'bluebird a@example.com' }, expect: { findings: [{ rule: email }, { rule: project, at: text }] }",
    ] {
        assert_eq!(problems(test), [""; 0], "{test}");
    }
}

#[test]
fn a_value_that_does_not_pass_refuses_by_its_rule() {
    let key = "-----BEGIN RSA PRIVATE KEY-----\\nMIIEpAIBAAKCAQEA1c7+9z5Pad7OejecsQ0buoHHzZeJK2QGe0ElOEbHZkFuyzEy\\n\
               wXkyoDnV3a5hVdVZ8C2bYbVbVqHJzTq0sC5aJmKkTn0wZ1sP3x7uYh8rQdGfXeLo\\n-----END RSA PRIVATE KEY-----";
    let request = format!(
        "who: {{ groups: [developers] }}, request: {{ endpoint: messages, model: x, text: \"{key}\" }}"
    );
    let found = problems(&format!("{request}, expect: {{ effect: allow, redacted: x }}"));
    assert_eq!(found.len(), 2, "{found:?}");
    assert!(
        found[0].starts_with("effect is refuse by redact/") && found[0].ends_with(", not allow"),
        "{found:?}"
    );
    assert!(found[1].starts_with("nothing goes over the wire: rule "), "{found:?}");
    let rule = found[0].split(' ').nth(4).unwrap().trim_end_matches(',');
    assert_eq!(
        problems(&format!("{request}, expect: {{ effect: refuse, rule: {rule} }}")),
        [""; 0]
    );
}

#[test]
fn what_does_not_hold_says_what_came_of_it() {
    let cases: &[(&str, &[&str])] = &[
        (
            "who: { groups: [] }, request: { endpoint: messages, model: x }, expect: { effect: allow, rule: all }",
            &["effect is refuse, not allow", "rule is none, not all"],
        ),
        (
            "who: { groups: [developers] }, request: { endpoint: messages, model: x }, expect: { effect: refuse, rule: some }",
            &["effect is allow by all, not refuse", "rule is all, not some"],
        ),
        (
            "request: { text: AWS bluebird }, expect: { findings: [{ rule: project, count: 2 }] }",
            &[
                "is not found: project ×2",
                "is found: aws-access-key-id ×1 in text → pseudonymize",
                "is found: project ×1 in text → mask",
            ],
        ),
        ("request: { text: plain }, expect: { redacted: other }", &["redacted is plain"]),
        (
            "request: { text: plain }, expect: { findings: [{ rule: project, at: text, action: mask }] }",
            &["is not found: project in text → mask"],
        ),
    ];
    for (test, expected) in cases {
        let problems = problems(test);
        assert_eq!(problems, *expected, "{test}");
    }
}

#[test]
fn placeholders_can_be_written_down() {
    let found = problems("request: { text: a bluebird }, expect: { redacted: '' }");
    let redacted = found[0].strip_prefix("redacted is ").unwrap();
    assert!(redacted.starts_with("a HANSARD-project-"), "{redacted}");
    let test = format!("request: {{ text: a bluebird }}, expect: {{ redacted: {redacted} }}");
    assert_eq!(problems(&test), [""; 0]);
}

#[test]
fn one_that_names_less_leaves_the_finding_to_one_that_names_more() {
    let text = "request: { body: { a: bluebird, b: bluebird } }";
    for findings in [
        "[{ rule: project }, { rule: project, at: /a }]",
        "[{ rule: project, at: /a }, { rule: project }]",
        "[{ rule: project }, { rule: project }]",
    ] {
        assert_eq!(
            problems(&format!("{text}, expect: {{ findings: {findings} }}")),
            [""; 0],
            "{findings}"
        );
    }
    let both = "[{ rule: project, at: /a }, { rule: project, at: /a }]";
    assert_eq!(
        problems(&format!("{text}, expect: {{ findings: {both} }}")),
        ["is not found: project in /a", "is found: project ×1 in /b → mask"]
    );
}

#[test]
fn a_test_that_cannot_be_asked_is_named_with_its_path() {
    let who = "who: { groups: [g] }";
    for (test, expected) in [
        ("request: {}, expect: { efect: allow }", "expect.efect: unknown field `efect`"),
        (
            "request: { text: a }, expect: { findings: [{ rul: x }] }",
            "expect.findings[0].rul: unknown field",
        ),
        ("request: {}, expect: { effect: permit }", "expect.effect: unknown variant `permit`"),
        ("request: { endpont: messages }, expect: {}", "request.endpont: unknown field"),
        ("request: {}, expect: {}", "expect: is empty"),
        ("request: {}, expect: { findings: [] }", "request: needs `body` or `text`"),
        ("request: { body: {}, text: a }, expect: { findings: [] }", "request: has both"),
        ("request: { endpoint: messages }, expect: { effect: allow }", "who: is missing"),
        (
            &format!("{who}, request: {{}}, expect: {{ effect: allow }}"),
            "request.endpoint: is missing",
        ),
        (
            &format!("{who}, request: {{ endpoint: files }}, expect: {{ effect: allow }}"),
            "request.endpoint: \"files\" is not one of",
        ),
    ] {
        let error = cases(&format!("  - {{ name: t, {test} }}\n")).unwrap_err();
        let expected = format!("p.yaml: tests[0].{expected}");
        assert!(error.starts_with(&expected), "{error}\n  expected {expected}");
    }
}

#[test]
fn a_line_a_test_and_what_is_hostile_is_shown_as_it_is() {
    let outcome = |passed: bool, problems: &[&str]| Outcome {
        file: "p.yaml".into(),
        name: "one \u{1b}[2J".into(),
        passed,
        problems: problems.iter().map(ToString::to_string).collect(),
    };
    assert_eq!(outcome(true, &[]).to_string(), "ok      p.yaml: one \\u{1b}[2J\n");
    assert_eq!(
        outcome(false, &["rule is a, not b"]).to_string(),
        "FAILED  p.yaml: one \\u{1b}[2J\n        rule is a, not b\n"
    );
}
