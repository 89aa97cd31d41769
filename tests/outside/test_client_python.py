"""The Python client: its own checks hold, and the wheel, installed into an empty environment, is sound under strict
types and does forty steps against the server."""

import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from test_conversations import mail

CLIENT = Path(__file__).resolve().parents[2] / "clients" / "python"
COMMAND_SECS = 300
# What the programs of the README take for granted.
AROUND = """
import os
from typing import Any, Callable
from inboxops import Inboxops, types

app: Any
request: Any
row: Any
id: int
ticket: types.Ticket
body: types.CreateTicketRequest
changes: types.TicketChanges
client: Inboxops
store: Any
load: Callable[[], str]
save: Callable[[str], None]
thank: Callable[[types.Ticket], None]
queue: Callable[[object], None]
"""


def call(*words, cwd, **env):
    clean = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    done = subprocess.run(words, cwd=cwd, env=clean | env, capture_output=True, text=True, timeout=COMMAND_SECS)
    said = done.stdout[-8000:] + done.stderr[-8000:]
    assert done.returncode == 0, f"{' '.join(map(str, words))} ended with {done.returncode}:\n{said}"
    return done.stdout


@pytest.fixture(scope="session")
def checked():
    """The client's folder, once its own checks hold: what is generated, types, its tests."""
    said = call(CLIENT / "check", cwd=CLIENT)
    assert re.search(r"\d{3,} passed", said), said
    return CLIENT


@pytest.fixture(scope="session")
def wheel(checked, tmp_path_factory):
    folder = tmp_path_factory.mktemp("wheel")
    tools = checked / ".venv" / "bin" / "python"
    call(tools, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder, ".", cwd=checked)
    [wheel] = folder.glob("*.whl")
    return wheel


@pytest.fixture(scope="session")
def project(wheel, tmp_path_factory):
    """An empty folder, and a Python that has the package and what it needs."""
    folder = tmp_path_factory.mktemp("project")
    call(sys.executable, "-m", "venv", folder / "venv", cwd=folder)
    call(folder / "venv" / "bin" / "pip", "install", "--quiet", "--disable-pip-version-check", wheel, cwd=folder)
    return folder


def test_the_wheel_has_the_package_its_types_and_its_licences(wheel):
    names = zipfile.ZipFile(wheel).namelist()
    assert {name.split("/")[0].split("-")[0] for name in names} == {"inboxops"}
    assert "inboxops/py.typed" in names
    licences = [name for name in names if "/licenses/" in name]
    assert sorted(name.rsplit("/", 1)[1] for name in licences) == ["LICENSE-APACHE", "LICENSE-MIT"]
    metadata = zipfile.ZipFile(wheel).read(next(name for name in names if name.endswith("METADATA"))).decode()
    needed = [line for line in metadata.splitlines() if line.startswith("Requires-Dist")]
    assert len(needed) == 1 and needed[0].startswith("Requires-Dist: httpx")


def test_the_installed_package_is_sound_under_strict_types(checked, project):
    programs = re.findall(r"```python\n(.*?)```", (checked / "README.md").read_text(), re.S)
    assert len(programs) >= 7
    for number, program in enumerate(programs):
        (project / f"readme_{number}.py").write_text(AROUND + program)
    shutil.copy(checked / "examples" / "sqlite_mirror.py", project)
    shutil.copy(checked / "tests" / "typed.py", project)
    mypy = checked / ".venv" / "bin" / "mypy"
    strict = ("--strict", "--python-executable", project / "venv" / "bin" / "python", "--cache-dir", project / "mypy")
    # Programs of a page are no modules: their functions have no types, and `app` may be anything.
    page = ("--allow-untyped-defs", "--allow-untyped-decorators", "--allow-untyped-calls", "--allow-redefinition")
    readme = sorted(path.name for path in project.glob("readme_*.py"))
    call(mypy, *strict, *page, *readme, cwd=project)
    call(mypy, *strict, "typed.py", "sqlite_mirror.py", cwd=project)


def test_the_installed_package_does_forty_steps(project, server, world):
    tenant = world.tenant("Scenario")
    for _ in range(3):
        mail(server, tenant)
    shutil.copy(CLIENT / "scenario.py", project)
    given = {"INBOXOPS_URL": server.url, "INBOXOPS_API_KEY": tenant.key["key"]}
    said = call(project / "venv" / "bin" / "python", "scenario.py", cwd=project, **given)
    assert [line.split()[1] for line in said.splitlines()] == [str(number) for number in range(1, 41)], said
