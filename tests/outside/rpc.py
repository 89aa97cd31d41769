"""gRPC clients, compiled from the product's protos."""

import functools
import importlib
import sys
import tempfile
from pathlib import Path

import grpc
from google.rpc import error_details_pb2
from grpc_status import rpc_status

PROTOS = Path(__file__).resolve().parents[2] / "proto"


@functools.cache
def compiled():
    """Compiles the protos once and makes them importable."""
    import grpc_tools
    from grpc_tools import protoc

    out = tempfile.mkdtemp(prefix="ixo-protos-")
    files = [str(path.relative_to(PROTOS)) for path in sorted(PROTOS.glob("inboxops/**/*.proto"))]
    bundled = Path(grpc_tools.__file__).parent / "_proto"
    args = ["protoc", f"-I{PROTOS}", f"-I{bundled}", f"--python_out={out}", f"--grpc_python_out={out}", *files]
    assert protoc.main(args) == 0
    sys.path.insert(0, out)
    return out


def module(name):
    """A compiled module: `inboxops.v1.tickets_pb2`."""
    compiled()
    return importlib.import_module(name)


def bearer(token):
    return [("authorization", f"Bearer {token}")]


class Stub:
    """One service, called with keyword arguments."""

    def __init__(self, channel, package, file, service, token):
        self.messages = module(f"inboxops.{package}.{file}_pb2")
        grpcs = module(f"inboxops.{package}.{file}_pb2_grpc")
        self.stub = getattr(grpcs, f"{service}Stub")(channel)
        self.metadata = bearer(token) if token else []

    def __getattr__(self, name):
        rpc = "".join(part.capitalize() for part in name.split("_"))

        def call(**members):
            request = getattr(self.messages, f"{rpc}Request")(**members)
            return getattr(self.stub, rpc)(request, metadata=self.metadata, timeout=20)

        return call


def channel(port):
    return grpc.insecure_channel(f"127.0.0.1:{port}")


def program(server, file, service):
    """A service of the operator's programs, called with a service token."""
    if not hasattr(server, "program"):
        server.program = server.cli("token", "create", "--name", "A program")["token"]
    return Stub(channel(server.core_port), "internal.v1", file, service, server.program)


def internal(server):
    """The TenantService of a server."""
    return program(server, "tenants", "TenantService")


def ingest(server):
    """The IngestService of a server."""
    return program(server, "ingest", "IngestService")


def details(error):
    """The `google.rpc` details of a refused call: reason, domain, facts, violations."""
    status = rpc_status.from_call(error)
    assert status is not None, error
    found = {}
    for detail in status.details:
        for kind in (error_details_pb2.ErrorInfo, error_details_pb2.BadRequest, error_details_pb2.RetryInfo):
            if detail.Is(kind.DESCRIPTOR):
                found[kind.DESCRIPTOR.name] = kind()
                detail.Unpack(found[kind.DESCRIPTOR.name])
    return found
