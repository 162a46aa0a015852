"""A registry that is down, slow, or lies: what is served stays, and a refusal has its reason."""

import hashlib
import json
import ssl
import sys
import time

import pytest

from certificate import make_certificate
from hostile_registry import CHUNK, HostileRegistry, drip
from model_directories import FRAUD
from server import eventually


@pytest.fixture
def follower(hostile, follow):
    """Version 1 is served, and now the registry names version 2."""
    follower = follow(hostile)
    assert follower.once() == 0
    hostile.version = "2"
    hostile.requests.clear()
    return follower


def assert_stays(follower):
    """What was served is served, and it is whole; nothing else is left on disk."""
    assert follower.served.startswith("1-")
    assert follower.versions() == [follower.served]
    assert (follower.link / "model.ubj").read_bytes() == (FRAUD / "model.ubj").read_bytes()


def on(wanted, wanted_name, act):
    """A play: `act` for one kind of request, and honesty for the others."""
    def play(handler, what, name):
        if what == wanted and (wanted_name is None or name == wanted_name):
            act(handler)
            return True
    return play


# ---- failures: the next look may do better ---------------------------------------------------------


def cut_file(handler):
    handler.send(b"\0" * 1000, length=114429)
    handler.cut()


def cut_chunks(handler):
    def chunks():
        yield b"\0" * 1000
        handler.cut()
    handler.send_chunked(chunks())


FAILURES = {
    "HTML": (on("version", None, lambda h: h.send(b"<html>login</html>", kind="text/html")),
             "is no JSON"),
    "500": (on("version", None, lambda h: h.send(b"oops", 500)), "look at the log of the registry"),
    "429": (on("version", None, lambda h: h.send(b"slowly", 429)), "raise SYNC_INTERVAL"),
    "401": (on("version", None, lambda h: h.send(b"who?", 401)), "MLFLOW_TRACKING_USERNAME"),
    "list": (on("version", None, lambda h: h.send(b"[]")), "is no JSON object"),
    "empty": (on("version", None, lambda h: h.send(b"")), "is no JSON"),
    "nothing": (on("version", None, lambda h: h.cut()), "mpty reply"),
    "endless answer": (on("version", None, lambda h: h.send_chunked(CHUNK for _ in range(1000))),
                       "more than the 4194304 bytes"),
    "drip": (on("version", None, lambda h: drip(h, b"x" * 10000)), "SYNC_TIMEOUT"),
    "version": (on("version", None, lambda h: h.send_json(
        {"model_version": {"version": "../../x"}})), "no version's number"),
    "redirects": (on("version", None, lambda h: h.send(b"", 302, Location=h.path)), "redirects"),
    "file scheme": (on("version", None, lambda h: h.send(b"", 302, Location="file:///etc/passwd")),
                    "rotocol"),
    "uri HTML": (on("uri", None, lambda h: h.send(b"<html>")), "is no JSON"),
    "listing 500": (on("listing", None, lambda h: h.send(b"oops", 500)), "answers HTTP 500"),
    "file 500": (on("file", "model.ubj", lambda h: h.send(b"oops", 500)), "HTTP 500"),
    "file cut": (on("file", "model.ubj", cut_file), "closed with"),
    "chunks cut": (on("file", "model.ubj", cut_chunks), "closed with"),
    "file drips": (on("file", "contract.json", lambda h: drip(h, b"x" * 10000)), "SYNC_TIMEOUT"),
}


@pytest.mark.parametrize("name", FAILURES)
def test_a_failure_changes_nothing_and_the_next_look_may_do_better(hostile, follower, name):
    hostile.play, words = FAILURES[name]
    assert follower.once() == 0, "what is served is proved"
    assert words in follower.log
    assert "what is served stays" in follower.log
    assert_stays(follower)
    assert follower.checks("failed") == 1
    hostile.play = None
    assert follower.once() == 0
    assert follower.served.startswith("2-")


@pytest.mark.parametrize("header, ms", [("1800", 1_800_000), ("999999999", 3_600_000)],
                         ids=["half an hour", "for ever"])
