"""The files of the data folder are their owner's alone, and a limit on open files is told and survived."""

import os
import resource
import socket
import stat
import time

import httpx
import pytest

from product import BINARY, Process, Server, until

ON = ("sqlite",)
# Neither a test runner's mask nor its limits decide. The soft limit is what processes begin with.
MASK = 0o022
SOFT = 128


class LimitedProcess(Process):
    """The same below a hard limit on open files."""

    def __init__(self, files, words, settings):
        self.files = files
        super().__init__(words, settings)

    def command(self, words):
        limits = f"umask {MASK:o}; ulimit -Sn {SOFT}; ulimit -Hn {self.files}"
        return ["sh", "-c", f'{limits}; exec "$0" "$@"', BINARY, *words]


class LimitedServer(Server):
    """A server below a hard limit on open files; `None` is the runner's own."""

    def __init__(self, place, files=None, settings=None):
        super().__init__(place, settings)
        self.files = files or resource.getrlimit(resource.RLIMIT_NOFILE)[1]

    def start(self):
        core = self.settings | {"INBOXOPS_LISTEN": f"127.0.0.1:{self.port}"}
        self.processes = [LimitedProcess(self.files, ["serve", *self.words], core)]
        until("the server is ready", self._ready)
        return self

    @property
    def pid(self):
        return self.processes[0].child.pid

    def warnings(self, about):
        return [line for line in self.output.splitlines() if "WARN" in line and about in line]


@pytest.fixture
def served(place):
    """Starts servers, and stops them in the end."""
    started = []

    def serve(*arguments, before=lambda server: None):
        server = LimitedServer(place, *arguments)
        before(server)
        started.append(server)
        return server.start()

    yield serve
    for server in started:
        server.stop()


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


def test_new_files_are_private_in_a_folder_that_is_not(served):
    server = served(before=lambda server: server.home.chmod(0o755))
    modes = {path.name: mode(path) for path in server.home.iterdir()}
    assert {"inboxops.db", "inboxops.db-wal", "master.key", "inboxops.sock"} <= modes.keys()
    assert set(modes.values()) == {0o600}, modes
    assert mode(server.home) == 0o755, "whose folder it is, decides"
    assert len(server.warnings(str(server.home))) == 1, server.output


def test_files_of_an_earlier_release_become_private(served):
    server = served()
    assert server.warnings("data folder") == [], "nobody else may look into this one"
    assert server.processes[0].stop() == 0
    for path in server.home.iterdir():
        path.chmod(0o664)
    beside = server.home / "notes.txt"
    beside.write_text("not ours")
    beside.chmod(0o644)
    server.start()
    modes = {path.name: mode(path) for path in server.home.iterdir() if path != beside}
    assert set(modes.values()) == {0o600}, modes
    assert mode(beside) == 0o644


def test_a_new_folder_is_private(served, tmp_path):
    home = tmp_path / "new" / "data"
    served(None, {"INBOXOPS_DATA_DIR": str(home)})
    assert mode(home) == 0o700


def test_the_limit_on_open_files_is_raised_as_far_as_it_can(served):
    server = served()
    soft, hard = resource.prlimit(server.pid, resource.RLIMIT_NOFILE)
    assert SOFT < soft == hard


def test_a_low_limit_is_told_at_the_start_and_leaves_room_for_the_database(served):
    server = served(200)
    [told] = server.warnings("limit on open files")
    assert "is 200, and 100 connections" in told
    connections = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(150)]
    # The server took 100 of them; the others wait in its backlog, and so would one more.
    until("it took what it has room for", lambda: len(os.listdir(f"/proc/{server.pid}/fd")) > 100)
    for connection in connections:
        connection.close()
    until("it answers again", lambda: httpx.get(f"{server.url}/readyz", timeout=5).status_code == 200)
    assert "cannot accept" not in server.output
    [_] = server.warnings("limit on open files")


def test_running_out_of_files_spins_neither_the_processor_nor_the_log(served):
    server = served()
    _, hard = resource.prlimit(server.pid, resource.RLIMIT_NOFILE)
    resource.prlimit(server.pid, resource.RLIMIT_NOFILE, (3, hard))
    waiting = socket.create_connection(("127.0.0.1", server.port))
    waiting.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
    until("it says that it cannot accept", lambda: "cannot accept" in server.output)
    before = processor_secs(server.pid)
    time.sleep(4)
    assert processor_secs(server.pid) - before < 1
    lines = [line for line in server.output.splitlines() if "cannot accept" in line]
    assert len(lines) == 1, lines
    resource.prlimit(server.pid, resource.RLIMIT_NOFILE, (hard, hard))
    waiting.settimeout(10)
    assert waiting.recv(64).startswith(b"HTTP/1.1 200"), "who waited is answered"
    waiting.close()


def processor_secs(pid):
    words = open(f"/proc/{pid}/stat", encoding="ascii").read().rpartition(")")[2].split()
    return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")
