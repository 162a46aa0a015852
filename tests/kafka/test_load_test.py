"""kafka-load-test: what it says it sent stands in the topic, and what it proves is so."""

import json
import xml.etree.ElementTree as ElementTree

import pytest

from kafka import eventually
from load_tool import LoadTest, command, load_test
from records import end_offsets, read

FIELDS = {"transaction_id", "customer_id", "terminal_id", "tx_amount", "tx_time_seconds",
          "tx_time_days"} | {f"{of}_{days}day_window" for days in (1, 7, 30) for of in (
              "customer_id_nb_tx", "customer_id_avg_amount", "terminal_id_nb_tx",
              "terminal_id_risk")}


def in_topic(pipeline, topic=None):
    return sum(end_offsets(pipeline.cluster, topic or pipeline.input).values())


def transactions(pipeline):
    return [json.loads(record.value) for record in read(pipeline.cluster, pipeline.input)]


# ---- sending -----------------------------------------------------------------------------------

def test_what_was_asked_for_stands_in_the_topic(pipeline):
    run = load_test(pipeline, "--phases", "300x1,900x1.5,0.5x0.5")
    assert run.status == 0, run.out + run.err
    records = read(pipeline.cluster, pipeline.input)
    sent = [json.loads(record.value) for record in records]
    assert len(records) == run.report["sent"] == run.report["acknowledged"] == 300 + 1350 + 1
    assert {row["transaction_id"] for row in sent} == {
        f"{run.report['run']}-{number}" for number in range(len(sent))}
    assert all(set(row) == FIELDS for row in sent), "and never the label"
    assert [record.key for record in records] == [str(row["customer_id"]).encode()
                                                  for row in sent]
    began = run.report["started_unix_ms"]
    assert all(began <= record.timestamp <= began + 1000 * run.report["sending_seconds"]
               for record in records)
    assert [phase["asked"] for phase in run.report["phases"]] == [300, 1350, 1]
    assert sum(second["sent"] for second in run.report["seconds"]) == len(sent)
    assert sum(phase["acknowledged"]["n"] for phase in run.report["phases"]) == len(sent)


def test_a_customers_transactions_stay_in_order_in_javas_partition(pipeline):
    load_test(pipeline, "--rate", 2000, "--count", 1000, "--customers", 20)
    records = read(pipeline.cluster, pipeline.input)
    homes = {}
    for record in records:
        number = int(json.loads(record.value)["transaction_id"].rpartition("-")[2])
        home = homes.setdefault(record.key, [record.partition, -1])
        assert home[0] == record.partition and home[1] < number
        home[1] = number
    assert len(homes) > 10
    assert all(home[0] == murmur2(key) % 6 for key, home in homes.items())


def murmur2(data):
    """Kafka's Utils.murmur2, without the sign."""
    mask, m, h = 0xffffffff, 0x5bd1e995, 0x9747b28c ^ len(data)
    whole = len(data) & ~3
    for at in range(0, whole, 4):
        k = int.from_bytes(data[at:at + 4], "little") * m & mask
        h = (h * m & mask) ^ ((k ^ k >> 24) * m & mask)
    if len(data) > whole:
        h = (h ^ int.from_bytes(data[whole:], "little")) * m & mask
    h = (h ^ h >> 13) * m & mask
    return (h ^ h >> 15) & 0x7fffffff


def test_a_seed_gives_the_same_transactions_and_never_the_same_ids(pipeline):
    runs = [load_test(pipeline, "--rate", 1000, "--count", 200, "--seed", seed)
            for seed in (7, 7, 8)]
    names = [run.report["run"] for run in runs]
    assert len(set(names)) == 3
    by_run = {name: {} for name in names}
    for row in transactions(pipeline):
        name, _, number = row.pop("transaction_id").rpartition("-")
        by_run[name][int(number)] = row
    first, second, third = (by_run[name] for name in names)
    assert first == second != third


def test_bursts_come_at_the_begin_of_each_second(pipeline):
    run = load_test(pipeline, "--rate", 10, "--burst", 400, "--duration", 2)
    assert run.status == 0
    assert [second["asked"] for second in run.report["seconds"][:2]] == [410, 410]
    assert in_topic(pipeline) == 820
    began = run.report["started_unix_ms"]
    late = run.report["timetable"]["late_max"]
    for second in range(2):
        at_once = [record for record in read(pipeline.cluster, pipeline.input)
                   if 0 <= record.timestamp - began - 1000 * second <= late + 1]
        assert len(at_once) >= 400


def test_as_fast_as_it_goes_ends_after_its_count(pipeline):
    run = load_test(pipeline, "--max", "--count", 20000)
    assert run.status == 0
    assert run.report["timetable"] is None
    assert in_topic(pipeline) == run.report["acknowledged"] == 20000


def test_envelopes_hold_the_transaction_in_data(pipeline):
    load_test(pipeline, "--rate", 1000, "--count", 50, "--envelope")
    for row in transactions(pipeline):
        assert set(row) == {"transaction_id", "stream_timestamp", "producer_id", "data"}
        assert set(row["data"]) == FIELDS
        assert row["data"]["transaction_id"] == row["transaction_id"]


