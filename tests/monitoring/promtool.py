"""Many unit tests of rules in one run of promtool, and what became of each."""

import re
import subprocess

import yaml


class Batch:
    """Files of tests, each with rules of its own, judged by one process: a start costs as much as
    many tests."""

    def __init__(self, folder):
        self.folder = folder
        self.files = {}

    def add(self, name, rules, tests, every="1m"):
        """`name` stands for all of `tests`."""
        number = len(self.files)
        (self.folder / f"rules-{number}.yaml").write_text(
            rules if isinstance(rules, str) else yaml.safe_dump(rules, sort_keys=False))
        path = self.folder / f"tests-{number}.yaml"
        path.write_text(yaml.safe_dump({"rule_files": [f"rules-{number}.yaml"],
                                        "evaluation_interval": every, "tests": tests}))
        assert name not in self.files, name
        self.files[name] = path

    def run(self):
        """name -> what promtool found wrong; empty: nothing."""
        finished = subprocess.run(["promtool", "test", "rules", *self.files.values()], text=True,
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                  cwd=self.folder)
        printed = finished.stdout
        parts = dict(re.findall(r"Unit Testing:\s+(\S+)\n(.*?)(?=\nUnit Testing:|\Z)", printed,
                                re.S))
        verdicts = {name: parts[str(path)].strip() for name, path in self.files.items()}
        for name, verdict in verdicts.items():
            assert verdict.startswith(("SUCCESS", "FAILED")), f"{name}: {verdict}"
        assert (finished.returncode == 0) == all(map(succeeded, verdicts.values())), printed
        return {name: "" if succeeded(verdict) else verdict
                for name, verdict in verdicts.items()}


def succeeded(verdict):
    return verdict.startswith("SUCCESS")
