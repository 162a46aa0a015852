"""A Docker engine of the tests' own: Debian's dockerd, with folders and a socket of its own, that
ends with the test; and a base image for the Dockerfile, since there may be no registry here."""

import json
import os
import shutil
import signal
import subprocess
import time
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CACHE = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "rowan" / "image"
PATIENCE = 120  # seconds until something that must come counts as absent; no measure of speed
NAME = "tasks10-ml-api:metrics"
BASE = "debian:bookworm-slim"
# Where the base image keeps the authorities that this machine trusts: the package
# ca-certificates, which the build installs, writes its own file.
AUTHORITIES = "/usr/local/share/authorities.crt"
# What the clients of the registries read, so that they work as on this machine.
TRUST = ("SSL_CERT_FILE", "PIP_CERT", "CARGO_HTTP_CAINFO", "NODE_EXTRA_CA_CERTS")


def eventually(condition, patience=PATIENCE):
    """The first true value of `condition`, or its last one."""
    deadline = time.monotonic() + patience
    while not (value := condition()) and time.monotonic() < deadline:
        time.sleep(0.02)
    return value


def run(*command, **options):
    """A command to its end: its standard output. It must succeed."""
    process = subprocess.run([str(part) for part in command], capture_output=True, text=True,
                             **options)
    assert process.returncode == 0, f"{command}\n{process.stdout[-3000:]}{process.stderr[-3000:]}"
    return process.stdout


class Namespace:
    """A network of its own with a loopback, kept by a process that sleeps."""

    def __enter__(self):
        self.keeper = subprocess.Popen(["unshare", "--net", "sh", "-c",
                                        "ip link set lo up && echo up && exec sleep infinity"],
                                       stdout=subprocess.PIPE, text=True)
        assert self.keeper.stdout.readline() == "up\n"
        return self

    def __exit__(self, *_):
        self.keeper.kill()
        self.keeper.wait()

    def enter(self, *command):
        """The command that runs `command` in this network."""
        return ["nsenter", f"--net=/proc/{self.keeper.pid}/ns/net", *map(str, command)]


class Engine:
    """dockerd, and the docker client that speaks to it."""

    def __init__(self, folder, namespace=None):
        """`namespace`: where containers get ports; without one, they have this machine's
        network and none of their own."""
        self.folder = Path(folder)
        self.namespace = namespace
        self.socket = f"unix://{self.folder}/docker.sock"
        self.process = None

    def __enter__(self):
        command = ["dockerd", "--host", self.socket, "--data-root", self.folder / "data",
                   "--exec-root", self.folder / "run", "--pidfile", self.folder / "pid",
                   # Without the right to lower it, containers would not start.
                   "--oom-score-adjust", "0"]
        if self.namespace:
            command = self.namespace.enter(*command)
        else:
            command += ["--bridge", "none", "--iptables=false", "--ip-forward=false"]
        log = open(self.folder / "log", "ab")
        self.process = subprocess.Popen([str(part) for part in command], stdout=log, stderr=log,
                                        stdin=subprocess.DEVNULL)
        assert eventually(self._answers), (self.folder / "log").read_text()[-3000:]
        return self

    def _answers(self):
        assert self.process.poll() is None, (self.folder / "log").read_text()[-3000:]
        return self.attempt("version").returncode == 0

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(PATIENCE)

    def attempt(self, *arguments, **options):
        """docker ARGUMENTS: the finished process."""
        environment = {**os.environ, "DOCKER_CONFIG": str(self.folder), "DOCKER_BUILDKIT": "0",
                       **options.pop("env", {})}
        return subprocess.run(["docker", "--host", self.socket, *map(str, arguments)],
                              capture_output=True, text=True, env=environment, **options)

    def docker(self, *arguments, **options):
        """docker ARGUMENTS, which must succeed: its standard output."""
        process = self.attempt(*arguments, **options)
        assert process.returncode == 0, (
            f"docker {arguments}\n{process.stdout[-4000:]}{process.stderr[-4000:]}")
        return process.stdout.strip()

    def inspect(self, name):
        return json.loads(self.docker("inspect", name))[0]

    @contextmanager
    def container(self, image, *command, options=()):
        """A container that runs; it is removed at the end. Its id."""
        name = self.docker("run", "--detach", *options, image, *command)
        try:
            yield name
        finally:
            self.docker("rm", "--force", name)


def storage():
    """The engine's folder, kept in the user's cache: what a build did is not done again."""
    folder = CACHE / "engine"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def apt_sources():
    """The text of this machine's sources, and the first address of them."""
    sources = Path("/etc/apt/sources.list.d/debian.sources").read_text()
    address = next(line.split()[1] for line in sources.splitlines() if line.startswith("URIs:"))
    return sources, address


def base_archive():
    """A tar of a minimal Debian, with the registries' addresses and authorities of this
    machine. Made once, by debootstrap, and kept in the user's cache."""
    archive = CACHE / "base-bookworm.tar"
    if archive.exists():
        return archive
    folder = CACHE / f"base.{os.getpid()}"
    sources, address = apt_sources()
    try:
        run("debootstrap", "--variant=minbase", "bookworm", folder, address)
        (folder / "etc/apt/sources.list").unlink(missing_ok=True)
        (folder / "etc/apt/sources.list.d/debian.sources").write_text(sources)
        for file in Path("/etc/apt/apt.conf.d").glob("99*"):
            shutil.copy(file, folder / "etc/apt/apt.conf.d")
        shutil.copy("/etc/ssl/certs/ca-certificates.crt", folder / AUTHORITIES.lstrip("/"))
        run("chroot", folder, "apt-get", "clean")
        run("tar", "-C", folder, "--exclude=./dev/*", "-cf", f"{archive}.{os.getpid()}", ".")
        Path(f"{archive}.{os.getpid()}").rename(archive)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return archive


def import_base(engine):
    """Gives the engine the image that the Dockerfile begins with, unless it has it."""
    if engine.attempt("image", "inspect", BASE).returncode == 0:
        return
    changes = [f"--change=ENV {name}={AUTHORITIES}" for name in TRUST]
    engine.docker("import", *changes, base_archive(), BASE)
