"""`rowan simulate`: the rules of the Fraud Detection Handbook, its features, and the contract.

The reference is the simulator of training/, which equals the Handbook's published data row by row.  Random numbers
differ, so distributions are compared.  All seeds are fixed: a test here cannot fail by chance, only after a change.
Each tolerance is that of a statistical test whose level is LEVEL: as rarely would a correct simulation have been
refused when the seeds were chosen.
"""

import io
import json
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from tool import FRAUD, ROOT, ROWAN, rows

sys.path.insert(0, str(ROOT / "training"))

from rowan_training.simulator import BOOK, simulate_book  # noqa: E402

LEVEL = 0.001
SEEDS = range(1, 13)
DAY = 86_400
START = 1_522_540_800
SCENARIOS = (1, 2, 3)
COUNTED = ("transactions", "frauds", "scenario 1", "scenario 2", "scenario 3")


def simulate(*options):
    """What the tool wrote as a data frame."""
    with subprocess.Popen([ROWAN, "simulate", *map(str, options)], stdout=subprocess.PIPE) as process:
        frame = pd.read_csv(process.stdout)
    assert process.returncode == 0
    return frame


def scenarios_of(*options):
    """The labels alone, by `cut`: a digit and a line end each."""
    command = ["bash", "-o", "pipefail", "-c", '"$@" | cut -d, -f7 | tail -n +2', "bash", ROWAN, "simulate", "--label"]
    text = subprocess.run([*command, *map(str, options)], check=True, stdout=subprocess.PIPE).stdout
    return np.frombuffer(text, np.uint8)[::2] - ord("0")


def counts_of(scenarios):
    by_scenario = np.bincount(scenarios, minlength=4)
    return [len(scenarios), by_scenario[1:].sum(), *by_scenario[1:]]


@pytest.fixture(scope="module")
def book():
    return simulate_book()


@pytest.fixture(scope="module")
def world():
    """As many days of as many customers as the Handbook has."""
    return simulate("--label")


@pytest.fixture(scope="module")
def replicates():
    """`[seed][COUNTED]` of worlds of the Handbook's size."""
    return np.array([counts_of(scenarios_of("--seed", seed)) for seed in SEEDS], float)


# ---- counts


@pytest.mark.parametrize("figure", COUNTED)
def test_counts_of_the_handbook_lie_among_those_of_other_seeds(book, replicates, figure):
    """Student's prediction interval for one more draw of the same distribution."""
    published = counts_of(book["TX_FRAUD_SCENARIO"])[COUNTED.index(figure)]
    ours = replicates[:, COUNTED.index(figure)]
    n = len(ours)
    half = stats.t.ppf(1 - LEVEL / 2, n - 1) * ours.std(ddof=1) * np.sqrt(1 + 1 / n)
    assert abs(published - ours.mean()) <= half


def test_number_of_transactions_has_the_mean_and_the_spread_of_the_rules(replicates):
    """Rates are even on 0 to 4 a day, and a transaction beyond the day is nobody's."""
    within = np.diff(stats.norm.cdf([(1 - DAY / 2) / 20_000, (DAY / 2) / 20_000]))[0]
    mean = BOOK.n_customers * 2 * BOOK.n_days * within
    variance = BOOK.n_customers * (4 * BOOK.n_days * within) ** 2 / 12 + mean
    ours = replicates[:, 0]
    z = (ours.mean() - mean) / np.sqrt(variance / len(ours))
    assert abs(z) <= stats.norm.ppf(1 - LEVEL / 2)
    chi2 = (len(ours) - 1) * ours.var(ddof=1) / variance
    low, high = stats.chi2.ppf([LEVEL / 2, 1 - LEVEL / 2], len(ours) - 1)
    assert low <= chi2 <= high


# ---- distributions: one number a customer, because transactions of one customer are not independent


