"""The arithmetic of docs/capacity.md, on numbers that can be worked out by hand."""

import argparse
import math
from dataclasses import replace

import pytest

import capacity
import quota
from capacity import Assumptions, Container, Cost, Flow, Impossible, Pods, Shipped

ASSUMED = Assumptions(rate=100_000.0)
# Keeps up: 0.05 CPUs, and 5 us a message; behind: 2 us. 0.55 of a CPU at the target, at most 1.
POD = Pods(Cost(0.05, 5.0, 2.0), 0.5, 512, 0.55, 1.0, least=4, spare=1)


def points(*pairs, counts=True):
    return [{"rate": rate, "cores": cores, "counts": counts} for rate, cores in pairs]


def test_a_line_through_points_gives_what_a_pod_takes_at_rest_and_for_a_message():
    fixed, us = capacity.fit(points((10_000, 0.1), (20_000, 0.15), (40_000, 0.25)))
    assert (fixed, us) == pytest.approx((0.05, 5.0))


def test_points_at_which_the_pod_was_behind_do_not_count():
    good = points((10_000, 0.1), (20_000, 0.15))
    assert capacity.fit([*good, *points((90_000, 0.1), counts=False)]) == pytest.approx((0.05, 5))
    with pytest.raises(Impossible, match="two rates"):
        capacity.fit([*good[:1], *points((90_000, 0.1), counts=False)])


def test_a_point_of_a_busy_machine_counts_only_where_there_are_no_two_others():
    def counts(*points):
        found = capacity.counted([{"kept_up": up, "busy": busy} for up, busy in points], 0.85)
        return [point["counts"] for point in found]
    assert counts((True, 0.5), (True, 0.85), (True, 0.9)) == [True, True, False]
    assert counts((True, 0.5), (True, 0.9), (False, 0.5)) == [True, True, False]


def test_no_pod_takes_less_than_nothing_at_rest():
    """Least squares of a line through zero: (1 x 1 + 2 x 4) / (1 + 4)."""
    assert capacity.fit(points((1e6, 1.0), (2e6, 4.0))) == pytest.approx((0.0, 1.8))


def test_a_pod_at_the_target_keeps_up_and_one_at_its_limit_is_behind():
    assert POD.rate_at_target == pytest.approx(100_000)  # (0.55 - 0.05) / 5 us
    assert POD.rate_at_limit == pytest.approx(500_000)  # 1 / 2 us
    with pytest.raises(Impossible, match="without any message"):
        _ = replace(POD, use=0.05).rate_at_target


def test_pods_are_rounded_up_with_one_to_spare_and_no_fewer_than_the_hpa_has():
    assert [POD.number(rate) for rate in (1, 300_000, 300_001, 1_000_000)] == [4, 4, 5, 11]


def test_every_pod_has_its_fixed_part_of_the_cores():
    assert POD.cores(1_000_000) == pytest.approx(11 * 0.05 + 5)


def test_nodes_are_filled_by_what_asks_for_more_of_them():
    by_cpu = replace(ASSUMED, node_cores=5.0, node_gib=64.0, node_share=0.9)  # 9 pods of 0.5
    by_memory = replace(by_cpu, node_gib=2.5)  # 4 of 512 MiB
    assert [POD.nodes(1_000_000, assumed) for assumed in (by_cpu, by_memory)] == [2, 3]
    with pytest.raises(Impossible, match="no pod fits"):
        POD.nodes(1, replace(by_cpu, node_cores=0.5))


def test_partitions_and_markers():
    assert [capacity.partitions(pods, ASSUMED) for pods in (1, 3, 4)] == [12, 12, 24]
    assert capacity.markers(4, ASSUMED) == (24 + 4) * 50


def test_ten_minutes_away_are_caught_up_with_what_the_limits_leave():
    # 4 pods x 500,000 less the 500,000 that go on coming; 10 minutes of those wait.
    assert capacity.catching_up(replace(POD, spare=-1), 500_000) == pytest.approx(10 / 3)
    never = replace(POD, cost=Cost.same(5.0), use=1.0, least=1, spare=0)
    assert capacity.duration(capacity.catching_up(never, 200_000)) == "never"


