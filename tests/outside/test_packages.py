"""What packages consist of: completions, man pages, the unit, the settings; and the packages themselves where
`packaging/build` made them (OUTSIDE_PACKAGES names their folder)."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from product import BINARY, Process, environment, free_port, run, until

ON = ("sqlite",)
PACKAGING = Path(__file__).resolve().parents[2] / "packaging"
UNIT = PACKAGING / "systemd" / "inboxops.service"
PACKAGES = os.environ.get("OUTSIDE_PACKAGES")
EXPOSURE_MAX = 2.0

needs_packages = pytest.mark.skipif(not PACKAGES, reason="packaging/build did not run")


def needs(tool):
    return pytest.mark.skipif(not shutil.which(tool), reason=f"there is no {tool}")


def called(*words, **more):
    done = subprocess.run(words, capture_output=True, text=True, timeout=120, **more)
    assert done.returncode == 0, f"{words}: {done.stdout}{done.stderr}"
    return done.stdout


def serves(binary, home):
    """The program starts with a demo tenant, answers, and stops."""
    port = free_port()
    settings = {"INBOXOPS_DATA_DIR": str(home), "INBOXOPS_LISTEN": f"127.0.0.1:{port}"}

    class Installed(Process):
        def command(self, words):
            return [str(binary), *words]

    process = Installed(["serve"], settings)
    try:

        def ready():
            try:
                return process.runs() and httpx.get(f"http://127.0.0.1:{port}/readyz").status_code == 200
            except httpx.TransportError:
                return False

        until("it is ready", ready, 30)
    finally:
        assert process.stop() == 0, process.output


def test_bash_completes_the_words(place, tmp_path):
    script = tmp_path / "inboxops.bash"
    script.write_text(run("completions", "bash").stdout)
    ask = f'''source {script}
        COMP_WORDS=(inboxops ten); COMP_CWORD=1; COMPREPLY=()
        "$(complete -p inboxops | sed -E 's/.*-F ([^ ]+).*/\\1/')" inboxops ten inboxops
        echo "${{COMPREPLY[@]}}"'''
    assert called("bash", "-c", ask).split() == ["tenant"]


@pytest.mark.parametrize("shell", ["bash", "elvish", "fish", "powershell", "zsh"])
def test_every_shell_has_completions(place, shell):
    done = run("completions", shell)
    assert done.returncode == 0 and "rotate-master-key" in done.stdout
    assert json.loads(run("completions", shell, "--json").stdout)["shell"] == shell


def test_an_unknown_shell_is_refused(place):
    done = run("completions", "csh")
    assert done.returncode == 2 and "bash" in done.stderr


@needs("man")
def test_man_shows_the_pages(place, tmp_path):
    folder = tmp_path / "man" / "man1"
    assert run("man", str(folder)).returncode == 0
    pages = {path.name for path in folder.iterdir()}
    assert {"inboxops.1", "inboxops-serve.1", "inboxops-key-create.1"} <= pages
    quiet = {**os.environ, "MANWIDTH": "100", "MAN_KEEP_FORMATTING": "", "LC_ALL": "C.UTF-8"}
    for page in sorted(pages):
        done = subprocess.run(
            ["man", "--warnings", "-l", str(folder / page)], env=quiet, capture_output=True, text=True, timeout=60
        )
        assert (done.returncode, done.stderr) == (0, ""), page
        assert "--help" in done.stdout, page
    serve = subprocess.run(["man", "-l", str(folder / "inboxops-serve.1")], env=quiet, capture_output=True, text=True)
    assert "--behind-proxy" in serve.stdout and "Examples:" in serve.stdout


def test_a_folder_that_cannot_be_written_is_told(place, tmp_path):
    (tmp_path / "file").write_text("")
    done = run("man", str(tmp_path / "file"), "--json")
    assert done.returncode == 1 and json.loads(done.stdout)["error"]["code"] == "failed"


def test_the_settings_of_the_package_are_good(place):
    done = run("config", "check", "--config", str(PACKAGING / "debian" / "inboxops.toml"))
    assert done.returncode == 0, done.stderr
    shown = json.loads(run("config", "print", "--config", str(PACKAGING / "debian" / "inboxops.toml"), "--json").stdout)
    values = {row["setting"]: row["value"] for row in shown}
    assert (values["data_dir"], values["demo"]) == ("/var/lib/inboxops", "false")


def test_the_settings_that_the_package_suggests_are_good(place, tmp_path):
    text = (PACKAGING / "debian" / "inboxops.toml").read_text()
    file = tmp_path / "inboxops.toml"
    file.write_text(re.sub(r"^#(?=\w+ = )", "", text, flags=re.MULTILINE))
    done = run("config", "check", "--config", str(file))
    assert done.returncode == 0, done.stderr
    assert "https://desk.example.com" in run("config", "print", "--config", str(file)).stdout


@needs("systemd-analyze")
def test_the_unit_is_right_and_exposes_little(place, tmp_path):
    unit = tmp_path / UNIT.name
    # What is not installed here cannot be checked.
    unit.write_text(UNIT.read_text().replace("/usr/bin/inboxops", BINARY).replace("man:inboxops(1) ", ""))
    done = subprocess.run(["systemd-analyze", "verify", str(unit)], capture_output=True, text=True, timeout=60)
    assert [line for line in done.stderr.splitlines() if UNIT.name in line] == []
    told = called("systemd-analyze", "security", "--offline=true", "--no-pager", str(unit))
    exposure = float(re.search(r"exposure level for \S+: ([\d.]+)", told)[1])
    assert exposure <= EXPOSURE_MAX, told


@needs_packages
@needs("dpkg-deb")
def test_the_debian_package_has_what_it_needs_and_its_program_runs(place, tmp_path):
    [package] = Path(PACKAGES).glob("*.deb")
    root = tmp_path / "root"
    called("dpkg-deb", "--extract", str(package), str(root))
    called("dpkg-deb", "--control", str(package), str(tmp_path / "control"))
    assert "/etc/inboxops/inboxops.toml" in (tmp_path / "control" / "conffiles").read_text().split()
    for script in ("postinst", "prerm", "postrm"):
        assert os.access(tmp_path / "control" / script, os.X_OK), script
    files = {str(path.relative_to(root)) for path in root.rglob("*") if path.is_file()}
    for name in (
        "usr/lib/systemd/system/inboxops.service",
        "usr/share/bash-completion/completions/inboxops",
        "usr/share/zsh/vendor-completions/_inboxops",
        "usr/share/doc/inboxops/docs/install.md",
    ):
        assert name in files, files
    assert any(name.startswith("usr/share/man/man1/inboxops-serve.1") for name in files)
    assert (root / "etc/inboxops/inboxops.toml").stat().st_mode & 0o007 == 0, "it may hold passwords"
    binary = root / "usr/bin/inboxops"
    assert called(str(binary), "--version") == run("--version").stdout
    serves(binary, tmp_path / "data")


@needs_packages
def test_the_wheel_installs_and_its_program_runs(place, tmp_path):
    [wheel] = Path(PACKAGES).glob("*.whl")
    venv = tmp_path / "venv"
    called(sys.executable, "-m", "venv", str(venv))
    called(str(venv / "bin" / "pip"), "install", "--quiet", "--no-index", "--disable-pip-version-check", str(wheel))
    assert called(str(venv / "bin" / "inboxops"), "--version", env=environment({})) == run("--version").stdout
    serves(venv / "bin" / "inboxops", tmp_path / "data")
