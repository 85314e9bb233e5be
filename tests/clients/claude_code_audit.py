"""The real Claude Code, in a session with something of everything: a failure, a commit, calls that a
hook and a rule turn down, an agent, then a compaction and a prompt after it.

The scripted Claude leads it (script `claude_code?part=audit`). Telemetry goes to LOGS_URL.

Environment: as for claude_code.py, and LOGS_URL. Prints one JSON line {"session", "dir", "content",
"commit"} (what hello.txt holds and the commit's id) and exits 0, or what went wrong and exits 1.
"""

import json
import os
import pathlib
import subprocess
import sys

from claude_code import LIMIT_S, temporary

HOOK = """#!/bin/sh
grep -q 'against the hook' || exit 0
echo 'not here' >&2
exit 2
"""
SETTINGS = {
    "hooks": {"PreToolUse": [{"matcher": "Bash", "hooks": [{"type": "command", "command": "./hook.sh"}]}]}
}


def run(home, work, arguments):
    env = {
        "PATH": os.environ["PATH"],
        "HOME": home,
        "ANTHROPIC_BASE_URL": os.environ["GATEWAY_URL"],
        "ANTHROPIC_AUTH_TOKEN": os.environ["TOKEN"],
        "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
        "IS_SANDBOX": "1",
        "CLAUDE_CODE_ENABLE_TELEMETRY": "1",
        "OTEL_LOGS_EXPORTER": "otlp",
        "OTEL_EXPORTER_OTLP_PROTOCOL": "http/json",
        "OTEL_EXPORTER_OTLP_LOGS_ENDPOINT": os.environ["LOGS_URL"],
        "OTEL_EXPORTER_OTLP_HEADERS": "Authorization=Bearer " + os.environ["TOKEN"],
        "OTEL_LOGS_EXPORT_INTERVAL": "500",
        "OTEL_LOG_TOOL_DETAILS": "1",
    }
    command = [os.environ["CLAUDE_BIN"], *arguments, "--model", os.environ["MODEL"]]
    command += ["--permission-mode", "bypassPermissions", "--disallowedTools", "Bash(echo against the rule:*)"]
    command += ["--output-format", "stream-json", "--verbose"]
    done = subprocess.run(
        command, env=env, cwd=work, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=LIMIT_S
    )
    lines = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    last = lines[-1] if lines else {}
    if done.returncode != 0 or last.get("type") != "result" or last.get("is_error"):
        sys.exit(f"{arguments}: exit status {done.returncode}\n{json.dumps(last)[:2000]}\n{done.stderr[-4000:]}")
    return last["session_id"]


def main():
    with temporary() as home, temporary() as work:
        work = os.path.realpath(work)
        hook = pathlib.Path(work, "hook.sh")
        hook.write_text(HOOK)
        hook.chmod(0o755)
        settings = pathlib.Path(home, ".claude", "settings.json")
        settings.parent.mkdir()
        settings.write_text(json.dumps(SETTINGS))
        session = run(home, work, ["-p", f"[[claude_code?part=audit&dir={work}]] Please do the work."])
        run(home, work, ["-p", "/compact", "--resume", session])
        run(home, work, ["-p", "And go on.", "--resume", session])
        git = ["git", "-C", work, "rev-parse", "HEAD"]
        commit = subprocess.run(git, capture_output=True, text=True, check=True).stdout.strip()
        content = pathlib.Path(work, "hello.txt").read_text()
        print(json.dumps({"session": session, "dir": work, "content": content, "commit": commit}))


if __name__ == "__main__":
    main()
