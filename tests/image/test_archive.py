"""What `make image` writes, looked at without Docker."""

import gzip
import hashlib
import json
import re
import subprocess
import tarfile

import pytest

from engine import CACHE, ROOT

SIZE_MAX = 15_000_000  # bytes
USER = 65532


def test_every_blob_has_its_digest(blobs):
    named = {name: content for name, content in blobs.items() if name.startswith("blobs/")}
    assert len(named) == 6  # four layers, a configuration, a manifest
    for name, content in named.items():
        assert name == "blobs/sha256/" + hashlib.sha256(content).hexdigest()


def test_skopeo_reads_it(archive):
    inspected = subprocess.run(["skopeo", "inspect", f"oci-archive:{archive}"], check=True,
                               capture_output=True, text=True).stdout
    described = json.loads(inspected)
    assert (described["Os"], described["Architecture"]) == ("linux", "amd64")
    assert described["Labels"]["org.opencontainers.image.licenses"] == "Apache-2.0"
    assert re.fullmatch("[0-9a-f]{40}(-dirty)?",
                        described["Labels"]["org.opencontainers.image.revision"])


def test_the_root_filesystem_is_small(files):
    print(f"{files.size / 1e6:.2f} MB in {len(files)} files and folders")
    assert files.size <= SIZE_MAX


def test_there_is_one_program_and_no_shell(files):
    programs = [path for path, file in files.items()
                if file.kind == tarfile.REGTYPE and file.mode & 0o111]
    assert programs == ["usr/bin/rowan"]
    assert {path: file.link for path, file in files.items() if file.kind == tarfile.SYMTYPE} == {
        "usr/bin/nginx": "rowan", "usr/bin/rowan-stream": "rowan", "usr/bin/rowan-sync": "rowan"}


def test_nobody_gains_rights(files):
    assert not [path for path, file in files.items() if file.mode & 0o6000]


def test_the_user_owns_the_runtime_folder_alone(files):
    assert [path for path, file in files.items() if file.owner == (USER, USER)] == ["run/rowan"]
    assert {file.owner for path, file in files.items() if path != "run/rowan"} == {(0, 0)}
    writable = {path for path, file in files.items()
                if file.mode & 0o022 and file.kind != tarfile.SYMTYPE}
    assert writable == {"tmp"}


@pytest.fixture(scope="session")
def program(files, tmp_path_factory):
    path = tmp_path_factory.mktemp("program") / "rowan"
    path.write_bytes(files.contents["usr/bin/rowan"])
    path.chmod(0o755)
    return path


def test_the_program_is_hardened(program):
    headers = subprocess.run(["readelf", "--wide", "--file-header", "--segments", "--dynamic",
                              program], check=True, capture_output=True, text=True).stdout
    assert "DYN (Position-Independent Executable" in headers
    assert "GNU_RELRO" in headers and "BIND_NOW" in headers.replace("FLAGS_1", "")
    assert re.search(r"GNU_STACK .* RW ", headers)
    # Static: no interpreter, no library.
    assert "INTERP" not in headers and "NEEDED" not in headers


def test_the_program_tells_no_path_of_this_machine(files):
    for content in files.contents.values():
        assert str(ROOT).encode() not in content
        assert str(CACHE).encode() not in content and b"/home/" not in content


def test_what_it_is_made_of_is_listed(files):
    bill = json.loads(files.contents["usr/share/rowan/sbom.cdx.json"])
    listed = {part["name"]: part for part in bill["components"]}
    rows = [line.split() for line in (ROOT / "scripts/third-party").read_text().splitlines()
            if line and not line.startswith("#")]
    assert {row[0] for row in rows} <= set(listed)
    for name, version, *_, sha256 in rows:
        assert listed[name]["version"] == version
        assert listed[name]["hashes"] == [{"alg": "SHA-256", "content": sha256}]
    licences = {path.rpartition("/")[2]: gzip.decompress(content)
                for path, content in files.contents.items()
                if path.startswith("usr/share/licenses/") and files[path].kind == tarfile.REGTYPE}
    assert len(licences) == len(listed) + 1  # and Rowan's own
    assert all(len(text) > 500 for text in licences.values())
    assert b"Daniel Stenberg" in licences["curl.gz"]
    assert {"libexpat1.gz", "libyaml.gz"} <= set(licences)


def test_the_program_has_the_listed_versions(files, program):
    bill = json.loads(files.contents["usr/share/rowan/sbom.cdx.json"])
    version = {part["name"]: part["version"] for part in bill["components"]}

    def says(name, *arguments):
        process = subprocess.run([name, *arguments], executable=program, capture_output=True,
                                 text=True, check=True)
        return process.stdout + process.stderr

    nginx = says("nginx", "-V")
    assert f"nginx/{version['nginx']}\n" in nginx
    assert f"built with OpenSSL {version['openssl'].partition('-')[0]} " in nginx
    assert f"librdkafka {version['librdkafka']}\n" in says("rowan-stream", "--version")


def test_the_dockerfile_says_the_same(image_config):
    """Labels of the commit apart, which are build arguments."""
    text = re.sub(r"\\\n\s*", "", (ROOT / "Dockerfile").read_text().partition("FROM scratch")[2])
    one = dict(re.findall(r"^(USER|WORKDIR|EXPOSE|STOPSIGNAL|ENTRYPOINT) (.*)$", text, re.M))
    assert one == {"USER": image_config["User"], "WORKDIR": image_config["WorkingDir"],
                   "EXPOSE": "8000", "STOPSIGNAL": image_config["StopSignal"],
                   "ENTRYPOINT": json.dumps(image_config["Entrypoint"])}
    assert re.search(r"^ENV (.*)$", text, re.M)[1].split() == image_config["Env"]
    labels = dict(re.findall(r'(org\.opencontainers\S+?)="([^"]*)"', text))
    kept = {name: value for name, value in image_config["Labels"].items()
            if not name.endswith((".revision", ".created"))}
    assert {name: labels.get(name) for name in kept} == kept
