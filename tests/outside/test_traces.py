"""Traces and metrics as a collector gets them: one trace from the request to its webhook, whoever runs which part."""

import re
import secrets

import httpx
import pytest
from opentelemetry.proto.trace.v1 import trace_pb2

from collector import Collector, members
from product import Server, free_port, run, until
from rpc import internal
from world import World

ON = ("sqlite", "split")
EDGE, CORE, POST = "POST /api/v1/tickets", "inboxops.v1.TicketService/CreateTicket", "POST"
SERVER, CLIENT, INTERNAL = (
    trace_pb2.Span.SPAN_KIND_SERVER, trace_pb2.Span.SPAN_KIND_CLIENT, trace_pb2.Span.SPAN_KIND_INTERNAL,
)
FAST = {"OTEL_BSP_SCHEDULE_DELAY": "50", "OTEL_METRIC_EXPORT_INTERVAL": "200"}


def exporting(collector, **more):
    return FAST | {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.url} | more


@pytest.fixture(scope="module")
def collector():
    with Collector() as collector:
        yield collector


@pytest.fixture(scope="module")
def server(place, collector):
    """A server that exports everything; its internal listener is apart from the public one."""
    settings = exporting(
        collector,
        OTEL_RESOURCE_ATTRIBUTES="deployment.environment=a%20test",
        OTEL_EXPORTER_OTLP_HEADERS="x-collector-key=let%20me%20in",
    )
    apart = free_port()
    if place != "split":
        settings["INBOXOPS_INTERNAL_LISTEN"] = f"127.0.0.1:{apart}"
    server = Server(place, settings)
    try:
        server.start()
        if place != "split":
            server.core_port = apart
        yield server
    finally:
        server.stop()


def traceparent(sampled, version="00"):
    """A new trace of somebody else: its header, its id and the id of its span."""
    trace, span = secrets.token_hex(16), secrets.token_hex(8)
    return {"traceparent": f"{version}-{trace}-{span}-0{int(sampled)}"}, trace, span


def made(tenant, headers):
    body = {"subject": "A secret of the customer", "inbox_id": tenant.inbox["id"]}
    answer = tenant.api.post("/tickets", json=body, headers=headers)
    assert answer.status_code == 201, answer.text
    return answer


def called(server, sampled):
    """A call of an operator's program, in a trace of its own: the trace's id and its span's."""
    headers, trace, span = traceparent(sampled)
    tenants = internal(server)
    tenants.metadata = [*tenants.metadata, *headers.items()]
    tenants.list_tenants()
    return trace, span


@pytest.mark.parametrize("sampled", [True, False], ids=["sampled", "unsampled"])
def test_a_ticket_and_its_webhook_are_one_trace(world, server, receiver, collector, sampled):
    """A stranger's trace is joined, whatever its flag says."""
    tenant = world.tenant("Traced")
    url = receiver.path()
    endpoint = tenant.endpoint(url, ["ticket.created"])
    headers, trace, above = traceparent(sampled)
    answer = made(tenant, headers | {"tracestate": "other=1"})
    hit = receiver.wait(url, 1)[0]
    found = collector.wait(trace, 3)
    edge, core, post = found[EDGE], found[CORE], found[POST]

    assert [span.parent for span in (edge, core, post)] == [above, edge.id, core.id]
    split = server.place == "split"
    assert [span.raw.kind for span in (edge, core, post)] == [SERVER, SERVER if split else INTERNAL, CLIENT]
    roles = [span.resource["inboxops.roles"] for span in (edge, core, post)]
    assert roles == (["edge", "core", "worker"] if split else ["core,edge,worker"] * 3)
    assert len({span.resource["service.instance.id"] for span in (edge, core, post)}) == (3 if split else 1)
    for span in (edge, core, post):
        assert span.resource["service.name"] == "inboxops"
        assert span.resource["deployment.environment"] == "a test"
        assert span.raw.start_time_unix_nano < span.raw.end_time_unix_nano
        assert span.raw.status.code == trace_pb2.Status.STATUS_CODE_UNSET
    assert edge.raw.start_time_unix_nano <= core.raw.start_time_unix_nano <= post.raw.start_time_unix_nano

    request_id = answer.headers["x-request-id"]
    assert edge.attributes == {
        "http.request.method": "POST", "http.route": "/api/v1/tickets", "http.response.status_code": 201,
        "url.scheme": "http", "inboxops.request_id": request_id,
    }
    assert core.attributes == {
        "rpc.system": "grpc", "rpc.service": "inboxops.v1.TicketService", "rpc.method": "CreateTicket",
        "rpc.grpc.status_code": 0, "inboxops.request_id": request_id, "inboxops.tenant": tenant.id,
    }
    assert post.attributes == {
        "http.request.method": "POST", "server.address": "127.0.0.1", "server.port": receiver.listener.server_port,
        "http.response.status_code": 200, "inboxops.endpoint": endpoint["id"],
        "inboxops.delivery": hit.header("X-InboxOps-Delivery"),
    }
    # A receiver learns of no trace unless the operator wants it.
    assert hit.header("traceparent") is None and hit.header("tracestate") is None


