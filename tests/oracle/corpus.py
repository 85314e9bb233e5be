"""A corpus of what the public scanners find.

Enters: nothing but the two installed wheels. Leaves, in the directory named: `samples/`, one small
text file a sample, named `scanner.rule.number.suffix`; and `expected.json`, a list of {scanner, rule,
file, secret, core}, the secret as the scanner itself reports it on that file, and the part of it
that has to be found. For each of their formats
the samples are strings that match its regular expression; the few that
no random string satisfies have examples written out in `examples.py`. Only what the scanner reports is kept: that
is what "the scanner finds" means. The same seed gives the same corpus. `unreached` in the summary on
standard output counts the formats of which the scanner reports no sample at all.

    python corpus.py OUT [--samples 4] [--seed 1]
"""

import argparse
import json
import random
import re
import shutil
import sys
import tempfile
from collections import defaultdict
from pathlib import Path

from examples import CORES, SUFFIXES, examples
from scanners import ALL
from strings import Strings

# Where a secret that needs no name stands in real files.
PLACES = (
    "TOKEN={}\n", 'token: "{}"\n', '{{"credential": "{}", "id": 7}}\n', "client = Client('{}')\n",
    'curl -H "X-Key: {}" https://api.acme.io/v1\n', "    key = \"{}\";\n", "use {} for now\n", "{}\n",
)
# What stands before and after a name and its value.
AROUND = (("", "\n"), ("export ", "\n"), ("  ", ",\n"), ("const ", ";\n"), ("# ", "\n"), ("", ""))


def placed(strings, text, secret, rng):
    """The string in a line of a file: a secret without a name of its own in any, else after its own."""
    if len(text) <= len(secret) + 2:
        for place in rng.sample(PLACES, len(PLACES)):
            line = place.format(secret)
            found = strings.regex.search(line)
            if found and secret == (found[1] if strings.regex.groups and found[1] else found[0]):
                return line
    before, after = rng.choice(AROUND)
    line = before + text + after
    return line if strings.regex.search(line) else text


def candidates(rule, pattern, helpers, count, rng):
    """Texts that should make a scanner report the rule: more than are needed. Every other one begins
    with a line that names the format, for some rules want the vendor's name somewhere."""
    yield from examples(rng).get(words(rule)[0], ())
    strings = Strings(pattern, rng)
    for number, (text, secret) in enumerate(strings.some(count)):
        head = f"# {' '.join(words(rule)[1:])}\n" if number % 2 else ""
        tail = "".join("\n" + made for h in helpers for made, _ in Strings(h, rng).some(1))
        yield head + placed(strings, text, secret, rng) + tail


def words(rule):
    """`betterleaks.ebay-client-id.1` is `ebay-client-id`, which begins with `ebay`."""
    name = re.sub(r"^\w+\.(?:secrets/)?|\.\d$", "", rule)
    return [name, *name.split("-")]


def write_candidates(scanner, directory, count, seed):
    """A file for each candidate; returns the rule that each file is about."""
    about, helpers = {}, defaultdict(list)
    for rule, pattern in scanner.helpers():
        helpers[words(rule)[1]].append(pattern)
    for rule, pattern in scanner.formats():
        rng = random.Random(f"{seed} {scanner.name} {rule}")
        suffix = SUFFIXES.get(words(rule)[0], "txt")
        texts = candidates(rule, pattern, helpers[words(rule)[1]], count, rng)
        for number, text in enumerate(texts):
            name = f"{scanner.name}.{rule.replace('/', '_')}.{number:02}.{suffix}"
            (directory / name).write_text(text, encoding="utf-8")
            about[name] = rule
    return about


def reported(scanner, directory):
    """What the scanner says of each file."""
    found = defaultdict(set)
    for name, rule, secret in scanner.report(directory):
        found[name].add((rule, secret))
    return found


def chosen(about, found, samples):
    """Up to `samples` files a rule, those first that the scanner reports under that very rule."""
    kept = defaultdict(list)
    for own in (True, False):
        for name, rule in sorted(about.items()):
            is_own = any(by == rule for by, _ in found.get(name, ()))
            if name in found and is_own == own and len(kept[rule]) < samples:
                kept[rule].append(name)
    return kept


def core(rule, secret):
    """The part of a reported secret that has to be found: all of it but quotes and names around it."""
    found = re.search(CORES.get(words(rule)[0], r"(?s)^[\"']?(.*?)[\"']?$"), secret)
    return found[1] if found and found[1] else secret


def corpus(scanner, out, samples, seed):
    """Adds one scanner's samples to the corpus; returns what is expected of them, and a summary."""
    with tempfile.TemporaryDirectory() as scratch:
        scratch = Path(scratch)
        about = write_candidates(scanner, scratch, samples * 3, seed)
        found = reported(scanner, scratch)
        kept = chosen(about, found, samples)
        expected = []
        for name in sorted(name for names in kept.values() for name in names):
            shutil.copy(scratch / name, out / "samples" / name)
            own = {(by, secret) for by, secret in found[name] if by == about[name]} or found[name]
            expected += [
                {"scanner": scanner.name, "rule": by, "file": name, "secret": secret, "core": core(by, secret)}
                for by, secret in sorted(own)
            ]
    unreached = sorted(rule for rule in set(about.values()) if not kept.get(rule))
    return expected, {"formats": len(set(about.values())), "findings": len(expected), "unreached": unreached}


def main():
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("out", type=Path)
    options.add_argument("--samples", type=int, default=4)
    options.add_argument("--seed", type=int, default=1)
    chosen = options.parse_args()
    (chosen.out / "samples").mkdir(parents=True)
    expected, summary = [], {}
    for scanner in (make() for make in ALL):
        more, summary[scanner.name] = corpus(scanner, chosen.out, chosen.samples, chosen.seed)
        expected += more
    (chosen.out / "expected.json").write_text(json.dumps(expected, indent=1) + "\n", encoding="utf-8")
    json.dump(summary, sys.stdout, indent=1)
    print()


if __name__ == "__main__":
    main()
