"""rowan-sync follows a real MLflow: alias, stage, version, run; and what it keeps on disk."""

import json
import os
import shutil
import signal
import subprocess

import pytest

from model_directories import FRAUD, SECOND_VERSION
from server import ROWAN, eventually

FIRST_VERSION = json.loads((FRAUD / "contract.json").read_text())["x-rowan"]["version"]


@pytest.mark.parametrize("settings", [
    {}, {"MLFLOW_MODEL_STAGE": "Production"}, {"MLFLOW_MODEL_VERSION": "1"}],
    ids=["alias", "stage", "version"])
def test_a_reference_leads_to_its_version(mlflow, logged, follow, settings):
    follower = follow(mlflow, **settings)
    assert follower.once() == 0
    assert follower.served.startswith("1-")
    got = {path.name for path in follower.link.iterdir()}
    assert got == {"contract.json", "golden.jsonl", "model.ubj", "MLmodel"}
    for name in got - {"MLmodel"}:
        assert (follower.link / name).read_bytes() == (FRAUD / name).read_bytes()
    assert not os.readlink(follower.link).startswith("/"), "the folder may be mounted elsewhere"


def test_a_run_leads_to_the_model_that_it_has_logged(mlflow, logged, follow):
    """As clients of MLflow 2 log it, and those of MLflow 3."""
    for i, name in enumerate(("run", "first")):
        run = logged[name]["run_id"]
        follower = follow(mlflow, f"sync-{i}", MLFLOW_RUN_ID=run)
        assert follower.once() == 0
        assert follower.served.startswith(run)


def test_an_alias_that_moves_is_followed_and_the_way_back_needs_no_download(mlflow, logged, follow,
                                                                            serving):
    mlflow.set_alias("fraud", "moving", 1)
    follower = follow(mlflow, MLFLOW_MODEL_ALIAS="moving")
    with follower.following():
        assert eventually(lambda: follower.served)
        first = follower.served
        server = serving(follower)
        with server.client() as client:
            version = lambda: client.get("/health").json()["version"]  # noqa: E731
            assert version() == FIRST_VERSION
            mlflow.set_alias("fraud", "moving", 2)
            assert eventually(lambda: version() == SECOND_VERSION), follower.log
            mlflow.set_alias("fraud", "moving", 1)
            assert eventually(lambda: version() == FIRST_VERSION)
            assert eventually(lambda: follower.served == first)
            assert follower.log.count("downloads it") == 2
            # The link is swapped first, and counted then.
            assert eventually(lambda: (
                'ml_model_sync_info{model="fraud",reference="moving",registry_version="1",'
                f'model_version="{FIRST_VERSION}"}} 1') in client.get("/metrics").text)
            text = client.get("/metrics").text
    assert 'ml_model_sync_registry_up{model="fraud",reference="moving"} 1' in text


def test_while_nothing_changes_a_look_is_one_request(hostile, follow):
    follower = follow(hostile)
    with follower.following():
        assert eventually(lambda: follower.served)
        before = len(hostile.requests)
        assert eventually(lambda: follower.checks("unchanged") >= 2)
        assert {path.split("?")[0] for path, _ in hostile.requests[before:]} == {
            "/api/2.0/mlflow/registered-models/alias"}
    values = follower.metrics()
    assert values["ml_model_sync_downloaded_bytes_total",] == sum(
        len(hostile.files[name]) for name in ("contract.json", "golden.jsonl", "model.ubj"))
    assert values["ml_model_sync_download_duration_seconds_count",] == 1


def test_old_versions_are_removed_but_never_the_one_that_is_served(hostile, follow):
    follower = follow(hostile, SYNC_KEEP=2)
    seen = []
    for version in ("1", "2", "3", "1"):
        hostile.version = version
        assert follower.once() == 0
        seen.append(follower.served)
    assert seen[0] == seen[3]
    assert follower.versions() == sorted({seen[2], seen[3]})
    assert follower.once(SYNC_KEEP=1) == 0
    hostile.version = "9"
    assert follower.once(SYNC_KEEP=1) == 0
    assert follower.versions() == [follower.served]


def test_a_directory_that_was_damaged_on_disk_is_downloaded_again(hostile, follow):
    follower = follow(hostile)
    assert follower.once() == 0
    (follower.link / "model.ubj").write_bytes(b"{}")
    assert follower.once() == 0
    assert (follower.link / "model.ubj").read_bytes() == hostile.files["model.ubj"]


