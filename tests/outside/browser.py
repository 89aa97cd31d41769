"""A browser: grpc-web calls from a page of ours, with the cookie of a login."""

import struct

import httpx

from rpc import module

SERVICES = {
    "SessionService": ("admin.v1", "sessions"),
    "ApiKeyService": ("admin.v1", "api_keys"),
    "AuditService": ("admin.v1", "audit"),
    "TicketDeskService": ("admin.v1", "ticket_desk"),
    "TicketService": ("v1", "tickets"),
    "IdentityService": ("v1", "identity"),
    "WebhookService": ("v1", "webhooks"),
}
CODES = {"0": "OK", "3": "INVALID_ARGUMENT", "7": "PERMISSION_DENIED", "8": "RESOURCE_EXHAUSTED", "16": "UNAUTHENTICATED"}


class Answer:
    def __init__(self, http, message, trailers):
        self.http, self.message = http, message
        self.code = CODES.get(trailers.get("grpc-status"), trailers.get("grpc-status"))
        self.cookie = http.headers.get("set-cookie")


class Browser:
    """Calls as connect-web does; `headers` are what a browser adds by itself."""

    def __init__(self, server, cookie=None):
        self.server, self.cookie = server, cookie
        self.headers = {"Sec-Fetch-Site": "same-origin", "Origin": server.url}

    def call(self, service, rpc, headers=None, without=(), **members):
        package, file = SERVICES[service]
        pb = module(f"inboxops.{package}.{file}_pb2")
        body = getattr(pb, f"{rpc}Request")(**members).SerializeToString()
        sent = {"Content-Type": "application/grpc-web+proto", "X-Grpc-Web": "1"} | self.headers
        if self.cookie:
            sent["Cookie"] = self.cookie
        sent |= headers or {}
        sent = {name: value for name, value in sent.items() if name not in without}
        http = httpx.post(
            f"{self.server.url}/inboxops.{package}.{service}/{rpc}",
            content=b"\0" + struct.pack(">I", len(body)) + body, headers=sent, timeout=30,
        )
        message, trailers, rest = None, dict(http.headers), http.content
        while rest and http.headers.get("content-type", "").startswith("application/grpc-web"):
            flag, size = rest[0], struct.unpack(">I", rest[1:5])[0]
            part, rest = rest[5 : 5 + size], rest[5 + size :]
            if flag & 0x80:
                trailers |= {name.strip().lower(): value.strip() for name, value in (line.split(":", 1) for line in part.decode().strip().split("\r\n"))}
            else:
                message = getattr(pb, f"{rpc}Response").FromString(part)
        return Answer(http, message, trailers)

    def login(self, **members):
        answer = self.call("SessionService", "Login", **members)
        if answer.cookie:
            self.cookie = answer.cookie.split(";")[0]
        return answer


def code_of(link):
    """The code in a login link's fragment."""
    return link.split("/login#code=")[1]


def signed_in(server, agent):
    """The browser of somebody who came by a login link."""
    browser = Browser(server)
    answer = browser.login(code=code_of(server.cli("agent", "login-link", agent)["login_url"]))
    assert answer.code == "OK", answer.http.text
    return browser
