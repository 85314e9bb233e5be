"""Samples of the formats that no random string satisfies, and file names that some rules ask for.

Enters: a seeded generator. Leaves: texts by the name of a format: tokens that carry a checksum or a
decodable header, armour, files and commands around a secret. The values are random and were never
valid.
"""

import base64
import json
import string
import zlib

BASE62 = string.digits + string.ascii_uppercase + string.ascii_lowercase
BASE64 = string.ascii_letters + string.digits + "+/"

# Rules that look only into files of some name.
SUFFIXES = {
    "bitwardenoauth2access": "data.json",
    "freemius-secret-key": "php",
    "hashicorp-tf-password": "tf",
    "kubernetes-secret-yaml": "yaml",
    "nuget-config-password": "nuget.config",
}

# Where a scanner reports more than the secret: the part that has to be found.
CORES = {
    "azure-servicebus-connection-string": r"SharedAccessKey=([^;]+)",
    "curl-auth-user": r"(?s):(.*?)[\"']?$",
    "gcp-application-default-credentials": r'"refresh_token": "([^"]+)"',
    "gcp-service-account": r'"private_key": "([^"]+)"',
    "hashicorp-tf-api-token": r"\.atlasv1\.(.+)",
    "mongodb-connection-string": r"://[^:]+:([^@]+)@",
    "slack-webhook-url": r"hooks\.slack\.com/(.+)",
    "kubernetes-secret-yaml": r"""(?s):\s*["']?(.+?)["']?$""",
}


def examples(rng):
    """Texts by the name of a format."""
    made = {name: [github(prefix, rng) for _ in range(4)] for name, prefix in GITHUB.items()}
    made |= {
        "aws-session-token": [aws(rng) for _ in range(4)],
        "curl-auth-header": [line.format(some(rng, BASE62, 32)) for line in CURL_HEADERS],
        "curl-auth-user": [line.format(some(rng, BASE62, 16)) for line in CURL_USERS],
        "gcp-application-default-credentials": [google(USER_KEYS, rng) for _ in range(4)],
        "gcp-service-account": [google(SERVICE_KEYS, rng) for _ in range(4)],
        "jwt": [line.format(jwt(rng)) for line in TOKENS],
        "jwt-base64": [f"token: {base64.b64encode(jwt(rng).encode()).decode()}\n" for _ in range(4)],
        "kubernetes-secret-yaml": [text.format(some(rng, BASE64, 64)) for text in KUBERNETES],
        "microsoft-teams-webhook": [teams(rng) for _ in range(4)],
        "salesforce-access-token": [salesforce(rng) for _ in range(4)],
        "slack-webhook-url": [slack(rng) for _ in range(4)],
        "temporal-cloud-api-key": [f"TEMPORAL_API_KEY={temporal(n, rng)}\n" for n in range(6, 18)],
        "private-key": [pem(kind, rng) for kind in ("", "RSA ", "EC ", "OPENSSH ")],
    }
    return made


def some(rng, letters, count):
    return "".join(rng.choices(letters, k=count))


def guid(rng):
    return "-".join(some(rng, "0123456789abcdef", n) for n in (8, 4, 4, 4, 12))


# === tokens ===

GITHUB = {
    "github-app-token": "ghs_", "github-oauth": "gho_", "github-pat": "ghp_",
    "github-refresh-token": "ghr_", "npm-access-token": "npm_", "npmjsaccesstoken": "npm_",
}


def github(prefix, rng):
    """30 characters and their CRC-32 in six base-62 digits; npm does the same."""
    body = some(rng, BASE62, 30)
    value, digits = zlib.crc32(body.encode()), ""
    for _ in range(6):
        value, digit = divmod(value, 62)
        digits = BASE62[digit] + digits
    return f"TOKEN={prefix}{body}{digits}\n"


TOKENS = ("Authorization: Bearer {}\n", 'token = "{}"\n', "JWT={}\n", '{{"id_token": "{}"}}\n')


