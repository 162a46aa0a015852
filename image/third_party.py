"""What the image is made of that was written elsewhere: scripts/third-party, and Debian's
packages that are linked or copied in, in the versions of the system that builds."""

import subprocess
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

# Package -> its licence, as SPDX names it.
DEBIAN = {
    "ca-certificates": "MPL-2.0",
    "libc6-dev": "LGPL-2.1-or-later",
    "libexpat1-dev": "MIT",
    "libgcc-12-dev": "GPL-3.0-or-later WITH GCC-exception-3.1",
    "libjemalloc-dev": "BSD-2-Clause",
    "libpcre2-dev": "BSD-3-Clause",
    "libprotobuf-c-dev": "BSD-2-Clause",
    "libssl-dev": "Apache-2.0",
    "libxxhash-dev": "BSD-2-Clause",
    "libyaml-dev": "MIT",
    "libzstd-dev": "BSD-3-Clause",
    "zlib1g-dev": "Zlib",
}
PURL_TYPES = {"cargo": "cargo", "npm": "npm", "sdist": "pypi", "wheel": "pypi"}


@dataclass(frozen=True)
class Component:
    name: str
    version: str
    licence: str
    purl: str  # where it came from, in the notation of package URLs
    sha256: str | None = None


def pinned():
    """The rows of scripts/third-party."""
    for line in (ROOT / "scripts/third-party").read_text().splitlines():
        if line and not line.startswith("#"):
            name, holds, client, package, version, licence, sha256 = line.split()
            package = package.replace("@", "%40")
            version = version.replace("+", "%2B")
            yield Component(name, holds, licence, f"pkg:{PURL_TYPES[client]}/{package}@{version}",
                            sha256)


def debian():
    """The source packages, with the versions that are installed."""
    for package, licence in DEBIAN.items():
        name, version = subprocess.run(
            ["dpkg-query", "-W", "-f", "${source:Package} ${source:Version}\n", package],
            check=True, capture_output=True, text=True).stdout.splitlines()[0].split()
        yield Component(name, version, licence, f"pkg:deb/debian/{name}@{version}?arch=source")


def components():
    return sorted([*pinned(), *debian()], key=lambda component: component.name)


def archive(name):
    """The file of a row of scripts/third-party."""
    printed = subprocess.run([ROOT / "scripts/fetch.sh", name], check=True, text=True,
                             stdout=subprocess.PIPE).stdout
    return Path(printed.strip())
