"""The program under test: a real kafka-load-test, and its report."""

import json
import signal
import subprocess

from kafka import PATIENCE
from stream import BUILD, ENVIRONMENT

KAFKA_LOAD_TEST = BUILD / "load-testing" / "kafka-load-test"


def command(*arguments, **environment):
    """To its end: the finished process."""
    return subprocess.run([KAFKA_LOAD_TEST, *map(str, arguments)], text=True, capture_output=True,
                          env={**ENVIRONMENT, **environment}, timeout=PATIENCE)


class LoadTest:
    """One run against the topics of a pipeline; `report` is its JSON."""

    def __init__(self, pipeline, *arguments):
        self.file = pipeline.folder / f"report-{len(list(pipeline.folder.glob('report-*')))}.json"
        pipeline.folder.mkdir(parents=True, exist_ok=True)
        self.file.touch()  # the name is taken
        self.process = subprocess.Popen(
            [KAFKA_LOAD_TEST, "--brokers", pipeline.cluster.brokers, "--topic", pipeline.input,
             "--output-topic", pipeline.output, "--dead-letter-topic", pipeline.dead_letter,
             "--group", pipeline.group, "--json", self.file, "--warm-up", "0",
             *map(str, arguments)],
            text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=ENVIRONMENT)

    def wait(self):
        self.out, self.err = self.process.communicate(timeout=2 * PATIENCE)
        self.status = self.process.returncode
        text = self.file.read_text()
        assert text, self.err
        self.report = json.loads(text)
        return self

    def interrupt(self):
        self.process.send_signal(signal.SIGINT)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
            self.process.communicate()


def load_test(pipeline, *arguments):
    with LoadTest(pipeline, *arguments) as running:
        return running.wait()
