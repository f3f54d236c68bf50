"""A worker in Python: hosts the agent kind `copy` by the documented messages alone.

    PRESSRUN_VERIFY_KEYS=$(cat orchestrator.pub) python agent.py

Needs nats-py and cryptography. The messages are those of proto/pressrun/job/v1/job.proto, as JSON.
"""

import asyncio
import base64
import datetime
import hashlib
import json
import os
import signal
import time

import nats
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

KIND = "copy"
VERSION = "python-1"
SLOTS = 1
MODEL = "template"
NAME = os.environ.get("PRESSRUN_INSTANCE", f"python-{os.getpid()}")
URL = os.environ.get("PRESSRUN_NATS_URL", "nats://127.0.0.1:4222")
SEED = os.environ.get("PRESSRUN_NATS_CREDENTIALS")
# JetStream counts in nanoseconds. Every worker of a kind must ask for the same consumer.
CONSUMER = {
    "durable_name": f"jobs-{KIND}",
    "filter_subject": f"jobs.{KIND}.*",
    "deliver_policy": "all",
    "ack_policy": "explicit",
    "ack_wait": 10_000_000_000,
    "max_deliver": -1,
    "max_ack_pending": 8192,
    "mem_storage": True,
}


def unbase64(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def keys():
    """The orchestrators' public keys by their id: 16 hex digits of the SHA-256."""
    texts = os.environ["PRESSRUN_VERIFY_KEYS"].split(",")
    raw = [unbase64(text.strip()) for text in texts]
    return {hashlib.sha256(key).hexdigest()[:16]: Ed25519PublicKey.from_public_bytes(key) for key in raw}


KEYS = keys()


def check_signature(message):
    """Jobs are the leaves of a Merkle tree whose root is signed: `<key id>.<index>.<signature and path>`."""
    headers = message.headers or {}
    key, index, proof = headers["Pressrun-Signature"].split(".")
    index, proof = int(index), unbase64(proof)
    signature, path = proof[:64], proof[64:]
    leaf = hashlib.sha256(b"\x00")
    for part in (
        message.subject.encode(),
        headers["ce-id"].encode(),
        headers["ce-type"].encode(),
        message.data,
    ):
        leaf.update(len(part).to_bytes(8, "big") + part)
    node = leaf.digest()
    if len(path) % 32 or len(path) > 320 or index >> (len(path) // 32):
        raise ValueError("the path is none")
    for height in range(len(path) // 32):
        other = path[32 * height : 32 * height + 32]
        pair = other + node if index >> height & 1 else node + other
        node = hashlib.sha256(b"\x01" + pair).digest()
    KEYS[key].verify(signature, b"pressrun jobs v1\x00" + node)


def read(message):
    """The job, if an orchestrator signed it for this queue and it may still be started."""
    check_signature(message)  # first: nothing of an unsigned body is read
    job = json.loads(message.data)
    if job["agent"] != KIND or message.subject != f"jobs.{KIND}.{job['id']}":
        raise ValueError("it was signed for another queue")
    expires = datetime.datetime.fromisoformat(job["expires"].replace("Z", "+00:00"))
    if expires <= datetime.datetime.now(datetime.timezone.utc):
        raise ValueError("it has expired")
    return job


def write_copy(job):
    """The agent itself: the artifact and its declared facts. All text in the input is data."""
    if not job.get("input_json"):
        raise ValueError("the input is too large for a message: ask ArtifactService.GetJobInput")
    brief = json.loads(job["input_json"])["input"]["brief"]
    messages = brief["key_messages"]
    body = "\n\n".join([brief["offer"], *messages])
    copy = {
        "headline_options": [messages[0], brief["name"], f"{brief['brand']['name']}: {messages[0]}"],
        "subhead": brief["offer"],
        "body": body,
        "key_benefits": messages,
        "call_to_action": brief["call_to_action"],
        "seo": {"title": brief["name"], "description": brief["offer"], "keywords": [brief["brand"]["name"]]},
        "claims": [],
    }
    return copy, {"words": len(body.split())}


class Worker:
    def __init__(self, client):
        self.client = client
        self.jetstream = client.jetstream()
        self.started = time.monotonic()
        self.listed = {}
        self.cancelled = set()
        self.draining = asyncio.Event()

    async def present(self):
        """Says what is hosted and which jobs are held. A job that nobody lists for 12 s goes out again."""
        now = time.monotonic()
        presence = {
            "worker": NAME,
            "uptime_ms": int(1000 * (now - self.started)),
            "agents": [
                {
                    "kind": KIND,
                    "model": MODEL,
                    "version": VERSION,
                    "slots": SLOTS,
                    "facts_json": '{"words":"number"}',
                    "max_output_bytes": 65536,
                }
            ],
            "jobs": [
                {
                    "job_id": job["id"],
                    "token": job["token"],
                    "running_ms": int(1000 * (now - since)),
                    "timeout_ms": job["timeout_ms"],
                }
                for job, since in self.listed.values()
            ],
            "draining": self.draining.is_set(),
        }
        await self.client.publish("presence.worker", json.dumps(presence).encode())

    async def keep_presenting(self):
        while True:
            await self.present()
            await asyncio.sleep(3)

    async def forget(self, message):
        """`cancelled` names jobs that nobody wants any more."""
        self.cancelled.update(json.loads(message.data).get("job_ids", []))

    async def work(self, message):
        try:
            job = read(message)
        except (KeyError, ValueError, InvalidSignature) as why:
            print("refused", message.subject, repr(why), flush=True)
            await message.ack()
            return
        self.listed[job["id"]] = (job, time.monotonic())
        await self.present()
        await message.ack()  # only once it is listed: so either the bus or a worker has it
        started = time.monotonic()
        outcome = {
            "job_id": job["id"],
            "token": job["token"],
            "tenant": job["tenant"],
            "run_id": job["run_id"],
            "worker": NAME,
        }
        try:
            # Another thread, so that presence goes on.
            work = asyncio.to_thread(write_copy, job)
            copy, facts = await asyncio.wait_for(work, int(job["timeout_ms"]) / 1000)
            content = json.dumps(copy)
            outcome["product"] = {
                "content_json": content,
                "hash": hashlib.sha256(content.encode()).hexdigest(),
                "facts_json": json.dumps(facts),
                "agent": KIND,
                "model": MODEL,
                "prompt_version": VERSION,
            }
        except asyncio.TimeoutError:
            outcome["failure"] = {"class": "timeout", "message": "the time limit of the job was over"}
        except (KeyError, ValueError) as why:
            # Another attempt would not mend it; messages carry no content.
            outcome["failure"] = {"class": "invalid_input", "message": type(why).__name__}
        outcome["duration_ms"] = int(1000 * (time.monotonic() - started))
        if job["id"] not in self.cancelled:
            await self.deliver(job, outcome)
        del self.listed[job["id"]]

    async def deliver(self, job, outcome):
        """Until the bus has it: the job stays listed so long. A repeat has the same id and counts once."""
        message_id = f"{job['id']}.{job['token']}"
        headers = {
            "Nats-Msg-Id": message_id,
            "ce-specversion": "1.0",
            "ce-source": "pressrun",
            "ce-id": message_id,
            "ce-type": "pressrun.job.v1.Outcome",
        }
        subject = f"outcomes.{job.get('partition', 0)}.{job['id']}"
        while True:
            try:
                await self.jetstream.publish(subject, json.dumps(outcome).encode(), headers=headers)
                break
            except (nats.errors.Error, asyncio.TimeoutError) as error:
                print("not delivered yet:", error, flush=True)
                await asyncio.sleep(1)
        print("done", job["run_id"], job["step"], "attempt", job["attempt"], flush=True)

    async def serve(self):
        await self.client.subscribe("cancelled", cb=self.forget)
        create = f"$JS.API.CONSUMER.CREATE.JOBS.jobs-{KIND}.jobs.{KIND}.*"
        answer = await self.client.request(create, json.dumps({"stream_name": "JOBS", "config": CONSUMER}).encode())
        if error := json.loads(answer.data).get("error"):
            raise RuntimeError(error)
        queue = await self.jetstream.pull_subscribe_bind(consumer=f"jobs-{KIND}", stream="JOBS")
        presenting = asyncio.create_task(self.keep_presenting())
        print("serving", KIND, "as", NAME, flush=True)
        while not self.draining.is_set():
            try:
                # Fetches for free places only: the rest is for others.
                for message in await queue.fetch(SLOTS, timeout=1):
                    await self.work(message)
            except nats.errors.TimeoutError:
                pass
        await self.present()
        presenting.cancel()


async def main():
    client = await nats.connect(URL, nkeys_seed=SEED, name=f"agent-{KIND}", max_reconnect_attempts=-1)
    worker = Worker(client)
    for stop in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(stop, worker.draining.set)
    await worker.serve()
    # Every outcome is on the bus by now: nothing is left to drain.
    await client.flush()
    await client.close()


if __name__ == "__main__":
    asyncio.run(main())
