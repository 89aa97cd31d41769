"""A PgBouncer of its own before the tests' PostgreSQL, on loopback. It knows nothing of the product."""

import os
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path
from urllib.parse import urlsplit

from product import free_port, until

START_SECS = 20
# It does not run as root.
AS = {"user": "postgres", "group": "postgres", "extra_groups": []} if os.geteuid() == 0 else {}


def program():
    found = shutil.which("pgbouncer", path=f"/usr/sbin:/sbin:{os.environ['PATH']}")
    assert found, "there is no pgbouncer: install it"
    return found


class PgBouncer:
    """As it is installed, but for its place and what it pools; `mode` is its `pool_mode`."""

    def __init__(self, mode, url):
        behind = urlsplit(url)
        self.home = Path(tempfile.mkdtemp(prefix="ixo-pgbouncer-"))
        self.home.chmod(0o755)
        self.port, self.child = free_port(), None
        self.url = behind._replace(netloc=f"{behind.username}@127.0.0.1:{self.port}").geturl()
        (self.home / "users.txt").write_text(f'"{behind.username}" ""\n')
        (self.home / "pgbouncer.ini").write_text(
            f"[databases]\n* = host={behind.hostname} port={behind.port}\n"
            f"[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {self.port}\nunix_socket_dir =\n"
            f"auth_type = trust\nauth_file = {self.home}/users.txt\npool_mode = {mode}\ndefault_pool_size = 40\n"
        )

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()
        shutil.rmtree(self.home)

    def start(self):
        with open(self.home / "log", "a") as log:
            self.child = subprocess.Popen(
                [program(), str(self.home / "pgbouncer.ini")], stdin=subprocess.DEVNULL, stdout=log, stderr=log, **AS
            )
        tool = Path(os.environ["OUTSIDE_POSTGRES_BIN"]) / "psql"
        asked = [tool, self.url, "-Xqc", "select 1"]
        until("PgBouncer answers", lambda: self._runs() and not subprocess.run(asked, capture_output=True).returncode, START_SECS)
        return self

    def _runs(self):
        assert self.child.poll() is None, (self.home / "log").read_text()
        return True

    def stop(self):
        """Ends it with all connections, as a crash does."""
        if self.child is not None and self.child.poll() is None:
            self.child.send_signal(signal.SIGKILL)
            self.child.wait(10)
