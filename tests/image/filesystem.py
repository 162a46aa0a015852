"""The files of an image, from the layers of an archive or from `docker export`."""

import gzip
import hashlib
import io
import json
import tarfile
from dataclasses import dataclass


@dataclass(frozen=True)
class File:
    kind: bytes  # of tar
    mode: int
    owner: tuple
    link: str
    size: int
    digest: str


def layers_of(blobs):
    """The tar files of an archive's layers, lowest first."""
    manifest = json.loads(blobs["manifest.json"])[0]
    return [gzip.decompress(blobs[layer]) for layer in manifest["Layers"]]


class Files(dict):
    """Path -> File; of a path in several tar files the last one counts."""

    def __init__(self, archives):
        super().__init__()
        self.contents = {}
        for archive in archives:
            with tarfile.open(fileobj=io.BytesIO(archive)) as opened:
                for member in opened:
                    self._add(opened, member)

    def _add(self, opened, member):
        content = opened.extractfile(member).read() if member.isreg() else b""
        path = member.name.strip("/")
        self.contents[path] = content
        self[path] = File(member.type, member.mode & 0o7777, (member.uid, member.gid),
                          member.linkname, len(content), hashlib.sha256(content).hexdigest())

    @property
    def size(self):
        return sum(file.size for file in self.values())