def jwt(rng, **claims):
    """Header, claims and a signature of 32 bytes (RFC 7519)."""
    claims = claims or {"sub": some(rng, BASE62, 10), "iat": rng.randrange(10**9, 2 * 10**9)}
    parts = ({"alg": "HS256", "typ": "JWT"}, claims)
    texts = [json.dumps(part, separators=(",", ":")).encode() for part in parts]
    coded = [base64.urlsafe_b64encode(text).decode().rstrip("=") for text in texts]
    return ".".join([*coded, some(rng, BASE62, 43)])


def temporal(length, rng):
    """The claims of Temporal Cloud's keys; what is looked for depends on where their names fall."""
    account, key = some(rng, BASE62, length), some(rng, BASE62, 32)
    claims = {"account_id": account, "aud": ["temporal.io"], "iss": "temporal.io", "key_id": key}
    return jwt(rng, **claims)


def salesforce(rng):
    """The id of an organisation, which begins with 00D, and a session; found beside an instance."""
    session = f"00D{some(rng, BASE62, 12)}!{some(rng, BASE62 + '._', 96)}"
    return f"SF_INSTANCE=https://acme.my.salesforce.com\nSF_SESSION={session}\n"


def slack(rng):
    team, bot = (some(rng, string.ascii_uppercase + string.digits, 10) for _ in range(2))
    return f"SLACK_WEBHOOK=https://hooks.slack.com/services/T{team}/B{bot}/{some(rng, BASE62, 24)}\n"


def aws(rng):
    return (
        f"AWS_ACCESS_KEY_ID=ASIA{some(rng, string.ascii_uppercase + '234567', 16)}\n"
        f"AWS_SECRET_ACCESS_KEY={some(rng, BASE64, 40)}\n"
        f"AWS_SESSION_TOKEN=IQoJb3JpZ2luX2Vj{some(rng, BASE64, 240)}\n"
    )


def teams(rng):
    hook = f"{guid(rng)}@{guid(rng)}/IncomingWebhook/{some(rng, '0123456789abcdef', 32)}/{guid(rng)}"
    return f"TEAMS_WEBHOOK=https://acme.webhook.office.com/webhookb2/{hook}\n"


# === texts around a secret ===

CURL_HEADERS = (
    'curl -sS -H "Authorization: Bearer {}" https://api.acme.io/v1/me\n',
    "curl -X POST --header 'X-Api-Key: {}' https://api.acme.io/v1/run\n",
    'curl https://api.acme.io/v1 \\\n  -H "Authorization: Token {}"\n',
    "curl -H 'Authorization: Basic {}==' https://api.acme.io/v1\n",
)
CURL_USERS = (
    "curl -u 'deploy:{}' https://repo.acme.io/index\n",
    'curl -s --user "admin:{}" https://repo.acme.io/index\n',
    "curl -u ci:{} -T shop.tar https://repo.acme.io/up\n",
    'curl https://repo.acme.io/up \\\n  -u "ci:{}"\n',
)
KUBERNETES = (
    "apiVersion: v1\nkind: Secret\nmetadata:\n  name: shop\ndata:\n  key: {}\n",
    'apiVersion: v1\nkind: Secret\ntype: Opaque\ndata:\n  pw: "{}"\n',
    "data:\n  token: {}==\nkind: Secret\nmetadata:\n  name: shop\n",
    "kind: Secret\ndata:\n  tls.key: {}=\n",
)


def pem(kind, rng):
    """A private key in armour (RFC 7468)."""
    body = "\n".join(some(rng, BASE64, 64) for _ in range(6))
    return f"-----BEGIN {kind}PRIVATE KEY-----\n{body}\n-----END {kind}PRIVATE KEY-----\n"


# Google's two JSON files: application default credentials of a person, and a service account's key.
USER_KEYS = ("account", "client_id", "client_secret", "refresh_token", "type")
SERVICE_KEYS = ("type", "project_id", "private_key", "client_email", "auth_provider_x509_cert_url")


def google(keys, rng):
    values = {key: some(rng, BASE62, 24) for key in keys}
    values |= {"client_secret": "GOCSPX-" + some(rng, BASE62, 28)} if "client_secret" in values else {}
    values |= {"refresh_token": "1//0" + some(rng, BASE62, 96)} if "refresh_token" in values else {}
    if "private_key" in values:
        values |= {"private_key": pem("", rng), "auth_provider_x509_cert_url": "https://acme.io/c"}
    return json.dumps(values, indent=2) + "\n"
