"""A Prometheus of a test's own, with the rules of `ops/`. `./test` installs its programs without starting its service."""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import httpx

from product import free_port, until

ROOT = Path(__file__).resolve().parents[2]
OPS = ROOT / "ops"
UNPACKED = Path(os.environ.get("CARGO_TARGET_DIR") or ROOT / "target") / "prometheus" / "usr" / "bin"


def program(name):
    """The path of a program of Debian's package."""
    found = shutil.which(name) or shutil.which(name, path=UNPACKED)
    assert found, f"there is no {name}: `./test outside` fetches Debian's package prometheus"
    return found


def promtool(*words, stdin=None):
    """Runs promtool; it must be content, down to its advice."""
    done = subprocess.run([program("promtool"), *words], input=stdin, text=True, capture_output=True, cwd=OPS)
    assert done.returncode == 0, f"promtool {' '.join(words)}: {done.stdout}{done.stderr}"


class Prometheus:
    """Scrapes the given addresses every second."""

    def __init__(self, targets):
        self.home = Path(tempfile.mkdtemp(prefix="ixo-prometheus-"))
        config = (OPS / "prometheus.yml").read_text().replace("15s", "1s")
        assert config.count('"127.0.0.1:9464"') == 1 and config.count("alerts.yml") == 1
        config = config.replace('"127.0.0.1:9464"', ", ".join(f'"{target}"' for target in targets))
        (self.home / "prometheus.yml").write_text(config.replace("alerts.yml", str(OPS / "alerts.yml")))
        port = free_port()
        words = [
            f"--config.file={self.home}/prometheus.yml", f"--storage.tsdb.path={self.home}/data",
            f"--web.listen-address=127.0.0.1:{port}",
        ]
        self.log = open(self.home / "log", "wb")
        self.child = subprocess.Popen([program("prometheus"), *words], stdout=self.log, stderr=self.log)
        self.http = httpx.Client(base_url=f"http://127.0.0.1:{port}/api/v1")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.http.close()
        self.child.kill()
        self.child.wait()
        self.log.close()
        shutil.rmtree(self.home)

    def get(self, path, **params):
        """The data of an answer; None until it is ready."""
        assert self.child.poll() is None, (self.home / "log").read_text()
        try:
            answer = self.http.get(path, params=params)
        except httpx.TransportError:
            return None
        if answer.status_code == 503:
            return None
        assert answer.status_code == 200 and answer.json()["status"] == "success", answer.text
        return answer.json()["data"]

    def scraped(self, count):
        """Waits until it has scraped all targets without an error; returns them."""

        def all_up():
            said = self.get("/targets") or {}
            targets = said.get("activeTargets", [])
            return len(targets) == count and all(target["health"] == "up" for target in targets) and targets

        targets = until("Prometheus has scraped all", all_up)
        assert [target["lastError"] for target in targets] == [""] * count
        return targets