def test_our_own_programs_decide_what_is_kept(server, collector):
    trace, span = called(server, sampled=True)
    dropped, _ = called(server, sampled=False)
    found = collector.wait(trace, 1)["inboxops.internal.v1.TenantService/ListTenants"]
    assert (found.parent, found.raw.kind) == (span, SERVER)
    # What came after it has arrived as well.
    later, _ = called(server, sampled=True)
    collector.wait(later, 1)
    assert not collector.spans(dropped)


def test_a_malformed_traceparent_begins_a_trace(world, collector):
    tenant = world.tenant("Malformed")
    for version in ("ff", "0"):
        headers, trace, _ = traceparent(True, version)
        request_id = made(tenant, headers).headers["x-request-id"]

        def edge():
            spans = collector.spans()
            return next((it for it in spans if it.raw.name == EDGE and it.attributes["inboxops.request_id"] == request_id), None)

        span = until("the request's span", edge)
        assert span.parent == "" and span.trace != trace


def test_a_call_by_grpc_is_named_by_its_rpc(world, server, collector):
    from rpc import Stub, channel

    tenant = world.tenant("Called")
    headers, trace, above = traceparent(True)
    tickets = Stub(channel(server.port), "v1", "tickets", "TicketService", tenant.key["key"])
    tickets.metadata = [*tickets.metadata, *headers.items()]
    tickets.list_tickets()
    until("both spans", lambda: len(collector.spans(trace)) == 2)
    by_parent = {span.parent: span for span in collector.spans(trace)}
    edge = by_parent[above]
    assert {span.raw.name for span in (edge, by_parent[edge.id])} == {"inboxops.v1.TicketService/ListTickets"}


def test_failures_are_marked(world, receiver, collector):
    from receiver import Answer

    tenant = world.tenant("Failing")
    headers, trace, _ = traceparent(True)
    assert tenant.api.get("/tickets/999999", headers=headers).status_code == 404
    found = collector.wait(trace, 2)
    # The caller's mistake is no failure of the server.
    for span in found.values():
        assert span.raw.status.code == trace_pb2.Status.STATUS_CODE_UNSET, span
    assert found["GET /api/v1/tickets/{ticket_id}"].attributes["http.response.status_code"] == 404

    url = receiver.path(Answer(status=500))
    tenant.endpoint(url, ["ticket.created"])
    headers, trace, _ = traceparent(True)
    made(tenant, headers)
    post = collector.wait(trace, 3)[POST]
    assert post.raw.status.code == trace_pb2.Status.STATUS_CODE_ERROR
    assert post.attributes["http.response.status_code"] == 500 and post.attributes["error.type"]


