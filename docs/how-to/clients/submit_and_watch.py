"""Submits a brief and follows its run over gRPC, by reflection: no generated code, no .proto files.

    python submit_and_watch.py brief.json

Needs grpcio, grpcio-reflection and protobuf. Addresses and the key come from the environment.
"""

import json
import os
import sys

import grpc
from google.protobuf import json_format
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message_factory import GetMessageClass
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase

ORCHESTRATOR = os.environ.get("PRESSRUN_ORCHESTRATOR_URL", "http://127.0.0.1:7400")
GATEWAY = os.environ.get("PRESSRUN_GATEWAY_URL", "http://127.0.0.1:3131")
KEY = os.environ.get("PRESSRUN_API_KEY")


class Server:
    """One address: its services and messages, as it describes them itself."""

    def __init__(self, url):
        self.channel = grpc.insecure_channel(url.removeprefix("http://"))
        self.pool = DescriptorPool(ProtoReflectionDescriptorDatabase(self.channel))
        self.metadata = [("authorization", f"Bearer {KEY}")] if KEY else []

    def call(self, service, method, request, timeout=None):
        found = self.pool.FindServiceByName(service).FindMethodByName(method)
        message = json_format.ParseDict(request, GetMessageClass(found.input_type)())
        kind = self.channel.unary_stream if found.server_streaming else self.channel.unary_unary
        call = kind(
            f"/{service}/{method}",
            request_serializer=lambda sent: sent.SerializeToString(),
            response_deserializer=GetMessageClass(found.output_type).FromString,
        )
        return call(message, metadata=self.metadata, timeout=timeout)


def main(path):
    orchestrator, gateway = Server(ORCHESTRATOR), Server(GATEWAY)
    with open(path, encoding="utf-8") as file:
        brief = json.load(file)
    request = {"brief": brief, "options": {"mode": "parallel", "wait_for_workers": True}}
    try:
        run = orchestrator.call("pressrun.campaign.v1.CampaignService", "Submit", request, timeout=10).run_id
    except grpc.RpcError as refused:
        # Every fault of a brief at once; by field path in the status details (google.rpc.BadRequest).
        sys.exit(f"{refused.code().name}: {refused.details()}")
    print("run", run, flush=True)

    # History first, then live. Cut off, go on after the last number: {"run_id": run, "after": number}.
    watch = {"run_id": run, "until_rest": True}
    for answer in gateway.call("pressrun.events.v1.EventService", "Subscribe", watch):
        if answer.WhichOneof("what") == "event":
            event = answer.event
            print(event.sequence, event.type, event.state, event.message, flush=True)

    result = orchestrator.call("pressrun.campaign.v1.CampaignService", "Get", {"run_id": run}, timeout=10)
    print("status", result.status)
    for headline in result.artifacts.copy.headline_options:
        print("headline", headline)


if __name__ == "__main__":
    main(sys.argv[1])