def test_a_share_is_broken_in_each_way(pipeline):
    load_test(pipeline, "--rate", 2000, "--count", 600, "--bad", 0.05)
    tombstones, no_json, violations, sound = 0, 0, 0, 0
    for record in read(pipeline.cluster, pipeline.input):
        if record.value is None:
            tombstones += 1
            continue
        try:
            is_sound = json.loads(record.value)["tx_amount"] > 0
        except ValueError:
            no_json += 1
            continue
        sound += is_sound
        violations += not is_sound
    assert (tombstones, no_json, violations, sound) == (10, 10, 10, 570)


def test_ctrl_c_ends_it_with_a_report_of_what_was_sent(pipeline):
    with LoadTest(pipeline, "--rate", 200, "--duration", 3600) as run:
        assert eventually(lambda: in_topic(pipeline) > 100)
        run.interrupt()
        run.wait()
    assert run.status == 1
    assert run.report["stopped"] and not run.report["complete"]
    assert 100 < run.report["sent"] < 3600 * 200
    assert in_topic(pipeline) == run.report["sent"] == run.report["acknowledged"]
    assert "ended early" in run.out


def test_the_rate_holds_while_the_broker_is_away_and_failures_are_counted(mortal_cluster,
                                                                          pipeline_on):
    pipeline = pipeline_on(mortal_cluster)
    with LoadTest(pipeline, "--rate", 500, "--duration", 8, "-X", "message.timeout.ms=2000") as run:
        assert eventually(lambda: in_topic(pipeline) > 100)
        with mortal_cluster.away():
            run.wait()
    assert run.status == 1
    report = run.report
    assert report["sent"] == 4000, "asked for, whatever the broker does"
    assert report["failed"] > 0 and report["acknowledged"] > 0
    assert report["acknowledged"] + report["failed"] == 4000
    assert sum(report["delivery_errors"].values()) == report["failed"]
    assert "_MSG_TIMED_OUT" in report["delivery_errors"]
    # What was acknowledged is there; of what was not, some may be.
    assert report["acknowledged"] <= in_topic(pipeline) <= report["sent"]


# ---- lag and drawings --------------------------------------------------------------------------

def test_lag_is_what_the_group_has_not_committed(pipeline):
    with pipeline.stream():
        load_test(pipeline, "--rate", 500, "--duration", 1)
        pipeline.wait_for(500)
    run = load_test(pipeline, "--rate", 300, "--duration", 3)
    lags = [second["lag"] for second in run.report["seconds"] if second["lag"] is not None]
    assert lags and lags == sorted(lags)
    assert 0 <= lags[0] and lags[-1] <= 900 and lags[-1] >= 300


def test_the_drawing_is_xml_with_its_lines(pipeline, tmp_path):
    file = tmp_path / "run.svg"
    load_test(pipeline, "--rate", 100, "--duration", 2, "--svg", file)
    root = ElementTree.parse(file).getroot()
    lines = [path.get("d") for path in root.iter("{http://www.w3.org/2000/svg}path")]
    assert sum(" " in line and "L" in line for line in lines) >= 5
    texts = [text.text for text in root.iter("{http://www.w3.org/2000/svg}text")]
    assert {"asked", "sent", "acknowledged", "p50", "p99"} <= set(texts)


# ---- proving -----------------------------------------------------------------------------------

@pytest.mark.parametrize("shape", [[], ["--envelope"]])
def test_a_run_is_verified_against_rowan_stream(pipeline, shape):
    with pipeline.stream():
        run = load_test(pipeline, "--rate", 1500, "--duration", 2, "--bad", 0.02, "--verify",
                        *shape)
    assert run.status == 0, run.out + run.err
    found = run.report["verification"]
    assert (found["once"], found["predictions"], found["dead_letters"]) == (3000, 2940, 60)
    assert found["reasons"] == {"invalid_json": 20, "contract_violation": 20, "tombstone": 20}
    assert run.report["verified"] and found["visible"]["n"] == 2940
    replies = [json.loads(record.value) for record in read(pipeline.cluster, pipeline.output)]
    flagged = sum(reply["fraud_probability"] >= 0.5 for reply in replies)
    detection = found["detection"]
    assert detection["true_fraud"] + detection["false_fraud"] == flagged
    assert sum(row["predictions"] for row in detection["scenarios"]) == 2940
    for level in ("low", "medium", "high"):
        assert sum(detection["risk_levels"][level].values()) == sum(
            reply["risk_level"] == level for reply in replies)


def test_without_rowan_stream_everything_is_missing(pipeline):
    run = load_test(pipeline, "--rate", 500, "--count", 100, "--verify", "--verify-timeout", 0.5)
    assert run.status == 1
    assert run.report["complete"] and not run.report["verified"]
    assert run.report["verification"]["missing"] == 100
    assert f"{run.report['run']}-0, {run.report['run']}-1" in run.out


