"""Client certificates, made by openssl, and what a server makes of them."""

import ssl
import subprocess

import httpx
import pytest

from access_log import lines
from test_api_keys import ALICE, entry, replace


def openssl(*arguments):
    subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True)


class Authority:
    """A CA and the certificates that it signs."""

    def __init__(self, folder, name):
        folder.mkdir()
        self.folder = folder
        self.certificate, self.key = folder / "ca.pem", folder / "ca.key"
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
                "-nodes", "-days", 2, "-subj", f"/CN={name}", "-out", self.certificate, "-keyout",
                self.key)

    def sign(self, subject, *extensions, days=2):
        """(certificate, key)"""
        number = len(list(self.folder.iterdir()))
        key, request, certificate, extra = (self.folder / f"{number}.{ending}"
                                            for ending in ("key", "csr", "pem", "ext"))
        openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                "-subj", subject, "-keyout", key, "-out", request)
        extra.write_text("\n".join(extensions) + "\n")
        openssl("x509", "-req", "-in", request, "-CA", self.certificate, "-CAkey", self.key,
                "-CAcreateserial", "-days", days, "-extfile", extra, "-out", certificate)
        return certificate, key


@pytest.fixture(scope="module")
def authority(public_folder):
    return Authority(public_folder / "ours", "Rowan clients")


@pytest.fixture(scope="module")
def settings(public_folder, authority):
    ours = Authority(public_folder / "servers", "Rowan servers")
    certificate, key = ours.sign("/CN=rowan", "subjectAltName=IP:127.0.0.1")
    return {"TLS_CERTIFICATE": certificate, "TLS_KEY": key, "trust": ours.certificate,
            "TLS_CLIENT_CA": authority.certificate}


@pytest.fixture
def start(serve, settings, folder):
    def start(**more):
        return serve(ROWAN_ACCESS_LOG="json", ROWAN_ACCESS_LOG_FILE=folder / "access.log", WORKERS=1,
                     **{name: value for name, value in settings.items() if name != "trust"}, **more)

    return start


@pytest.fixture
def ask(settings, request_body):
    def ask(server, certificate=None, path="/predict", http2=False, **headers):
        trust = ssl.create_default_context(cafile=settings["trust"])
        if certificate:
            trust.load_cert_chain(*certificate)
        with httpx.Client(verify=trust, http2=http2) as client:
            if path == "/predict":
                return client.post(server.url + path, json=request_body, headers=headers)
            return client.get(server.url + path)

    return ask


def assert_refused(reply, status=400):
    assert reply.status_code == status
    assert reply.headers["content-type"] == "application/json"
    assert set(reply.json()) == {"detail"}


@pytest.mark.parametrize("http2", [False, True])
def test_a_good_certificate_is_served_and_known_by_its_name(start, ask, authority, folder, http2):
    server = start()
    reply = ask(server, authority.sign("/O=Bank/CN=payments-1"), http2=http2)
    assert reply.status_code == 200 and 0 < reply.json()["fraud_probability"] < 1
    line, = lines(folder / "access.log", 1)
    assert (line["client"], line["priority"]) == ("cert:payments-1", "normal")
    assert "open to everybody" not in server.log


def test_no_certificate_is_refused_in_json(start, ask, folder):
    server = start()
    for path in ("/predict", "/health"):
        assert_refused(ask(server, path=path))
    assert lines(folder / "access.log", 2)[0]["client"] == "127.0.0.1"


@pytest.mark.parametrize("verify", ["on", "optional"])
def test_a_foreign_certificate_is_refused_in_json(start, ask, authority, folder, verify):
    server = start(TLS_CLIENT_VERIFY=verify)
    # OpenSSL keeps the reason, a signature that does not fit, and nginx wonders about it.
    server.forgives = lambda line: "ignoring stale global SSL error" in line
    foreign = Authority(folder / "foreign", "Rowan clients")  # of the same name
    assert_refused(ask(server, foreign.sign("/CN=payments-1")))
    assert_refused(ask(server, (foreign.certificate, foreign.key)))
    assert {line["client"] for line in lines(folder / "access.log", 2)} == {"127.0.0.1"}
    assert ask(server, authority.sign("/CN=payments-1")).status_code == 200


def test_a_certificate_of_another_purpose_is_refused(start, ask, authority):
    server = start()
    assert_refused(ask(server, authority.sign("/CN=a", "extendedKeyUsage=serverAuth")))
    assert ask(server, authority.sign("/CN=a", "extendedKeyUsage=clientAuth")).status_code == 200


@pytest.mark.parametrize("subject", ["/O=No name", "/CN=with a blank", "/CN=key:alice",
                                     "/CN=a/CN=b", "/CN=" + "x" * 60 + ",yz"])
def test_a_name_that_is_not_plain_gives_way_to_the_fingerprint(start, ask, authority, folder,
                                                               subject):
    certificate = authority.sign(subject)
    assert ask(start(), certificate).status_code == 200
    line, = lines(folder / "access.log", 1)
    printed = subprocess.run(["openssl", "x509", "-in", certificate[0], "-noout", "-fingerprint",
                              "-sha1"], check=True, capture_output=True, text=True).stdout
    fingerprint = printed.split("=")[1].strip().replace(":", "").lower()
    assert line["client"] == f"cert:{fingerprint}"


def test_an_optional_certificate_may_be_absent(start, ask, authority, folder):
    server = start(TLS_CLIENT_VERIFY="optional")
    assert ask(server).status_code == 200
    assert ask(server, authority.sign("/CN=payments-1")).status_code == 200
    assert [line["client"] for line in lines(folder / "access.log", 2)] == [
        "127.0.0.1", "cert:payments-1"]
    assert server.log.count("open to everybody") == 1


def test_where_something_is_required_a_key_or_a_certificate_will_do(start, ask, authority, folder):
    keys = folder / "keys"
    replace(keys, entry(ALICE, "high", "alice"))
    server = start(TLS_CLIENT_VERIFY="optional", API_KEYS=keys, API_KEYS_REQUIRED=1)
    certificate = authority.sign("/CN=payments-1")
    assert_refused(ask(server), 401)
    assert ask(server, path="/health").status_code == 200
    assert ask(server, certificate).status_code == 200
    assert ask(server, **{"X-API-Key": ALICE}).status_code == 200
    assert ask(server, certificate, **{"X-API-Key": ALICE}).status_code == 200
    assert_refused(ask(server, certificate, **{"X-API-Key": "wrong"}), 401)
    seen = [(line["client"], line["priority"]) for line in lines(folder / "access.log", 6)]
    assert seen[0] == ("127.0.0.1", "low") and seen[2:] == [
        ("cert:payments-1", "normal"), ("key:alice", "high"), ("key:alice", "high"),
        ("127.0.0.1", "low")]


def test_curl_shows_a_certificate(start, authority, settings, golden):
    certificate, key = authority.sign("/CN=curl")
    printed = subprocess.run(
        ["curl", "--silent", "--cacert", settings["trust"], "--cert", certificate, "--key", key,
         "--write-out", "%{http_code}", "--output", "/dev/null", "--json",
         '{"transaction_id":"t"}', start().url + "/predict"],
        check=True, capture_output=True, text=True).stdout
    assert printed == "422"
