"""A static program finds the names of brokers as others do: /etc/hosts, and the name server of
/etc/resolv.conf, with no library of the C library's to load."""

import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

import pytest

from engine import PATIENCE, Namespace, eventually

HERE = Path(__file__).parent
USER = "65532:65532"


@pytest.fixture(scope="module")
def root(files):
    """The root filesystem in a folder, with the files that an engine adds."""
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
    (folder / "etc/hosts").write_text("127.0.0.7 of-a-file\n")
    (folder / "etc/resolv.conf").write_text("nameserver 127.0.0.1\n")
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def named():
    """A network with a name server."""
    with Namespace() as namespace:
        server = subprocess.Popen(namespace.enter(sys.executable, HERE / "names.py", 53),
                                  stdout=subprocess.PIPE, text=True)
        assert server.stdout.readline() == "up\n"
        yield namespace
        server.kill()
        server.wait()


@pytest.mark.parametrize("name, address", [("of-a-file", "127.0.0.7"),
                                           ("broker.example", "127.0.0.1")])
def test_a_broker_is_found_by_its_name(root, named, name, address, tmp_path):
    log = tmp_path / "log"
    environment = {"MODEL_DIR": "/models/fraud", "METRICS_DIR": "/run/rowan",
                   "KAFKA_BOOTSTRAP_SERVERS": f"{name}:9092"}
    with open(log, "wb") as written:
        stream = subprocess.Popen(
            named.enter(shutil.which("chroot"), f"--userspec={USER}", root,
                        "/usr/bin/rowan-stream"), env=environment, stdout=written, stderr=written)
    # Nobody listens there; that it was tried says that the name was found.
    assert eventually(lambda: f"ipv4#{address}:9092" in log.read_text()), log.read_text()
    stream.terminate()
    stream.wait(PATIENCE)
