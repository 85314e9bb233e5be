//! A file of the operator's, with what is taken over and what is not.

use super::*;

const FILE: &str = r#"
title = "rules of ours"

[extend]
useDefault = true

[[allowlists]]
description = "everywhere"
paths = ['''(^|/)vendor/''']
regexes = ['''^acme_example''']
stopwords = ["placeholder"]

[[allowlists]]
targetRules = ["Acme_Token"]
stopwords = ["only-acme"]

[[rules]]
id = "Acme_Token"
description = "an Acme token"
regex = '''\b(acme_[a-z0-9]{16})(?:["'\s]|$)'''
entropy = 3
tags = ["acme"]
keywords = ["acme_"]

[[rules]]
id = "template"
regex = '''tpl{([a-z_]+)}[x[]'''
secretGroup = 1

[[rules]]
id = "key-files"
path = '''\.p12$'''

[[rules]]
id = "env-password"
regex = '''(?i)[a-z]{0,9}db_password\s*=\s*(\S{6,40})'''
path = '''\.env$'''
keywords = ["DB_PASSWORD"]
[[rules.allowlists]]
condition = "AND"
paths = ['''tests/''']
stopwords = ["test"]
[[rules.allowlists]]
regexTarget = "line"
regexes = ['''# harmless''']
commits = ["abc"]
stopWords = ["changeme"]
[[rules.allowlists]]
condition = "AND"
regexes = ['''^x+$''', '''a(''']
[[rules.required]]
id = "template"

[[rules]]
id = "anything"
regex = '''[a-z0-9]{40}'''

[[rules]]
id = "aws-access-key-id"
regex = '''AKIA[A-Z0-9]{16}'''

[[rules]]
id = "AWS Access Key Id"
regex = '''AKIA[A-Z0-9]{16}'''

[[rules]]
id = "short"
regex = '''[a-z]?(?:s\.|hvs\.)[a-z]{20}'''
keywords = ["s.", "hvs."]

[[rules]]
id = "helper"
regex = '''helper-[0-9]+'''
skipReport = true

[[rules]]
id = "greek"
regex = '''greek-\p{Greek}+'''

[[rules]]
id = "broken"
regex = '''broken-(a'''

[[rules]]
regex = '''nameless-[0-9]+'''
"#;

fn imported() -> Imported {
    let taken = ["aws-access-key-id".to_owned()].into_iter().collect();
    import(FILE, "mask", taken).unwrap()
}

#[test]
fn rules_are_taken_over_with_their_exemptions() {
    let rules = imported().rules;
    let ids: Vec<_> = rules.iter().map(|rule| rule.id.as_str()).collect();
    assert_eq!(
        ids,
        [
            "acme-token",
            "template",
            "env-password",
            "gitleaks-aws-access-key-id",
            "gitleaks-aws-access-key-id-2",
            "short"
        ]
    );
    let shown = |at: usize| serde_json::to_value(&rules[at]).unwrap();
    assert_eq!(
        shown(0),
        json!({"id": "acme-token", "action": "mask", "min_entropy": 3.0, "keywords": ["acme_"],
               "pattern": r#"\b(acme_[a-z0-9]{16})(?:["'\s]|$)"#,
               "allow": ["^acme_example"], "stop_words": ["placeholder", "only-acme"]})
    );
    assert_eq!(
        shown(1),
        json!({"id": "template", "action": "mask", "group": 1, "pattern": r"tpl\{([a-z_]+)}[x\[]",
               "allow": ["^acme_example"], "stop_words": ["placeholder"]})
    );
    assert_eq!(rules[2].stop_words, ["changeme", "placeholder"]);
    assert_eq!(rules[2].allow, ["^x+$", "^acme_example"]);
}

#[test]
fn what_is_not_taken_over_is_named_with_its_rule() {
    let notes = imported().notes;
    let expected = [
        "the file: `extend` is not followed",
        "the file: imported without `allowlists[0].paths`: no files pass here",
        "rule \"key-files\": left out: it goes by `path` alone",
        "rule \"env-password\": imported without `path`: it is looked for everywhere",
        "rule \"env-password\": imported without `required`: it is found without",
        "rule \"env-password\": imported without `allowlists[0]`: with `condition = \"AND\"`",
        "rule \"env-password\": imported without `allowlists[1].commits`: no commits",
        "rule \"env-password\": imported without `allowlists[1].regexes`: `regexTarget = \"line\"`",
        "rule \"env-password\": imported without an allowlist's regex \"a(\": ",
        "rule \"anything\": left out: the pattern does not begin with a literal",
        "rule \"short\": imported without the keyword \"s.\": under 3 characters",
        "rule \"helper\": left out: `skipReport`",
        "rule \"greek\": left out: its `regex`: it asks for a Unicode class",
        "rule \"broken\": left out: ",
        "rules[11]: left out: it has no `id`",
    ];
    for (note, expected) in notes.iter().zip(expected) {
        assert!(note.starts_with(expected), "{note}\n  expected {expected}");
    }
    assert_eq!(notes.len(), expected.len(), "{notes:#?}");
}

#[test]
fn a_file_of_another_kind_is_named_with_its_place() {
    let error = |text: &str| import(text, "mask", BTreeSet::new()).unwrap_err();
    assert!(
        error("title = 1\nrules = [").starts_with("line 2: "),
        "{}",
        error("title = 1\nrules = [")
    );
    let text = "[[rules]]\nid = \"a\"\nentropy = \"high\"\n";
    assert!(error(text).starts_with("rules[0].entropy: invalid type"), "{}", error(text));
}
