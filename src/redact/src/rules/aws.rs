//! Amazon Web Services and Amazon's seller and login interfaces.

use crate::rule::{Check, Rule};

pub(super) static RULES: &[Rule] = &[
    Rule {
        id: "aws-access-key-id",
        description: "AWS access key id, which names the account and pairs with a secret key",
        keywords: &["akia", "asia", "abia", "acca"],
        pattern: r"(?:AKIA|ASIA|ABIA|ACCA)[A-Z2-7]{16}\b",
        min_entropy: 3.0,
        check: Check::Nothing,
        positives: &[
            "export AWS_ACCESS_KEY_ID=«AKIA536K5SBJXEZYNWSO»",
            r#"{"AccessKeyId": "«ASIA6MFVJP3JJHQVI5CX»", "Status": "Active"}"#,
            "[default]\naws_access_key_id = «ABIAMTGECMRL6UMTJMRR»\n",
        ],
        negatives: &[
            "AWS_ACCESS_KEY_ID=AKIAXXXXXXXXXXXXXXXX",
            r#"key = "AKIAAHKLRXPC4ZOZ""#,
            "AKIARLVJAFGOOIB2UWMIQ7W6VUMR",
            "the ASIAPACIFICREGIONALOFFICE label",
        ],
    },
    Rule {
        id: "aws-secret-access-key",
        description: "AWS secret access key: signs requests as its owner",
        keywords: &[
            "aws_secret",
            "awssecret",
            "aws-secret",
            "aws.secret",
            "secret_access_key",
            "secretaccesskey",
            "secret-access-key",
        ],
        pattern: concat!(
            near!("(?:aws[_.-]?secret|secret[_-]?access[_-]?key)"),
            "([A-Za-z0-9/+]{40})"
        ),
        min_entropy: 3.8,
        check: Check::Nothing,
        positives: &[
            "aws_secret_access_key = «Cb0dp85S/r64GhwRisggZbeh9jB+dkKcsWIvfn3p»\n",
            r#"export AWS_SECRET_ACCESS_KEY="«r5OlFH05x9+vjdtswc1lkCYZ8/0gTN2VMXZZZ/UH»""#,
            r#"{"Credentials": {"SecretAccessKey": "«Iq3B+goG1nW4r5c1a4J7VBxssIpLYww2k3fwj9CW»"}}"#,
            "awsSecretKey: '«uFjbdtmAAmTt7QNa8JHdWX60MGaXueqQBoHweJEt»'",
        ],
        negatives: &[
            "aws_secret_access_key = ${AWS_SECRET_ACCESS_KEY}",
            "AWS_SECRET_ACCESS_KEY=your-secret-access-key-goes-here-1234567",
            r#"secret_access_key: "USJgcsJpqNJF9MtDBEyn88Nt2HivvN""#,
            r#"aws_secret_key = "769815b0ef93e9e38ef4deabde655ee1284ae32ed4c5bb1b4f6837d4ee5b9f80""#,
        ],
    },
    Rule {
        id: "aws-session-token",
        description: "AWS session token: makes temporary credentials usable",
        keywords: &["session_token", "sessiontoken", "x-amz-security-token"],
        pattern: concat!(
            near!("(?:session_?token|x-amz-security-token)"),
            "([A-Za-z0-9/+%]{100,2000}={0,2})"
        ),
        min_entropy: 4.2,
        check: Check::Nothing,
        positives: &[
            "AWS_SESSION_TOKEN=«IQoJb3JpZ2luX2VjETD93mMQJUIL1HXGbeCjDsVU88F5zVQrflKPbGfHHftaX4n3uqwo9OgdsrC8yevp089k5l55CkDvREmg48Et3ow0OpkIxdzG4R/+Hjr+x9LIpcVb+C+bL5GZMctIbH+WhRC7yjpqUu9K7QSbvYDBtDt55ziAHdFiZg+Y0yBSIzudcZloDYgyx»",
            r#""SessionToken": "«FwoGZXIvYXdzEU1JuoO1S22efHj+SvquisvtANaQ5em9pPOUb4dmXthJChhYfEGv2JctjiV6rCkp3tN9iQOpy5lVx26nToM5WHQ6OpCuK4cq9PXxBWSeQl3inBjuu+RIZdAZLgNQXLQaUcfbylJtJdHRdwoR0f7ncDj==»","#,
            "?X-Amz-Security-Token=«IQoJb3JpZ2luX2VjEdupl4rxMWNU2jcI8dfP1WfyILfKgbc8AeHSh3UGRbdbmBz7Ggj72qRwfOieniYJG6rsKgC2QhTAiLWGVccfddePjdw194OobEuWRxarpD3O56GknfM9lFGcDbCCFiUShEhlJnUfXSblw»&X-Amz-Expires=900",
        ],
        negatives: &[
            r#"aws_session_token = os.environ["AWS_SESSION_TOKEN"]"#,
            "SessionToken: 5yl7K3yNPSLGcDyvXpLArsd7x0dnz5FKEN3oHOmzWTRO/VGZqW9yVwzc1vkK",
            r#"sessionToken: "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx""#,
        ],
    },
    Rule {
        id: "aws-bedrock-api-key",
        description: "Amazon Bedrock long-term API key: calls models on the account",
        keywords: &["absk"],
        pattern: "ABSK[A-Za-z0-9+/]{100,300}={0,2}",
        min_entropy: 4.0,
        check: Check::Nothing,
        positives: &[
            "AWS_BEARER_TOKEN_BEDROCK=«ABSKQmVkcm9ja0FQSUtleS1s7drSu9Yke1ekC1TsQiRmHQDH36SZmn2Y1CVGB34KFl1HvDTce61wSS0h8lVQVIbbiYUDxgE1ANr4IbXG6SteWG6Vtk6rzLJXvo40s1yLlFOP==»",
            r#"{"bedrock": {"token": "«ABSKQmVkcm9ja0FQSUtleS7f/bSSogxqJJzSqsT8B308mB+GoX6mmaNQ7psHV/jwrPfIKApO5sGSuElORUbo+DKRuKKQRSwqmY3y72DHfFFtKOPWTovN0H+354mYt0V7»"}}"#,
        ],
        negatives: &[
            "AWS_BEARER_TOKEN_BEDROCK=ABSKxxxx",
            r#"const ABSKIPPED = "ABSKSRBY0SRCn0dsCrqjPEZ9Jx8BqBf+BpKrd8G5XKNg";"#,
        ],
    },
    Rule {
        id: "aws-bedrock-short-term-key",
        description: "Amazon Bedrock short-term API key: a signed request good for twelve hours",
        keywords: &["bedrock-api-key-"],
        pattern: "bedrock-api-key-[A-Za-z0-9+/_-]{28,3000}={0,2}",
        min_entropy: 3.8,
        check: Check::Nothing,
        positives: &[
            "export AWS_BEARER_TOKEN_BEDROCK=«bedrock-api-key-YmVkcm9jay5hbWF6b25hd3MuY29tLz3PrBlALtXdnth1SjbUzv6rLM+4Y6DjxcyL0eEq21y+zbddt//Vpwd2jS2dsc5fR6XmK+CEt5TgL0p6BNMmD0NWFOQcPcgyeOJcsAAjNg1NGI5/dW/AacsCGBmjovg3uPn/3t9Zz/Cw4lOosJGz8Ijx0IxNcFgtziM1cycHxUnoB8HcrBeSJ6omPXVR10Ffi5xVlgd/xo»",
            "Authorization: Bearer «bedrock-api-key-YmVkcm9jay5sw/n2kXb8nw6Cl/0PCgWkJX5+DWl5/a3zAEwsdrQ2UtMl5lzPTU8cYx9hlbpo1zU2HKc8mO4WCy9YytOh+ISYpw0lzATx1Fqr1TcMgKWQvpWrPA3cO997VMg=»",
        ],
        negatives: &[
            "name: bedrock-api-key-rotation-schedule",
            r#"token = "bedrock-api-key-<your key>""#,
        ],
    },
    Rule {
        id: "aws-presigned-signature",
        description: "Signature of a presigned AWS URL: opens the object until it expires",
        keywords: &["x-amz-signature="],
        pattern: r"(?i:X-Amz-Signature=)([0-9A-Fa-f]{64})\b",
        min_entropy: 3.0,
        check: Check::Nothing,
        positives: &[
            "https://b.s3.amazonaws.com/k?X-Amz-Expires=3600&X-Amz-Signature=«79e8ed5120e4a910ff1ca2ff8492e6a70c80638a05ce347a935bb280f20dbbae»",
            r#"curl "https://s3.eu-west-1.amazonaws.com/b/k?X-Amz-Date=20260101T000000Z&x-amz-signature=«7ca3834974d9a94452e807ce07828a73b2864cf943ca222a58a64edf54a50fae»""#,
        ],
        negatives: &[
            "X-Amz-Signature=<signature>",
            r#""&X-Amz-Signature=9f64e5267bcdde5b4a2ceed236741b71""#,
        ],
    },
    Rule {
        id: "aws-appsync-api-key",
        description: "AWS AppSync API key: queries a GraphQL interface",
        keywords: &["da2-"],
        pattern: r"\bda2-[a-z0-9]{26}\b",
        min_entropy: 3.0,
        check: Check::Nothing,
        positives: &[
            r#""aws_appsync_apiKey": "«da2-jmdp277pd0u4y61gd0ef8bt6m5»","#,
            "x-api-key: «da2-buns9dkhj4yg0d6js57rmrrrze»",
        ],
        negatives: &[
            r#"apiKey: "da2-xxxxxxxxxxxxxxxxxxxxxxxxxx""#,
            "lambda2-onxqjdpy8k3nytynuc4npq3jep",
            "da2-kmowx9f56w0l",
        ],
    },
    Rule {
        id: "amazon-mws-auth-token",
        description: "Amazon Marketplace (MWS) token: acts for a seller",
        keywords: &["amzn.mws."],
        pattern: r"amzn\.mws\.[0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{12}",
        min_entropy: 3.0,
        check: Check::Nothing,
        positives: &[
            "MWS_AUTH_TOKEN=«amzn.mws.f18e33f5-dc3e-4c5c-ab9a-25f7343716b3»",
            "mws = Client(token='«amzn.mws.c40e5e95-9e65-47b6-abd4-174646500355»')",
        ],
        negatives: &["amzn.mws.xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx", "import amzn.mws.client"],
    },
    Rule {
        id: "amazon-login-client-secret",
        description: "Login with Amazon client secret: acts as the application",
        keywords: &["amzn1.oa2-cs.v1."],
        pattern: r"amzn1\.oa2-cs\.v1\.[0-9A-Fa-f]{64}",
        min_entropy: 3.0,
        check: Check::Nothing,
        positives: &[
            "LWA_CLIENT_SECRET=«amzn1.oa2-cs.v1.39602443c6e8c0685b3686f18b2632ff4e157ee7c5c2b771120b457d8b5422ea»",
            r#""client_secret": "«amzn1.oa2-cs.v1.2396154728c15d15bc0ace8d4dada80bf1ac9bde408816f1a9ffc6b620f57fb2»""#,
        ],
        negatives: &[
            r#""client_id": "amzn1.application-oa2-client.87a560146c1ebc29e8ffc8dc4b4fb8c2""#,
            "client_secret: amzn1.oa2-cs.v1.31de2c101ec338bb4377",
        ],
    },
    Rule {
        id: "amazon-login-token",
        description: "Login with Amazon access or refresh token: reads an account",
        keywords: &["atza|", "atzr|"],
        pattern: r"Atz[ar]\|[A-Za-z0-9_/+=-]{60,600}",
        min_entropy: 3.5,
        check: Check::Nothing,
        positives: &[
            "refresh_token=«Atzr|IwEBIIp_8b7NqldAwqCs1iGYhZwHN2MaE7kxrsbgY4CdfEYHU7fSvOY-nuKxeZrSw8nYszH4S-oQZQzUP_nklO1fyaQx1DR6QY7X4bCSiXfcv-VOQAUmkXQzwSNH9pk5Gz04kjF8TYrX7zmpVyAx0I4N6U7EJvG1BGXQdb1wB3MA16hWyV5AlgqL4»",
            r#"{"access_token": "«Atza|IwEBIIx8neB7ZDs13SthoTxlAKHc-nOmDERlDSzqfjit3zNeqlwnLTh0n_Drh6vl1wnRgFTEiAaUU8Xr6dtk910pgpZXz6cktK0JEBaZ6Bw6PbK9H-nkw6xwcTs1_luO8o0A0jJbTNPKZFhsOBuLBI1a3Sj-GD09P9GsKGUGMbB6TGLtsfF8aZP3wPz8rhnZxZL26ChUzayszV83HdLqog1M1_D05wu7L»", "expires_in": 3600}"#,
        ],
        negatives: &[r#""access_token": "Atza|...""#, r#"token_type = "Atza|Atzr""#],
    },
];