def by_customer(frame, customer, amount, terminal):
    groups = frame.groupby(customer)
    return {"transactions": groups.size(), "first amount": groups[amount].first(),
            "distinct terminals": groups[terminal].nunique()}


@pytest.mark.parametrize("number", ["transactions", "first amount", "distinct terminals"])
def test_customers_are_distributed_as_the_reference(book, world, number):
    expected = by_customer(book, "CUSTOMER_ID", "TX_AMOUNT", "TERMINAL_ID")[number]
    seen = by_customer(world, "customer_id", "tx_amount", "terminal_id")[number]
    assert len(seen) > 0.98 * BOOK.n_customers
    assert stats.ks_2samp(expected, seen).pvalue > LEVEL


def test_terminals_are_used_as_those_of_the_reference(book, world):
    expected = book.groupby("TERMINAL_ID").size()
    seen = world.groupby("terminal_id").size()
    # Neighbours share their customers: of about 127 circles of customers beside each other, terminals tell once.
    every = 10_000 // 127
    rng = np.random.default_rng(0)
    assert stats.ks_2samp(rng.choice(expected, every), rng.choice(seen, every)).pvalue > LEVEL


def test_times_of_the_day_are_normal_around_noon(world):
    seconds = world["tx_time_seconds"] % DAY
    assert seconds.min() >= 1
    distribution = stats.truncnorm((1 - DAY / 2) / 20_000, (DAY / 2) / 20_000, DAY / 2, 20_000)
    in_their_second = seconds.to_numpy() + 0.5
    assert stats.kstest(in_their_second, distribution.cdf).pvalue > LEVEL


