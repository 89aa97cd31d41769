"""The guides at /docs: every link leads somewhere, and the code in them runs."""

import html
import json
import os
import re
import shutil
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote, urljoin, urlsplit

import httpx
import pytest
from standardwebhooks import Webhook

from test_conversations import mail

ROOT = Path(__file__).parents[2]
FIRST, REFERENCE = "/docs", "/api/v1/docs"
# Uses the store of the guide.
KEEP = """
import os
from inboxops import Inboxops
store = SqliteStore("mirror.db")
Inboxops(os.environ["INBOXOPS_URL"], os.environ["INBOXOPS_API_KEY"]).mirror(store, once=True)
for type in ("ticket", "message"):
    print(store.db.execute("SELECT count(*) FROM resources WHERE type = ?", (type,)).fetchone()[0])
"""
SECRET = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3"


class Site:
    """The pages as they are served, each read once."""

    def __init__(self, server):
        self.http = httpx.Client(base_url=server.url, headers={"Accept": "text/html"}, timeout=30)
        self.read = {}

    def page(self, path):
        if path not in self.read:
            answer = self.http.get(path)
            assert answer.status_code == 200, f"{path}: {answer.status_code}"
            self.read[path] = answer.text
        return self.read[path]

    def ids(self, path):
        return {html.unescape(it) for it in re.findall(r'\bid="([^"]+)"', self.page(path))}

    def links(self, path):
        return {html.unescape(it) for it in re.findall(r'\bhref="([^"]+)"', self.page(path))}

    def guides(self):
        """The address of every guide, found by following links from the first."""
        found, waiting = {FIRST}, [FIRST]
        while waiting:
            path = waiting.pop()
            for link in self.links(path):
                to = urlsplit(urljoin(path, link)).path
                of_docs = to.startswith(f"{FIRST}/") and "." not in to
                if of_docs and to not in found:
                    found.add(to)
                    waiting.append(to)
        return sorted(found)

    def blocks(self, path):
        """The code of a guide: languages and texts."""
        pattern = r'<div class="code" data-language="([^"]*)">.*?<code>(.*?)</code></pre>'
        return [(language, html.unescape(text)) for language, text in re.findall(pattern, self.page(path), re.S)]


@pytest.fixture(scope="module")
def site(server):
    site = Site(server)
    with site.http:
        yield site


def test_every_link_leads_to_a_place_that_exists(site):
    guides, dead = site.guides(), []
    assert len(guides) > 10, guides
    for guide in guides:
        for link in site.links(guide):
            to = urlsplit(urljoin(guide, link))
            if to.netloc:
                assert to.scheme == "https", link
                continue
            if to.path.startswith(FIRST) or to.path.startswith("/api/"):
                site.page(to.path)
            else:
                assert site.http.get(to.path).status_code == 200, f"{guide}: {link}"
            if to.fragment and unquote(to.fragment) not in site.ids(to.path):
                dead.append(f"{guide}: {link}")
    assert not dead, dead


def test_the_reference_and_the_guides_lead_to_each_other(site):
    assert FIRST in site.links(REFERENCE)
    for guide in site.guides():
        assert {REFERENCE, "/settings/api", "/settings/webhooks"} <= site.links(guide), guide


def test_every_place_that_the_search_finds_exists(site):
    index = site.http.get("/docs/search.json").json()
    assert {urlsplit(part["url"]).path for part in index} == set(site.guides())
    for part in index:
        to = urlsplit(part["url"])
        assert part["page"] and part["title"]
        assert not to.fragment or unquote(to.fragment) in site.ids(to.path), part["url"]
    assert any("Idempotency-Key" in part["text"] for part in index)


def test_the_lines_of_the_quick_start_work_unchanged(server, acme):
    ticket = acme.ticket()
    assert ticket["ticket_number"] == 1, "the guide writes to ticket 1"
    text = (ROOT / "docs" / "guide" / "quick-start.md").read_text()
    lines = re.findall(r"```sh quick-start\n(.*?)\n```", text, re.S)
    assert len(lines) == 3 and all("\n" not in line and line.startswith("curl ") for line in lines)
    who, tickets, note = [json.loads(shell(line, server, acme))["data"] for line in lines]
    assert who["tenant"]["name"] == "Acme"
    assert [one["id"] for one in tickets] == [ticket["id"]]
    assert (note["type"], note["ticket_id"]) == ("internal_note", ticket["id"])


def shell(line, server, tenant, **more):
    return run("sh", "-c", line, INBOXOPS_URL=server.url, INBOXOPS_API_KEY=tenant.key["key"], **more)


