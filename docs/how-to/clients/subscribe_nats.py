"""Follows lifecycle events on NATS: those that are kept (24 h), then those that come.

    python subscribe_nats.py TENANT [RUN]

Needs nats-py. With RUN it ends when the run is at rest. Each event is printed once and in order per run:
the bus may repeat one or bring it late, so the number counts and not the arrival.
"""

import asyncio
import json
import os
import sys

import nats
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy

URL = os.environ.get("PRESSRUN_NATS_URL", "nats://127.0.0.1:4222")
# File with the seed of the user's nkey, for a server with users.
SEED = os.environ.get("PRESSRUN_NATS_CREDENTIALS")


async def main(tenant, run=None):
    client = await nats.connect(URL, nkeys_seed=SEED, name="subscribe-nats")
    # An ordinary consumer of the stream EVENTS that the server forgets with this connection.
    subscription = await client.jetstream().subscribe(
        f"ev.{tenant}.{run or '*'}",
        stream="EVENTS",
        ordered_consumer=True,
        config=ConsumerConfig(deliver_policy=DeliverPolicy.ALL, ack_policy=AckPolicy.NONE),
    )
    last, waiting = {}, {}
    async for message in subscription.messages:
        event = json.loads(message.data)
        number = int(event["sequence"])
        events = waiting.setdefault(event["run_id"], {})
        if number > last.get(event["run_id"], 0):
            events[number] = event
        while (ready := events.pop(last.get(event["run_id"], 0) + 1, None)) is not None:
            last[ready["run_id"]] = int(ready["sequence"])
            print(ready["run_id"], ready["sequence"], ready["type"], ready["state"], flush=True)
            if run and ready.get("at_rest"):
                await client.close()
                return


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
