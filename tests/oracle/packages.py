"""Source code of popular packages, in which hardly anything is a secret.

Enters: a directory; the registries of PyPI and npm, through `pip` and `npm`. Leaves: in the
directory, one folder a package with its source files. Left away: what a person did not write
(minified and bundled files, source maps, lock files) and what holds planted keys (tests, fixtures,
the example answers of cloud interfaces). Prints the megabytes written.

    python packages.py OUT
"""

import argparse
import io
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path

PYTHON = """
    aiohttp ansible-core anthropic azure-identity boto3 celery click django fastapi flask google-auth
    httpx jinja2 kubernetes openai paramiko passlib pip pydantic pyjwt pymongo pytest redis requests
    rich scrapy sentry-sdk slack-sdk sqlalchemy starlette tornado twilio urllib3 werkzeug
""".split()
NODE = """
    @anthropic-ai/sdk @slack/web-api @supabase/supabase-js aws-sdk axios chart.js commander d3
    discord.js eslint express firebase jsonwebtoken lodash moment mongoose mysql2 nodemailer openai
    passport pg pm2 prettier puppeteer-core react rollup socket.io stripe svelte three vite vue
    webpack zod
""".split()
SOURCES = tuple(".py .js .ts .mjs .cjs .tsx .jsx .md .rst .json .yaml .yml .toml .c .h .txt .sh".split())
LEFT_AWAY = ("lock", ".min.", "/test", "fixture", "/compiled/", ".map", ".examples.json")
LARGEST, MOST = 1_500_000, 3_000_000


def fetched(directory):
    """Archives of every package, as the registries' own clients deliver them."""
    pip = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "-d", directory]
    subprocess.run([*pip, *PYTHON], check=True)
    for name in NODE:
        subprocess.run(["npm", "pack", "--silent", name], cwd=directory, check=True, capture_output=True)
    return sorted(Path(directory).iterdir())


def files(archive):
    """Names and bytes of an archive's files, in order."""
    if archive.suffix == ".tgz" or archive.name.endswith(".tar.gz"):
        with tarfile.open(archive) as tar:
            yield from sorted((m.name, tar.extractfile(m).read()) for m in tar if m.isfile())
        return
    with zipfile.ZipFile(io.BytesIO(archive.read_bytes())) as zipped:
        names = sorted(n for n in zipped.namelist() if not n.endswith("/"))
        yield from ((name, zipped.read(name)) for name in names)


def is_source(name, data):
    """Whether a person wrote it: by name, by size, and by lines that a person can read."""
    if not name.endswith(SOURCES) or any(part in name.lower() for part in LEFT_AWAY):
        return False
    return len(data) <= LARGEST and b"\0" not in data and len(data) < 200 * (data.count(b"\n") + 1)


def unpack(archive, out):
    """Writes a package's source files, up to `MOST` bytes; returns how many bytes."""
    written, folder = 0, out / archive.name.rsplit("-", 1)[0]
    for name, data in files(archive):
        if written < MOST and is_source(name, data):
            folder.mkdir(exist_ok=True)
            (folder / name.replace("/", "__")[-180:]).write_bytes(data)
            written += len(data)
    return written


def main():
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("out", type=Path)
    out = options.parse_args().out
    out.mkdir(parents=True)
    with tempfile.TemporaryDirectory() as directory:
        written = sum(unpack(archive, out) for archive in fetched(directory))
    print(f"{written / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
