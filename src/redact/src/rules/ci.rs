//! Continuous integration, delivery, code quality and feature flags.

use crate::rule::{Check, Rule};

pub(super) static RULES: &[Rule] = &[
    Rule {
        id: "circleci-token",
        description: "CircleCI personal or project API token",
        keywords: &["ccipat_", "cciprj_"],
        pattern: "CCI(?:PAT|PRJ)_[A-Za-z0-9]{22}_[0-9A-Za-z]{40}",
        min_entropy: 3.0,
        check: Check::Nothing,
        positives: &[
            "CIRCLE_TOKEN=«CCIPAT_IsSut62ZiZNIMUNGliuOXv_c508d534ac4b2cb155ff7e4e2ba29ed4f6d786de»",
            "Circle-Token: «CCIPRJ_fKtcxjvTJQJPd4D2IwluN4_80ee9f0e62b98ff5c23f6bc74986cfdd5d6dc478»",
        ],
        negatives: &[
            "CIRCLE_TOKEN=CCIPAT_xxx",
            "CCIPAT_g5m73TDwpQJkqjTOthAfTi_0d4cd15bdd7121cdfa71",
        ],
    },
    Rule {
        id: "circleci-token-named",
        description: "CircleCI API token in the older format, beside its name",
        keywords: &["circle"],
        pattern: concat!(
            near!(r"(?:circleci|circle[\w .-]{0,16}(?:token|key))"),
            r"([0-9A-Fa-f]{40})\b"
        ),
        min_entropy: 3.2,
        check: Check::Nothing,
        positives: &[
            "CIRCLECI_TOKEN=«99575ed79ad650dde2320dd8f64e50b61dde1600»",
            "circle-token: «169b2cfcc32a53a28e26788d680351dc12e9b5ee»",
        ],
        negatives: &[
            "CIRCLE_SHA1=66b89203b6518ff142d43870119216dbb2f58287",
            "CIRCLECI_TOKEN=<token>",
        ],
    },
    Rule {
        id: "travis-token",
        description: "Travis CI access token",
        keywords: &["travis"],
        pattern: concat!(near!("travis"), r"([A-Za-z0-9_-]{22})\b"),
        min_entropy: 3.5,
        check: Check::Nothing,
        positives: &[
            "TRAVIS_TOKEN=«qhvlfSJSX7Y65mPdJFwI7T»",
            r#"travis login --com --github-token x; TRAVIS_API_KEY="«qpV6a-VqyLECLEYSMGPScd»""#,
        ],
        negatives: &["TRAVIS_TOKEN=<token>", "travis_build_number = 1022"],
    },
    Rule {
        id: "buildkite-token",
        description: "Buildkite API, agent or portal token",
        keywords: &[
            "bkua_", "bkaa_", "bkaj_", "bkar_", "bkct_", "bkcu_", "bkpr_", "bkps_", "bkpt_",
        ],
        pattern: r"\bbk(?:ua|aa|aj|ar|ct|cu|pr|ps|pt|pat)_[A-Za-z0-9._-]{36,340}",
        min_entropy: 3.5,
        check: Check::Nothing,
        positives: &[
            "BUILDKITE_API_TOKEN=«bkua_a2deba2442adaa4242411d2f0136932276d2dbeb»",
            "buildkite-agent start --token «bkct_Id1HB6Riza3qV5JrsmL7pQVh1SMlPBOvaUvH0CgbspXx82Y5YWy8SrnLMBzu»",
        ],
        negatives: &["BUILDKITE_API_TOKEN=bkua_*****", "bkua_65duol5kh0"],
    },
    Rule {
        id: "buildkite-token-named",
        description: "Buildkite token in the older format, beside its name",
        keywords: &["buildkite"],
        pattern: concat!(near!(r"buildkite[\w .-]{0,20}token"), r"([0-9A-Fa-f]{40,50})\b"),
        min_entropy: 3.2,
        check: Check::Nothing,
        positives: &[
            "BUILDKITE_AGENT_TOKEN=«6fff1aca351cd31f4c691fa268f65cdd8ff6bb11ff21777016»",
            r#"buildkite_api_token: "«c27a816c336d826ce8485a6559a8da9876a28b72»""#,
        ],
        negatives: &[
            "BUILDKITE_AGENT_TOKEN=$TOKEN",
            "BUILDKITE_COMMIT=f10fa173cb76a93c95573b4603619230aed43d7f",
        ],
    },
    Rule {
        id: "jenkins-api-token",
        description: "Jenkins API token: starts and changes jobs",
        keywords: &["jenkins"],
        pattern: concat!(
            near!(r"jenkins[\w .-]{0,20}(?:token|key|password|pass|pw|crumb)"),
            r"(11[0-9A-Fa-f]{32}|[0-9A-Fa-f]{32})\b"
        ),
        min_entropy: 3.0,
        check: Check::Nothing,
        positives: &[
            "JENKINS_API_TOKEN=«113449a983314db9f982905d63f0ab6790»",
            r#"jenkins_password: "«e13cb59e72b60a85eac4fc65eefa9de7»""#,
        ],
        negatives: &[
            "JENKINS_API_TOKEN=<token>",
            r#"jenkins_plugin_md5 = "b39a99149fae38a127be0bd835118b87""#,
        ],
    },
    Rule {
        id: "drone-token",
        description: "Drone CI token",
        keywords: &["drone"],
        pattern: concat!(near!("drone"), r"([A-Za-z0-9]{32})\b"),
        min_entropy: 3.3,
        check: Check::Nothing,
        positives: &[
            "DRONE_TOKEN=«iuzvGhNks9b0cZeZn8zLJJXeoOax9HTM»",
            r#"DRONE_RPC_SECRET="«ca83b5c8cc0e81ce4aea22f5f3ac7d34»""#,
        ],
        negatives: &[
            "DRONE_TOKEN=<token>",
            "DRONE_COMMIT=1759b4ef78d9424900fd4dad6109392c866b273a",
        ],
    },
    Rule {
        id: "codecov-token",
        description: "Codecov upload or access token",
        keywords: &["codecov"],
        pattern: concat!(
            near!("codecov"),
            r"([0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{12}|[A-Za-z0-9-]{36}|[A-Za-z0-9]{32,36})\b"
        ),
        min_entropy: 3.0,
        check: Check::Nothing,
        positives: &[
            "CODECOV_TOKEN=«a7345ea4-8984-497d-aa42-642f14bc5d7c»",
            r#"codecov_token: "«aGpFXVpDVJRN7vNXfJovGC4bunvjSb1j»""#,
        ],
        negatives: &["CODECOV_TOKEN=${{ secrets.CODECOV_TOKEN }}", "codecov -t $TOKEN"],
    },
    Rule {
        id: "coveralls-token",
        description: "Coveralls repository token",
        keywords: &["coveralls", "repo_token"],
        pattern: concat!(near!("(?:coveralls|repo_token)"), r"([A-Za-z0-9]{32,37})\b"),
        min_entropy: 3.5,
        check: Check::Nothing,
        positives: &[
            "COVERALLS_REPO_TOKEN=«u2LgQGCZeQ0CKk13DCxEMqk9H26Ol42b»",
            "repo_token: «FFAeUBDiMAms9wO4K4j4ugXKZvkP8obsV»",
        ],
        negatives: &["COVERALLS_REPO_TOKEN=$TOKEN", "repo_token: SOME_TOKEN"],
    },
    Rule {
        id: "codacy-token",
        description: "Codacy project or API token",
        keywords: &["codacy"],
        pattern: concat!(
            near!(r"codacy[\w .-]{0,20}token"),
            r"([0-9A-Fa-f]{32}|[A-Za-z0-9]{20})\b"
        ),
        min_entropy: 3.0,
        check: Check::Nothing,
        positives: &[
            "CODACY_PROJECT_TOKEN=«1988c50dd2c269ed083a68cd1998f28c»",
            r#"codacy_api_token: "«t1YaYnYujsSXofLSM5Cq»""#,
        ],
        negatives: &["CODACY_PROJECT_TOKEN=<token>", r#"codacy_grade = "A""#],
    },
    Rule {
        id: "sonar-token",
        description: "SonarQube or SonarCloud token: reads and changes analyses",
        keywords: &["sqp_", "squ_", "sqa_", "sqb_"],
        pattern: r"\bsq[puab]_[0-9A-Za-z]{40}\b",
        min_entropy: 3.0,
        check: Check::Nothing,
        positives: &[
            "SONAR_TOKEN=«sqp_20637702092ea372784191795d9399aa6858e90c»",
            "-Dsonar.token=«squ_ff8b5e14714f2afe4b566a0c81fe230aec871ff0»",
        ],
        negatives: &["SONAR_TOKEN=sqp_xxx", "sqp_5544ee2156788c882569"],
    },
    Rule {
        id: "sonar-token-named",
        description: "SonarQube or SonarCloud token in the older format, beside its name",
        keywords: &["sonar"],
        pattern: concat!(
            near!("sonar"),
            r#"((?:sq[abpu]_)?[A-Za-z0-9=_-]{40})(?:["\x27`\s;\\]|$)"#
        ),
        min_entropy: 3.4,
        check: Check::Nothing,
        positives: &[
            "SONAR_TOKEN=«2487b82ea85d776e90374e53d75686ddb74606b0»",
            "sonar.login=«deebc1c2af624d7db547530b28bf6d6bd708cb13»",
        ],
        negatives: &["sonar.projectKey=acme_shop", "SONAR_TOKEN=$SONAR"],
    },
];
