"""A fresh Postfix of its own, set up with the blocks of docs/ingest.md: in a temporary folder, on loopback, and with
nothing of the machine's configuration. It knows nothing of the product but where it is and what the blocks leave open."""

import os
import re
import shutil
import smtplib
import subprocess
import tempfile
import time
from pathlib import Path

from product import BINARY, free_port, until

DOCUMENT = Path(__file__).resolve().parents[2] / "docs/ingest.md"
START_SECS = 20
# Where packages have the `master.cf` of a fresh installation.
FRESH = [Path("/etc/postfix/master.cf.proto"), Path("/usr/share/postfix/master.cf.dist"), Path("/etc/postfix/master.cf")]
# Who runs the pipe here, in place of the user that the document makes.
PIPE_USER = "nobody"
IS_ROOT = os.geteuid() == 0


def program(name):
    found = shutil.which(name, path=f"/usr/sbin:/sbin:{os.environ['PATH']}")
    assert found, f"there is no {name}: install postfix"
    return found


def said_for(domain_class):
    """The setting that the document gives for a class of domains in place of those for relayed ones."""
    found = re.findall(rf"`{domain_class}` `([a-z_]+ = [^`]+)`", re.sub(r"\s+", " ", DOCUMENT.read_text()))
    assert len(found) == 1, f"{DOCUMENT.name} has {len(found)} settings for {domain_class}"
    return found[0]


def block(name):
    """What the document says to put into a file."""
    found = re.findall(rf"^```{re.escape(name)}\n(.*?)^```$", DOCUMENT.read_text(), re.MULTILINE | re.DOTALL)
    assert len(found) == 1, f"{DOCUMENT.name} has {len(found)} blocks {name}"
    return found[0]


class Postfix:
    """`fill` puts the machine's own in place of what the document's blocks take for example."""

    def __init__(self, fill):
        # The pipe's user must reach its configuration and the binary, which may be built where only their owner can enter.
        self.home = Path(tempfile.mkdtemp(prefix="ixo-postfix-", dir="/tmp"))
        self.home.chmod(0o755)
        self.config, self.port, self.child = self.home / "etc", free_port(), None
        self.binary, self.settings = self.home / "inboxops", self.home / "inboxops-pipe.toml"
        self.fill = [
            ("/usr/local/bin/inboxops", str(self.binary)),
            ("/etc/inboxops-pipe.toml", str(self.settings)),
            ("/etc/postfix/", f"{self.config}/"),
            ("user=inboxops", f"user={PIPE_USER}"),
            *fill,
        ]
        shutil.copyfile(BINARY, self.binary)
        self.binary.chmod(0o755)
        for name in ("etc", "queue", "data"):
            (self.home / name).mkdir()
        if IS_ROOT:
            shutil.chown(self.home / "data", "postfix")
        self._configure()

    def filled(self, name):
        text = block(name)
        for example, own in self.fill:
            text = text.replace(example, own)
        return text

    def _configure(self):
        """As a fresh installation has it, but for its place; then the document's blocks."""
        fresh = next(path for path in FRESH if path.exists()).read_text()
        # A chroot would have to be furnished, and the port of mail is not ours.
        fresh = re.sub(r"(?m)^(\S+\s+\S+\s+\S+\s+\S+\s+)y(\s)", r"\1n\2", fresh)
        fresh, found = re.subn(r"(?m)^smtp(\s+inet\s)", rf"127.0.0.1:{self.port}\1", fresh)
        assert found == 1
        (self.config / "master.cf").write_text(fresh + "\n" + self.filled("master.cf"))
        own = f"""
            compatibility_level = 3.6
            queue_directory = {self.home}/queue
            data_directory = {self.home}/data
            maillog_file = {self.home}/mail.log
            maillog_file_prefixes = {self.home}
            myhostname = mx.example.net
            mydestination = localhost
            mynetworks = 192.0.2.0/24
            inet_interfaces = 127.0.0.1
            inet_protocols = ipv4
            default_transport = error:nothing leaves this test
            disable_dns_lookups = yes
            smtpd_peername_lookup = no
            alias_maps =
            alias_database =
        """
        (self.config / "main.cf").write_text(re.sub(r"(?m)^ +", "", own) + self.filled("main.cf"))
        (self.config / "inboxops").write_text(self.filled("inboxops"))
        self.run("postmap", str(self.config / "inboxops"))

    def in_class(self, domain_class):
        """Puts the domain into another class, as the document says it."""
        path = self.config / "main.cf"
        kept = [line for line in path.read_text().splitlines() if not line.startswith(("relay_", f"{domain_class} "))]
        own = said_for(domain_class).replace("/etc/postfix/", f"{self.config}/")
        path.write_text("\n".join([*kept, f"{domain_class} = localhost, example.com", own]) + "\n")
        self.run("postfix", "reload")

    def reach(self, text):
        """Says to the pipe how it reaches the server."""
        self.settings.write_text(text)
        self.settings.chmod(0o600)
        if IS_ROOT:
            shutil.chown(self.settings, PIPE_USER)

    def run(self, name, *words):
        """One of Postfix's programs on this configuration; what it prints."""
        words = [program(name), "-c", str(self.config), *words]
        done = subprocess.run(words, capture_output=True, text=True, timeout=30, env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"})
        assert done.returncode == 0, f"{words}: {done.stdout}{done.stderr}"
        return done.stdout

    def start(self):
        self.child = subprocess.Popen(
            [program("postfix"), "-c", str(self.config), "start-fg"], stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )
        until("Postfix listens", self._listens, START_SECS)
        return self

    def _listens(self):
        assert self.child.poll() is None, f"Postfix ended with {self.child.returncode}:\n{self.log}"
        try:
            with smtplib.SMTP("127.0.0.1", self.port, timeout=5) as smtp:
                return smtp.noop()[0] == 250
        except (OSError, smtplib.SMTPException):
            return False

    def stop(self):
        """Ends it with all of its processes."""
        if self.child is not None:
            self.run("postfix", "stop")
            self.child.wait(30)
        shutil.rmtree(self.home)

    @property
    def log(self):
        path = self.home / "mail.log"
        return path.read_text(errors="replace") if path.exists() else ""

    def send(self, mail, to, sender="ada@example.net"):
        """Hands a mail over as a stranger's server does; raises what a refusal of the recipient is."""
        with smtplib.SMTP("127.0.0.1", self.port, timeout=20) as smtp:
            smtp.sendmail(sender, [to], mail.replace("\n", "\r\n"))

    def outcome(self, to):
        """The last line of the log about a delivery to this address; waits for one."""
        lines = until(f"a delivery to {to}", lambda: [line for line in self.log.splitlines() if f"to=<{to}>" in line and "status=" in line])
        return lines[-1]

    def forget(self):
        """Empties the log."""
        (self.home / "mail.log").write_text("")

    def waiting(self):
        """How many mails are in the queue."""
        return len([line for line in self.run("postqueue", "-j").splitlines() if line.strip()])

    def flush(self):
        """Tries again at once, until nothing waits."""
        end = time.monotonic() + 20
        while self.waiting():
            assert time.monotonic() < end, f"{self.waiting()} mails wait:\n{self.log[-3000:]}"
            self.run("postqueue", "-f")
            time.sleep(0.2)
