"""An image as one archive: OCI's image layout, and docker-archive's manifest beside it, so
that containerd, skopeo and every version of `docker load` read it.

The same input gives the same bytes: entries are sorted, owners and times are fixed.
"""

import gzip
import hashlib
import io
import json
import tarfile
from datetime import datetime, timezone

MEDIA = "application/vnd.oci.image"
ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}


def digest_of(data):
    return "sha256:" + hashlib.sha256(data).hexdigest()


def as_json(value):
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()


def tar(entries, time):
    """The bytes of a tar archive of tree's entries."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for entry in entries:
            archive.addfile(_header(entry, time), io.BytesIO(entry.content or b""))
    return buffer.getvalue()


def _header(entry, time):
    header = tarfile.TarInfo(entry.path)
    header.mode = entry.mode
    header.uid = header.gid = entry.owner
    header.mtime = time
    if entry.target is not None:
        header.type, header.linkname = tarfile.SYMTYPE, entry.target
    elif entry.content is None:
        header.type = tarfile.DIRTYPE
    else:
        header.size = len(entry.content)
    return header


class Archive:
    """Blobs by their digests, and the files that name them."""

    def __init__(self):
        self.files = {"oci-layout": as_json({"imageLayoutVersion": "1.0.0"})}

    def add(self, data, media_type):
        """Keeps a blob; its descriptor."""
        digest = digest_of(data)
        self.files[self.path(digest)] = data
        return {"mediaType": media_type, "digest": digest, "size": len(data)}

    @staticmethod
    def path(digest):
        return "blobs/" + digest.replace(":", "/")

    def write(self, path, time):
        with tarfile.open(path, "w", format=tarfile.PAX_FORMAT) as archive:
            for name in sorted(self.files):
                header = tarfile.TarInfo(name)
                header.size, header.mode, header.mtime = len(self.files[name]), 0o644, time
                archive.addfile(header, io.BytesIO(self.files[name]))


def write_image(path, name, layers, config, time, machine):
    """Writes the image `name` ("repository:tag") and returns the digest of its manifest.
    `layers`: (name, entries); `config`: as OCI's image configuration has it under "config"."""
    archive = Archive()
    created = datetime.fromtimestamp(time, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    blobs, diff_ids, history = [], [], []
    for layer, entries in layers:
        data = tar(entries, time)
        diff_ids.append(digest_of(data))
        blobs.append(archive.add(gzip.compress(data, 9, mtime=0), f"{MEDIA}.layer.v1.tar+gzip"))
        history.append({"created": created, "created_by": f"make image: {layer}"})
    configuration = archive.add(as_json({
        "architecture": ARCHITECTURES[machine], "os": "linux", "created": created,
        "config": config, "rootfs": {"type": "layers", "diff_ids": diff_ids},
        "history": history}), f"{MEDIA}.config.v1+json")
    manifest = archive.add(as_json({
        "schemaVersion": 2, "mediaType": f"{MEDIA}.manifest.v1+json",
        "config": configuration, "layers": blobs}), f"{MEDIA}.manifest.v1+json")
    tag = name.rpartition(":")[2]
    names = {"io.containerd.image.name": f"docker.io/library/{name}",
             "org.opencontainers.image.ref.name": tag}
    archive.files["index.json"] = as_json({
        "schemaVersion": 2, "mediaType": f"{MEDIA}.index.v1+json",
        "manifests": [{**manifest, "annotations": names}]})
    archive.files["manifest.json"] = as_json([{
        "Config": archive.path(configuration["digest"]), "RepoTags": [name],
        "Layers": [archive.path(blob["digest"]) for blob in blobs]}])
    archive.write(path, time)
    return manifest["digest"]