def test_a_registry_that_asks_for_a_pause_gets_it(hostile, follow, header, ms):
    hostile.play = lambda handler, what, name: handler.send(
        b"{}", 503, **{"Retry-After": header}) or True
    follower = follow(hostile)
    with follower.following():
        follower.says(f"looks again in {ms} ms")
        assert len(hostile.requests) == 1


def test_a_registry_that_is_down_is_asked_less_often_and_found_again(hostile, follow):
    hostile.play = lambda handler, what, name: handler.cut() or True
    follower = follow(hostile)
    with follower.following():
        assert eventually(lambda: len(hostile.requests) >= 3)
        assert follower.metrics()["ml_model_sync_registry_up",] == 0
        hostile.play = None
        assert eventually(lambda: follower.served)
        assert follower.metrics()["ml_model_sync_registry_up",] == 1
    pauses = [int(line.split("again in ")[1].split()[0]) for line in follower.log.splitlines()
              if "again in" in line]
    assert 800 <= pauses[-1] <= 1200 and 1600 <= pauses[0] <= 2400 < pauses[1] <= 4800
    assert follower.log.count("error") == 1, "it is said once, and not at every look"


def test_a_look_ends_though_the_download_goes_on_and_on(hostile, follow):
    """Faster than what counts as no progress: only the deadline ends it."""
    def trickle(handler):
        handler.send(b"", length=len(hostile.files["model.ubj"]))
        for _ in range(10000):
            handler.wfile.write(b"\0" * 205)
            time.sleep(0.1)

    hostile.play = on("file", "model.ubj", trickle)
    follower = follow(hostile)
    assert follower.once(SYNC_DEADLINE=3) == 1
    follower.says("SYNC_DEADLINE")
    assert follower.checks("failed") == 1


def test_the_limit_of_bytes_is_of_the_model_and_its_golden_rows(hostile, follow):
    both = len(hostile.files["model.ubj"]) + len(hostile.files["golden.jsonl"])
    follower = follow(hostile, SYNC_MAX_BYTES=both - 1)
    assert follower.once() == 1
    follower.says("SYNC_MAX_BYTES")
    assert follower.refused("too_large") == 1
    assert follower.once(SYNC_MAX_BYTES=both) == 0


def test_without_room_a_version_is_refused_and_found_when_there_is(hostile, follower):
    """A limit of the system on a file's size stands for a disk that is full."""
    model = len(hostile.files["model.ubj"])
    assert follower.once(wrapper=[sys.executable, "-c", (
        "import os, resource, signal, sys\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        f"resource.setrlimit(resource.RLIMIT_FSIZE, ({model - 1},) * 2)\n"
        "os.execv(sys.argv[1], sys.argv[1:])")], METRICS_DIR="") == 0
    follower.says("model.ubj: no room for it")
    follower.says("refused (too_large)")
    assert_stays(follower)
    assert follower.once() == 0
    assert follower.served.startswith("2-")


# ---- refusals: not downloaded again -----------------------------------------------------------------


def lying_listing(*names, size=100):
    return on("listing", None, lambda h: h.send_json(
        {"files": [{"path": name, "is_dir": False, "file_size": size} for name in names]}))


def with_contract(hostile, **rowan):
    contract = json.loads(hostile.files["contract.json"])
    contract["x-rowan"].update(rowan)
    hostile.files["contract.json"] = json.dumps(contract).encode()


def endless_listing(handler):
    handler.send_json({"files": [{"path": f"f{i}", "is_dir": False, "file_size": 1}
                                 for i in range(5000)]})


def wrong_golden(hostile):
    rows = [json.loads(line) for line in hostile.files["golden.jsonl"].decode().splitlines()]
    rows[7]["fraud_probability"] = 0.123
    hostile.files["golden.jsonl"] = "".join(json.dumps(row) + "\n" for row in rows).encode()


def edit(hostile, name, content):
    hostile.files[name] = content


def ten_gigabytes(hostile):
    listing = hostile.listing()
    for file in listing["files"]:
        file["file_size"] = 10 << 30 if file["path"] == "model.ubj" else file["file_size"]
    hostile.play = on("listing", None, lambda h: h.send_json(listing))


