"""The official Python SDK gets the same objects through the gateway as from the API directly.

Each script of the scripted Claude is asked three ways (whole, as raw events, with the streaming
helper), directly and through the gateway; what comes back, exceptions included, must be equal. Ids that the
scripted Claude counts up are the only thing left out of the comparison.

Environment: DIRECT_URL, GATEWAY_URL, TOKEN; SCRIPTS, a comma list; MODEL (default: Sonnet).
REFUSED_MODEL and EXPIRED_TOKEN, when set, ask for one refusal each.
Prints one JSON line and exits 0, or the differences and exits 1.
"""

import json
import os
import re
import sys

import anthropic

MODEL = os.environ.get("MODEL", "claude-sonnet-5-5")
ASKED = {
    "model": MODEL,
    "max_tokens": 2048,
    "system": "You are terse.",
    "messages": [{"role": "user", "content": "What is in this directory? é 日本 \u2028"}],
    "tools": [{"name": "Bash", "description": "Run it", "input_schema": {"type": "object"}}],
}
# Ids of the n-th request end in its number, and tool ids in two digits more.
COUNTED = re.compile(r"\b(req|msg|(?:srv)?toolu)_01[0-9]{20,24}")
SHOWN = 10


def client(url, token, retries=0, seen=None):
    hooks = {"request": [lambda request: seen.append(request.url.path)]} if seen is not None else {}
    http = anthropic.DefaultHttpxClient(event_hooks=hooks)
    # api_key=None: an ANTHROPIC_API_KEY of the environment is never sent along.
    return anthropic.Anthropic(
        base_url=url, auth_token=token, api_key=None, max_retries=retries, timeout=60, http_client=http
    )


# === the ways to ask ===


def whole(api, script, seen):
    message = api.messages.create(**ASKED, extra_headers={"x-script": script})
    seen.append(message.to_dict(mode="json", warnings=False))
    seen.append(message._request_id)


def events(api, script, seen):
    for event in api.messages.create(**ASKED, stream=True, extra_headers={"x-script": script}):
        seen.append(event.to_dict(mode="json", warnings=False))


def helper(api, script, seen):
    with api.messages.stream(**ASKED, extra_headers={"x-script": script}) as stream:
        seen.append(stream.request_id)
        for event in stream:
            seen.append(event.type)
        seen.append(stream.get_final_message().to_dict(mode="json", warnings=False))


def models(api, script, seen):
    seen.extend(model.to_dict(mode="json") for model in api.models.list())


def tokens(api, script, seen):
    counted = {key: value for key, value in ASKED.items() if key != "max_tokens"}
    seen.append(api.messages.count_tokens(**counted).to_dict(mode="json"))


# === what came of it ===


def raised(error):
    told = {"class": type(error).__name__}
    if isinstance(error, anthropic.APIStatusError):
        kept = ("content-type", "retry-after", "x-should-retry")
        told |= {"status": error.status_code, "body": error.body, "request_id": error.request_id}
        told["headers"] = {name: error.response.headers.get(name) for name in kept}
    return told


def outcome(way, url, token, script):
    """What the caller saw, in order, up to the exception if there was one."""
    seen = []
    try:
        with client(url, token) as api:
            way(api, script, seen)
        result = {"seen": seen}
    except Exception as error:  # every exception is an outcome to compare
        result = {"seen": seen, "raised": raised(error)}
    return json.loads(COUNTED.sub(r"\1_COUNTED", json.dumps(result)))


def differences(left, right, path=""):
    if isinstance(left, dict) and isinstance(right, dict):
        for key in [*left, *(key for key in right if key not in left)]:
            yield from differences(left.get(key), right.get(key), f"{path}/{key}")
    elif isinstance(left, list) and isinstance(right, list) and len(left) == len(right):
        for index, (one, other) in enumerate(zip(left, right)):
            yield from differences(one, other, f"{path}/{index}")
    elif left != right:
        yield f"  {path}\n    directly: {json.dumps(left)[:600]}\n    gateway:  {json.dumps(right)[:600]}"


def compare(name, way, script=""):
    direct = outcome(way, os.environ["DIRECT_URL"], "direct", script)
    # Two sides that fail alike for the test's own fault would count as equal: a misspelt script, or
    # no server. (A script may cut the connection, the fixed questions never do.)
    if re.search("no script |script option ", json.dumps(direct)) or (not script and "raised" in direct):
        return [f"{name}: asked directly it gives {json.dumps(direct)[:600]}"]
    gateway = outcome(way, os.environ["GATEWAY_URL"], os.environ["TOKEN"], script)
    return [f"{name}:\n{found}" for found in differences(direct, gateway)]


# === refusals: the gateway's own answers ===


def refused(name, way, expected, token, model):
    """One refusal in a client that would retry: the class, the error's type, exactly one request."""
    asked = []
    try:
        with client(os.environ["GATEWAY_URL"], token, retries=2, seen=asked) as api:
            way(api, model)
        told = "no exception"
    except anthropic.APIStatusError as error:
        kind = error.body.get("error", {}).get("type") if isinstance(error.body, dict) else None
        if (type(error), kind) == expected and len(asked) == 1 and error.message:
            return []
        told = f"{type(error).__name__} {error.status_code} {error.body!r}"
    return [f"{name}: wanted {expected[0].__name__} {expected[1]} in one request, got {told} in {len(asked)}"]


def ask(api, model):
    api.messages.create(**ASKED | {"model": model})


def ask_stream(api, model):
    list(api.messages.create(**ASKED | {"model": model}, stream=True))


def main():
    scripts = [name for name in os.environ.get("SCRIPTS", "conversation").split(",") if name]
    found, done = [], 0
    for script in scripts:
        for way in (whole, events, helper):
            found += compare(f"{way.__name__} {script}", way, script)
            done += 1
    for way in (models, tokens):
        found += compare(way.__name__, way)
        done += 1

    blocked = (anthropic.BadRequestError, "policy_blocked")
    expired = (anthropic.AuthenticationError, "authentication_error")
    for way in (ask, ask_stream):
        if model := os.environ.get("REFUSED_MODEL"):
            found += refused(f"refused model, {way.__name__}", way, blocked, os.environ["TOKEN"], model)
            done += 1
        if token := os.environ.get("EXPIRED_TOKEN"):
            found += refused(f"expired token, {way.__name__}", way, expired, token, MODEL)
            done += 1

    if found:
        print("\n".join(found[:SHOWN]), f"\n{len(found)} differences", sep="")
        sys.exit(1)
    print(json.dumps({"client": "anthropic-python", "version": anthropic.__version__, "compared": done}))


if __name__ == "__main__":
    main()
