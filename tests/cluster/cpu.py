"""CPU seconds that containers have used, as the kernel counts them for their cgroups: exact at any
moment, where metrics-server and cAdvisor have an average of some time ago."""

import time
from pathlib import Path

import cgroups
import containers
from place import Failed

CONTAINERS = ("api", "stream", "sync")


def used(folder):
    """Seconds, since the cgroup was made."""
    version1 = folder / "cpuacct.usage"
    if version1.exists():
        return int(version1.read_text()) / 1e9
    lines = (line.split() for line in (folder / "cpu.stat").read_text().splitlines())
    return int(dict(lines)["usage_usec"]) / 1e6


def group(pod, container) -> Path:
    pid = containers.main_pid(pod, container)
    if pid is None:
        raise Failed(f"{container} of {pod['metadata']['name']} has no process")
    return cgroups.folder(pid, "cpuacct")


def between(earlier, later, moment):
    """The reading of a moment, in proportion to the two around it."""
    (before, old), (after, new) = earlier, later
    share = (moment - before) / (after - before) if after > before else 0
    return {key: old[key] + share * (new[key] - old[key]) for key in old}


class Meter:
    """Readings of the containers of some pods: look() often, and then ask for any span between the
    first look and the last. A container that ends takes its count with it: look() then fails."""

    def __init__(self, pods, names=CONTAINERS):
        self.groups = {(pod["metadata"]["name"], name): group(pod, name)
                       for pod in pods for name in names}
        self.readings = []
        self.look()

    def look(self):
        """One reading; time.time() is its time."""
        try:
            self.readings.append((time.time(), {key: used(folder)
                                                for key, folder in self.groups.items()}))
        except FileNotFoundError as error:
            raise Failed(f"a container has ended: {error.filename} is gone") from error

    def at(self, moment):
        pairs = zip(self.readings, self.readings[1:])
        for earlier, later in pairs:
            if earlier[0] <= moment <= later[0]:
                return between(earlier, later, moment)
        raise Failed(f"no reading around {moment:.0f}: {len(self.readings)} from "
                     f"{self.readings[0][0]:.0f} to {self.readings[-1][0]:.0f}")

    def cores(self, begin, end):
        """{(pod, container): cores} on average from `begin` to `end`, which are time.time()."""
        first, last = self.at(begin), self.at(end)
        return {key: (last[key] - first[key]) / (end - begin) for key in first}


def by_container(cores):
    """{container: cores} of all pods together."""
    total = dict.fromkeys((container for _, container in cores), 0.0)
    for (_, container), value in cores.items():
        total[container] += value
    return total
