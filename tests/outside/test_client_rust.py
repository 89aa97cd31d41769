"""The Rust client: what is generated is up to date, its own tests hold, and the package, as cargo packs it and unpacked
beside an empty project, does forty steps against the server and mirrors a workspace."""

import json
import os
import re
import shutil
import subprocess
import tarfile
from pathlib import Path

import pytest

from test_conversations import mail

ROOT = Path(__file__).resolve().parents[2]
CLIENT = ROOT / "clients" / "rust"
BUILD_SECS = 1200
TARGET = ROOT / os.environ.get("CARGO_TARGET_DIR", "target")
# What the project needs: the package, and what the programs use beside it.
MANIFEST = """
[package]
name = "empty"
version = "0.0.0"
edition = "2024"

[dependencies]
inboxops-client = {{ path = "{package}" }}
serde = "1"
serde_json = "1"
tokio = {{ version = "1", features = ["rt-multi-thread", "macros", "net", "io-util", "sync", "time"] }}

[workspace]
"""


def call(*words, cwd, **env):
    # A proxy for the packages is none for the server beside us.
    direct = dict.fromkeys(("NO_PROXY", "no_proxy"), "127.0.0.1,localhost")
    env = os.environ | {"CARGO_TARGET_DIR": str(TARGET / "client-rust")} | direct | env
    done = subprocess.run(words, cwd=cwd, env=env, capture_output=True, text=True, timeout=BUILD_SECS)
    said = done.stdout[-8000:] + done.stderr[-8000:]
    assert done.returncode == 0, f"{' '.join(map(str, words))} ended with {done.returncode}:\n{said}"
    return done.stdout


@pytest.fixture(scope="session")
def project(tmp_path_factory):
    """An empty project with the package in it, and the examples and the README's program as its programs."""
    for license in ("LICENSE-MIT", "LICENSE-APACHE"):
        shutil.copy(ROOT / license, CLIENT)
    call("cargo", "package", "--allow-dirty", "--no-verify", "--quiet", cwd=CLIENT)
    packages = (TARGET / "client-rust" / "package").glob("inboxops-client-*.crate")
    packed = max(packages, key=lambda path: path.stat().st_mtime)
    folder = tmp_path_factory.mktemp("project")
    with tarfile.open(packed) as archive:
        archive.extractall(folder, filter="data")
    [package] = folder.glob("inboxops-client-*")
    names = {path.relative_to(package).parts[0] for path in package.rglob("*")}
    needed = {"Cargo.toml", "README.md", "LICENSE-MIT", "LICENSE-APACHE", "src", "examples"}
    assert needed <= names <= needed | {"Cargo.toml.orig", "Cargo.lock", ".cargo_vcs_info.json"}, names
    (folder / "Cargo.toml").write_text(MANIFEST.format(package=package.name))
    programs = folder / "src" / "bin"
    programs.mkdir(parents=True)
    shutil.copytree(package / "examples" / "scenario", programs / "scenario")
    shutil.copy(package / "examples" / "mirror.rs", programs)
    start = re.search(r"## Start\n.*?```rust\n(.*?)```", (CLIENT / "README.md").read_text(), re.S).group(1)
    (programs / "start.rs").write_text(start)
    # Files of a package all have one old time, by which cargo would take them for those that it built before.
    for source in folder.rglob("*.rs"):
        source.touch()
    call("cargo", "build", "--quiet", cwd=folder)
    return folder


def test_what_is_generated_is_up_to_date(tmp_path):
    made = tmp_path / "generated.rs"
    words = ("cargo", "run", "--quiet", "-p", "inboxops-codegen", "--example", "client", "--", made)
    call(*words, cwd=ROOT, CARGO_TARGET_DIR=str(TARGET))
    hint = "run `cargo run -p inboxops-codegen --example client`"
    assert (CLIENT / "src" / "generated.rs").read_text() == made.read_text(), hint


def test_its_own_tests_hold():
    call("cargo", "fmt", "--check", cwd=CLIENT)
    call("cargo", "clippy", "--quiet", "--all-targets", "--", "-D", "warnings", cwd=CLIENT)
    said = call("cargo", "test", "--quiet", cwd=CLIENT)
    assert re.findall(r"test result: ok\. ([1-9]\d*) passed", said), said


def tenant_with_mails(server, world):
    tenant = world.tenant("Scenario")
    for _ in range(3):
        mail(server, tenant)
    return tenant, {"INBOXOPS_URL": server.url, "INBOXOPS_API_KEY": tenant.key["key"]}


def test_the_unpacked_package_does_forty_steps(project, server, world):
    _, given = tenant_with_mails(server, world)
    said = call(TARGET / "client-rust" / "debug" / "scenario", cwd=project, **given)
    assert [line.split()[1] for line in said.splitlines()] == [str(number) for number in range(1, 41)], said


def test_the_mirror_in_files_has_every_resource_and_goes_on(project, server, world, tmp_path):
    tenant, given = tenant_with_mails(server, world)
    mirror = TARGET / "client-rust" / "debug" / "mirror"
    said = call(mirror, tmp_path, cwd=project, **given)
    shown = dict(line.split(": ") for line in said.splitlines())
    total = tenant.api.get("/tickets").json()["meta"]["total"]
    assert total > 0 and (shown["tickets"], shown["messages"]) == (str(total), "3"), said
    state = json.loads((tmp_path / "state.json").read_text())
    assert state["round"] == 1 and state["events_cursor"] and not state["export_cursor"]
    mail(server, tenant)
    assert "messages: 4" in call(mirror, tmp_path, cwd=project, **given)
    assert json.loads((tmp_path / "state.json").read_text())["round"] == 1, "it went on"
