"""A static program finds the names of brokers as others do: /etc/hosts, and the name server of
/etc/resolv.conf, with no library of the C library's to load."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from engine import PATIENCE, Namespace, eventually

HERE = Path(__file__).parent
USER = "65532:65532"


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
    (root / "etc/hosts").write_text("127.0.0.7 of-a-file\n")
    (root / "etc/resolv.conf").write_text("nameserver 127.0.0.1\n")
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
