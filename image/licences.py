"""The licences of what the image holds, in their own words."""

import tarfile
import zipfile
from pathlib import Path

import third_party


def _of_tar(name, ending):
    with tarfile.open(third_party.archive(name)) as archive:
        member = next(member for member in archive if member.name.endswith(ending))
        return archive.extractfile(member).read()


def _of_wheel(name, ending):
    with zipfile.ZipFile(third_party.archive(name)) as archive:
        member = next(member for member in archive.namelist() if member.endswith(ending))
        return archive.read(member)


def texts(build):
    """File name -> text. Those of Swagger UI and uPlot stand beside their files too."""
    found = {
        "rowan": (third_party.ROOT / "LICENSE").read_bytes(),
        "nginx": _of_tar("nginx", "nginx/LICENSE"),
        "librdkafka": _of_tar("librdkafka", "deps/librdkafka/LICENSES.txt"),
        "curl": _of_tar("curl", "curl/COPYING"),
        "uplot": _of_tar("uplot", "package/LICENSE"),
        "yyjson": _of_tar("yyjson", "/LICENSE"),
        "swagger-ui": _of_wheel("swagger-ui", "swagger-ui-dist/LICENSE"),
    }
    for package in third_party.DEBIAN:
        name = package.removesuffix("-dev")
        found[name] = (Path("/usr/share/doc") / package / "copyright").read_bytes()
    return found
