"""Probes and metrics of every role, and what `ops/` makes of them: a real Prometheus scrapes the product, and every rule
and panel finds the metrics that it is about."""

import json
import re

import httpx
import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as read_open_metrics

from product import free_port, until
from prometheus import OPS, ROOT, Prometheus, promtool

ON = ("sqlite", "split")
OPEN_METRICS = "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5,*/*;q=0.1"
EVERY_ROLE = {
    "inboxops_build_info", "inboxops_ready", "inboxops_log_lines_lost_total", "process_cpu_seconds_total",
    "process_resident_memory_bytes", "process_open_fds", "process_start_time_seconds",
}


@pytest.fixture(scope="module")
def addresses(server):
    """Where each process listens, by role."""
    if server.place != "split":
        return {"all": f"127.0.0.1:{server.port}"}
    worker = server.worker_settings["INBOXOPS_LISTEN"]
    return {"core": f"127.0.0.1:{server.core_port}", "edge": f"127.0.0.1:{server.port}", "worker": worker}


@pytest.fixture(scope="module")
def busy(world, server, receiver):
    """A server that has answered calls and sent webhooks, so that every metric has a value."""
    acme = world.tenant("Measured")
    url = receiver.path()
    acme.endpoint(url, events=["ticket.created"])
    for _ in range(3):
        acme.ticket()
    receiver.wait(url, 3)
    assert acme.api.get("/tickets/999999").status_code == 404

    def recorded():
        text = httpx.get(f"http://127.0.0.1:{server.core_port}/metrics").text
        found = re.search(r'^inboxops_delivery_attempts_total\{outcome="delivered"\} (\d+)', text, re.M)
        return found and int(found[1]) >= 3

    until("the attempts are on record", recorded)
    return acme


def names(text):
    return set(re.findall(r"^([a-z_]+)[{ ]", text, re.M))


def test_every_role_says_how_it_is(addresses):
    for role, address in addresses.items():
        until(f"{role} is ready", lambda: httpx.get(f"http://{address}/readyz").status_code == 200)
        assert httpx.get(f"http://{address}/healthz").text == "ok\n", role
        text = httpx.get(f"http://{address}/metrics").text
        assert EVERY_ROLE <= names(text), role
        assert "\ninboxops_ready 1\n" in text, role
        assert ("inboxops_database_up" in text) == (role in ("core", "all")), role
        assert ("inboxops_http_responses_total" in text) == (role in ("edge", "all")), role


def test_a_worker_listens_for_nothing_else(addresses):
    if "worker" in addresses:
        url = f"http://{addresses['worker']}"
        for path in ("/", "/api/v1/tickets", "/docs"):
            answer = httpx.get(url + path)
            assert (answer.status_code, answer.json()["error"]["code"]) == (404, "route_not_found"), path


@pytest.mark.parametrize("accept", [OPEN_METRICS, "text/plain;version=0.0.4", "*/*", None])
def test_metrics_are_in_the_format_that_is_asked_for(addresses, busy, accept):
    for role, address in addresses.items():
        request = httpx.Request("GET", f"http://{address}/metrics", headers={"Accept": accept} if accept else {})
        with httpx.Client() as client:
            answer = client.send(request)
        if accept == OPEN_METRICS:
            assert answer.headers["content-type"] == "application/openmetrics-text; version=1.0.0; charset=utf-8"
            families = list(read_open_metrics(answer.text))
            assert len(families) >= len(EVERY_ROLE), role
            assert answer.text.endswith("\n# EOF\n")
        else:
            assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
            assert "# EOF" not in answer.text
            promtool("check", "metrics", stdin=answer.text)


def documented():
    """The rows of the page of metrics, by series: the type, the labels, and which roles have it."""
    rows = re.findall(r"^\| `([a-z_]+)` \| (\w+) \| (.*?) \| (.*?) \|", (ROOT / "docs/metrics.md").read_text(), re.M)
    assert len(rows) > 20
    return {name: (kind, set(re.findall(r"`(\w+)`", labels)), roles) for name, kind, labels, roles in rows}


