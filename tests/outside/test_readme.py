"""The commands of the README work as printed, on a fresh machine's folder.

The test takes the fenced `sh` blocks as they stand and replaces only what names a place: ports, a folder, host names.
Set-up commands are not run again: the binary exists, so `cargo` is a script that runs it, and `./test` is this suite.
"""

import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

from product import BINARY, START_SECS, STOP_SECS, environment, free_port, new_database, until

ON = ("sqlite", "postgres")
ROOT = Path(__file__).resolve().parents[2]
# The commands that run until they are stopped.
ENDLESS = re.compile(r"curl -sSN |\binboxops serve |\binboxops listen |\$inboxops listen |^cargo run ")


def blocks():
    """The `sh` blocks by the heading above them."""
    found, heading, block = {}, None, None
    for line in (ROOT / "README.md").read_text().splitlines():
        if block is not None:
            if line == "```":
                block = None
            else:
                block.append(line)
        elif line.startswith("## "):
            heading = line[3:]
        elif line == "```sh":
            block = []
            found.setdefault(heading, []).append(block)
    return {heading: ["\n".join(block) for block in list] for heading, list in found.items()}


def placed(text, places):
    """The text with its places replaced; each of them must be in it."""
    for name, place in places.items():
        assert name in text, f"the README no longer says {name}"
        text = text.replace(name, place)
    return text


class Terminal:
    """A shell in a folder where the repository was cloned and `inboxops` installed, as far as the commands can tell."""

    def __init__(self, home):
        self.home, self.env, self.processes = home, {}, []
        tools, release = home / "bin", home / "target" / "release"
        tools.mkdir()
        release.mkdir(parents=True)
        for link in (tools / "inboxops", release / "inboxops"):
            link.symlink_to(Path(BINARY).resolve())
        cargo = f'[ "$1 $2 $3" = "run --release --" ] || exit 64\nshift 3\nexec {shlex.quote(BINARY)} "$@"\n'
        self.tool("cargo", cargo)
        if not shutil.which("grpcurl"):
            stand_in = [sys.executable, str(ROOT / "tests/outside/grpcurl.py")]
            self.tool("grpcurl", f'exec {shlex.join(stand_in)} "$@"\n')

    def tool(self, name, script):
        path = self.home / "bin" / name
        path.write_text(f"#!/bin/sh\n{script}")
        path.chmod(0o755)

    def environment(self, more=()):
        base = environment({"PATH": f"{self.home / 'bin'}:{os.environ['PATH']}"})
        return base | self.env | dict(more)

    def run(self, script):
        """Runs commands to their end, keeps their variables, and returns what they print."""
        script = f"set -aeu\n{script}\nenv -0 >variables\n"
        done = subprocess.run(
            ["sh", "-c", script], cwd=self.home, env=self.environment(), text=True, capture_output=True, timeout=60
        )
        assert done.returncode == 0, f"{done.stderr}\n{done.stdout}"
        kept = dict(pair.split("=", 1) for pair in (self.home / "variables").read_text().split("\0") if pair)
        self.env = {name: value for name, value in kept.items() if name not in os.environ}
        return done.stdout

    def start(self, command, more=(), folder="."):
        """Starts a command that goes on; returns what reads its output."""
        where = self.home / folder
        where.mkdir(exist_ok=True)
        output = self.home / f"output-{len(self.processes)}"
        with output.open("w") as file:
            self.processes.append(subprocess.Popen(
                ["sh", "-c", command], cwd=where, env=self.environment(more), stdin=subprocess.DEVNULL,
                stdout=file, stderr=subprocess.STDOUT, start_new_session=True,
            ))

        def read():
            child = self.processes[int(output.name.split("-")[1])]
            assert child.poll() is None, f"ended with {child.returncode}: {output.read_text()}"
            return output.read_text()

        return read

    def stop(self):
        for process in reversed(self.processes):
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGTERM)
        for process in self.processes:
            try:
                process.wait(STOP_SECS)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()


@pytest.fixture
def terminal(place, tmp_path):
    terminal = Terminal(tmp_path)
    yield terminal
    terminal.stop()


def only(place, here):
    if place != here:
        pytest.skip(f"these commands are for {here}")


def ready(port, process):
    def answers():
        process()
        try:
            return httpx.get(f"http://127.0.0.1:{port}/readyz", timeout=2).status_code == 200
        except httpx.TransportError:
            return False

    until("the server is ready", answers, START_SECS)


def split(block):
    """The lines of a block that end, as one script, and those that go on."""
    lines = block.splitlines()
    return "\n".join(line for line in lines if not ENDLESS.search(line)), [line for line in lines if ENDLESS.search(line)]


def test_every_block_is_run_here():
    assert {heading: len(found) for heading, found in blocks().items()} == {"Start": 1, "Test": 1, "A tour": 3, "In production": 2}
    [test] = blocks()["Test"]
    assert test == "./test" and os.access(ROOT / "test", os.X_OK)


