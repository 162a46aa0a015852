"""What a reader must know of the machine to compare figures; never its name."""

import os
import platform
from pathlib import Path


def _cpuinfo() -> dict[str, str]:
    text = Path("/proc/cpuinfo").read_text().split("\n\n")[0]
    return {key.strip(): value.strip()
            for key, value in (line.split(":", 1) for line in text.splitlines() if ":" in line)}


def _memory_gib() -> int:
    return round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30)


def _system() -> str:
    try:
        return platform.freedesktop_os_release()["PRETTY_NAME"]
    except OSError:
        return platform.system()


def describe() -> str:
    cpu = _cpuinfo()
    vectors = [name for name in ("avx2", "avx512f") if name in cpu.get("flags", "").split()]
    parts = [cpu.get("model name", platform.machine())]
    if "cpu family" in cpu:
        parts.append(f"family {cpu['cpu family']} model {cpu['model']}")
    parts += [f"{os.cpu_count()} cores", *vectors, f"{_memory_gib()} GiB", _system()]
    return ", ".join(parts)
