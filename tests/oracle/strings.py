"""Strings that match a regular expression, as a person would have written them.

Enters: a pattern in Go's or Rust's dialect and a seeded generator. Leaves: `(text, secret)` where
the pattern matches `text` and its first group (or all of it) is `secret`. Characters inside groups
are drawn at random, for they are the secret; characters outside are the name and the assignment
around it, so they come from a short list of things that stand there in real files.
"""

import re
import warnings

try:
    from re import _constants as ops, _parser as parser
except ImportError:  # Python 3.10
    import sre_constants as ops
    import sre_parse as parser

warnings.simplefilter("ignore", FutureWarning)

POSIX = {
    "alnum": "A-Za-z0-9", "alpha": "A-Za-z", "digit": "0-9", "xdigit": "0-9A-Fa-f",
    "lower": "a-z", "upper": "A-Z", "word": r"\w", "space": r"\s", "punct": r"!-/:-@\[-`{-~",
}
PRINTABLE = "".join(map(chr, range(33, 127)))
ALNUM = "".join(c for c in PRINTABLE if c.isalnum())
CATEGORIES = {
    ops.CATEGORY_DIGIT: "0123456789", ops.CATEGORY_WORD: ALNUM + "_", ops.CATEGORY_SPACE: " \n\t\r",
}
NEGATED = {
    ops.CATEGORY_NOT_DIGIT: ops.CATEGORY_DIGIT, ops.CATEGORY_NOT_WORD: ops.CATEGORY_WORD,
    ops.CATEGORY_NOT_SPACE: ops.CATEGORY_SPACE,
}
# What stands between a vendor's name and the value, by how the name is written.
FILLERS = {
    "lower": ["", "", "_api_key", "_token", "_secret", "-key", ".token", " key", "_key_id", "s_"],
    "upper": ["", "", "_API_KEY", "_TOKEN", "_SECRET", "_KEY", "_ACCESS_KEY", "_PROD_KEY"],
    "title": ["", "", "ApiKey", "Token", "Secret", "Key", ".Token", " Key", "Credential"],
}
# What stands before a vendor's name.
LEADS = {
    "lower": ["", "", "prod_", "app.", "my-", "x_"],
    "upper": ["", "", "PROD_", "APP_", "VITE_"],
    "title": ["", "", "prod", "my", "App.", "config."],
}
MARKS = ["", "", "", " ", '"', "'", ' "', " '", '="', ": ", " = ", '": "', "\n  ", "`"]
OPERATORS = {"=": 8, ":": 8, "=>": 2, ":=": 2}


# === from their dialect to Python's ===


def translate(pattern):
    """Python reads flags only at the front: `x(?i)y` becomes `x(?i:y)`, up to the group's end."""
    out, scopes, at = [], [[]], 0
    while at < len(pattern):
        step, text = token(pattern, at)
        flags = re.fullmatch(r"\(\?([imsx]+)\)", text)
        if flags:
            scopes[-1].append(flags[1])
            text = f"(?{flags[1]}:"
        elif text.startswith("("):
            scopes.append([])
        elif text == ")":
            text = ")" * len(scopes.pop()) + ")"
        elif text == "|":
            text = ")" * len(scopes[-1]) + "|" + "".join(f"(?{f}:" for f in scopes[-1])
        out.append(text)
        at += step
    return "".join(out) + ")" * len(scopes[0])


def token(pattern, at):
    """The next thing in a pattern: how long it is, and what Python calls it."""
    if pattern[at] == "\\":
        escape = pattern[at:at + 2]
        return 2, r"\Z" if escape == r"\z" else escape
    if pattern[at] == "[":
        return classes(pattern, at)
    opening = re.compile(r"\((?:\?(?:P?<\w+>|[imsx]+\)|[imsx-]*:))?").match(pattern, at)
    if opening:
        named = opening[0].startswith(("(?P<", "(?<"))
        return len(opening[0]), "(" if named else opening[0]
    return 1, pattern[at]


def classes(pattern, at):
    """A bracketed class, its POSIX names spelt out."""
    end = at + 2 if pattern[at + 1] != "^" else at + 3
    while pattern[end] != "]":
        named = re.compile(r"\[:(\w+):\]").match(pattern, end)
        end += 2 if pattern[end] == "\\" else len(named[0]) if named else 1
    text = re.sub(r"\[:(\w+):\]", lambda m: POSIX[m[1]], pattern[at:end + 1])
    return end + 1 - at, text


# === from a pattern to strings ===


class Strings:
    """One pattern's strings."""

    def __init__(self, pattern, rng):
        self.regex = re.compile(translate(pattern), re.A)
        self.tree = parser.parse(self.regex.pattern, re.A)
        self.rng = rng

    def some(self, count):
        """Up to `count` strings, each different, with quotes in pairs where that can be had."""
        seen = {}
        for turn in range(count * 40):
            text = self.one(("lower", "upper", "title")[turn % 3], mixed=turn % 2 == 1)
            found = self.regex.search(text)
            if found and (balanced(text) or turn > count * 20):
                seen[text] = found[1] if self.regex.groups and found[1] else found[0]
            if len(seen) == count:
                break
        return list(seen.items())

    def one(self, style, mixed):
        writer = Writer(self.rng, style, mixed)
        writer.write(self.tree, secret=not self.regex.groups, fold=False)
        return writer.text


