"""The image that the Dockerfile gives, run by a real Docker engine."""

import json
import re
import shlex
import threading

import pytest

from engine import NAME, ROOT, eventually
from filesystem import Files

URL = "http://127.0.0.1:8000"
# What Docker itself puts into a container's root.
DOCKERS_OWN = ("dev", "proc", "sys", ".dockerenv", "etc/hosts", "etc/hostname", "etc/resolv.conf",
               "etc/mtab")
PORT = ("--publish", "8000:8000")
READ_ONLY = ("--read-only", "--cap-drop", "ALL", "--security-opt", "no-new-privileges",
             "--tmpfs", "/run/rowan:uid=65532,gid=65532,mode=0700", "--tmpfs", "/tmp")


def readme_curl():
    """The arguments of the README's first curl."""
    text = (ROOT / "README.md").read_text()
    command = re.search(r"^    curl (.*?)^$", text, re.M | re.S)[1]
    return [word.replace("http://127.0.0.1:8000", URL) for word in shlex.split(command)]


@pytest.fixture
def answers(curl):
    return lambda: curl(*readme_curl()).returncode == 0


@pytest.fixture
def service(engine):
    """`docker run -p`, with everything forbidden that the service can do without."""
    with engine.container(NAME, options=(*PORT, *READ_ONLY)) as name:
        yield name


def test_the_readmes_curl_is_answered(service, curl, answers):
    assert eventually(answers)
    reply = json.loads(curl(*readme_curl()).stdout)
    assert reply["transaction_id"] == "tx-974581"
    assert reply["fraud_probability"] == 0.98148555
    for path, status in (("/health", "200"), ("/readyz", "200"), ("/docs", "200"),
                         ("/docs/swagger-ui-bundle.js", "200"), ("/metrics", "200")):
        assert curl("--output", "/dev/null", "--write-out", "%{http_code}",
                    URL + path).stdout == status
    assert json.loads(curl(URL + "/health").stdout)["environment"] == "production"


def test_the_plans_command_works_as_it_stands(engine, answers):
    """docker run -p 8000:8000: no read-only root, no mounts."""
    with engine.container(NAME, options=("--publish", "8000:8000")):
        assert eventually(answers)


def test_the_access_log_is_the_containers_output(engine, answers):
    options = (*PORT, *READ_ONLY, "--env", "ROWAN_ACCESS_LOG=json")
    with engine.container(NAME, options=options) as name:
        assert eventually(answers)
        lines = eventually(lambda: engine.docker("logs", name).splitlines())
        assert {json.loads(line)["path"] for line in lines} == {"/predict"}


def test_nobody_is_root(service, engine, answers):
    assert eventually(answers)
    process = engine.inspect(service)["State"]["Pid"]
    children = open(f"/proc/{process}/task/{process}/children").read().split()
    assert len(children) >= 1
    for pid in (process, *children):
        status = open(f"/proc/{pid}/status").read()
        assert re.search(r"^Uid:\t65532\t65532\t65532\t65532$", status, re.M)
        assert re.search(r"^CapEff:\t0+$", status, re.M)


def test_there_is_no_shell(engine):
    for shell in ("/bin/sh", "sh", "bash"):
        attempt = engine.attempt("run", "--rm", "--entrypoint", shell, NAME)
        assert attempt.returncode == 127
        assert re.search("no such file|executable file not found", attempt.stderr)


def test_a_bad_setting_ends_the_start_with_one_line(engine):
    for setting in ("API_PORT=eighty", "MODEL_DIR=/nowhere", "LOG_LEVEL=loud"):
        attempt = engine.attempt("run", "--rm", "--env", setting, NAME)
        assert attempt.returncode == 2
        assert attempt.stderr.count("\n") == 1 and setting.partition("=")[0] in attempt.stderr


def test_rowan_stream_is_in_it(engine):
    attempt = engine.attempt("run", "--rm", "--entrypoint", "/usr/bin/rowan-stream", NAME,
                             "--version")
    assert attempt.returncode == 0 and attempt.stdout.startswith("rowan-stream ")