def endless_contract(hostile):
    listing = hostile.listing()
    for file in listing["files"]:
        del file["file_size"]

    def play(handler, what, name):
        if what == "listing":
            handler.send_json(listing)
        elif what == "file" and name == "contract.json":
            handler.send_chunked(CHUNK for _ in range(100000))
        else:
            return None
        return True
    hostile.play = play


def short_file(hostile):
    content = hostile.files["model.ubj"]
    hostile.play = on("file", "model.ubj", lambda h: h.send(content[:-10]))


def tag(hostile, **digests):
    hostile.tags["rowan.sha256"] = json.dumps({
        **{name: hashlib.sha256(content).hexdigest() for name, content in hostile.files.items()},
        **{name.replace("_", "."): digest for name, digest in digests.items()}})


def set_play(play):
    return lambda hostile: setattr(hostile, "play", play)


REFUSALS = {
    "other bytes": ("checksum", lambda hostile: tag(hostile, model_ubj="0" * 64)),
    "tag of nonsense": ("checksum", lambda hostile: hostile.tags.update({"rowan.sha256": "x"})),
    "tag without the model": ("checksum", lambda hostile: hostile.tags.update(
        {"rowan.sha256": "{}"})),
    "10 GB": ("too_large", ten_gigabytes),
    "endless file": ("too_large", endless_contract),
    "endless listing": ("too_large", set_play(on("listing", None, endless_listing))),
    "no model": ("format", lambda hostile: edit(hostile, "model.ubj", b"\0" * 5000)),
    "elsewhere": ("format", set_play(on("uri", None, lambda h: h.send_json(
        {"artifact_uri": "file:///etc"})))),
    "golden rows": ("golden", wrong_golden),
    "no contract at all": ("contract", lambda hostile: edit(hostile, "contract.json", b"{}")),
    "climbing name": ("name", set_play(lying_listing("contract.json", "../../../tmp/x"))),
    "absolute name": ("name", set_play(lying_listing("/etc/passwd"))),
    "long name": ("name", set_play(lying_listing("x" * 4000))),
    "climbing model file": ("name", lambda hostile: with_contract(hostile,
                                                                  model_file="../contract.json")),
    "model file is the contract": ("name", lambda hostile: with_contract(
        hostile, model_file="contract.json")),
    "climbing uri": ("name", set_play(on("uri", None, lambda h: h.send_json(
        {"artifact_uri": "mlflow-artifacts:/../../x"})))),
}


@pytest.mark.parametrize("name", REFUSALS)
def test_a_refusal_has_its_reason_and_is_not_downloaded_again(hostile, follower, name):
    reason, prepare = REFUSALS[name]
    prepare(hostile)
    with follower.following():
        times = 2 if reason == "checksum" else 1  # the network may have changed the bytes
        assert eventually(lambda: follower.checks("refused") > times), follower.log
        assert follower.refused(reason) == times, follower.log
        downloads = len(hostile.downloads())
        asked = follower.checks("refused")
        assert eventually(lambda: follower.checks("refused") > asked)
        assert len(hostile.downloads()) == downloads
    assert_stays(follower)


def test_what_is_incomplete_is_tried_for_ever_and_ever_less_often(hostile, follower):
    short_file(hostile)
    with follower.following():
        assert eventually(lambda: follower.refused("incomplete") == 3), follower.log
        assert_stays(follower)
        hostile.play = None
        assert eventually(lambda: follower.served.startswith("2-"))
    pauses = [int(line.split("again in ")[1].split()[0]) for line in follower.log.splitlines()
              if "again in" in line]
    assert 1600 <= pauses[0] <= 2400 and 3200 <= pauses[1] <= 4800


