"""A PostgreSQL cluster of a test's own, beside the one that `run` starts: a server that a backup is restored to. It knows
nothing of the product."""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from product import free_port

# It does not run as root.
AS = {"user": "postgres", "group": "postgres", "extra_groups": []} if os.geteuid() == 0 else {}


def tool(name, *words):
    """Runs one of PostgreSQL's programs and returns what it prints."""
    done = subprocess.run([Path(os.environ["OUTSIDE_POSTGRES_BIN"]) / name, *words], capture_output=True, text=True)
    assert done.returncode == 0, f"{name} {words}: {done.stderr}"
    return done.stdout.strip()


def sql(url, text):
    return tool("psql", url, "-qAtX", "-c", text)


class Cluster:
    def __init__(self):
        self.home = Path(tempfile.mkdtemp(prefix="ixo-cluster-"))
        if AS:
            shutil.chown(self.home, AS["user"])
        self.url = f"postgres://inboxops@127.0.0.1:{free_port()}"

    def __enter__(self):
        self._run("initdb", "-U", "inboxops", "--auth=trust", "--encoding=UTF8", "--locale=C")
        options = f"-c listen_addresses=127.0.0.1 -c port={self.url.rpartition(':')[2]} -c unix_socket_directories= -c fsync=off"
        self._run("pg_ctl", "-l", str(self.home / "log"), "-w", "-t", "180", "-o", options, "start")
        return self

    def __exit__(self, *_):
        self._run("pg_ctl", "-m", "immediate", "-w", "stop")
        shutil.rmtree(self.home)

    def _run(self, name, *words):
        words = [Path(os.environ["OUTSIDE_POSTGRES_BIN"]) / name, "-D", str(self.home / "data"), *words]
        # Not piped: the server that pg_ctl starts would keep the pipe open.
        done = subprocess.run(words, cwd=self.home, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **AS)
        assert done.returncode == 0, f"{name} ended with {done.returncode}"


def burn(url, beyond):
    """Spends transactions until the numbers of the database's cluster are beyond this one."""
    sql(url, f"do $$ begin while pg_current_xact_id()::text::bigint <= {beyond} loop commit; end loop; end $$")


def newest_transaction(url):
    return int(sql(url, "select pg_current_xact_id()::text"))
