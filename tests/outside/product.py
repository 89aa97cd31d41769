"""Runs the binary: a server in one process or in three, and the command line. It knows nothing of the API's nouns."""

import json
import os
import random
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
from pathlib import Path

import httpx

BINARY = os.environ.get("INBOXOPS_BIN", "")
START_SECS = 30
STOP_SECS = 25
CLI_SECS = 30

# High enough that only the tests of the limits meet them.
WIDE = {
    "INBOXOPS_RATE_LIMIT__REQUESTS_PER_MINUTE": "1000000",
    "INBOXOPS_RATE_LIMIT__FAILED_AUTH_PER_MINUTE": "1000000",
    "INBOXOPS_WEBHOOKS__ALLOW_PRIVATE_TARGETS": "true",
}


def until(what, condition, secs=20.0):
    """Asks again until the condition holds and returns what it said."""
    end = time.monotonic() + secs
    while True:
        said = condition()
        if said:
            return said
        assert time.monotonic() < end, f"not within {secs:.0f} s: {what}"
        time.sleep(0.02)


# Ports in the range below that the product takes for those of databases, and sends nothing to.
REFUSED_PORTS = {27017, 27018, 27019, 28015}


# Each of pytest's workers has ports of its own: one may be free while the server that it belongs to starts again.
WORKER = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
WORKERS = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))


def free_port():
    """A port below the range from which systems take those of outgoing connections, so that none steals it."""
    while True:
        port = random.randrange(20000 + WORKER, 32000, WORKERS)
        if port in REFUSED_PORTS:
            continue
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
                return port
            except OSError:
                continue


def environment(settings):
    """The environment of a command: nothing of ours but what is set here."""
    base = {name: value for name, value in os.environ.items() if not name.startswith("INBOXOPS_")}
    return base | settings


def new_database():
    """A database of its own in the cluster that `run` started; its URL."""
    name = f"ixo_{random.getrandbits(48):x}"
    url = os.environ["OUTSIDE_POSTGRES_URL"]
    tool = Path(os.environ["OUTSIDE_POSTGRES_BIN"]) / "psql"
    subprocess.run([tool, f"{url}/postgres", "-qc", f"create database {name}"], check=True, capture_output=True)
    return f"{url}/{name}"


class Process:
    """One running command, its output collected."""

    def __init__(self, words, settings):
        self.lines = []
        self.child = subprocess.Popen(
            self.command(words), env=environment(settings), text=True, errors="replace", stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )
        threading.Thread(target=self._collect, daemon=True).start()

    def command(self, words):
        return [BINARY, *words]

    def _collect(self):
        for line in self.child.stdout:
            self.lines.append(line)

    @property
    def output(self):
        return "".join(list(self.lines))

    def runs(self):
        assert self.child.poll() is None, f"ended with {self.child.returncode}:\n{self.output}"
        return True

    def stop(self, how=signal.SIGTERM):
        if self.child.poll() is None:
            self.child.send_signal(how)
        try:
            self.child.wait(STOP_SECS)
        except subprocess.TimeoutExpired:
            self.child.kill()
            self.child.wait()
            raise AssertionError(f"did not stop within {STOP_SECS} s:\n{self.output[-4000:]}") from None
        return self.child.returncode


class Server:
    """The product, running: `sqlite` and `postgres` in one process, `split` as core, edge and worker on PostgreSQL."""

    def __init__(self, place, settings=None, words=("--no-demo",)):
        self.place = place
        self.words = words
        self.home = Path(tempfile.mkdtemp(prefix="ixo-"))
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.settings = WIDE | {"INBOXOPS_DATA_DIR": str(self.home)} | (settings or {})
        if place != "sqlite":
            self.settings["INBOXOPS_DATABASE_URL"] = new_database()
        self.core_port = free_port() if place == "split" else self.port
        self.tokens = {}
        self.processes = []

    def start(self):
        core = self.core_settings = self.settings | {"INBOXOPS_LISTEN": f"127.0.0.1:{self.core_port}"}
        if self.place != "split":
            self.processes = [Process(["serve", *self.words], core)]
        else:
            self.processes = [Process(["serve", "--role", "core", *self.words], core)]
            until("commands find the core", self._has_core, START_SECS)
            url = f"http://127.0.0.1:{self.core_port}"
            apart = {name: value for name, value in self.settings.items() if "DATABASE" not in name and "DATA_DIR" not in name}
            for role, more in (("edge", []), ("worker", ["--dispatch-only"])):
                if role not in self.tokens:
                    self.tokens[role] = self.cli("token", "create", "--name", role, *more)["token"]
                own = apart | {
                    "INBOXOPS_TOKEN": self.tokens[role],
                    "INBOXOPS_DATA_DIR": str(self.home / role),
                    "INBOXOPS_LISTEN": f"127.0.0.1:{self.port if role == 'edge' else free_port()}",
                }
                self.processes.append(Process(["serve", "--role", role, "--core", url], own))
            self.worker_settings = own
        until("the server is ready", self._ready, START_SECS)
        return self

    def _ready(self):
        if not all(process.runs() for process in self.processes):
            return False
        try:
            return httpx.get(f"{self.url}/readyz", timeout=2).status_code == 200
        except httpx.TransportError:
            return False

    def _has_core(self):
        self.processes[0].runs()
        with socket.socket(socket.AF_UNIX) as probe:
            return probe.connect_ex(str(self.home / "inboxops.sock")) == 0

    def cli(self, *words):
        """Runs an administrative command against this server and returns its JSON."""
        done = run(*words, "--json", settings=self.settings)
        assert done.returncode == 0, f"{' '.join(words)} ended with {done.returncode}: {done.stderr}{done.stdout}"
        return json.loads(done.stdout)

    def kill(self):
        """Ends every process at once, as a power cut would."""
        for process in self.processes:
            process.child.kill()
        for process in self.processes:
            process.child.wait()

    def stop_home(self):
        """Takes what the server kept."""
        shutil.rmtree(self.home, ignore_errors=True)

    @property
    def output(self):
        return "".join(process.output for process in self.processes)

    def stop(self):
        try:
            codes = [process.stop() for process in reversed(self.processes)]
        finally:
            self.stop_home()
        assert not any(codes), f"ended with {codes}:\n{self.output[-4000:]}"


def run(*words, settings=None, stdin=None):
    """Runs a command to its end."""
    return subprocess.run(
        [BINARY, *words], env=environment(settings or {}), input=stdin, text=True, capture_output=True, timeout=CLI_SECS
    )
