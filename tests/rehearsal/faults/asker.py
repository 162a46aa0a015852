"""Two careful clients that remember each answer: how long it was waited for, and of which model."""

import threading
import time
from dataclasses import dataclass

import httpx

import service

EVERY = 0.1            # seconds from an answer to the next request
PAUSE = 0.25           # before a request is sent again
CONNECT_PATIENCE = 2   # as the ingress (argocd/manifests/ingress.yaml) has it
ANSWER_PATIENCE = 5
GIVE_UP = 60           # a request that nobody answers within it has failed
ADDRESS = "198.51.100.7"


@dataclass(frozen=True)
class Answer:
    at: float        # time.time() at which it came
    waited: float    # seconds since the request was sent first
    tries: int
    version: str     # "" where none came
    is_right: bool


class Asker:
    """From `with` to its end one client opens a connection for each request, the other keeps its
    own. `right`: {version of a model: its score of README's request}; nothing else counts."""

    def __init__(self, key, right):
        self.url = service.url("/predict")
        self.headers = {"X-API-Key": key, "X-Forwarded-For": ADDRESS}
        self.right = right
        self.answers = []
        self.ended = threading.Event()
        self.threads = [threading.Thread(target=self._work, args=(kept,), daemon=True)
                        for kept in (0, 1)]

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.ended.set()
        for thread in self.threads:
            thread.join(GIVE_UP + ANSWER_PATIENCE)

    def _work(self, kept):
        with httpx.Client(headers=self.headers,
                          limits=httpx.Limits(max_keepalive_connections=kept),
                          timeout=httpx.Timeout(ANSWER_PATIENCE, connect=CONNECT_PATIENCE),
                          ) as client:
            while not self.ended.is_set():
                self.answers.append(self._answer(client))
                self.ended.wait(EVERY)

    def _answer(self, client):
        began, tries = time.monotonic(), 0
        while time.monotonic() - began < GIVE_UP:
            tries += 1
            try:
                reply = client.post(self.url, json=service.REQUEST)
            except httpx.TransportError:
                reply = None
            if reply is not None and reply.status_code == 200:
                said = reply.json()
                version, score = said["model_version"], said["fraud_probability"]
                return Answer(time.time(), time.monotonic() - began, tries, version,
                              self.right.get(version) == score)
            time.sleep(PAUSE)
        return Answer(time.time(), time.monotonic() - began, tries, "", False)

    # ---- what they saw -----------------------------------------------------------------------

    @property
    def wrong(self):
        return [answer for answer in list(self.answers) if not answer.is_right]

    @property
    def longest(self):
        return max((answer.waited for answer in list(self.answers)), default=0.0)

    @property
    def again(self):
        """Requests that had to be sent more than once."""
        return sum(answer.tries > 1 for answer in list(self.answers))

    @property
    def versions(self):
        return {answer.version for answer in list(self.answers)}
