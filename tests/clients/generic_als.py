"""An access-log server that knows nothing of Hansard: grpcio with the published Envoy types.

    generic_als.py PORT FILE [--refuse STATUS] [--delay MS]

Listens on 127.0.0.1:PORT (0 picks one) and prints the port as its first line. Each entry that arrives
is one JSON line in FILE, written before the stream is answered:

    {"log_name", "common", "protocol", "request", "response", "objects": {KEY: JSON}}

A stream is answered when the client half-closes it, as the service is declared; Envoy's own log
streams never do. --refuse answers with that gRPC status (UNAVAILABLE, RESOURCE_EXHAUSTED, ...) instead
of a response, --delay waits first.
"""

import argparse
import asyncio
import json
import logging

import grpc
from envoy.data.accesslog.v3 import accesslog_pb2
from envoy.service.accesslog.v3 import als_pb2, als_pb2_grpc
from google.protobuf import json_format, wrappers_pb2

# What of AccessLogCommon says who, when and how; the rest is byte counts and timings.
COMMON = [
    "downstream_remote_address",
    "downstream_direct_remote_address",
    "start_time",
    "duration",
    "upstream_cluster",
    "response_flags",
    "route_name",
    "stream_id",
    "access_log_type",
]


def as_dict(message):
    return json_format.MessageToDict(message, preserving_proto_field_name=True)


def essentials(common):
    plain = accesslog_pb2.AccessLogCommon()
    plain.CopyFrom(common)
    for field, _ in common.ListFields():
        if field.name not in COMMON:
            plain.ClearField(field.name)
    return as_dict(plain)


def decoded(any_message):
    """The JSON or the text inside Any(google.protobuf.BytesValue); anything else is named."""
    value = wrappers_pb2.BytesValue()
    if not any_message.Unpack(value):
        return {"not_bytes": any_message.type_url}
    try:
        return json.loads(value.value)
    except ValueError:
        return value.value.decode("utf-8", "replace")


def line(log_name, entry):
    common = entry.common_properties
    return {
        "log_name": log_name,
        "common": essentials(common),
        "protocol": accesslog_pb2.HTTPAccessLogEntry.HTTPVersion.Name(entry.protocol_version),
        "request": as_dict(entry.request),
        "response": as_dict(entry.response),
        "objects": {key: decoded(value) for key, value in common.filter_state_objects.items()},
    }


class Recorder(als_pb2_grpc.AccessLogServiceServicer):
    def __init__(self, out, refuse, delay):
        self.out, self.refuse, self.delay = out, refuse, delay

    async def StreamAccessLogs(self, messages, context):
        log_name = ""
        async for message in messages:
            # The identifier travels in the first message of a stream and counts for all of it.
            log_name = message.identifier.log_name or log_name
            for entry in message.http_logs.log_entry:
                self.out.write(json.dumps(line(log_name, entry)) + "\n")
            self.out.flush()
        await asyncio.sleep(self.delay / 1000)
        if self.refuse is not None:
            await context.abort(self.refuse, "refused as asked")
        return als_pb2.StreamAccessLogsResponse()


async def serve(args):
    with open(args.file, "w", encoding="utf-8") as out:
        # grpcio stops at 4 MB by default; one part can hold a 32 MB body.
        server = grpc.aio.server(options=[("grpc.max_receive_message_length", -1)])
        recorder = Recorder(out, args.refuse, args.delay)
        als_pb2_grpc.add_AccessLogServiceServicer_to_server(recorder, server)
        port = server.add_insecure_port(f"127.0.0.1:{args.port}")
        await server.start()
        print(port, flush=True)
        await server.wait_for_termination()


def main():
    # A client that goes away is ordinary here; grpcio would log each abort with a traceback.
    logging.getLogger("grpc._cython.cygrpc").setLevel(logging.CRITICAL)
    parser = argparse.ArgumentParser()
    parser.add_argument("port", type=int)
    parser.add_argument("file")
    parser.add_argument("--refuse", type=lambda name: grpc.StatusCode[name])
    parser.add_argument("--delay", type=int, default=0, metavar="MS")
    asyncio.run(serve(parser.parse_args()))


if __name__ == "__main__":
    main()
