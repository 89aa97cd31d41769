"""Stands in for grpcurl where it is not installed: the same words, the same way (reflection), the same kind of output."""

import argparse

import grpc
from google.protobuf import descriptor_pool, json_format
from google.protobuf.message_factory import GetMessageClass
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase


def main():
    words = argparse.ArgumentParser()
    words.add_argument("-plaintext", action="store_true", required=True)
    words.add_argument("-H", dest="headers", action="append", default=[])
    words.add_argument("-d", dest="data", default="{}")
    words.add_argument("address")
    words.add_argument("method")
    given = words.parse_args()
    service, name = given.method.split("/")
    headers = [header.split(":", 1) for header in given.headers]
    metadata = [(key.strip().lower(), value.strip()) for key, value in headers]
    with grpc.insecure_channel(given.address) as line:
        pool = descriptor_pool.DescriptorPool(ProtoReflectionDescriptorDatabase(line))
        method = pool.FindServiceByName(service).methods_by_name[name]
        call = line.unary_unary(
            f"/{service}/{name}",
            request_serializer=lambda message: message.SerializeToString(),
            response_deserializer=GetMessageClass(method.output_type).FromString,
        )
        request = json_format.Parse(given.data, GetMessageClass(method.input_type)())
        print(json_format.MessageToJson(call(request, metadata=metadata, timeout=20)))


if __name__ == "__main__":
    main()
