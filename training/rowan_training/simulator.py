"""Simulated card transactions, as the Fraud Detection Handbook defines them.

Source of the generating process: Y.-A. Le Borgne, W. Siblini, B. Lebichot, G. Bontempi, "Reproducible Machine Learning
for Credit Card Fraud Detection - Practical Handbook", Universite Libre de Bruxelles, 2022, chapter 3, "Transaction data
simulator". This is an independent implementation that draws the same random numbers in the same order, so that its rows
equal the published ones; the Handbook's own code and data are not used.

Customers and terminals live on a 100 x 100 map. A customer pays only at terminals within a radius, a Poisson number of
times a day, around noon, with normally distributed amounts. Frauds come from three scenarios:

1. every amount above 220 (so obvious that any detector must find it);
2. two terminals a day are compromised, and all their transactions of 28 days are frauds;
3. three cards a day are stolen, and a third of their transactions of 14 days are frauds with five times the amount.
"""

from dataclasses import dataclass
from random import Random

import numpy as np
import pandas as pd

START_DATE = pd.Timestamp("2018-04-01")
START_UNIX_SECONDS = 1_522_540_800
SECONDS_PER_DAY = 86_400

BOOK_ROWS = 1_754_155
BOOK_FRAUDS = 14_681

MAP_SIDE = 100.0
AMOUNT_LIMIT = 220.0
COMPROMISED_TERMINALS_PER_DAY = 2
COMPROMISED_TERMINAL_DAYS = 28
STOLEN_CARDS_PER_DAY = 3
STOLEN_CARD_DAYS = 14
STOLEN_CARD_AMOUNT_FACTOR = 5

# A replicate must share no seed with the book nor with its neighbours: the families of seeds are spread by these strides.
CUSTOMER_SEED_STRIDE = 1_000_003
DAY_SEED_STRIDE = 7_919


@dataclass(frozen=True)
class SimulationConfig:
    """Size of the simulated world. The defaults give the Handbook's data; another `seed_offset` a fresh replicate."""

    n_customers: int = 5_000
    n_terminals: int = 10_000
    n_days: int = 183
    radius: float = 5.0
    seed_offset: int = 0


BOOK = SimulationConfig()


@dataclass(frozen=True)
class Customers:
    """One row a customer: position `[n][2]`, mean of the amounts, mean number of transactions a day."""

    positions: np.ndarray
    mean_amounts: np.ndarray
    daily_rates: np.ndarray


def simulate(config: SimulationConfig = BOOK) -> pd.DataFrame:
    """Returns the transactions in order of time, with their labels `TX_FRAUD` and `TX_FRAUD_SCENARIO`."""
    transactions = _genuine_transactions(config)
    scenarios = np.zeros(len(transactions), np.int8)
    amounts = transactions["TX_AMOUNT"].to_numpy(copy=True)
    scenarios[amounts > AMOUNT_LIMIT] = 1
    _compromise_terminals(transactions, scenarios, config)
    _steal_cards(transactions, scenarios, amounts, config)
    return transactions.assign(TX_AMOUNT=amounts, TX_FRAUD=(scenarios > 0).astype(np.int8), TX_FRAUD_SCENARIO=scenarios)


def simulate_book() -> pd.DataFrame:
    """The Handbook's data, refused unless every published transaction and every published fraud is there."""
    transactions = simulate(BOOK)
    counts = len(transactions), int(transactions["TX_FRAUD"].sum())
    if counts != (BOOK_ROWS, BOOK_FRAUDS):
        raise RuntimeError(
            f"simulated {counts[0]} rows and {counts[1]} frauds, but the Handbook has {BOOK_ROWS} and {BOOK_FRAUDS}: "
            "check that NumPy is the version in requirements.txt"
        )
    return transactions


def _genuine_transactions(config: SimulationConfig) -> pd.DataFrame:
    customers = _draw_customers(config)
    terminal_positions = _draw_terminals(config)
    rows: list[tuple[int, int, int, float]] = []
    for customer in range(config.n_customers):
        distances = np.sqrt(((customers.positions[customer] - terminal_positions) ** 2).sum(axis=1))
        terminals = np.flatnonzero(distances < config.radius).tolist()
        rows.extend(_customer_transactions(customer, customers, terminals, config))
    return _in_order_of_time(rows)


def _draw_customers(config: SimulationConfig) -> Customers:
    draws = np.random.RandomState(config.seed_offset).uniform(0, 1, (config.n_customers, 4))
    return Customers(
        positions=draws[:, :2] * MAP_SIDE,
        mean_amounts=5 + draws[:, 2] * 95,
        daily_rates=draws[:, 3] * 4,
    )


