"""The root filesystem of the image, as layers of entries: what is in it, and whose it is."""

import gzip
import json
from dataclasses import dataclass
from pathlib import Path

import licences
import sbom

ROOT = Path(__file__).resolve().parent.parent
USER = 65532  # and its group; nobody else has it on a usual system
FILE, PROGRAM, FOLDER = 0o644, 0o755, 0o755
EVERYBODY = 0o1777
NAMES = ("nginx", "rowan-stream", "rowan-sync")  # of the program, beside its own
MOZILLA = Path("/usr/share/ca-certificates/mozilla")


@dataclass(frozen=True)
class Entry:
    """A folder (content None) or a file (content bytes), or a link (target)."""

    path: str  # without a leading slash
    mode: int
    content: bytes | None = None
    target: str | None = None
    owner: int = 0


def folder(path, mode=FOLDER, owner=0):
    return Entry(path, mode, owner=owner)


def link(path, target):
    return Entry(path, 0o777, target=target)


def text(path, *lines):
    return Entry(path, FILE, "".join(line + "\n" for line in lines).encode())


def copy(path, source, mode=FILE):
    return Entry(path, mode, Path(source).read_bytes())


def copies(path, where):
    """Every file of a folder, which holds no folders."""
    return [copy(f"{path}/{source.name}", source) for source in sorted(Path(where).iterdir())]


def authorities():
    """The certificate authorities of Debian's package, not those that this machine has added."""
    return b"".join(path.read_bytes() for path in sorted(MOZILLA.glob("*.crt")))


def with_folders(entries):
    """The entries in order of their paths, with the folders that lead to them."""
    found = {entry.path: entry for entry in entries}
    for entry in entries:
        for parent in Path(entry.path).parents:
            if parent.name:
                found.setdefault(str(parent), folder(str(parent)))
    return [found[path] for path in sorted(found)]


# ---- the layers ----------------------------------------------------------------------------


def system():
    """What programs expect of a system, and the folders that they write to."""
    return [
        text("etc/passwd", "root:x:0:0:root:/:/nonexistent",
             f"rowan:x:{USER}:{USER}:rowan:/run/rowan:/nonexistent"),
        text("etc/group", "root:x:0:", f"rowan:x:{USER}:"),
        text("etc/nsswitch.conf", "passwd: files", "group: files", "hosts: files dns"),
        Entry("etc/ssl/certs/ca-certificates.crt", FILE, authorities()),
        folder("run/rowan", owner=USER),
        folder("tmp", EVERYBODY),
    ]


def programs(build):
    """What runs: one program of several names (program.c)."""
    return [copy("usr/bin/rowan", build / "bin/rowan", PROGRAM),
            *(link(f"usr/bin/{name}", "rowan") for name in NAMES)]


def share(build):
    """nginx's configuration, the pages, and what all this is made of."""
    shared = build / "share/rowan"
    documents = [Entry(f"usr/share/licenses/{name}.gz", FILE, gzip.compress(content, 9, mtime=0))
                 for name, content in licences.texts(build).items()]
    bill = json.dumps(sbom.bill_of_materials(), indent=1) + "\n"
    return [
        *(entry for path in ("conf", "pages/live", "pages/docs")
          for entry in copies(f"usr/share/rowan/{path}", shared / path)),
        *documents,
        Entry("usr/share/rowan/sbom.cdx.json", FILE, bill.encode()),
    ]


def model():
    return copies("models/fraud", ROOT / "models/fraud")


def layers(build):
    """(name, entries) of each layer, those that change least first."""
    return [(name, with_folders(entries)) for name, entries in (
        ("system", system()),
        ("programs", programs(build)),
        ("share", share(build)),
        ("model", model()))]