def test_the_tour_works_as_printed(place, terminal, receiver):
    only(place, "sqlite")
    port = free_port()
    [start] = blocks()["Start"]
    server = terminal.start(start, {"INBOXOPS_LISTEN": f"127.0.0.1:{port}"})
    ready(port, server)
    tour, follow, grpc = blocks()["A tour"]

    said = terminal.run(placed(tour, {"127.0.0.1:8080": f"127.0.0.1:{port}"}))
    assert '"error"' not in said, said
    for part in ("ada@acme.example", "Sent a new lamp.", '"internal_note"', "whsec_"):
        assert part in said, part
    headers = dict([terminal.env["auth"].split(": ", 1)])
    with httpx.Client(base_url=f"http://127.0.0.1:{port}/api/v1", headers=headers) as api:
        ticket = api.get("/tickets/1").json()["data"]
        assert (ticket["subject"], ticket["status"], ticket["priority"]) == ("Broken lamp", "pending", "high")
        [endpoint] = api.get("/webhooks").json()["data"]
        assert endpoint["url"] == "https://example.com/hooks"
        # What follows makes events, which nobody at example.com asked for.
        assert api.delete(f"/webhooks/{endpoint['id']}").status_code == 204

        rest, endless = split(placed(follow, {"127.0.0.1:3000": f"127.0.0.1:{receiver.listener.server_port}"}))
        assert len(endless) == 2 and not [line for line in rest.splitlines() if line and not line.startswith("#")]
        streamed, listened = [terminal.start(line) for line in endless]
        until("both follow", lambda: ": " in streamed() and "Signing secret: whsec_" in listened())
        priorities = iter(["low", "high"] * 20)
        hooks = f"http://127.0.0.1:{receiver.listener.server_port}/hooks"

        def both_tell():
            assert api.patch("/tickets/1", json={"priority": next(priorities)}).status_code == 200
            receiver_has = any("Broken lamp" in hit.body.decode() for hit in receiver.at(hooks))
            return receiver_has and "ticket.updated" in streamed() and "ticket.updated" in listened()

        for _ in range(20):
            if both_tell():
                break
            with receiver.changed:
                receiver.changed.wait(0.5)
        else:
            raise AssertionError(f"{streamed()}\n{listened()}")
        secret = re.search(r"whsec_\S+", listened())[0]
        receiver.at(hooks)[0].verify(secret)

    said = terminal.run(placed(grpc, {"127.0.0.1:8080": f"127.0.0.1:{port}"}))
    assert "Broken lamp" in said, said


def test_a_server_in_production_starts_as_printed(place, terminal):
    only(place, "sqlite")
    port = free_port()
    alone, _ = blocks()["In production"]
    folder = terminal.home / "var"
    script = placed(alone, {"/var/lib/inboxops": str(folder), "0.0.0.0:8080": f"127.0.0.1:{port}"})
    rest, [serve] = split(script)
    assert not rest
    ready(port, terminal.start(serve))
    assert (folder / "inboxops.sock").exists()


def test_the_parts_run_apart_as_printed(place, terminal):
    only(place, "postgres")
    core, edge, worker = free_port(), free_port(), free_port()
    _, apart = blocks()["In production"]
    places = {"postgres://inboxops@db/inboxops": new_database(), "10.0.0.5:9090": f"127.0.0.1:{core}"}
    rest, (serve_core, serve_edge, serve_worker) = split(placed(apart, places))
    ready(core, terminal.start(serve_core))
    tokens = [re.search(r"ixs_\w+", terminal.run(line))[0] for line in rest.splitlines()]
    assert len(tokens) == 2
    # A line cannot say the secret that the line before it prints, so the README has an ellipsis there.
    started = []
    for line, token, port in ((serve_edge, tokens[0], edge), (serve_worker, tokens[1], worker)):
        line = placed(line, {"ixs_…": token})
        started.append(terminal.start(line, {"INBOXOPS_LISTEN": f"127.0.0.1:{port}"}, f"machine-{port}"))
    ready(edge, started[0])
    # A test event waits for a worker, which finds no such name and reports so.
    tenant = json.loads(terminal.run("inboxops tenant create --name Acme --plan business --json"))["id"]
    key = json.loads(terminal.run(f"inboxops key create --tenant {tenant} --name parts --json"))["key"]
    headers = {"Authorization": f"Bearer {key}"}
    with httpx.Client(base_url=f"http://127.0.0.1:{edge}/api/v1", headers=headers) as api:
        members = {"url": "https://nowhere.invalid/hooks", "events": ["ticket.created"]}
        endpoint = api.post("/webhooks", json=members).json()["data"]["id"]
        delivery = api.post(f"/webhooks/{endpoint}/test", json={"event": "ticket.created"}).json()["data"]["id"]
        for _ in range(20):
            if api.get(f"/deliveries/{delivery}").json()["data"]["attempt_count"]:
                break
            time.sleep(0.5)
        else:
            raise AssertionError(started[1]())
