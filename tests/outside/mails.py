"""Mails of the world: those that pinned public packages bring along for their own tests. They are fetched into the target
folder and never kept elsewhere."""

import json
import os
import subprocess
import sys
import tarfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
# The Python environment lies in the target folder.
KEPT = Path(sys.prefix).parent / "mails"
SOURCES = ["mail-parser==4.8.0", "talon==1.4.4"]
PACKAGES = ["eml-format@0.6.1"]
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
    for archive in [*folder.glob("*.tar.gz"), *folder.glob("*.tgz")]:
        with tarfile.open(archive) as tar:
            tar.extractall(folder, filter="data")
    return folder


def source(name):
    get = (sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps", "--no-binary", ":all:")
    return fetched(name, lambda folder: (call(*get, "--dest", folder, name), unpacked(folder)))


def package(name):
    return fetched(name, lambda folder: (call("npm", "pack", name, "--pack-destination", folder, cwd=folder), unpacked(folder)))


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
    folders = [*map(source, SOURCES), *map(package, PACKAGES), crate()]
    found = [path for folder in folders for path in folder.rglob("*") if path.is_file() and is_mail(path)]
    return sorted(found)


def is_mail(path):
    # A message of Outlook's own format is no mail.
    return path.suffix == ".eml" or "/maildir/" in str(path) or "/tests/mails/" in str(path) and "outlook" not in path.name