class Writer:
    """One string on its way."""

    def __init__(self, rng, style, mixed):
        self.rng, self.style, self.mixed, self.text = rng, style, mixed, ""

    def write(self, tree, secret, fold):
        for op, arg in tree:
            self.node(op, arg, secret, fold)

    def node(self, op, arg, secret, fold):
        if op is ops.LITERAL:
            self.text += chr(arg) if secret or not fold else self.cased(chr(arg))
        elif op is ops.ANY:  # a dot that its author did not escape
            self.text += "."
        elif op in (ops.IN, ops.NOT_LITERAL):
            self.text += self.character(members(op, arg), secret, fold)
        elif op in (ops.MAX_REPEAT, ops.MIN_REPEAT):
            self.repeat(*arg, secret, fold)
        elif op is ops.SUBPATTERN:
            group, on, off, tree = arg
            fold = (fold or bool(on & re.I)) and not off & re.I
            self.write(tree, secret or group is not None, fold)
        elif op is ops.BRANCH:
            self.write(self.branch(arg[1], secret), secret, fold)

    def branch(self, branches, secret):
        if secret:
            return self.rng.choice(branches)
        return self.rng.choices(branches, [OPERATORS.get(plain(b), 1) for b in branches])[0]

    def repeat(self, least, most, tree, secret, fold):
        accepted = members(*tree[0]) if len(tree) == 1 else None
        if not secret and accepted and least < most:
            self.text += self.filler(accepted, least, int(most), fold)
            return
        if accepted and accepted.isspace():
            self.text += " " * min(int(most), max(least, 1))
            return
        if secret and most == ops.MAXREPEAT:  # what its author left open is as long as a secret
            least, most = max(least, 12), least + 36
        for _ in range(self.rng.randint(least, min(int(most), least + 24))):
            if tree[0][0] is ops.ANY:
                self.text += self.rng.choice(ALNUM)
            else:
                self.write(tree, secret, fold)

    def filler(self, accepted, least, most, fold):
        """What stands between names and value: a lead, a joint, the rest of a name, or marks."""
        if not self.text and least == 0 and "_" in accepted:
            return self.rng.choice(LEADS[self.style])
        if "_" in accepted and len(accepted) < 12:
            return "_" * max(least, self.style != "title")
        names = FILLERS[self.style] if fold or len(accepted) > 20 else []
        fit = [f for f in MARKS + names if least <= len(f) <= most and set(f) <= set(accepted)]
        if len(accepted) > 80:  # anything at all, up to the value
            return self.rng.choice([f for f in fit if f in MARKS and f] or fit)
        named = [f for f in fit if f in names and f]
        if named and self.rng.random() < 0.8:
            return self.rng.choice(named)
        return self.rng.choice(fit) if fit else "".join(self.rng.choices(accepted, k=least))

    def character(self, accepted, secret, fold):
        """`=` only pads and a backslash only escapes, so neither is drawn into a secret; hexadecimal
        is of one case, as are prefixes; a class of nearly everything means letters."""
        if not secret:
            return self.rng.choice(accepted)
        if fold and self.mixed:
            accepted += accepted.swapcase()
        drawn = [c for c in dict.fromkeys(accepted) if not c.isspace() and c not in "=\\"]
        hexadecimal = set(accepted.lower()) <= set("0123456789abcdef-")
        if hexadecimal or len(drawn) == 2 and drawn[0].swapcase() == drawn[1]:
            one_case = str.upper if hexadecimal and self.mixed else str.lower
            kept = [c for c in drawn if one_case(c) == c]
            drawn = kept if any(c.isalpha() for c in kept) else drawn
        if len(drawn) > 80:
            drawn = [c for c in drawn if c.isalnum()]
        return self.rng.choice(drawn or [accepted[0]])

    def cased(self, letter):
        starts = not self.text[-1:].isalnum()
        up = self.style == "upper" or (self.style == "title" and starts)
        return letter.upper() if up else letter.lower()


def members(op, arg):
    """The characters that one node accepts, or None where it is not a single character."""
    if op is ops.LITERAL:
        return chr(arg)
    if op is ops.ANY:
        return PRINTABLE + " "
    if op is ops.NOT_LITERAL:
        return "".join(c for c in PRINTABLE + " \n" if c != chr(arg))
    if op is ops.IN:
        inside = "".join(item(*i) for i in arg if i[0] is not ops.NEGATE)
        if arg[0][0] is not ops.NEGATE:
            return "".join(dict.fromkeys(inside))
        return "".join(c for c in PRINTABLE + " \n" if c not in inside)
    if op is ops.SUBPATTERN and arg[0] is None and len(arg[3]) == 1:
        return members(*arg[3][0])
    if op is ops.BRANCH and all(len(b) == 1 and members(*b[0]) for b in arg[1]):
        return "".join(members(*b[0]) for b in arg[1])
    return None


def item(op, arg):
    if op is ops.LITERAL:
        return chr(arg)
    if op is ops.RANGE:
        return "".join(map(chr, range(max(arg[0], 9), min(arg[1], 126) + 1)))
    if arg in NEGATED:
        return "".join(c for c in PRINTABLE + " \n" if c not in CATEGORIES[NEGATED[arg]])
    return CATEGORIES[arg]


def plain(tree):
    """A branch that is a plain word, else nothing."""
    return "".join(chr(arg) for op, arg in tree if op is ops.LITERAL)


def balanced(text):
    """Quotes in pairs."""
    return all(text.count(mark) % 2 == 0 for mark in "\"'`")
