"""The real Claude Code does a piece of work through the gateway: Bash, Write, Edit.

The scripted Claude leads it (script `claude_code`), so the outcome is known: hello.txt in the working
directory holds "goodbye", and the last answer is "done.".

Environment: CLAUDE_BIN, GATEWAY_URL, TOKEN; MODEL, when set, in place of the client's default.
Prints one JSON line {"client", "version", "session", "turns", "tools"} and exits 0, or what went
wrong and exits 1. Home and working directory are temporary.
"""

import json
import os
import pathlib
import subprocess
import sys
import tempfile

LIMIT_S = 180


def run(home, work):
    # Nothing of the caller's environment: a key or a setting found there would change the session.
    env = {
        "PATH": os.environ["PATH"],
        "HOME": home,
        "ANTHROPIC_BASE_URL": os.environ["GATEWAY_URL"],
        "ANTHROPIC_AUTH_TOKEN": os.environ["TOKEN"],
        "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
        "IS_SANDBOX": "1",  # as root the client asks for this before it runs tools unasked
    }
    command = [os.environ["CLAUDE_BIN"], "-p", f"[[claude_code?dir={work}]] Please do the work."]
    command += ["--permission-mode", "bypassPermissions", "--output-format", "stream-json", "--verbose"]
    if model := os.environ.get("MODEL"):
        command += ["--model", model]
    return subprocess.run(
        command, env=env, cwd=work, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=LIMIT_S
    )


def failures(done, lines, work):
    last = lines[-1] if lines else {}
    file = pathlib.Path(work, "hello.txt")
    if done.returncode != 0:
        yield f"exit status {done.returncode}"
    if last.get("type") != "result" or last.get("is_error") or "done" not in last.get("result", ""):
        yield f"the last answer is not done: {json.dumps(last)[:2000]}"
    if not file.exists():
        yield "hello.txt was not written"
    elif file.read_text() != "goodbye\n":
        yield f"hello.txt holds {file.read_text()!r}"


def blocks(lines, kind):
    for line in lines:
        content = line.get("message", {}).get("content", [])
        yield from (block for block in content if isinstance(block, dict) and block["type"] == kind)


def temporary():
    # A process that the client left behind may still write there.
    return tempfile.TemporaryDirectory(ignore_cleanup_errors=True)


def main():
    with temporary() as home, temporary() as work:
        # The client resolves links before it compares paths.
        work = os.path.realpath(work)
        try:
            done = run(home, work)
        except subprocess.TimeoutExpired as late:
            sys.exit(f"no end within {LIMIT_S} s:\n{late.stdout}\n{late.stderr}")
        lines = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
        found = list(failures(done, lines, work))
        results = [block for block in blocks(lines, "tool_result") if block.get("is_error")]
        found += [f"a tool failed: {json.dumps(block)[:500]}" for block in results]
    if found:
        print("\n".join(found), done.stderr[-4000:], sep="\n")
        sys.exit(1)
    told = {"client": "claude-code", "version": lines[0].get("claude_code_version")}
    told |= {"session": lines[-1]["session_id"], "turns": lines[-1]["num_turns"]}
    told["tools"] = [block["name"] for block in blocks(lines, "tool_use")]
    print(json.dumps(told))


if __name__ == "__main__":
    main()
