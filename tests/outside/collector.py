"""An OpenTelemetry collector: the official protos of OTLP over gRPC. It keeps what arrives."""

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import grpc
from opentelemetry.proto.collector.metrics.v1 import metrics_service_pb2, metrics_service_pb2_grpc
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2, trace_service_pb2_grpc

from product import free_port


def plain(value):
    return getattr(value, value.WhichOneof("value"))


def members(pairs):
    """Attributes as a dictionary."""
    return {pair.key: plain(pair.value) for pair in pairs}


@dataclass
class Span:
    """A span as it arrived, with the resource that it is of."""

    raw: object
    resource: dict

    @property
    def trace(self):
        return self.raw.trace_id.hex()

    @property
    def id(self):
        return self.raw.span_id.hex()

    @property
    def parent(self):
        return self.raw.parent_span_id.hex()

    @property
    def attributes(self):
        return members(self.raw.attributes)


class Collector:
    """Listens on a port that it keeps, also while it is away."""

    def __init__(self):
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.changed = threading.Condition()
        self.kept = []
        self.measured = []
        self.metadata = []
        self.server = None

    def start(self):
        outer = self

        class Traces(trace_service_pb2_grpc.TraceServiceServicer):
            def Export(self, request, context):
                outer.take(request, context)
                return trace_service_pb2.ExportTraceServiceResponse()

        class Metrics(metrics_service_pb2_grpc.MetricsServiceServicer):
            def Export(self, request, context):
                outer.measure(request, context)
                return metrics_service_pb2.ExportMetricsServiceResponse()

        self.server = grpc.server(ThreadPoolExecutor(4))
        trace_service_pb2_grpc.add_TraceServiceServicer_to_server(Traces(), self.server)
        metrics_service_pb2_grpc.add_MetricsServiceServicer_to_server(Metrics(), self.server)
        assert self.server.add_insecure_port(f"127.0.0.1:{self.port}") == self.port
        self.server.start()
        return self

    def stop(self):
        if self.server:
            self.server.stop(0).wait()

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()

    def take(self, request, context):
        with self.changed:
            self.metadata.append(dict(context.invocation_metadata()))
            for group in request.resource_spans:
                resource = members(group.resource.attributes)
                self.kept += [Span(span, resource) for scope in group.scope_spans for span in scope.spans]
            self.changed.notify_all()

    def measure(self, request, context):
        with self.changed:
            self.metadata.append(dict(context.invocation_metadata()))
            for group in request.resource_metrics:
                resource = members(group.resource.attributes)
                metrics = {metric.name: metric for scope in group.scope_metrics for metric in scope.metrics}
                self.measured.append((resource, metrics))
            self.changed.notify_all()

    def spans(self, trace=None):
        with self.changed:
            return [span for span in self.kept if trace in (None, span.trace)]

    def wait(self, trace, count, secs=20.0):
        """Waits until a trace has so many spans, and returns them by name."""
        with self.changed:
            self.changed.wait_for(lambda: sum(span.trace == trace for span in self.kept) >= count, secs)
        found = {span.raw.name: span for span in self.spans(trace)}
        assert len(found) == count, sorted(found)
        return found

    def wait_for_metrics(self, condition, secs=20.0):
        """Waits for an export that has what is asked for, and returns it with its resource."""
        def found():
            return next(((resource, metrics) for resource, metrics in reversed(self.measured) if condition(resource, metrics)), None)

        with self.changed:
            said = self.changed.wait_for(found, secs)
            assert said, [(resource.get("inboxops.roles"), sorted(metrics)) for resource, metrics in self.measured[-4:]]
            return said
