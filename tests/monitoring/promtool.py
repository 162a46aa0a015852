"""Many unit tests of rules in a run of promtool for each core, and what became of each."""

import os
import re
import subprocess
from concurrent.futures import ThreadPoolExecutor

import yaml


class Batch:
    """Files of tests, each with rules of its own, judged together: a start of promtool costs as
    much as many tests."""

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
        files, cores = list(self.files.values()), os.cpu_count()
        running = [subprocess.Popen(["promtool", "test", "rules", *files[i::cores]], text=True,
                                    stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                    cwd=self.folder) for i in range(min(cores, len(files)))]
        with ThreadPoolExecutor(len(running)) as readers:
            printed = "\n".join(readers.map(lambda process: process.communicate()[0], running))
        parts = dict(re.findall(r"Unit Testing:\s+(\S+)\n(.*?)(?=\nUnit Testing:|\Z)", printed,
                                re.S))
        verdicts = {name: parts[str(path)].strip() for name, path in self.files.items()}
        for name, verdict in verdicts.items():
            assert verdict.startswith(("SUCCESS", "FAILED")), f"{name}: {verdict}"
        passed = all(process.returncode == 0 for process in running)
        assert passed == all(map(succeeded, verdicts.values())), printed
        return {name: "" if succeeded(verdict) else verdict
                for name, verdict in verdicts.items()}


def succeeded(verdict):
    return verdict.startswith("SUCCESS")