def test_after_a_kill_in_the_middle_nothing_half_written_is_left(hostile, follow):
    def stall(handler, what, name):
        if what == "file" and name == "model.ubj":
            handler.send(hostile.files[name][:1000], length=len(hostile.files[name]))
            stalled.append(1)
            eventually(lambda: not stalled)
            return True

    stalled = []
    hostile.play = stall
    follower = follow(hostile, SYNC_TIMEOUT=60)
    follower.start()
    assert eventually(lambda: stalled)
    part, = follower.versions()
    assert part.startswith(".1-") and part.endswith(".part")
    follower.end(signal.SIGKILL)
    stalled.clear()
    assert follower.served is None and follower.versions() == [part]
    hostile.play = None
    hostile.version = "2"
    assert follower.once() == 0
    assert follower.versions() == [follower.served]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGQUIT, signal.SIGINT])
def test_a_signal_ends_a_transfer_at_once(hostile, follow, number):
    def stall(handler, what, name):
        stalled.append(1)
        eventually(lambda: not stalled)
        return True

    stalled = []
    hostile.play = stall
    follower = follow(hostile, SYNC_TIMEOUT=3600).start()
    assert eventually(lambda: stalled)
    assert follower.end(number) == 0
    stalled.clear()


def test_one_link_has_one_follower(hostile, follow):
    first = follow(hostile)
    with first.following():
        assert eventually(lambda: first.served)
        second = follow(hostile)
        assert second.once() == 2
        second.says("another rowan-sync swaps")


def test_a_directory_in_the_place_of_the_link_is_named(hostile, follow):
    follower = follow(hostile)
    follower.link.mkdir()
    assert follower.once() == 2
    follower.says("is no link")


def test_a_directory_on_disk_stays_until_its_replacement_is_whole(hostile, follow):
    """The link may lead to it, and whoever serves it has read it already."""
    follower = follow(hostile)
    assert follower.once() == 0
    (follower.link / "model.ubj").write_bytes(b"{}")
    hostile.play = lambda handler, what, name: what == "file" and (handler.cut() or True)
    assert follower.once() == 1
    assert (follower.link / "model.ubj").read_bytes() == b"{}"
    assert follower.versions() == [follower.served]


def test_what_is_proved_and_cannot_be_swapped_is_not_downloaded_again(hostile, follow):
    """A folder in the way of the link's new name; it is gone at the next look."""
    follower = follow(hostile)
    assert follower.once() == 0
    os.unlink(follower.link)
    stray = follower.link.with_name("model")
    before = len(hostile.downloads())
    with follower.following():
        assert eventually(lambda: follower.served)
        stray.unlink()
        stray.mkdir()
        hostile.version = "2"
        assert eventually(lambda: follower.checks("failed") >= 1)
        stray.rmdir()
        assert eventually(lambda: follower.served and follower.served.startswith("2-"))
    assert len(hostile.downloads()) == before + 3
    follower.says("cannot swap the link")


# ---- plain flavours ------------------------------------------------------------------------------


def test_a_plain_flavour_needs_a_contract_and_is_marked_as_unproved(mlflow, logged, follow):
    follower = follow(mlflow, MLFLOW_MODEL_NAME="plain")
    assert follower.once() == 1
    follower.says("SYNC_CONTRACT")
    assert follower.refused("contract") == 1
    with follower.following(SYNC_CONTRACT=FRAUD / "contract.json"):
        assert eventually(lambda: follower.metrics().get(("ml_model_sync_unproved",)) == 1)
    contract = json.loads((follower.link / "contract.json").read_text())["x-rowan"]
    assert (contract["version"], contract["model_file"], contract["type"]) == (
        "1", "model.ubj", "XGBoost")
    follower.says("prove nothing")


@pytest.mark.parametrize("kind", ["lightgbm", "random-forest"])
def test_a_plain_flavour_gives_the_numbers_of_its_library(mlflow, trained, logged_trained, follow,
                                                          folder, kind):
    """Nothing of Rowan's lay beside it; the golden rows that its training wrote are proof here."""
    follower = follow(mlflow, MLFLOW_MODEL_NAME=f"plain-{kind}",
                      SYNC_CONTRACT=trained[kind] / "contract.json")
    assert follower.once() == 0, follower.log
    follower.says("prove nothing")
    proved = folder / "proved"
    shutil.copytree(follower.link, proved)
    shutil.copy(trained[kind] / "golden.jsonl", proved)
    said = subprocess.run([ROWAN, "verify", proved], text=True, capture_output=True)
    assert said.returncode == 0, said.stderr


@pytest.mark.parametrize("name, kind", [("forest-with-onnx", "random-forest"),
                                        ("boosted", "lightgbm")])
def test_the_directory_beside_a_flavour_is_served(mlflow, trained, logged_trained, follow, name,
                                                  kind):
    follower = follow(mlflow, MLFLOW_MODEL_NAME=name)
    assert follower.once() == 0, follower.log
    for file in ("contract.json", "golden.jsonl"):
        assert (follower.link / file).read_bytes() == (trained[kind] / file).read_bytes()
    assert not follower.metrics().get(("ml_model_sync_unproved",))