def test_the_page_has_exactly_the_metrics_that_there_are(addresses, busy):
    seen = {}
    for address in addresses.values():
        answer = httpx.get(f"http://{address}/metrics", headers={"Accept": OPEN_METRICS})
        for family in read_open_metrics(answer.text):
            suffix = {"counter": "_total", "info": "_info"}.get(family.type, "")
            labels = {label for sample in family.samples for label in sample.labels} - {"le"}
            kind, known = seen.setdefault(family.name + suffix, (family.type, set()))
            assert kind == family.type
            known |= labels
    assert seen == {name: (kind, labels) for name, (kind, labels, _) in documented().items()}


def expressions():
    """Every query of the rules and of the dashboard."""
    rules = re.findall(r"^ +expr: (?:\|\n)?((?:.|\n)*?)^ +(?:for|labels):", (OPS / "alerts.yml").read_text(), re.M)
    dashboard = json.loads((OPS / "dashboard.json").read_text())
    panels = [target["expr"] for panel in dashboard["panels"] for target in panel.get("targets", [])]
    assert len(rules) == (OPS / "alerts.yml").read_text().count("- alert:") and len(panels) > 20
    return rules, panels


def test_rules_and_panels_name_metrics_and_labels_that_exist():
    rows = documented()
    series = dict(rows)
    for name, row in rows.items():
        if row[0] == "histogram":
            series |= {name + suffix: row for suffix in ("_bucket", "_sum", "_count")}
            del series[name]
    used = set()
    for text in sum(expressions(), []):
        found = re.findall(r"\b((?:inboxops|process)_[a-z_]+)(?:\{(.*?)\})?", text)
        assert found or "up{" in text, text
        for name, matchers in found:
            assert name in series, f"{name} in {text}"
            named = set(re.findall(r"(\w+)[!=]=?~?\"", matchers)) - {"job"}
            assert named <= series[name][1], text
            used.add(name)
        for groups in re.findall(r"\bby \((.*?)\)", text):
            labels = set().union(*(series[name][1] for name, _ in found))
            assert set(re.split(r", *", groups)) <= labels | {"le"}, text
    names_used = {re.sub(r"_(bucket|sum|count)$", "", name) for name in used}
    assert len(names_used) > 15


def test_rules_hold_their_own_tests():
    promtool("check", "config", "prometheus.yml")
    promtool("check", "rules", "alerts.yml")
    promtool("test", "rules", "alerts_test.yml")
    tested = set(re.findall(r"alertname: (\w+)\n +exp_alerts", (OPS / "alerts_test.yml").read_text()))
    assert tested == set(re.findall(r"- alert: (\w+)", (OPS / "alerts.yml").read_text()))


def test_prometheus_scrapes_every_role_and_can_answer_every_query(addresses, busy):
    with Prometheus(addresses.values()) as prometheus:
        prometheus.scraped(len(addresses))

        def evaluated():
            groups = prometheus.get("/rules")["groups"]
            rules = [rule for group in groups for rule in group["rules"]]
            return rules and all(rule["health"] != "unknown" for rule in rules) and rules

        rules = until("the rules are evaluated", evaluated)
        assert {(rule["name"], rule["health"]) for rule in rules} == {(rule["name"], "ok") for rule in rules}
        # Rates need two scrapes.
        until("two scrapes", lambda: prometheus.get("/query", query='count_over_time(up[1m]) > 2')["result"])
        for query in expressions()[1]:
            query = query.replace("$__rate_interval", "1m").replace("$job", "inboxops")
            answer = prometheus.get("/query", query=query)
            assert answer["result"], f"no data for {query}"
        ready = prometheus.get("/query", query="sum(inboxops_ready)")["result"]
        assert ready[0]["value"][1] == str(len(addresses))


def test_a_process_that_is_away_or_not_ready_raises_its_alert(addresses, server):
    nobody = f"127.0.0.1:{free_port()}"
    with Prometheus([*addresses.values(), nobody]) as prometheus:

        def pending():
            said = prometheus.get("/alerts") or {"alerts": []}
            return {(one["labels"]["alertname"], one["labels"].get("instance")) for one in said["alerts"]}

        until("the alert", lambda: ("InboxOpsDown", nobody) in pending())
        assert not any(name == "InboxOpsNotReady" for name, _ in pending())