FLOW = Flow(150, 250, append_us=4, score_us=10, read_us=3, assumed=ASSUMED)


def test_bytes_of_the_brokers():
    assert FLOW.received == 100_000 * 400 * 3
    assert FLOW.sent == 100_000 * (400 * 2 + 150 + 250)
    assert replace(FLOW, assumed=replace(ASSUMED, readers=3)).sent == 100_000 * (800 + 150 + 750)
    assert FLOW.disk == FLOW.received * 24 * 3600


def test_cpu_of_the_brokers_is_for_the_input_for_rowan_and_for_each_reader():
    assert FLOW.cores == pytest.approx(1.7)
    assert replace(FLOW, assumed=replace(ASSUMED, readers=0)).cores == pytest.approx(1.4)


def test_brokers_are_as_many_as_the_scarcest_resource_asks_for():
    flow = replace(FLOW, assumed=replace(ASSUMED, broker_disk_mb=60.0))  # 120 MB/s, of 30 each
    assert flow.brokers()["disk writes"] == pytest.approx(4)
    # 120 MB/s, and half of 12.5 Gbit/s, which are 1,562.5 MB/s
    assert flow.brokers()["network in"] == pytest.approx(120 / 781.25)
    assert (flow.number(), flow.first()) == (4, "disk writes")
    assert FLOW.number() == 3  # one for each copy


def test_peers_are_counted_at_their_own_measured_cost(monkeypatch):
    names = (capacity.ROWAN, *capacity.PEERS)
    monkeypatch.setattr(capacity, "compared", lambda: dict(zip(names, (2.0, 20, 200, 1000))))
    container = Container(0.5, 256, 1.0, 512)
    monkeypatch.setattr(capacity, "shipped",
                        lambda: Shipped(container, container, least=4, most=6, target=0.5))
    # 0.5 of a CPU at the target: 250,000 messages/s at 2 us each, 500 at 1,000.
    rows = [[cell.strip() for cell in line.strip("|").split("|")]
            for line in capacity.peers_table(replace(ASSUMED, rate=1e6)).splitlines()[2:]]
    assert [row[1:5] for row in rows] == [["2", "1", "2.0", "5"], ["20", "10", "20.0", "41"],
                                          ["200", "100", "200.0", "401"],
                                          ["1,000", "500", "1,000.0", "2,001"]]


def test_the_tables_that_are_read_from_are_there():
    assert capacity.ROWAN in capacity.compared()
    assert 0 < capacity.shipped().target <= 1


@pytest.mark.parametrize("number, text", [
    (0.123, "0.12"), (4.56, "4.6"), (99.4, "99"), (99.5, "100"), (99.96, "100"), (12345, "12,000")])
def test_two_digits_that_count(number, text):
    assert capacity.short(number) == text


@pytest.mark.parametrize("option, value", [
    ("--rate", "0"), ("--rate", "nan"), ("--rate", "inf"), ("--node-cores", "-1"),
    ("--node-share", "1.1"), ("--spare-pods", "-1"), ("--replication", "0")])
def test_an_option_that_makes_no_sense_is_refused(option, value, capsys):
    parser = argparse.ArgumentParser()
    Assumptions.add_to(parser)
    with pytest.raises(SystemExit):
        parser.parse_args([option, value])
    assert option in capsys.readouterr().err
    parser.format_help()


def test_none_may_be_spared_and_none_may_read():
    parser = argparse.ArgumentParser()
    Assumptions.add_to(parser)
    parsed = Assumptions(**vars(parser.parse_args(["--spare-pods", "0", "--readers", "0"])))
    assert (parsed.spare_pods, parsed.readers) == (0, 0)


@pytest.mark.parametrize("share", [0.01, 0.03, 0.07, 0.1, 0.5, 1.0])
def test_no_quota_is_less_than_the_kernel_takes(share):
    us, period = quota.quota(share)
    assert us >= 1000 and period >= quota.PERIOD_US
    assert us / period == pytest.approx(share, rel=1e-3)
    assert math.isclose(period, quota.PERIOD_US) or share < 0.1