def test_a_registry_that_goes_to_and_fro_brings_a_bad_version_once(hostile, follower):
    good = hostile.files["model.ubj"]
    with follower.following():
        for asked in (1, 2, 3):
            hostile.version, hostile.files["model.ubj"] = "2", b"\0" * 5000
            assert eventually(lambda: follower.checks("refused") >= asked)
            hostile.version, hostile.files["model.ubj"] = "1", good
            unchanged = follower.checks("unchanged")
            assert eventually(lambda: follower.checks("unchanged") > unchanged)
        assert follower.refused("format") == 1
    assert len([path for path in hostile.downloads() if path.endswith("model.ubj")]) == 1


def test_a_closed_port_is_told_once(follow):
    follower = follow(None, MLFLOW_TRACKING_URI="http://127.0.0.1:1")
    with follower.following():
        assert eventually(lambda: follower.checks("failed") >= 3)
    assert follower.log.count(" error ") == 1


@pytest.mark.parametrize("missing", ["golden.jsonl", "model.ubj"])
def test_a_file_that_is_missing_is_named(hostile, follower, missing):
    del hostile.files[missing]
    assert follower.once() == 0
    follower.says(f"{missing}: is missing in the artifact")
    assert_stays(follower)


def test_another_tag_is_another_chance(hostile, follower):
    tag(hostile, model_ubj="0" * 64)
    with follower.following():
        assert eventually(lambda: follower.refused("checksum") == 2)
        tag(hostile)
        assert eventually(lambda: follower.served.startswith("2-"))


# ---- credentials -----------------------------------------------------------------------------------


def test_a_redirect_to_another_host_carries_no_credentials(hostile, follow):
    for settings in ({"MLFLOW_TRACKING_USERNAME": "me", "MLFLOW_TRACKING_PASSWORD": "secret"},
                     {"MLFLOW_TRACKING_TOKEN": "secret"}):
        with HostileRegistry(FRAUD) as other:
            hostile.requests.clear()
            hostile.play = on("version", None,
                              lambda h: h.send(b"", 302, Location=other.url + h.path))
            follower = follow(hostile, "-".join(settings), **settings)
            follower.once()
            assert any("Authorization" in headers for _, headers in hostile.requests)
            assert other.requests, "it is followed"
            assert not any("Authorization" in headers for _, headers in other.requests)
            assert "secret" not in follower.log


def test_a_registry_over_tls_is_checked(hostile, follow, folder):
    """With the authority that is named, and no other; and a certificate of another host is none."""
    certificate, key = make_certificate(folder)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    hostile.server.socket = context.wrap_socket(hostile.server.socket, server_side=True)
    url = f"https://127.0.0.1:{hostile.port}"
    stranger = follow(hostile, "stranger", MLFLOW_TRACKING_URI=url)
    assert stranger.once() == 1 and not hostile.requests
    stranger.says("MLFLOW_TRACKING_SERVER_CERT_PATH")
    named = {"MLFLOW_TRACKING_SERVER_CERT_PATH": certificate}
    misnamed = follow(hostile, "misnamed", **named,
                      MLFLOW_TRACKING_URI=f"https://localhost:{hostile.port}")
    assert misnamed.once() == 1 and not hostile.requests
    assert follow(hostile, "known", MLFLOW_TRACKING_URI=url, **named).once() == 0


# ---- serving ---------------------------------------------------------------------------------------


def test_serving_is_never_disturbed(hostile, follower, serving):
    """Requests go on while the registry plays one thing after the other."""
    server = serving(follower)
    body = json.loads((FRAUD / "golden.jsonl").read_text().splitlines()[0])["request"]
    plays = [FAILURES["HTML"][0], FAILURES["500"][0], FAILURES["file cut"][0],
             lying_listing("../x"), None]
    with follower.following(), server.client() as client:
        for play in plays:
            hostile.play = play
            if play is None:
                hostile.version = "3"
            seen = len(hostile.requests)
            assert eventually(lambda: [client.post("/predict", json=body).status_code
                                       for _ in range(5)] == [200] * 5
                              and len(hostile.requests) > seen)
        assert eventually(lambda: follower.served.startswith("3-"))
        errors = {key: value for key, value in follower.metrics().items()
                  if key[0] in ("http_errors_total", "ml_model_errors_total") and value}
    assert errors == {}