def test_probes_and_workers_reports_are_in_no_trace(server, collector):
    probed = []
    for path in ("/healthz", "/readyz"):
        headers, trace, _ = traceparent(True)
        assert httpx.get(server.url + path, headers=headers).status_code == 200
        probed.append(trace)
    # What came after them has arrived.
    trace, _ = called(server, sampled=True)
    collector.wait(trace, 1)
    assert not [span for span in collector.spans() if span.trace in probed or "DispatchService" in span.raw.name]


def test_spans_hold_no_secret_and_nothing_that_customers_wrote(world, receiver, collector):
    tenant = world.tenant("Secretive")
    url = receiver.path()
    endpoint = tenant.endpoint(f"{url}?token=hidden", ["ticket.created"], headers=[{"name": "X-Own", "value": "of-the-customer"}])
    headers, trace, _ = traceparent(True)
    made(tenant, headers | {"Idempotency-Key": "key-of-the-call"})
    tenant.api.get("/tickets", params={"q": "looked-for"})
    collector.wait(trace, 3)
    everything = "\n".join(f"{span.raw}{span.resource}" for span in collector.spans())
    for secret in (
        tenant.key["key"], endpoint["secret"], "secret of the customer", "hidden", "of-the-customer", "looked-for",
        "key-of-the-call", receiver.path_of(url), "let me in",
    ):
        assert secret not in everything, secret


def test_the_collectors_headers_go_to_it_alone(world, receiver, collector):
    tenant = world.tenant("Headers")
    headers, trace, _ = traceparent(True)
    url = receiver.path()
    tenant.endpoint(url, ["ticket.created"])
    made(tenant, headers)
    collector.wait(trace, 3)
    collector.wait_for_metrics(lambda resource, metrics: True)
    assert all(sent.get("x-collector-key") == "let me in" for sent in collector.metadata)
    assert all(not hit.header("x-collector-key") for hit in receiver.at(url))


def points(metric):
    return getattr(metric, metric.WhichOneof("data")).data_points


def test_metrics_arrive_from_every_role_and_are_those_of_the_page(world, server, collector):
    tenant = world.tenant("Measured")
    made(tenant, {})
    has_core = lambda resource: "core" in resource["inboxops.roles"]
    _, metrics = collector.wait_for_metrics(
        lambda resource, metrics: has_core(resource)
        and "inboxops_requests" in metrics
        and any(members(it.attributes)["rpc"].endswith("/CreateTicket") for it in points(metrics["inboxops_requests"]))
    )
    requests = metrics["inboxops_requests"].sum
    assert requests.is_monotonic and requests.aggregation_temporality == 2
    took = metrics["inboxops_request_duration_seconds"]
    assert took.unit == "s" and took.description
    for point in took.histogram.data_points:
        assert len(point.bucket_counts) == len(point.explicit_bounds) + 1
        assert sum(point.bucket_counts) == point.count and point.sum > 0
    assert metrics["inboxops_ready"].gauge.data_points[0].as_double == 1
    assert metrics["process_resident_memory_bytes"].unit == "By"
    page = httpx.get(f"http://127.0.0.1:{server.core_port}/metrics").text
    families = set(re.findall(r"^# TYPE ([a-z_]+) ", page, re.M))
    # The older format has the suffix in the name of the family.
    assert {re.sub("_(total|info)$", "", name) for name in families} == set(metrics)
    if server.place == "split":
        for role in ("edge", "worker"):
            collector.wait_for_metrics(lambda resource, metrics: resource["inboxops.roles"] == role and "inboxops_ready" in metrics)


def alone(collector, **more):
    """A server of its own on SQLite, all parts in one process."""
    return Server("sqlite", exporting(collector, **more))


def test_with_the_ratio_0_nothing_is_kept(receiver):
    ratio = {"OTEL_TRACES_SAMPLER": "parentbased_traceidratio", "OTEL_TRACES_SAMPLER_ARG": "0"}
    with Collector() as collector:
        server = alone(collector, **ratio).start()
        try:
            with World(server) as world:
                tenant = world.tenant("Dropped")
                url = receiver.path()
                tenant.endpoint(url, ["ticket.created"])
                for sampled in (True, False):
                    made(tenant, traceparent(sampled)[0])
                receiver.wait(url, 2)
        finally:
            server.stop()
        assert not collector.spans()
        # Metrics have no part in that.
        assert collector.measured


