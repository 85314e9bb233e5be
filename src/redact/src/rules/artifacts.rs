//! Artifact stores and the files of build tools.

use crate::rule::{Check, Rule};

pub(super) static RULES: &[Rule] = &[
    Rule {
        id: "artifactory-api-key",
        description: "JFrog Artifactory API key: reads and writes artifacts",
        keywords: &["akcp"],
        pattern: r"\bAKCp[A-Za-z0-9]{68,72}\b",
        min_entropy: 3.8,
        check: Check::Nothing,
        positives: &[
            "ARTIFACTORY_API_KEY=«AKCp8sWoEpY8NUEE9blogdoLgKuPDDPHP7Euvt04UpZ74njX8e8m8xGR0PPkdcGKtzLOx9CAD»",
            "X-JFrog-Art-Api: «AKCp5NfaNrGgzslsJh2g4j7VpEcUfpgM6rdH894fLGrEOMSgpj6jrg4JsKPcLk3UsOtxgP04j»",
        ],
        negatives: &["ARTIFACTORY_API_KEY=AKCpxxx", "AKCpA85STtaqbnSfddTjR4Gn"],
    },
    Rule {
        id: "artifactory-reference-token",
        description: "JFrog reference token: reads and writes artifacts",
        keywords: &["cmvmd"],
        pattern: r"\bcmVmd[A-Za-z0-9]{55,60}\b",
        min_entropy: 3.8,
        check: Check::Nothing,
        positives: &[
            "JFROG_TOKEN=«cmVmdGtuOGXFoDM0SYDwG2E4uoASKo1fz9v312MArOiShL9BWLCuNTpks26gHwst»",
            "Bearer «cmVmdGtuORpdDhWqHwNGF1TUOyDGmrFRCecw5iXAovtamWJCbODRJ14LSSkuVKAA»",
        ],
        negatives: &["JFROG_TOKEN=cmVmdGtu...", "cmVmdGtuOZT233xW2NI"],
    },
    Rule {
        id: "jfrog-key-named",
        description: "JFrog or Artifactory credential beside its name",
        keywords: &["jfrog", "artifactory", "bintray", "xray"],
        pattern: concat!(
            near!("(?:jfrog|artifactory|bintray|xray)"),
            r"([A-Za-z0-9]{73}|[A-Za-z0-9]{64}|[0-9A-Fa-f]{40})\b"
        ),
        min_entropy: 3.3,
        check: Check::Nothing,
        positives: &[
            "JFROG_API_KEY=«17wdDQYsb81Y802g2zsHxOpgUkNgYsgMqBNGt7dgiF0nzrYVllCVnuoz1r9zOPLLH9gBJEgeg»",
            r#"artifactory_token: "«5IaD8WpzU9wIcN2KFv5ZnCpj2GS1b186EIM1tHuyQOaPltDvCakOcflkGZbTG5sM»""#,
        ],
        negatives: &["JFROG_API_KEY=<key>", r#"artifactory_repo = "libs""#],
    },
    Rule {
        id: "cloudsmith-token",
        description: "Cloudsmith, Gemfury or Packagecloud token beside its name",
        keywords: &["cloudsmith", "gemfury", "packagecloud"],
        pattern: concat!(
            near!(r"(?:cloudsmith|gemfury|packagecloud)[\w .-]{0,16}(?:key|token)"),
            r"([0-9A-Fa-f]{40,48}|[A-Za-z0-9_-]{20,24})\b"
        ),
        min_entropy: 3.2,
        check: Check::Nothing,
        positives: &[
            "CLOUDSMITH_API_KEY=«42ca971250c18b23bcc36b5e87455c0a3351ab66»",
            r#"packagecloud_token: "«88b1a62f3f0d8709ace3e8996ba04a8d8194304b0c32e01c»""#,
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
            "BUNDLE_ENTERPRISE__CONTRIBSYS__COM=«a688a4e3:dfd57105»",
            r#"BUNDLE_GEMS__ACME__IO: "«ops:Tk9X5jSNkVs4UkqStU11»""#,
        ],
        negatives: &["BUNDLE_GEMS__ACME__IO=<user>:<password>", "BUNDLE_PATH=vendor/bundle"],
    },
    Rule {
        id: "sidekiq-source-url",
        description: "Credential of the Sidekiq gem source",
        keywords: &["https://", "http://"],
        pattern: r"(?i:https?://)([0-9A-Fa-f]{8}:[0-9A-Fa-f]{8})@(?i:(?:gems|enterprise)\.contribsys\.com)",
        min_entropy: 2.5,
        check: Check::Nothing,
        positives: &[
            r#"source "https://«46e866d3:ab6e0f50»@gems.contribsys.com/" do"#,
            "https://«c8c8d1f0:72978d87»@enterprise.contribsys.com",
        ],
        negatives: &[
            r#"source "https://gems.contribsys.com/""#,
            "https://user:pass@gems.contribsys.com",
        ],
    },
    Rule {
        id: "nuget-cleartext-password",
        description: "Password in a NuGet configuration",
        keywords: &[r#"password""#],
        pattern: r#"(?i:<add key="(?:ClearText)?Password"\s{0,4}value=")([A-Za-z0-9!#$*+,./:=?@^_|~-][A-Za-z0-9!#$%*+,./:=?@^_|~-]{5,200})""#,
        min_entropy: 2.8,
        check: Check::Nothing,
        positives: &[
            r#"<add key="ClearTextPassword" value="«97zCziOg4Ei7LdBlVRJpHvDVmRZbSgjrGJM0PXeY»" />"#,
            r#"<add key="ClearTextPassword" value="«22+SDT2TqP65CTKH»"/>"#,
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
            "<server><id>nexus</id><username>ci</username><password>«KQSHOeNx2MrhbggY»</password></server>",
            "<password>«l3#61yQx-R0fMF-%nn30»</password>",
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
            "<master>«{5OC7TcWq5bB0TwdTXo1mNT4ggm1tWRODso+s9/+21l=}»</master>",
            "<password>«{iYoBnXGMwFppxe3mxOnmqV/+ZCOrBEdFbgmAiiSrpLDHEk5nmnUG0FYNMVnawgPc}»</password>",
        ],
        negatives: &["<master>{...}</master>", "<password>{env}</password>"],
    },
    Rule {
        id: "conda-token",
        description: "Anaconda or Cachix token beside its name",
        keywords: &["anaconda", "cachix"],
        pattern: concat!(
            near!(r"(?:anaconda|cachix)[\w .-]{0,16}token"),
            r"([a-z]{2}-[0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{12}|eyJ[A-Za-z0-9_-]{10,200}\.[A-Za-z0-9_-]{20,600}\.[A-Za-z0-9_-]{20,100})"
        ),
        min_entropy: 3.0,
        check: Check::Nothing,
        positives: &[
            "ANACONDA_API_TOKEN=«ac-8398089e-cd0c-4c43-a594-cda5270c1f9a»",
            "CACHIX_AUTH_TOKEN=«eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJ1c2VyLTUzNjA4NyIsImlhdCI6MTc2NzE1NDg3MH0.sx5Bi9Iu8U_hkjjnfLetYE9LoBspShkuF8ajNPa_bYO»",
        ],
        negatives: &["ANACONDA_API_TOKEN=<token>", r#"cachix_cache = "acme""#],
    },
    Rule {
        id: "quay-token",
        description: "Quay robot or OAuth token beside its name",
        keywords: &["quay"],
        pattern: concat!(near!(r"\bquay"), r"([A-Za-z0-9]{64}|[A-Za-z0-9]{40})\b"),
        min_entropy: 3.5,
        check: Check::Nothing,
        positives: &[
            "QUAY_PASSWORD=«DCEFER4IQUTQ6JKGAUVYAIL6X51MT1HDL9NUKOII0B8XL4KKONGF9N2VN9KS5QE6»",
            r#"quay_token: "«gyCrpn83EqfC4OUY0K73ELO2e7WF773iNJ5vhcCy»""#,
        ],
        negatives: &["QUAY_PASSWORD=$QUAY_PASSWORD", r#"quay_repo = "acme/shop""#],
    },
    Rule {
        id: "sidekiq-source-credential",
        description: "User and password of the Sidekiq Pro and Enterprise gem servers",
        keywords: &["contribsys"],
        pattern: concat!(
            near!("bundle_(?:gems|enterprise)__contribsys__com"),
            r"([0-9A-Fa-f]{8}:[0-9A-Fa-f]{8})\b"
        ),
        min_entropy: 2.5,
        check: Check::Nothing,
        positives: &[
            "BUNDLE_GEMS__CONTRIBSYS__COM=«fe129a79:3db74ccb»",
            r#"BUNDLE_ENTERPRISE__CONTRIBSYS__COM: "«b6f273bc:8b81d905»""#,
        ],
        negatives: &[
            "BUNDLE_GEMS__CONTRIBSYS__COM=<user>:<password>",
            "bundle_gems__contribsys__com: 5b2a",
        ],
    },
];