def test_two_groups_that_score_the_same_are_seen(pipeline):
    """Both answer every transaction: two answers, each of them committed."""
    with pipeline.stream(), pipeline.stream("replica-1", group=pipeline.group + "-2"):
        load_test(pipeline, "--rate", 500, "--count", 50)
        # both have begun
        assert eventually(lambda: len(read(pipeline.cluster, pipeline.output)) == 100)
        run = load_test(pipeline, "--rate", 500, "--duration", 4, "--verify")
    assert run.status == 1
    found = run.report["verification"]
    assert found["doubled"] > 0 and found["missing"] == 0
    assert found["once"] + found["doubled"] == 2000


def test_others_transactions_do_not_disturb(pipeline):
    with pipeline.stream(), LoadTest(pipeline, "--rate", 200, "--duration", 3600) as other:
        assert eventually(lambda: in_topic(pipeline, pipeline.output) > 0)
        run = load_test(pipeline, "--rate", 500, "--duration", 2, "--verify")
        other.interrupt()
        other.wait()
    assert run.status == 0, run.out + run.err
    assert run.report["verification"]["once"] == 1000
    assert run.report["verification"]["foreign"] > 0


def test_each_phase_has_the_times_of_its_own_transactions(pipeline):
    with pipeline.stream():
        run = load_test(pipeline, "--phases", "200x1,800x1.5", "--verify")
    assert run.status == 0, run.out + run.err
    visible = [phase["visible"] for phase in run.report["phases"]]
    whole = run.report["verification"]["visible"]
    assert [each["n"] for each in visible] == [200, 1200]
    assert sum(each["n"] for each in visible) == whole["n"]
    assert max(each["max"] for each in visible) == whole["max"]
    assert min(each["p99"] for each in visible) <= whole["p99"]


# ---- the command line --------------------------------------------------------------------------

SOMEWHERE = "--brokers", "127.0.0.1:1"


@pytest.mark.parametrize("arguments, says", [
    ([], "name one of --phases"),
    (["--rate", 5, "--attack", "--duration", 5], "name one of --phases"),
    (["--rate", 5], "need --duration or --count"),
    (["--attack", "--duration", 5], "phases have their own"),
    (["--max", "--burst", 5], "--max has no rate"),
    (["--phases", "5x"], "RATExSECONDS"),
    (["--phases", "1x99999"], "RW_LOAD_SECONDS_MAX"),
    (["--rate", "fast", "--count", 1], "takes a number from"),
    (["--count", 1.5, "--rate", 1], "takes a whole number"),
    (["--bad", 2, "--attack"], "takes a number from 0 to 1"),
    (["--rate"], "needs a value"),
    (["--quiet=yes"], "takes no value"),
    (["--nonsense"], "no such option"),
    (["here"], "no option"),
    (["--attack", "--topic", "a b"], "--topic"),
    (["--attack", "-X", "no.such.property=1"], "no.such.property"),
    (["--attack", "-X", "acks=many"], "acks"),
    (["--attack", "--id-prefix", 'a"b'], "RW_LOAD_PREFIX_MAX"),
    (["--rate", 100000, "--duration", 3600, "--verify"], "RW_LOAD_VERIFY_COUNT_MAX"),
])
def test_a_wrong_command_line_is_status_2_and_says_why(arguments, says):
    done = command(*SOMEWHERE, *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert says in done.stderr


def test_without_brokers_it_says_where_to_name_them():
    done = command("--attack")
    assert done.returncode == 2 and "KAFKA_BOOTSTRAP_SERVERS" in done.stderr


def test_no_secret_is_shown():
    for arguments in (["-X", "sasl.pasword=hunter2"], ["--password=hunter2"],
                      ["-Xacks=hunter2"]):
        done = command(*SOMEWHERE, "--attack", *arguments)
        assert done.returncode == 2 and "hunter2" not in done.stderr + done.stdout


def test_help_and_version():
    done = command("--help")
    assert done.returncode == 0 and "--verify-timeout" in done.stdout
    assert command("--version").stdout.startswith("kafka-load-test 0.")


def test_a_topic_that_does_not_exist_is_not_made(pipeline):
    topic = pipeline.input + "-of-nobody"
    done = command("--brokers", pipeline.cluster.brokers, "--topic", topic, "--rate", 1,
                   "--count", 1)
    assert done.returncode == 1 and "create the topic" in done.stderr
    assert topic not in pipeline.cluster.admin.list_topics(timeout=30).topics


def test_the_environment_of_rowan_stream_is_taken(pipeline):
    done = command("--rate", 100, "--count", 10, "--warm-up", 0,
                   KAFKA_BOOTSTRAP_SERVERS=pipeline.cluster.brokers,
                   KAFKA_INPUT_TOPIC=pipeline.input, KAFKA_COMPRESSION_TYPE="none")
    assert done.returncode == 0, done.stderr
    assert in_topic(pipeline) == 10
