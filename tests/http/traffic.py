"""Random traffic from a seed, and what a server must have counted after it."""

import json
import random
from collections import Counter

import numpy

from scrape import Metrics
from wire import Connection, head, post

CONNECTIONS = 12
METHODS = ("GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "BREW")
KNOWN = set(METHODS) - {"BREW"}
ENDPOINTS = ("/", "/health", "/livez", "/readyz", "/openapi.json", "/predict")


class Traffic:
    """`requests` counts (method, endpoint, status), `rows` (version, result), as seen here."""

    def __init__(self, server, requests, seed):
        self.server, self.valid, self.chance = server, requests, random.Random(seed)
        self.clients = [None] * CONNECTIONS
        self.requests, self.rows, self.predictions = Counter(), Counter(), Counter()
        self.scores = {}
        self.failures = Counter()

    def run(self, steps):
        actions = (self.score, self.score, self.score, self.score_array, self.ask_something,
                   self.ask_something, self.break_json, self.break_contract, self.send_nonsense,
                   self.send_text, self.pipeline, self.leave_in_the_header,
                   self.leave_in_the_body, self.leave_idle)
        for _ in range(steps):
            self.chance.choice(actions)(self.chance.randrange(CONNECTIONS))
        return self

    def close(self):
        for slot in range(CONNECTIONS):
            self.leave_idle(slot)

    # ---- connections ---------------------------------------------------------------------

    def client(self, slot):
        if self.clients[slot] is None:
            self.clients[slot] = Connection(self.server.port)
        return self.clients[slot]

    def forget(self, slot, reset=False):
        if self.clients[slot] is not None:
            self.clients[slot].leave(reset)
            self.clients[slot] = None

    def read(self, slot, method, endpoint, has_body=True):
        reply = self.clients[slot].read(has_body)
        self.requests[method, endpoint, str(reply.status)] += 1
        if reply.closes:
            self.forget(slot)
        return reply

    # ---- requests that get a prediction ------------------------------------------------------

    def count_rows(self, rows):
        for row in rows:
            version = row["model_version"]
            probability = float(numpy.float32(row["fraud_probability"]))
            self.rows[version, "fraud" if probability >= 0.5 else "legitimate"] += 1
            self.scores.setdefault(version, []).append(probability)

    def score(self, slot):
        self.client(slot).send(post(self.chance.choice(self.valid)))
        reply = self.read(slot, "POST", "/predict")
        assert reply.status == 200
        self.predictions[reply.json["model_version"]] += 1
        self.count_rows([reply.json])

    def score_array(self, slot):
        self.client(slot).send(post(self.chance.choices(self.valid,
                                                        k=self.chance.randint(1, 40))))
        reply = self.read(slot, "POST", "/predict")
        assert reply.status == 200
        self.predictions[reply.json[0]["model_version"]] += 1
        self.count_rows(reply.json)

    # ---- requests that get none ----------------------------------------------------------------

    def ask_something(self, slot):
        method = self.chance.choice(METHODS)
        path = self.chance.choice(ENDPOINTS + ("/nothing", "/metrics/x", "/predict/", "/docs"))
        self.client(slot).send(head(method, path))
        endpoint = path if path in ENDPOINTS else "other"
        reply = self.read(slot, method if method in KNOWN else "other", endpoint,
                          has_body=method != "HEAD")
        if path == "/predict":
            # a POST without a body is broken JSON, without a type: absent is JSON
            self.failures["invalid_json" if reply.status == 422 else "method"] += 1

    def refuse(self, slot, data, status, reason):
        self.client(slot).send(data)
        assert self.read(slot, "POST", "/predict").status == status
        self.failures[reason] += 1

    def break_json(self, slot):
        body = json.dumps(self.chance.choice(self.valid)).encode()
        self.refuse(slot, post(body[:self.chance.randrange(len(body))]), 422, "invalid_json")

    def break_contract(self, slot):
        body = {**self.chance.choice(self.valid), "tx_amount": self.chance.choice((0, "x", None))}
        self.refuse(slot, post(body), 422, "contract_violation")

    def send_text(self, slot):
        self.refuse(slot, head(Content_Type="text/plain", Content_Length="2") + b"{}", 415,
                    "media_type")

    def send_nonsense(self, slot):
        self.client(slot).send(b"nonsense\r\n\r\n")
        assert self.read(slot, "other", "other").status == 400

    def pipeline(self, slot):
        """Until a reply says that the connection closes: the rest is not read then."""
        count = self.chance.randint(2, 10)
        self.client(slot).send(head("GET", "/livez") * count)
        for _ in range(count):
            if self.clients[slot] is None:
                break
            assert self.read(slot, "GET", "/livez").status == 200

    # ---- clients that leave ----------------------------------------------------------------------

    def leave_in_the_header(self, slot):
        data = head("PUT", "/health")
        end_of_line = data.index(b"\r\n") + 2
        cut = self.chance.randrange(len("PUT "), len(data) - 1)
        self.client(slot).send(data[:cut])
        self.forget(slot)
        self.requests["PUT", "/health" if cut >= end_of_line else "other", "499"] += 1

    def leave_in_the_body(self, slot):
        data = post(self.chance.choices(self.valid, k=self.chance.choice((1, 300))))
        self.client(slot).send(data[:self.chance.randrange(data.index(b"\r\n\r\n") + 4,
                                                           len(data))])
        self.forget(slot, reset=self.chance.random() < 0.5)
        self.requests["POST", "/predict", "499"] += 1
        self.failures["client_left"] += 1

    def leave_idle(self, slot):
        self.forget(slot, reset=self.chance.random() < 0.5)


def counted(metrics):
    """The same as `expected`, as the server has it."""
    versions = {dict(series)["model_version"]
                for series in metrics.series("ml_model_predictions_total")}
    return {
        "requests": metrics.requests(),
        "durations": {key: value for key, value in metrics.by(
            "http_request_duration_seconds_count", "method", "endpoint").items()
            if key[1] != "/metrics"},
        "errors": metrics.by("http_errors_total", "status_code"),
        "rows": metrics.by("ml_model_predictions_total", "model_version", "prediction_result"),
        "predictions": metrics.by("ml_model_prediction_duration_seconds_count", "model_version"),
        "failures": metrics.by("ml_model_failed_predictions_total", "failure_reason"),
        "scores": {version: buckets for version in versions
                   if (buckets := metrics.buckets("ml_model_fraud_probability",
                                                  model_version=version)).get(float("inf"))},
        "active": metrics.total("ml_model_active_requests"),
        "in progress": metrics.total("http_requests_in_progress"),
    }


def expected(traffics, bounds):
    requests = sum((traffic.requests for traffic in traffics), Counter())
    durations, errors = Counter(), Counter()
    for (method, endpoint, status), count in requests.items():
        durations[method, endpoint] += count
        if int(status) >= 400:
            errors[status,] += count
    scores = {}
    for traffic in traffics:
        for version, values in traffic.scores.items():
            scores.setdefault(version, []).extend(values)
    return {
        "requests": requests,
        "durations": dict(durations),
        "errors": errors,
        "rows": sum((traffic.rows for traffic in traffics), Counter()),
        "predictions": Counter({(version,): count for version, count in sum(
            (traffic.predictions for traffic in traffics), Counter()).items()}),
        "failures": Counter({(reason,): count for reason, count in sum(
            (traffic.failures for traffic in traffics), Counter()).items()}),
        "scores": {version: {bound: sum(value <= bound for value in values) for bound in bounds}
                   for version, values in scores.items()},
        "active": 0,
        "in progress": 1,  # the scrape itself
    }


def probability_bounds(metrics: Metrics):
    return list(metrics.buckets("ml_model_fraud_probability"))
