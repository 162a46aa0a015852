"""A real kube-apiserver with its etcd, and the CRDs: what kubectl's dry runs ask. No node, no
controllers: nothing ever runs. Its programs are those of `make test-cluster`."""

import shutil
import socket
import subprocess
import time

import yaml

from schemas import custom_resources
from tools import CACHE, output, run

PROGRAMS = CACHE / "cluster/bin"
KUBECTL = shutil.which("kubectl")
PATIENCE = 120  # seconds until something that must come counts as absent; no measure of speed
TOKEN = "of-this-test-only"


def missing():
    """Why there can be no API server here; empty if there can."""
    wanted = [PROGRAMS / name for name in ("etcd", "kube-apiserver")]
    if not KUBECTL:
        return "no kubectl here"
    if not all(path.is_file() for path in wanted):
        return "no kube-apiserver here: make test-cluster builds it"
    return ""


def free_ports(n):
    sockets = [socket.socket() for _ in range(n)]
    for each in sockets:
        each.bind(("127.0.0.1", 0))
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


class ApiServer:
    def __init__(self, folder):
        self.folder = folder
        self.processes = []
        self.etcd, peer, self.port = free_ports(3)
        self.etcd_arguments = [
            f"--data-dir={folder}/etcd", f"--listen-client-urls=http://127.0.0.1:{self.etcd}",
            f"--advertise-client-urls=http://127.0.0.1:{self.etcd}",
            f"--listen-peer-urls=http://127.0.0.1:{peer}", "--unsafe-no-fsync"]

    def __enter__(self):
        key = self.folder / "accounts.key"
        output("openssl", "genrsa", "-out", key, "2048")
        (self.folder / "tokens").write_text(f'{TOKEN},admin,0,system:masters\n')
        self.start("etcd", self.etcd_arguments)
        self.start("kube-apiserver", [
            f"--etcd-servers=http://127.0.0.1:{self.etcd}", f"--secure-port={self.port}",
            "--bind-address=127.0.0.1", "--endpoint-reconciler-type=none",
            f"--cert-dir={self.folder}/certificates", f"--token-auth-file={self.folder}/tokens",
            "--authorization-mode=RBAC", "--service-cluster-ip-range=10.96.0.0/16",
            "--service-account-issuer=https://kubernetes.default.svc",
            f"--service-account-key-file={key}", f"--service-account-signing-key-file={key}"])
        try:
            self.wait_until_ready()
            self.add_kinds()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        for process in reversed(self.processes):
            process.kill()
            process.wait()

    def start(self, name, arguments):
        log = open(self.folder / f"{name}.log", "wb")
        self.processes.append(subprocess.Popen([PROGRAMS / name, *arguments], cwd=self.folder,
                                               stdout=log, stderr=log))

    def log(self):
        return (self.folder / "kube-apiserver.log").read_text()[-3000:]

    def wait_until_ready(self):
        deadline = time.monotonic() + PATIENCE
        while self.kubectl("get", "--raw", "/readyz").returncode != 0:
            assert self.processes[-1].poll() is None, self.log()
            assert time.monotonic() < deadline, self.log()
            time.sleep(0.2)

    def add_kinds(self):
        for path in custom_resources():
            created = self.kubectl("create", "-f", path)
            assert created.returncode == 0, created.stderr
            name = yaml.safe_load(path.read_text())["metadata"]["name"]
            waited = self.kubectl("wait", "--for=condition=Established", f"--timeout={PATIENCE}s",
                                  f"crd/{name}")
            assert waited.returncode == 0, waited.stderr

    def kubectl(self, *arguments):
        return run(KUBECTL, f"--server=https://127.0.0.1:{self.port}", f"--token={TOKEN}",
                   "--insecure-skip-tls-verify", f"--cache-dir={self.folder}/kubectl",
                   "--kubeconfig=/dev/null", *arguments)
