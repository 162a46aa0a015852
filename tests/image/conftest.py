"""Fixtures: the archive that `make image` wrote, and containers of the image that Docker built."""

import json
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

import pytest

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent / "registry"), str(HERE.parent / "http")]
pytest.register_assert_rewrite("filesystem")

from engine import NAME, ROOT, Engine, Namespace, import_base, run, storage
from filesystem import Files, layers_of

@pytest.fixture(scope="session")
def archive():
    """The path of what `make image` has just written; `make test-image` makes it first."""
    path = ROOT / "build/image/rowan.oci.tar"
    assert path.exists(), "run: make image"
    return path


@pytest.fixture(scope="session")
def blobs(archive):
    """Name -> bytes of each file of the archive."""
    with tarfile.open(archive) as opened:
        return {member.name: opened.extractfile(member).read() for member in opened}


@pytest.fixture(scope="session")
def files(blobs):
    """The root filesystem, as the layers of the archive give it."""
    return Files(layers_of(blobs))


@pytest.fixture(scope="session")
def root(files):
    """The root filesystem in a folder, with the devices that an engine adds."""
    folder = Path(tempfile.mkdtemp(prefix="rowan-image-"))
    folder.chmod(0o755)
    for path in sorted(files):
        target = folder / path
        if files[path].kind == tarfile.DIRTYPE:
            target.mkdir(exist_ok=True)
            os.chown(target, *files[path].owner)
        elif files[path].kind == tarfile.SYMTYPE:
            target.symlink_to(files[path].link)
        else:
            target.write_bytes(files.contents[path])
        if not target.is_symlink():
            target.chmod(files[path].mode)
    (folder / "dev").mkdir()
    for device in ("null", "urandom"):
        subprocess.run(["cp", "--archive", f"/dev/{device}", folder / "dev"], check=True)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="session")
def image_config(blobs):
    manifest = json.loads(blobs["manifest.json"])[0]
    return json.loads(blobs[manifest["Config"]])["config"]


@pytest.fixture(scope="session")
def commit():
    """What the Dockerfile is told of the commit: its build arguments."""
    return {"REVISION": run("git", "-C", ROOT, "rev-parse", "HEAD").strip(),
            "SOURCE_DATE_EPOCH": run("git", "-C", ROOT, "log", "-1", "--format=%ct").strip()}


@pytest.fixture(scope="session")
def built(commit):
    """`docker build`, in this machine's network, where the registries are."""
    with Engine(storage()) as engine:
        import_base(engine)
        arguments = [f"--build-arg={name}={value}" for name, value in commit.items()]
        engine.docker("build", "--network", "host", "--tag", NAME, *arguments, ROOT)


@pytest.fixture(scope="session")
def network():
    with Namespace() as namespace:
        yield namespace


@pytest.fixture(scope="session")
def engine(built, network):
    """The same engine in a network of the tests' own, where containers have ports."""
    with Engine(storage(), network) as running:
        yield running


@pytest.fixture
def curl(network):
    """curl in that network: the finished process."""
    return lambda *arguments: subprocess.run(
        network.enter("curl", "--silent", "--show-error", "--max-time", "20", *arguments),
        capture_output=True, text=True)
