"""Replicas of the service as pods have them, each with a rowan-sync for the champion and one for
the challenger, and clients that never pause for long."""

import asyncio
import json
import os
import subprocess
import threading
from collections import Counter
from contextlib import ExitStack

from server import BUILD, NO_LIMITS, PATIENCE, ROOT, Server
from wire import AsyncConnection, post

SYNC = BUILD / "src/sync/rowan-sync"
SHIPPED = ROOT / "models/fraud"
CONNECTIONS = 4  # of each replica
SHARE = 20  # percent of the requests that the challenger answers
PAUSE = 0.03  # seconds between two requests of a connection


class Sync:
    """A rowan-sync that swaps one link: of the champion, or of the challenger."""

    def __init__(self, folder, alias, environment):
        self.link = folder / "models" / alias
        self.log_path = folder / f"sync-{alias}.log"
        self.environment = {**environment, "MLFLOW_MODEL_ALIAS": alias, "MODEL_DIR": str(self.link)}
        # As in a pod: one look first, then all containers.
        subprocess.run([SYNC, "--once"], env=self.environment, check=True, timeout=PATIENCE,
                       stderr=subprocess.DEVNULL)

    def __enter__(self):
        with open(self.log_path, "wb") as log:
            self.process = subprocess.Popen([SYNC], env=self.environment, stderr=log)
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(PATIENCE)


class Replica:
    """nginx with two workers, of which a share of the answers is the challenger's, and a rowan-sync
    for each of the two links that they serve."""

    def __init__(self, name, folder, registry):
        self.name, self.folder = name, folder / name
        self.folder.mkdir()
        self.folder.chmod(0o755)
        metrics = self.folder / "metrics"
        metrics.mkdir()
        metrics.chmod(0o777)
        (self.folder / "models").mkdir()
        environment = {
            **os.environ, **registry.client_environment, "MLFLOW_MODEL_NAME": "fraud",
            "SYNC_INTERVAL": "1", "METRICS_DIR": str(metrics), "REPLICA_ID": name}
        self.champion = Sync(self.folder, "champion",
                             {**environment, "SYNC_FALLBACK": str(SHIPPED)})
        self.challenger = Sync(self.folder, "challenger", {
            **environment, "SYNC_FALLBACK": str(self.champion.link), "SYNC_WITHDRAW": "1"})
        self.server = Server(self.folder / "run", MODEL_DIR=self.champion.link,
                             CHALLENGER_DIR=self.challenger.link, CHALLENGER_SHARE=SHARE,
                             METRICS_DIR=metrics, REPLICA_ID=name, WORKERS=2, **NO_LIMITS)

    def __enter__(self):
        with ExitStack() as running:
            self.server.start()
            running.callback(self.server.stop)
            running.enter_context(self.champion)
            running.enter_context(self.challenger)
            self.running = running.pop_all()
        return self

    def __exit__(self, *_):
        self.running.close()

    @property
    def log(self):
        return self.champion.log_path.read_text(errors="replace")

    @property
    def version(self):
        return self.server.get("/health").json()["version"]


class Load:
    """Keep-alive clients of all replicas, while the block lasts; none of them asks twice."""

    def __init__(self, replicas):
        self.replicas = replicas
        lines = (SHIPPED / "golden.jsonl").read_text().splitlines()
        self.requests = [post(json.loads(line)["request"]) for line in lines]
        self.statuses, self.versions, self.failures = Counter(), Counter(), []
        self.stopping = False
        self.thread = threading.Thread(target=lambda: asyncio.run(self._all()))

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.stopping = True
        self.thread.join()

    def served(self, replica):
        """{version: answers} of a replica until now."""
        return {version: count for (name, version), count in self.versions.items()
                if name == replica.name}

    async def _all(self):
        await asyncio.gather(*(self._ask(replica, number * 37) for replica in self.replicas
                               for number in range(CONNECTIONS)))

    async def _ask(self, replica, row):
        connection = AsyncConnection(replica.server.port)
        while not self.stopping:
            row = (row + 1) % len(self.requests)
            try:
                reply = await connection.ask(self.requests[row])
            except (OSError, EOFError) as error:
                self.failures.append(f"{replica.name}: {error!r}")
                connection = AsyncConnection(replica.server.port)
                continue
            self.statuses[reply.status] += 1
            if reply.status == 200:
                self.versions[replica.name, reply.json["model_version"]] += 1
            else:
                self.failures.append(f"{replica.name}: {reply.status} {reply.body[:200]}")
            await asyncio.sleep(PAUSE)
        await connection.close()