def test_stopping_finishes_requests(engine, curl, answers, network):
    """A request whose body has not come whole when `docker stop` begins is answered."""
    with engine.container(NAME, options=(*PORT, *READ_ONLY)) as name:
        assert eventually(answers)
        result = {}
        body = json.dumps({"transaction_id": "slow", "customer_id": 1, "terminal_id": 2,
                           "tx_amount": 3.5, "tx_time_seconds": 1533720612}).encode()

        def slow():
            result["reply"] = curl("--limit-rate", "64", "--header",
                                   "Content-Type: application/json", "--header", "Expect:",
                                   "--data-binary", body.decode() + " " * 150, URL + "/predict")

        request = threading.Thread(target=slow)
        request.start()
        assert eventually(lambda: "1" == active(curl))
        engine.docker("stop", "--time", "30", name)
        request.join()
        assert json.loads(result["reply"].stdout)["transaction_id"] == "slow"
        assert engine.inspect(name)["State"]["ExitCode"] == 0


def active(curl):
    """Requests in progress besides the scrape's own."""
    found = re.search(r'^http_requests_in_progress\S* (\d+)', curl(URL + "/metrics").stdout, re.M)
    return found and str(int(found[1]) - 1)


def versions_of(files):
    """Name -> version of each part, as the bill of materials has them."""
    bill = json.loads(files.contents["usr/share/rowan/sbom.cdx.json"])
    return {part["name"]: part["version"] for part in bill["components"]}


def may_differ(ours, dockers):
    """Files of packages that Debian has in another version for the base image than this machine
    has installed, and the bill that says so. Empty where the versions are the same."""
    newer = {name for name in ours if ours[name] != dockers[name]}
    paths = {"usr/share/rowan/sbom.cdx.json"} if newer else set()
    if "ca-certificates" in newer:
        paths.add("etc/ssl/certs/ca-certificates.crt")
    if newer - {"ca-certificates"}:
        paths.add("usr/bin/rowan")
    return newer, paths


def test_the_filesystem_is_that_of_make_image(engine, files, tmp_path, capsys):
    name = engine.docker("create", NAME)
    exported = tmp_path / "root.tar"
    engine.docker("export", "--output", exported, name)
    engine.docker("rm", name)
    whole = Files([exported.read_bytes()])
    found = {path: file for path, file in whole.items()
             if path and path.split("/")[0] not in DOCKERS_OWN and path not in DOCKERS_OWN}
    newer, paths = may_differ(versions_of(files), versions_of(whole))
    with capsys.disabled():
        print(f"\nother versions of Debian's packages in the base image: {sorted(newer) or 'none'}")
    assert set(found) == set(files)
    assert {path for path in found if found[path] != files[path]} <= paths


def test_docker_loads_the_archive(engine, archive, answers):
    engine.docker("tag", NAME, "built:here")
    engine.docker("load", "--input", archive)
    try:
        with engine.container(NAME, options=(*PORT, *READ_ONLY)):
            assert eventually(answers)
    finally:
        engine.docker("tag", "built:here", NAME)


def test_how_much_it_holds(service, engine, answers, capsys):
    """Printed, and compared with nothing."""
    assert eventually(answers)
    held, n = memory(engine.inspect(service)["State"]["Pid"])
    with capsys.disabled():
        print(f"\nimage {engine.inspect(NAME)['Size'] / 1e6:.2f} MB; {n} processes of nginx hold "
              f"{held / 1e6:.1f} MB (PSS)")


def memory(master):
    """Bytes that nginx's master and its workers hold, each shared page once (PSS), and how many
    processes they are."""
    pids = [master, *open(f"/proc/{master}/task/{master}/children").read().split()]
    held = [1024 * int(re.search(r"^Pss:\s+(\d+)", open(f"/proc/{pid}/smaps_rollup").read(),
                                 re.M)[1]) for pid in pids]
    return sum(held), len(pids)