def _draw_terminals(config: SimulationConfig) -> np.ndarray:
    return np.random.RandomState(1 + config.seed_offset).uniform(0, 1, (config.n_terminals, 2)) * MAP_SIDE


def _customer_transactions(
    customer: int, customers: Customers, terminals: list[int], config: SimulationConfig
) -> list[tuple[int, int, int, float]]:
    """Rows (second, customer, terminal, amount) of one customer. Each draw keeps its place in the random stream."""
    seed = customer + config.seed_offset * CUSTOMER_SEED_STRIDE
    numbers, choices = np.random.RandomState(seed), Random(seed)
    mean_amount, daily_rate = customers.mean_amounts[customer], customers.daily_rates[customer]
    rows = []
    for day in range(config.n_days):
        for _ in range(numbers.poisson(daily_rate)):
            second_of_day = int(numbers.normal(SECONDS_PER_DAY / 2, 20_000))
            if not 0 < second_of_day < SECONDS_PER_DAY:
                continue
            amount = _draw_amount(numbers, mean_amount)
            if terminals:
                rows.append((second_of_day + day * SECONDS_PER_DAY, customer, choices.choice(terminals), amount))
    return rows


def _draw_amount(numbers: np.random.RandomState, mean: float) -> float:
    amount = numbers.normal(mean, mean / 2)
    if amount < 0:
        amount = numbers.uniform(0, mean * 2)
    return np.round(amount, 2)


def _in_order_of_time(rows: list[tuple[int, int, int, float]]) -> pd.DataFrame:
    """Transactions of the same second keep the order of their customers, which makes the order reproducible."""
    frame = pd.DataFrame(rows, columns=["TX_TIME_SECONDS", "CUSTOMER_ID", "TERMINAL_ID", "TX_AMOUNT"])
    frame = frame.sort_values("TX_TIME_SECONDS", kind="stable", ignore_index=True)
    seconds = frame["TX_TIME_SECONDS"]
    return pd.DataFrame(
        {
            "TRANSACTION_ID": np.arange(len(frame)),
            "TX_DATETIME": START_DATE + pd.to_timedelta(seconds, unit="s"),
            "CUSTOMER_ID": frame["CUSTOMER_ID"],
            "TERMINAL_ID": frame["TERMINAL_ID"],
            "TX_AMOUNT": frame["TX_AMOUNT"],
            "TX_TIME_SECONDS": seconds,
            "TX_TIME_DAYS": seconds // SECONDS_PER_DAY,
        }
    )


def _compromise_terminals(transactions: pd.DataFrame, scenarios: np.ndarray, config: SimulationConfig) -> None:
    terminal_ids = transactions["TERMINAL_ID"].to_numpy()
    for day in _days_with_new_fraudsters(transactions):
        numbers = np.random.RandomState(_day_seed(day, config))
        compromised = numbers.choice(config.n_terminals, COMPROMISED_TERMINALS_PER_DAY, replace=False)
        scenarios[_rows_of(compromised, terminal_ids, transactions, day, COMPROMISED_TERMINAL_DAYS)] = 2


def _steal_cards(
    transactions: pd.DataFrame, scenarios: np.ndarray, amounts: np.ndarray, config: SimulationConfig
) -> None:
    customer_ids = transactions["CUSTOMER_ID"].to_numpy()
    for day in _days_with_new_fraudsters(transactions):
        seed = _day_seed(day, config)
        stolen = np.random.RandomState(seed).choice(config.n_customers, STOLEN_CARDS_PER_DAY, replace=False)
        candidates = _rows_of(stolen, customer_ids, transactions, day, STOLEN_CARD_DAYS).tolist()
        frauds = Random(seed).sample(candidates, k=len(candidates) // 3)
        amounts[frauds] *= STOLEN_CARD_AMOUNT_FACTOR
        scenarios[frauds] = 3


def _days_with_new_fraudsters(transactions: pd.DataFrame) -> range:
    """Every day but the last one, on which the Handbook draws nobody."""
    return range(int(transactions["TX_TIME_DAYS"].max()))


def _day_seed(day: int, config: SimulationConfig) -> int:
    return day + config.seed_offset * DAY_SEED_STRIDE


def _rows_of(
    wanted_ids: np.ndarray, ids: np.ndarray, transactions: pd.DataFrame, first_day: int, n_days: int
) -> np.ndarray:
    """Positions of the rows of `wanted_ids` within the given days; relies on the rows being in order of time."""
    begin, end = np.searchsorted(transactions["TX_TIME_DAYS"].to_numpy(), [first_day, first_day + n_days])
    return begin + np.flatnonzero(np.isin(ids[begin:end], wanted_ids))