def test_rows_are_in_order_of_time_and_numbered(world):
    assert world["tx_time_seconds"].is_monotonic_increasing
    assert (world["transaction_id"] == "tx-" + pd.Series(range(len(world))).astype(str)).all()
    assert (world["tx_time_days"] == (world["tx_time_seconds"] - START) // DAY).all()
    assert set(world["tx_time_days"]) == set(range(BOOK.n_days))
    assert world["customer_id"].between(1, BOOK.n_customers).all()
    assert world["terminal_id"].between(1, BOOK.n_terminals).all()
    same_second = world["tx_time_seconds"].diff() == 0
    assert (world["customer_id"].diff()[same_second] >= 0).all() and same_second.any()


# ---- frauds


def test_amounts_above_220_are_frauds(world):
    large = world["tx_amount"] > 220
    assert (world.loc[large, "tx_fraud_scenario"] > 0).all()
    assert (world.loc[world["tx_fraud_scenario"] == 1, "tx_amount"] > 220).all()


def test_compromised_terminals_make_nothing_but_frauds_for_28_days(world):
    compromised = world[world["tx_fraud_scenario"] == 2].groupby("terminal_id")["tx_time_days"].agg(["min", "max"])
    lengths = compromised["max"] - compromised["min"] + 1
    once = compromised[lengths <= 28]
    assert len(once) > 250 and lengths[lengths <= 28].max() == 28
    of_once = world[world["terminal_id"].isin(once.index)]
    first, last = (of_once["terminal_id"].map(once[end]) for end in ("min", "max"))
    during = of_once[of_once["tx_time_days"].between(first, last)]
    assert set(during["tx_fraud_scenario"]) == {2, 3}


def test_a_third_of_the_transactions_after_a_leak_is_five_times_as_large(world):
    """The first fraud of a leak is one of the first of 14 days: about 13 days before the last one are left."""
    leaked = world[world["tx_fraud_scenario"] == 3].groupby("customer_id")["tx_time_days"].agg(["min", "max", "size"])
    once = leaked[(leaked["max"] - leaked["min"] < 14) & (leaked["size"] >= 3)]
    rows_of = world[world["customer_id"].isin(once.index)]
    first, last = (rows_of["customer_id"].map(once[end]) for end in ("min", "max"))
    inside = rows_of["tx_time_days"].between(first, last)
    frauds = rows_of[inside & (rows_of["tx_fraud_scenario"] == 3)]
    before = rows_of[rows_of["tx_fraud_scenario"] == 0].groupby("customer_id")["tx_amount"].mean()
    ratios = frauds.groupby("customer_id")["tx_amount"].mean() / before
    ratios = ratios.dropna()
    error = ratios.std(ddof=1) / np.sqrt(len(ratios))
    assert len(ratios) > 200
    assert abs(ratios.mean() - 5) <= stats.norm.ppf(1 - LEVEL / 2) * error


def test_small_worlds_have_the_same_share_of_frauds(replicates):
    """The Handbook takes 2 terminals and 3 customers a day whatever the population; here it is their share."""
    small = scenarios_of("--customers", 500, "--terminals", 1000, "--radius", 16, "--days", 1830)
    share = replicates[:, 1] / replicates[:, 0]
    # As many fraud-days as in a replicate, so that its spread is that of the replicates.
    half = stats.t.ppf(1 - LEVEL / 2, len(share) - 1) * share.std(ddof=1) * np.sqrt(1 + 1 / len(share))
    # The number of customers is a tenth: the shares of seeds may differ more, by sqrt(10).
    assert abs((small > 0).mean() - share.mean()) <= np.sqrt(10) * half


# ---- windows


def rolled(frame, by, column, days):
    """Sum of the column over (now - days, now] of each customer or terminal, in the order of the frame."""
    indexed = frame.set_index("time")
    sums = indexed.groupby(by)[column].rolling(f"{days}D").sum()
    order = frame.sort_values([by, "time"], kind="stable").index
    return pd.Series(sums.to_numpy(), index=order).sort_index()


def test_windows_are_those_of_pandas():
    frame = simulate("--label", "--seed", 3, "--customers", 300, "--terminals", 600, "--radius", 15)
    assert len(frame) >= 100_000
    frame["time"] = pd.to_datetime(frame["tx_time_seconds"], unit="s")
    frame["one"] = 1
    frame["cents"] = np.rint(100 * frame["tx_amount"])
    frame["fraud"] = (frame["tx_fraud_scenario"] > 0).astype(int)
    unknown = {column: rolled(frame, "terminal_id", column, 7) for column in ("one", "fraud")}
    for days in (1, 7, 30):
        n = rolled(frame, "customer_id", "one", days)
        mean = rolled(frame, "customer_id", "cents", days) / (100 * n)
        assert (frame[f"customer_id_nb_tx_{days}day_window"] == n).all()
        assert (frame[f"customer_id_avg_amount_{days}day_window"] == mean).all()
        n = rolled(frame, "terminal_id", "one", 7 + days) - unknown["one"]
        risk = (rolled(frame, "terminal_id", "fraud", 7 + days) - unknown["fraud"]) / n
        assert (frame[f"terminal_id_nb_tx_{days}day_window"] == n).all()
        assert (frame[f"terminal_id_risk_{days}day_window"] == risk.fillna(0)).all()
        assert frame[f"terminal_id_risk_{days}day_window"].between(0.01, 0.99).any()


# ---- the contract and its model


def test_the_contract_takes_the_csv_and_the_model_finds_the_frauds(rowan):
    """The card of the model has an area of .872 to .886 under the ROC curve, of weeks without the cards that are
    known to be stolen, which are easy to find.  The Handbook's best is .876."""
    lines = rowan("simulate", "--label", "--days", 150, "--seed", 5).stdout.splitlines(keepends=True)
    last_days = [line for line in lines[1:] if int(line.split(b",")[5]) >= 120]
    process = rowan("score", FRAUD, "-", stdin=b"".join(lines[:1] + last_days))
    assert process.returncode == 0, process.stderr[:1000]
    scores = np.array([float(row["fraud_probability"]) for row in rows(process)])
    frauds = np.array([line.split(b",")[6] != b"0" for line in last_days])
    assert len(scores) == len(frauds) > 200_000
    ranks = stats.rankdata(scores)
    n = frauds.sum()
    auc = (ranks[frauds].sum() - n * (n + 1) / 2) / (n * (~frauds).sum())
    assert auc >= 0.87


def test_json_and_csv_say_the_same(rowan):
    options = ("--label", "--customers", 50, "--terminals", 100, "--radius", 20, "--days", 60)
    objects = [json.loads(line) for line in rowan("simulate", "--format", "jsonl", *options).stdout.splitlines()]
    frame = pd.read_csv(io.BytesIO(rowan("simulate", "--format=csv", *options).stdout))
    pd.testing.assert_frame_equal(pd.DataFrame(objects), frame, check_exact=True)


def test_columns_are_the_properties_of_the_contract(rowan, properties):
    header = rowan("simulate", "--count", 0).stdout.decode().strip().split(",")
    assert header == [name for name in properties if name != "tx_fraud_scenario"]
    header = rowan("simulate", "--count", 0, "--label").stdout.decode().strip().split(",")
    assert header == properties
    (line,) = rowan("simulate", "--count", 1, "--format", "jsonl", "--label").stdout.splitlines()
    assert list(json.loads(line)) == properties
    (line,) = rowan("simulate", "--count", 1, "--format", "jsonl").stdout.splitlines()
    assert list(json.loads(line)) == [name for name in properties if name != "tx_fraud_scenario"]


# ---- options


def test_same_options_same_bytes_and_another_seed_others(rowan):
    one, same, other = (rowan("simulate", "--days", 3, "--seed", seed).stdout for seed in (7, 7, 8))
    assert one == same
    assert len(set(one.splitlines()) & set(other.splitlines())) == 1  # the header


def test_count_ends_early_and_asks_for_no_days(rowan):
    whole = rowan("simulate", "--days", 30).stdout.splitlines()
    assert rowan("simulate", "--count", 1000).stdout.splitlines() == whole[:1001]
    assert len(rowan("simulate", "--count", 1000, "--days", 1, "--customers", 10).stdout.splitlines()) < 100


def test_start_is_the_first_day(rowan):
    frame = pd.read_csv(io.BytesIO(rowan("simulate", "--days", 2, "--start", "2024-02-29").stdout))
    days = pd.to_datetime(frame["tx_time_seconds"], unit="s").dt.strftime("%Y-%m-%d")
    assert set(days) == {"2024-02-29", "2024-03-01"}


def test_customers_out_of_reach_of_all_terminals_pay_nowhere(rowan):
    process = rowan("simulate", "--customers", 100, "--terminals", 1, "--radius", "0.001")
    assert process.returncode == 0 and len(process.stdout.splitlines()) == 1


@pytest.mark.parametrize("options", [
    ["--seed", "-1"], ["--seed", "18446744073709551616"], ["--customers", "0"], ["--customers", "10000001"],
    ["--terminals", "many"], ["--days", "3651"], ["--days", " 1"], ["--radius", "0"], ["--radius", "nan"],
    ["--radius", "201"], ["--start", "2023-02-29"], ["--start", "1969-12-31"], ["--start", "2024-1-1"],
    ["--start", "2024-01-01T00:00"], ["--format", "xml"], ["--count", "1.5"], ["operand"],
], ids=" ".join)
def test_wrong_options_are_refused_by_name(rowan, options):
    process = rowan("simulate", *options)
    assert process.returncode == 2 and process.stdout == b""
    assert options[0].encode() in process.stderr and b"rowan simulate --help" in process.stderr


def test_full_disk_is_an_error():
    with open("/dev/full", "wb") as full:
        process = subprocess.run([ROWAN, "simulate"], stdout=full, stderr=subprocess.PIPE)
    assert process.returncode == 1
    assert b"standard output: cannot be written: No space left" in process.stderr
