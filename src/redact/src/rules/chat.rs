//! Chat, voice and messaging.

use crate::rule::{Check, Rule};

pub(super) static RULES: &[Rule] = &[
    Rule {
        id: "slack-bot-token",
        description: "Slack bot token: reads and writes channels",
        keywords: &["xoxb-"],
        pattern: r"\bxoxb-[0-9A-Za-z-]{20,150}",
        min_entropy: 3.0,
        check: Check::Nothing,
        positives: &[
            "SLACK_BOT_TOKEN=«xoxb-620279438443-3690428849870-KZRQCdx2VczydBSjkL9HB33R»",
            r#""token": "«xoxb-981444183205-iEXmo8K4m7vzu7AEZr3zkYMl»""#,
        ],
        negatives: &[
            "SLACK_BOT_TOKEN=xoxb-your-token",
            "xoxb-xxxxxxxxxxxx-xxxxxxxxxxxx-xxxxxxxxxxxxxxxxxxxxxxxx",
            "xoxb-1234",
        ],
    },
    Rule {
        id: "slack-user-token",
        description: "Slack user token: acts for a user",
        keywords: &["xoxp-", "xoxs-", "xoxe-"],
        pattern: r"\bxox[pse]-[0-9A-Za-z-]{20,150}",
        min_entropy: 3.0,
        check: Check::Nothing,
        positives: &[
            "SLACK_USER_TOKEN=«xoxp-091055397936-545337480534-2650515463323-993020cd65ac9cbbe903bcaedf3338b2»",
            "token=«xoxs-89438503866-01733203442-60196464969-667c6c9423»",
        ],
        negatives: &["SLACK_USER_TOKEN=xoxp-...", "xoxp-<token>"],
    },
    Rule {
        id: "slack-workspace-token",
        description: "Slack workspace or legacy refresh token",
        keywords: &["xoxa-", "xoxr-", "xoxo-"],
        pattern: r"\bxox[aro]-(?:[0-9]-)?[0-9A-Za-z-]{8,150}",
        min_entropy: 3.0,
        check: Check::Nothing,
        positives: &[
            "SLACK_TOKEN=«xoxa-2-942344122266-427664824836-279346344162-e36024bf77dc6e31d65d16e78b39e740»",
            "refresh: «xoxr-074517669954-761664116281-7cfa39d50c611a43445ffcfda2ede56c»",
        ],
        negatives: &["SLACK_TOKEN=xoxa-2-xxx", "xoxr-<token>"],
    },
    Rule {
        id: "slack-browser-token",
        description: "Slack browser token or cookie: acts for a signed-in user",
        keywords: &["xoxc-", "xoxd-"],
        pattern: r"\bxox[cd]-[0-9A-Za-z%+/_-]{20,300}={0,2}",
        min_entropy: 3.0,
        check: Check::Nothing,
        positives: &[
            "SLACK_TOKEN=«xoxc-706995660204-019129877808-0201026585335-9f95b3c7073c13459bc18856c32a25f19bca0d371ad34e28f3be6d5e84954f9f»",
            "Cookie: d=«xoxd-T6fxVMNv2AFatAbUzZnH3Tg5hNlqkN4HFysVRm0F%2BDbE3OaOi6KQeL3uw85mB2fNTbCRsuBpWv8SDUZ0Q6Tb54GKVqe07rc7pvi19%3D»;",
        ],
        negatives: &["SLACK_TOKEN=xoxc-...", "xoxd-<cookie>"],
    },
    Rule {
        id: "slack-rotating-token",
        description: "Slack configuration or rotating token",
        keywords: &["xoxe-", "xoxe.xox"],
        pattern: r"\bxoxe(?:\.xox[bpBP])?-[0-9]{1,3}-[A-Za-z0-9-]{60,250}",
        min_entropy: 3.5,
        check: Check::Nothing,
        positives: &[
            "SLACK_CONFIG_TOKEN=«xoxe.xoxp-1-vu9JndfRzQZh7V4NP63VOg7vZS4sieLBXKupmlwY9iav1vNNEQh6fadReo9ozpS3XdQmiqDK3qn8nF0mGYxrvDg0s4K6oHYNzlYqtRLoaOT8V7ciKTAMTxRl9C3pCjUmCkhk7vPve7USL6yWuimqC3WGP87PFNSht6Hzqj»",
            r#""refresh_token": "«xoxe-1-hUAa4XRMQeZU7lhmHKYs2MJOnWjk4nAYgU2B3RwWmLKNP2xKWxejUaVBM13byrurIHSJbBRbMQoL3qyrVBEJ72DDf9Mcj12dqvnkQ9aZqeSTRWGprEhqG5x4q4BgjYE03vsUzmXGy6p5xgrYjVn»""#,
        ],
        negatives: &["SLACK_CONFIG_TOKEN=xoxe.xoxp-1-xxx", "xoxe-1-fOO3AUxEHSmI4TqLmbtc"],
    },
    Rule {
        id: "slack-app-token",
        description: "Slack app-level token: opens the event socket",
        keywords: &["xapp-"],
        pattern: r"\b(?i:xapp)-[0-9]{1,10}-[A-Za-z0-9]{1,40}-[0-9]{1,40}-[0-9A-Za-z]{8,80}\b",
        min_entropy: 3.0,
        check: Check::Nothing,
        positives: &[
            "SLACK_APP_TOKEN=«xapp-1-A86BUZQB7ZZ-2134345403607-2dbab6a39321c824d6c1fe1988b4ee0d3b9d2a5044fe1d75fbc79e6863e9f659»",
            "appToken: '«xapp-1-AZAWB744ZD6-1790918460469-79a2e4e17d13a289518c2b5bdc34fe9688ed9f7f50cbc7c9463c81d96a9bf2c2»'",
        ],
        negatives: &["SLACK_APP_TOKEN=xapp-1-...", "xapp-1-AXSWFFZ7TGN-8173565096400"],
    },
    Rule {
        id: "slack-webhook",
        description: "Slack webhook or workflow address: posts to a channel",
        keywords: &["hooks.slack.com/"],
        pattern: r"(?i:hooks\.slack(?:-gov)?\.com)/((?:services|workflows|triggers)/[A-Za-z0-9+/]{40,100})",
        min_entropy: 3.6,
        check: Check::Nothing,
        positives: &[
            "SLACK_WEBHOOK_URL=https://hooks.slack.com/«services/T066ZYHBZQ/BSIETN658T7/YxGFOP0Erj138UsENzZMQ4oL»",
            "curl -X POST https://hooks.slack.com/«triggers/T3ENGGFKI1/4232307496023/c18a65437d1bf57b23c3f7819cdf0197»",
        ],
        negatives: &[
            "https://hooks.slack.com/services/T00/B00/XXX",
            "https://hooks.slack.com/services/<team>/<bot>/<key>",
            "https://hooks.slack.com/services/...",
        ],
    },
    Rule {
        id: "slack-signing-secret",
        description: "Slack signing or client secret: forges requests",
        keywords: &["slack"],
        pattern: concat!(near!(r"slack[\w .-]{0,16}secret"), r"([0-9A-Fa-f]{32})\b"),
        min_entropy: 3.0,
        check: Check::Nothing,
        positives: &[
            "SLACK_SIGNING_SECRET=«5ee0688de5dd37271a9324e8b67e038f»",
            r#"slack_client_secret: "«613b063b47324d2d3c001c07819318c0»""#,
        ],
        negatives: &["SLACK_SIGNING_SECRET=<secret>", r#"slack_secret = "7ab2682aba3b3d5d8d65""#],
    },
    Rule {
        id: "discord-bot-token",
        description: "Discord bot token: acts as the bot",
        keywords: &["discord", "bot"],
        pattern: r#"(?i:discord[\w .-]{0,24}["\'`\s=:,>(|\[]{1,8}(?:Bot )?|\bbot[_-]?token["\'`\s=:,>(|]{1,8}|\bBot )([MNO][A-Za-z0-9_-]{23,27}\.[A-Za-z0-9_-]{6}\.[A-Za-z0-9_-]{27,38})"#,
        min_entropy: 3.8,
        check: Check::Nothing,
        positives: &[
            "DISCORD_TOKEN=«MTUOB212eyTtyaxz0MjC55e4xw.GbSrwF.I1Q8obnB6sBNWgY8glk_8c8rL5J6sb90-EAnN6»",
            "Authorization: Bot «ODJ8ftvk0E3SHjNAcAuSwKVr.X3RHa7.NXU_rK_icqGHRsz-LjTaY7Zdr6p»",
            "BOT_TOKEN: '«NTQRkmcVgxVl3hJj4eEfuz1b.Y2wpMx.BdvlvZc46vA3vHIg28Zc4YHW4isMb8jvOp6hE7»'",
        ],
        negatives: &[
            "DISCORD_TOKEN=your-token.goes.here",
            r#"client.login("discord.gateway.connection")"#,
            "Bot Mxxxxxxxxxxxxxxxxxxxxxxx.xxxxxx.xxxxxxxxxxxxxxxxxxxxxxxxxxx",
        ],
    },
    Rule {
        id: "discord-client-secret",
        description: "Discord client secret or key beside its name",
        keywords: &["discord"],
        pattern: concat!(near!("discord"), r"([A-Za-z0-9_=-]{32}|[0-9A-Fa-f]{64})\b"),
        min_entropy: 3.3,
        check: Check::Nothing,
        positives: &[
            "DISCORD_CLIENT_SECRET=«QCadjz8kqbKfXCW5pRTW3gmbWrTAmKnr»",
            r#"discord_api_key: "«64970e912cb5d69fb72ab5ecffb45b2ea35d8b673c8d06c4ab154a97432a1f68»""#,
        ],
        negatives: &[
            "DISCORD_CLIENT_SECRET=<secret>",
            r#"discord_client_id = "944417966646819203""#,
        ],
    },
    Rule {
        id: "discord-webhook",
        description: "Discord webhook address: posts to a channel",
        keywords: &["discord.com/api/", "discordapp.com/api/"],
        pattern: r"discord(?:app)?\.com/api/(?:v[0-9]{1,2}/)?webhooks/[0-9]{17,20}/([A-Za-z0-9_-]{60,80})",
        min_entropy: 3.8,
        check: Check::Nothing,
        positives: &[
            "WEBHOOK=https://discord.com/api/webhooks/0581076541868512959/«NW9G_LUIi0ubglMgmZNrwDKUkJZJiVoxRQixGMnIVtVBlej3-tt8OAijzI2tppNb1bd0»",
            r#""url": "https://discordapp.com/api/v10/webhooks/435666015838266067/«fZwxgObcYHuF9Ze3uJCr1iuJtgNboumyUAllUYJdtAhRiCM0w0DDJi9IsoVFXkVGY7n0»""#,
        ],
        negatives: &[
            "https://discord.com/api/webhooks/<id>/<token>",
            "https://discord.com/api/webhooks/672441106489510638/z-z0wWTOWZEUoo6GExRv",
        ],
    },
];
