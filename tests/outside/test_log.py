"""If the reader of the log or the console exits, stops reading or has a full disk, the server continues, and drains."""

import fcntl
import json
import os
import re
import signal
import subprocess

import httpx
import pytest

from product import BINARY, Process, Server, environment, run, until

ON = ("sqlite",)
PIPE_BYTES = 4096


class Spoken(Process):
    """A server whose standard output and standard error go where a test says."""

    def __init__(self, words, settings, out, err):
        self.lines = []
        self.child = subprocess.Popen(
            [BINARY, *words], env=environment(settings), stdin=subprocess.DEVNULL, stdout=out, stderr=err
        )


@pytest.fixture
def serves(place):
    """Starts servers whose output goes where a test says, every request logged."""
    servers = []

    def start(out, err, form="text", words=("--no-demo",)):
        server = Server(place, {"INBOXOPS_ACCESS_LOG": "all", "INBOXOPS_LOG_FORMAT": form})
        servers.append(server)
        settings = server.settings | {"INBOXOPS_LISTEN": f"127.0.0.1:{server.port}"}
        server.processes = [Spoken(["serve", *words], settings, out, err)]
        until("the server is ready", server._ready)
        return server

    yield start
    for server in servers:
        server.kill()
        server.stop_home()


def answers(server, count=20):
    with httpx.Client(base_url=server.url) as client:
        for _ in range(count):
            assert client.get("/api/v1/me", timeout=5).status_code == 401
    assert server.processes[0].runs()


def lost(server):
    text = httpx.get(f"{server.url}/metrics").text
    return int(re.search(r"^inboxops_log_lines_lost_total (\d+)$", text, re.M)[1])


def drains(server, how=signal.SIGTERM):
    assert server.processes[0].stop(how) == 0


def null():
    return open(os.devnull, "wb")


@pytest.mark.parametrize("form", ["text", "json"])
@pytest.mark.parametrize("which", ["out", "err", "both"])
@pytest.mark.parametrize("words", [(), ("--no-demo",)], ids=["demo", "no-demo"])
def test_a_server_outlives_whoever_reads_it(serves, which, form, words):
    reader, writer = os.pipe()
    server = serves(writer if which != "err" else null(), writer if which != "out" else null(), form, words)
    os.close(writer)
    os.close(reader)
    answers(server)
    assert (lost(server) > 0) == (which != "out")
    drains(server)


@pytest.mark.parametrize("which", ["out", "err"])
def test_a_server_starts_and_runs_on_a_full_disk(serves, which):
    with open("/dev/full", "wb") as full:
        server = serves(full if which == "out" else null(), full if which == "err" else null())
    answers(server)
    assert (lost(server) > 0) == (which == "err")
    drains(server)


@pytest.mark.parametrize("which", ["out", "err"])
def test_a_reader_that_stops_reading_stops_nobody(serves, which):
    reader, writer = os.pipe()
    fcntl.fcntl(writer, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
    server = serves(writer if which == "out" else null(), writer if which == "err" else null())
    os.close(writer)
    answers(server, 200)
    drains(server)
    os.close(reader)


def test_what_was_lost_is_told_once_writing_works_again(serves, tmp_path):
    # A pipe of a name: it has no reader for a while, and then another.
    pipe = tmp_path / "log"
    os.mkfifo(pipe)
    first = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    server = serves(null(), open(pipe, "wb", buffering=0), "json")
    os.close(first)
    answers(server)
    missing = lost(server)
    assert missing > 0
    with open(os.open(pipe, os.O_RDONLY | os.O_NONBLOCK), encoding="utf-8") as second:
        answers(server, 2)
        drains(server)
        lines = [json.loads(line) for line in second.read().splitlines()]
    told = [line for line in lines if "lines of the log were lost" in line["message"]]
    # Who asked for the number was logged, too.
    assert [line["lost"] for line in told] == [missing + 1], lines
    assert {line["level"] for line in told} == {"WARN"}


@pytest.mark.parametrize(("ignored", "how"), [(False, signal.SIGHUP), (True, signal.SIGTERM)])
def test_a_hang_up_drains_unless_it_was_to_be_ignored(place, ignored, how):
    server = Server(place)
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN if ignored else signal.SIG_DFL)
    try:
        server.start()
    finally:
        signal.signal(signal.SIGHUP, before)
    if ignored:
        server.processes[0].child.send_signal(signal.SIGHUP)
        answers(server)
    assert server.processes[0].stop(how) == 0
    assert "stopping" in server.output
    server.stop()


@pytest.mark.parametrize("words", [("openapi",), ("config", "print"), ("config", "print", "--json"), ("--help",), ("tenant", "list")])
def test_a_command_whose_output_nobody_reads_ends_quietly(place, words):
    server = Server(place).start()
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        [BINARY, *words], env=environment(server.settings), stdout=writer, stderr=subprocess.PIPE, text=True, timeout=30
    )
    os.close(writer)
    assert (done.returncode, done.stderr) == (0, "")
    server.stop()


@pytest.mark.parametrize("words", [("tenant", "list"), ("serve", "--listen", "nowhere"), ("ingest", "--nonsense")])
def test_a_command_that_cannot_tell_its_error_still_ends_with_its_code(place, words, tmp_path):
    settings = {"INBOXOPS_DATA_DIR": str(tmp_path / "none"), "INBOXOPS_DATABASE_URL": "postgres://127.0.0.1:9/none"}
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run([BINARY, *words], env=environment(settings), stdout=writer, stderr=writer, timeout=30)
    os.close(writer)
    told = run(*words, settings=settings)
    assert done.returncode == told.returncode > 0 and told.stderr