def test_the_last_spans_are_exported_when_the_server_stops(receiver):
    with Collector() as collector:
        server = alone(collector, OTEL_BSP_SCHEDULE_DELAY="600000", OTEL_METRIC_EXPORT_INTERVAL="600000").start()
        try:
            with World(server) as world:
                tenant = world.tenant("Last")
                url = receiver.path()
                tenant.endpoint(url, ["ticket.created"])
                headers, trace, _ = traceparent(True)
                made(tenant, headers)
                receiver.wait(url, 1)
            assert not collector.spans()
        finally:
            server.stop()
        assert set(collector.wait(trace, 3, secs=0)) == {EDGE, CORE, POST}
        assert len(collector.measured) == 1


def test_a_collector_that_is_away_costs_spans_and_nothing_else():
    collector = Collector()
    server = alone(collector, OTEL_BSP_MAX_QUEUE_SIZE="64", OTEL_BSP_MAX_EXPORT_BATCH_SIZE="16").start()
    try:
        with World(server) as world:
            tenant = world.tenant("Alone")

            def figure(name):
                text = httpx.get(f"{server.url}/metrics").text
                return float(re.search(rf"^{name} (\S+)", text, re.M)[1])

            def ask(count):
                for _ in range(count):
                    assert tenant.api.get("/tickets").status_code == 200

            ask(500)
            # Two spans each: at most the queue and a batch wait, and the others are gone.
            until("all spans but those that may wait are lost", lambda: figure("inboxops_spans_lost_total") >= 1000 - 64 - 16)
            told = "cannot export spans to the collector"
            until("the log tells it", lambda: told in server.output)
            assert server.output.count(told) == 1, server.output
            with collector:
                headers, trace, _ = traceparent(True)

                def again():
                    assert tenant.api.get("/tickets", headers=headers).status_code == 200
                    return collector.spans(trace)

                until("spans arrive again", again)
                assert "spans are exported again" in server.output
    finally:
        server.stop()


def test_receivers_get_the_trace_if_the_operator_wants_it(receiver):
    with Collector() as collector:
        server = alone(collector, INBOXOPS_OTLP__PROPAGATE_TO_RECEIVERS="true").start()
        try:
            with World(server) as world:
                tenant = world.tenant("Propagated")
                url = receiver.path()
                endpoint = tenant.endpoint(url, ["ticket.created"])
                headers, trace, _ = traceparent(True)
                made(tenant, headers)
                hit = receiver.wait(url, 1)[0]
                hit.verify(endpoint["secret"])
                post = collector.wait(trace, 3)[POST]
                assert hit.header("traceparent") == f"00-{trace}-{post.id}-01"
        finally:
            server.stop()


def test_the_setting_names_the_collector_too_and_a_wrong_one_is_refused():
    with Collector() as collector:
        server = Server("sqlite", FAST | {"INBOXOPS_OTLP__ENDPOINT": collector.url, "OTEL_SERVICE_NAME": "desk"}).start()
        try:
            resource, _ = collector.wait_for_metrics(lambda resource, metrics: True)
            assert resource["service.name"] == "desk"
        finally:
            server.stop()
    for name in ("OTEL_EXPORTER_OTLP_ENDPOINT", "INBOXOPS_OTLP__ENDPOINT"):
        done = run("config", "check", settings={name: "nonsense"})
        assert done.returncode == 78 and "http" in done.stderr, done.stderr


def test_the_standards_switch_turns_everything_off():
    with Collector() as collector:
        server = alone(collector, OTEL_SDK_DISABLED="true").start()
        try:
            httpx.get(f"{server.url}/api/v1/tickets", headers=traceparent(True)[0])
        finally:
            server.stop()
        assert not collector.spans() and not collector.measured
