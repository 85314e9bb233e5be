//! Artifact stores and the files of build tools.

use crate::rule::{Check, Rule};

pub(super) static RULES: &[Rule] = &[
    Rule {
        id: "artifactory-api-key",
        description: "JFrog Artifactory API key: reads and writes artifacts",
        keywords: &["akcp"],
        pattern: r"\bAKCp[A-Za-z0-9]{69}\b",
        min_entropy: 3.8,
        check: Check::Nothing,
        positives: &[
            "ARTIFACTORY_API_KEY=«AKCp8euUX7MHaVVOdhoCyJtvBhlQW2eSVF3RT8xYHJCG78ncXMEtdBdoe77XC25WqgsKDwCZ2»",
            "X-JFrog-Art-Api: «AKCp5mUFkwZIQOQpSB8IK2mBgqpzfnd83r0dFJjUCeC8BPj3bI5lGyGy4La2e6sqAZuL5sWRz»",
        ],
        negatives: &["ARTIFACTORY_API_KEY=AKCpxxx", "AKCpU19D8eT06EFKfxJPUqjf"],
    },
    Rule {
        id: "artifactory-reference-token",
        description: "JFrog reference token: reads and writes artifacts",
        keywords: &["cmvmdgtu"],
        pattern: r"\bcmVmdGtuO[A-Za-z0-9]{50,60}\b",
        min_entropy: 3.8,
        check: Check::Nothing,
        positives: &[
            "JFROG_TOKEN=«cmVmdGtuOEhTJjx1xyB1e5makxheckUAsiZqsQJTkRYgaAHZLZ3p6pNuFIRFPQV4»",
            "Bearer «cmVmdGtuOOlQfqoGo9tmjk9ECy3VV9u1jgYRSx603PthC8kApzo8NS4fPLwgy5n7»",
        ],
        negatives: &["JFROG_TOKEN=cmVmdGtu...", "cmVmdGtuOUfh7Geq0OM"],
    },
    Rule {
        id: "jfrog-key-named",
        description: "JFrog or Artifactory credential beside its name",
        keywords: &["jfrog", "artifactory", "bintray"],
        pattern: concat!(
            near!(r"(?:jfrog|artifactory|bintray)[\w .-]{0,20}(?:key|token|password|pass|pwd)"),
            r"([A-Za-z0-9]{64,73}|[0-9a-f]{40})\b"
        ),
        min_entropy: 3.3,
        check: Check::Nothing,
        positives: &[
            "JFROG_API_KEY=«d34cU4730bYOXzAOq2ocFYmG2idOr4DNeGV81biVff485TdIxfbHeGDAIMmDofK0oqZDyiQlb»",
            r#"artifactory_token: "«vTre1YnTL7YnlxYEwqirfhFgQTR4tcRWZFvLUfGZgm7dCSFpCAhRX8ezCsqSIbpa»""#,
        ],
        negatives: &["JFROG_API_KEY=<key>", r#"artifactory_repo = "libs""#],
    },
    Rule {
        id: "cloudsmith-token",
        description: "Cloudsmith, Gemfury or Packagecloud token beside its name",
        keywords: &["cloudsmith", "gemfury", "packagecloud"],
        pattern: concat!(
            near!(r"(?:cloudsmith|gemfury|packagecloud)[\w .-]{0,16}(?:key|token)"),
            r"([0-9a-f]{40,48}|[A-Za-z0-9_-]{20,24})\b"
        ),
        min_entropy: 3.2,
        check: Check::Nothing,
        positives: &[
            "CLOUDSMITH_API_KEY=«197f7ff0573173aeefaa976426b5119cbede2083»",
            r#"packagecloud_token: "«c9593347f12738128f37448391599b34d9080621146f7eeb»""#,
        ],
        negatives: &["CLOUDSMITH_API_KEY=<key>", "packagecloud_token = my_token_here"],
    },
    Rule {
        id: "bundler-credential",
        description: "Credential of a private gem source",
        keywords: &["bundle_"],
        pattern: r#"(?i:BUNDLE_[A-Z0-9_]{2,60}(?:__COM|__IO|__ORG|__NET|__DEV)["\x27]?[ ]?[=:][ ]?["\x27]?)([A-Za-z0-9_.-]{2,80}:[A-Za-z0-9_.-]{4,200})"#,
        min_entropy: 2.6,
        check: Check::Nothing,
        positives: &[
            "BUNDLE_ENTERPRISE__CONTRIBSYS__COM=«fa7d72ca:d843dea7»",
            r#"BUNDLE_GEMS__ACME__IO: "«ops:ks26gHwstRpdDhWqHwNG»""#,
        ],
        negatives: &["BUNDLE_GEMS__ACME__IO=<user>:<password>", "BUNDLE_PATH=vendor/bundle"],
    },
    Rule {
        id: "sidekiq-source-url",
        description: "Credential of the Sidekiq gem source",
        keywords: &["https://", "http://"],
        pattern: r"https?://([0-9a-f]{8}:[0-9a-f]{8})@(?:gems|enterprise)\.contribsys\.com",
        min_entropy: 2.5,
        check: Check::Nothing,
        positives: &[
            r#"source "https://«fce68fe2:1b4d7a90»@gems.contribsys.com/" do"#,
            "https://«6e0e5add:bb1e903c»@enterprise.contribsys.com",
        ],
        negatives: &[
            r#"source "https://gems.contribsys.com/""#,
            "https://user:pass@gems.contribsys.com",
        ],
    },
    Rule {
        id: "nuget-cleartext-password",
        description: "Password in a NuGet configuration",
        keywords: &[r#"key="cleartextpassword""#],
        pattern: r#"(?i:key="ClearTextPassword"\s{1,4}value=")([A-Za-z0-9!#$*+,./:=?@^_|~-][A-Za-z0-9!#$%*+,./:=?@^_|~-]{5,200})""#,
        min_entropy: 2.8,
        check: Check::Nothing,
        positives: &[
            r#"<add key="ClearTextPassword" value="«sHxOpgUkNgYsgMqBNGt7dgiF0nzrYVllCVnuoz1r»" />"#,
            r#"<add key="ClearTextPassword" value="«RA4Ft*c8_N+OWbxM»"/>"#,
        ],
        negatives: &[
            r#"<add key="ClearTextPassword" value="%NUGET%" />"#,
            r#"<add key="Username" value="acme" />"#,
        ],
    },
    Rule {
        id: "maven-server-password",
        description: "Password of a Maven server",
        keywords: &["<password>"],
        pattern: "<password>([A-Za-z]{0,40}[0-9!#%*+?^~_-][A-Za-z0-9!#%*+,.:=?^_|~@-]{0,200})</password>",
        min_entropy: 2.8,
        check: Check::Nothing,
        positives: &[
            "<server><id>nexus</id><username>ci</username><password>«DvCakOcflkGZbTG5»</password></server>",
            "<password>«WYoz+%Vv4GEqxu*ZbPmm»</password>",
        ],
        negatives: &[
            "<password>${env.NEXUS_PASSWORD}</password>",
            "<password>secret</password>",
            "<password>********</password>",
        ],
    },
    Rule {
        id: "maven-encrypted-password",
        description: "Master or server password encrypted by Maven",
        keywords: &["<master>{", "<password>{"],
        pattern: r"<(?:master|password)>(\{[A-Za-z0-9+/]{40,200}={0,2}\})</",
        min_entropy: 3.8,
        check: Check::Nothing,
        positives: &[
            "<master>«{xgPUAyIHVePBk8n8d0GDbLPW4m5IKLASPatOG1IfKq=}»</master>",
            "<password>«{ocsVaWmi5chXOyJGRt6n293uDgcvvsvKuGMrz4HAA0oOSy7d+vcZGYI0f8bFjMEI}»</password>",
        ],
        negatives: &["<master>{...}</master>", "<password>{env}</password>"],
    },
    Rule {
        id: "conda-token",
        description: "Anaconda or Cachix token beside its name",
        keywords: &["anaconda", "cachix"],
        pattern: concat!(
            near!(r"(?:anaconda|cachix)[\w .-]{0,16}token"),
            r"([a-z]{2}-[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|eyJ[A-Za-z0-9_-]{10,200}\.[A-Za-z0-9_-]{20,600}\.[A-Za-z0-9_-]{20,100})"
        ),
        min_entropy: 3.0,
        check: Check::Nothing,
        positives: &[
            "ANACONDA_API_TOKEN=«ac-d87cec43-f41d-47ae-a034-829aa330a6b7»",
            "CACHIX_AUTH_TOKEN=«eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJ1c2VyLTY5NjY0OCIsImlhdCI6MTc2Nzk2MDUyNn0.22SDT2TqP65CTKHiVIpdnnl3-61yQxR0fMFnn305OC7»",
        ],
        negatives: &["ANACONDA_API_TOKEN=<token>", r#"cachix_cache = "acme""#],
    },
    Rule {
        id: "quay-token",
        description: "Quay robot or OAuth token beside its name",
        keywords: &["quay"],
        pattern: concat!(
            near!(r"\bquay[\w .-]{0,16}(?:token|password|pass)"),
            r"([A-Z0-9]{64}|[A-Za-z0-9]{40})\b"
        ),
        min_entropy: 3.5,
        check: Check::Nothing,
        positives: &[
            "QUAY_PASSWORD=«9WBYI2AN0WLBWYH0GTW92DDG0JY8VUOJH5J6455170FEZHN8G67YQT9LPHHL69C7»",
            r#"quay_token: "«BglugHg1QixFFzouinpSVHbpadZgnSeWI3ewIiY7»""#,
        ],
        negatives: &["QUAY_PASSWORD=$QUAY_PASSWORD", r#"quay_repo = "acme/shop""#],
    },
];