def run(*words, folder=None, **settings):
    done = subprocess.run(words, env=os.environ | settings, cwd=folder, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, f"{words}: {done.stdout}{done.stderr}"
    return done.stdout


def test_all_code_can_be_read_by_its_language(site, tmp_path):
    seen = set()
    for guide in site.guides():
        for number, (language, text) in enumerate(site.blocks(guide)):
            seen.add(language)
            if language == "sh":
                run("sh", "-n", "-c", text)
            elif language == "python":
                compile(text, f"{guide} {number}", "exec")
            elif language in ("ts", "js"):
                file = tmp_path / f"{guide.rsplit('/', 1)[-1]}-{number}.mjs"
                file.write_text(text)
                run("node", "--check", str(file))
            elif language == "json" and "{…}" not in text:
                json.loads(text)
    assert {"sh", "python", "ts", "js", "json"} <= seen, seen


def test_an_event_copied_as_curl_is_taken_for_one_of_ours(site, receiver):
    samples = [text for language, text in site.blocks("/docs/events") if language == "sh"]
    types = site.http.get("/api/v1/openapi.json").json()["webhooks"]
    assert len(samples) == len(types) > 7
    for event, text in zip(types, samples):
        url = receiver.path()
        run("sh", "-c", text.replace("http://localhost:3000/hook", url), SECRET=SECRET)
        [hit] = receiver.at(url)
        assert (hit.event, hit.header("X-InboxOps-Event")) == (event, event)
        Webhook(SECRET).verify(hit.body, {name.lower(): value for name, value in hit.headers})


class Limited(BaseHTTPRequestHandler):
    """Answers 429, then 503 without a time, then well."""

    answers = [(429, "1"), (503, None), (200, None)]
    asked = 0

    def do_GET(self):
        status, wait = self.answers[min(type(self).asked, 2)]
        type(self).asked += 1
        self.send_response(status)
        if wait:
            self.send_header("Retry-After", wait)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")

    def log_message(self, *_):
        pass


@pytest.fixture
def limited():
    Limited.asked = 0
    server = ThreadingHTTPServer(("127.0.0.1", 0), Limited)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    server.server_close()


def backoff(site, language):
    [text] = [text for known, text in site.blocks("/docs/rate-limits") if known == language and "attempt" in text]
    return text


def test_the_back_off_in_python_asks_until_it_is_answered(site, limited):
    scope = {}
    exec(backoff(site, "python"), scope)
    with scope["send"](limited) as answer:
        assert (answer.status, answer.read(), Limited.asked) == (200, b"ok", 3)


def test_the_back_off_in_typescript_asks_until_it_is_answered(site, limited, tmp_path):
    (tmp_path / "send.mjs").write_text(backoff(site, "ts"))
    (tmp_path / "call.mjs").write_text(
        f'import {{ send }} from "./send.mjs";\nconsole.log((await send({json.dumps(limited)})).status);\n'
    )
    assert run("node", "call.mjs", folder=tmp_path).strip() == "200"
    assert Limited.asked == 3


@pytest.fixture(scope="module")
def desk(server, world):
    """A workspace with a few conversations."""
    tenant = world.tenant("Mirrored")
    for number in range(3):
        mail(server, tenant, subject=f"Question {number}")
    return tenant


def mirrored(folder):
    tickets, messages = [json.loads((folder / f"{name}.json").read_text()) for name in ("tickets", "messages")]
    assert {one["subject"] for one in tickets} == {"Question 0", "Question 1", "Question 2"}
    assert {one["ticket_id"] for one in messages} == {one["id"] for one in tickets}


def program(site, language, word="MemoryStore"):
    [text] = [text for known, text in site.blocks("/docs/mirror") if known == language and word in text]
    return text


def installed(site, folder, by, tool=sys.executable):
    """Installs a client as its guide says, from a copy of the sources."""
    made = ("node_modules", "dist", "build", "target", "*.egg-info", "__pycache__")
    sources = folder / "inboxops"
    shutil.copytree(ROOT / "clients", sources / "clients", ignore=shutil.ignore_patterns(*made), dirs_exist_ok=True)
    for licence in ROOT.glob("LICENSE-*"):
        shutil.copy(licence, sources)
    [text] = [text for language, text in site.blocks("/docs/clients") if language == "sh" and by in text]
    run("sh", "-ec", text, folder=folder, PATH=f"{Path(tool).parent}:{os.environ['PATH']}")


def test_the_typescript_of_the_mirror_guide_copies_a_workspace(site, server, desk, tmp_path):
    (tmp_path / "package.json").write_text('{"private": true, "type": "module"}')
    installed(site, tmp_path, "npm install")
    (tmp_path / "mirror.mjs").write_text(program(site, "ts"))
    said = run("node", "mirror.mjs", folder=tmp_path, INBOXOPS_URL=server.url, INBOXOPS_API_KEY=desk.key["key"])
    assert said.startswith("3 tickets, 3 messages")
    mirrored(tmp_path)


def test_the_python_of_the_mirror_guide_copies_a_workspace(site, server, desk, tmp_path):
    run(sys.executable, "-m", "venv", str(tmp_path / "venv"))
    python = tmp_path / "venv" / "bin" / "python3"
    installed(site, tmp_path, "pip install", python)
    (tmp_path / "mirror.py").write_text(program(site, "python"))
    said = run(str(python), "mirror.py", folder=tmp_path, INBOXOPS_URL=server.url, INBOXOPS_API_KEY=desk.key["key"])
    assert said.startswith("3 tickets, 3 messages")
    mirrored(tmp_path)
    (tmp_path / "keep.py").write_text(program(site, "python", "SqliteStore") + KEEP)
    # The second run begins where the first one ended.
    for _ in range(2):
        said = run(str(python), "keep.py", folder=tmp_path, INBOXOPS_URL=server.url, INBOXOPS_API_KEY=desk.key["key"])
        assert said.split() == ["3", "3"]