def test_a_contract_of_many_properties_makes_long_rows(mlflow, logged, follow, folder):
    contract = json.loads((FRAUD / "contract.json").read_text())
    for i in range(60):
        contract["properties"][f"one_of_many_properties_number_{i}"] = {"type": "number"}
    path = folder / "long.json"
    path.write_text(json.dumps(contract))
    follower = follow(mlflow, MLFLOW_MODEL_NAME="plain", SYNC_CONTRACT=path)
    assert follower.once() == 0, follower.log
    rows = (follower.link / "golden.jsonl").read_text().splitlines()
    assert len(rows) == 3 and all(len(json.loads(row)["request"]) >= 60 for row in rows)


def test_a_flavour_that_rowan_does_not_read_is_refused_with_what_to_do(mlflow, logged, follow):
    follower = follow(mlflow, MLFLOW_MODEL_NAME="forest")
    assert follower.once() == 1
    follower.says("model.onnx, contract.json and golden.jsonl beside it")
    assert follower.refused("format") == 1


# ---- nothing there -------------------------------------------------------------------------------


def test_what_does_not_exist_is_said(mlflow, logged, follow):
    for settings in ({"MLFLOW_MODEL_ALIAS": "nobody"}, {"MLFLOW_MODEL_NAME": "nothing"},
                     {"MLFLOW_MODEL_VERSION": "77"}, {"MLFLOW_MODEL_STAGE": "Archived"}):
        follower = follow(mlflow, "-".join(settings.values()), **settings)
        assert follower.once() == 1
        follower.says("nothing is served")
        assert follower.checks("none") == 1 and follower.checks("failed") == 0


def test_nobody_promoted_is_a_success_and_no_swap_is_no_time(mlflow, logged, follow):
    follower = follow(mlflow, MLFLOW_MODEL_ALIAS="nobody")
    with follower.following():
        assert eventually(lambda: follower.checks("none") >= 1)
        values = follower.metrics()
    assert values["ml_model_sync_last_success_timestamp_seconds",] > 1e9
    assert ("ml_model_sync_swapped_timestamp_seconds",) not in values


def test_before_the_first_answer_there_is_no_time_of_a_success(hostile, follow):
    hostile.play = lambda handler, what, name: handler.cut() or True
    follower = follow(hostile)
    with follower.following():
        assert eventually(lambda: follower.checks("failed") >= 1)
        assert ("ml_model_sync_last_success_timestamp_seconds",) not in follower.metrics()


def test_a_fallback_is_served_until_there_is_a_model(mlflow, logged, follow, second_version):
    follower = follow(mlflow, MLFLOW_MODEL_ALIAS="later", SYNC_FALLBACK=second_version)
    assert follower.once() == 0
    assert os.readlink(follower.link) == str(second_version)
    mlflow.set_alias("fraud", "later", 1)
    assert follower.once() == 0
    assert follower.served.startswith("1-")


def test_a_bad_fallback_is_no_model(mlflow, logged, follow, folder):
    follower = follow(mlflow, MLFLOW_MODEL_ALIAS="nobody", SYNC_FALLBACK=folder)
    assert follower.once() == 1
    assert follower.served is None
    follower.says("SYNC_FALLBACK cannot be served")


def test_a_withdrawn_alias_leads_back_to_the_fallback(mlflow, logged, follow, second_version):
    mlflow.set_alias("fraud", "withdrawn", 1)
    follower = follow(mlflow, MLFLOW_MODEL_ALIAS="withdrawn", SYNC_FALLBACK=second_version,
                      SYNC_WITHDRAW=1)
    with follower.following():
        assert eventually(lambda: (follower.served or "").startswith("1-"))
        mlflow.delete_alias("fraud", "withdrawn")
        assert eventually(lambda: os.readlink(follower.link) == str(second_version))
        assert eventually(lambda: follower.checks("none") >= 2)
        assert follower.log.count("serves the fallback") == 1
        mlflow.set_alias("fraud", "withdrawn", 1)
        assert eventually(lambda: follower.served.startswith("1-"))
        assert follower.log.count("downloads it") == 1
    mlflow.delete_alias("fraud", "withdrawn")
    assert follower.once(SYNC_WITHDRAW=0) == 0
    assert follower.served.startswith("1-")


def test_a_withdrawal_to_a_bad_fallback_changes_nothing(mlflow, logged, follow, folder):
    mlflow.set_alias("fraud", "gone", 1)
    follower = follow(mlflow, MLFLOW_MODEL_ALIAS="gone", SYNC_FALLBACK=folder, SYNC_WITHDRAW=1)
    assert follower.once() == 0
    mlflow.delete_alias("fraud", "gone")
    assert follower.once() == 0
    assert follower.served.startswith("1-")
    follower.says("SYNC_FALLBACK cannot be served")
