"""The model card: README.md of a model directory, with the figures that the evaluation measured."""

from collections.abc import Sequence
from statistics import mean, stdev

from rowan_training import missing
from rowan_training.booster import N_TREES, PARAMETERS
from rowan_training.evaluation import Result
from rowan_training.features import FEATURES, LABEL_DELAY_DAYS
from rowan_training.golden import ROWS as GOLDEN_ROWS
from rowan_training.quality import LATER_TRAIN_STARTS, TUNING_TRAIN_STARTS, Measured, book_groups, quality_table
from rowan_training.simulator import BOOK_FRAUDS, BOOK_ROWS
from rowan_training.split import BOOK_TRAIN_START, FURTHER_TRAIN_STARTS, TEST_DAYS, TRAIN_DAYS

MEASURES = ("auc_roc", "average_precision", "card_precision")
MEASURE_HEADINGS = "AUC ROC | average precision | card precision@100"


def model_card(name: str, version: str, results: Sequence[Result], measured: Sequence[Measured]) -> str:
    """Markdown. `results` hold the Handbook's split and the further ones, with and without missing copies; `measured`
    the other models and sets of features on the same splits."""
    sections = (
        _introduction(name, version),
        _quality(results),
        _missing_windows(results),
        _other_models(measured),
        _DATA_AND_FEATURES,
        _LIMITS,
        _how_it_was_made(name),
    )
    return "\n\n".join(sections) + "\n"


def _introduction(name: str, version: str) -> str:
    return f"""# Model card: `{name}` {version}

The default model of Rowan: the probability that a card transaction is a fraud, from XGBoost ({N_TREES} trees of depth
{PARAMETERS["max_depth"]}, learning rate {PARAMETERS["learning_rate"]}). It is trained on *simulated* transactions: use it to try Rowan, to test and to measure speed.

| file | what it holds |
|---|---|
| `model.ubj` | the booster as XGBoost saved it |
| `contract.json` | JSON Schema of a request; `x-rowan` says how a request becomes the {len(FEATURES)} features |
| `golden.jsonl` | {GOLDEN_ROWS} requests with XGBoost's own float32 probabilities; Rowan refuses the model unless it gives the same |"""


def _quality(results: Sequence[Result]) -> str:
    shipped = [result for result in results if result.learned_missing and result.case == missing.ALL_WINDOWS]
    rows = "\n".join(_split_row(result) for result in shipped)
    further = [result for result in shipped if result.train_start != BOOK_TRAIN_START]
    return f"""## Quality, with all features

Trained on {TRAIN_DAYS} days, tested on {TEST_DAYS} days that begin {LABEL_DELAY_DAYS} days after the training ends, because labels are known
only after that delay. Transactions of cards with a known fraud leave the test. `model.ubj` is the model of the first row.

| training week from | test rows | frauds | {MEASURE_HEADINGS} |
|---|---|---|---|---|---|
{rows}
| three further weeks, mean ± standard deviation | | | {_mean_and_spread(further)} |

For comparison, on the first split the Handbook publishes .867 / .658 / .287 (random forest) and .862 / .639 / .273
(XGBoost). A test week has fewer than 500 frauds: differences of .02 are noise."""


def _missing_windows(results: Sequence[Result]) -> str:
    rows = "\n".join(
        _case_row(case, learned, [r for r in results if r.case == case and r.learned_missing == learned])
        for case in missing.CASES
        for learned in (False, True)
    )
    return f"""## Quality when window features are missing

The twelve window features are optional in a request. Each training row is therefore learned again, with weight {missing.COPY_WEIGHT},
without its customer windows, without its terminal windows, and without both. "plain" is the same model without those
copies; it is not shipped. With all windows the copies cost less than the spread between weeks; without terminal or
customer windows, they keep the level of the probabilities where it belongs ({_percent(_fraud_rate(results))} of the test rows are frauds).

| request carries | model | {MEASURE_HEADINGS} | mean probability |
|---|---|---|---|---|---|
{rows}

Means of the {1 + len(FURTHER_TRAIN_STARTS)} splits above. With raw fields only, little but the amount is left to see: most frauds stay unseen."""


def _other_models(measured: Sequence[Measured]) -> str:
    return f"""## Quality of other models and of more features

AUC ROC / average precision / card precision@100, mean ± standard deviation. Training weeks from {", ".join(LATER_TRAIN_STARTS)}
are the later ones: nobody looked at them when parameters were chosen.

{quality_table(measured, book_groups())}

The models of this table learn no copies without windows. XGBoost has the parameters of the shipped model. Those of LightGBM
were chosen on earlier weeks alone (training weeks from {", ".join(TUNING_TRAIN_STARTS)}), whose tests end
before any test of the table begins; those of the forest were not searched. The last row is the bound of the card precision: a
day has fewer compromised cards than the 100 that are looked at.

The extra features (`training/rowan_training/extra_features.py`) are as correct at the point in time as the others: tests shuffle
the future and scramble the labels younger than {LABEL_DELAY_DAYS} days, and no earlier feature changes. They need the history of card and
terminal, which a request does not carry, so a model with them is not served. The table is printed by

    PYTHONPATH=training python -m rowan_training quality"""


def _split_row(result: Result) -> str:
    label = (
        f"{result.train_start} (the Handbook's split)" if result.train_start == BOOK_TRAIN_START else result.train_start
    )
    figures = " | ".join(_figure(getattr(result.quality, measure)) for measure in MEASURES)
    return f"| {label} | {result.n_rows} | {result.n_frauds} | {figures} |"


def _case_row(case: str, learned_missing: bool, results: Sequence[Result]) -> str:
    figures = " | ".join(_figure(mean(_values(results, measure))) for measure in MEASURES)
    probability = mean(result.mean_probability for result in results)
    return f"| {case} | {'shipped' if learned_missing else 'plain'} | {figures} | {_percent(probability)} |"


def _mean_and_spread(results: Sequence[Result]) -> str:
    cells = (_values(results, measure) for measure in MEASURES)
    return " | ".join(f"{_figure(mean(values))} ± {_figure(stdev(values))}" for values in cells)


def _values(results: Sequence[Result], measure: str) -> list[float]:
    return [getattr(result.quality, measure) for result in results]


def _fraud_rate(results: Sequence[Result]) -> float:
    return sum(result.n_frauds for result in results) / sum(result.n_rows for result in results)


def _figure(value: float) -> str:
    return f"{value:.3f}".removeprefix("0")


def _percent(value: float) -> str:
    return f"{100 * value:.1f} %"


_DATA_AND_FEATURES = f"""## Data and features

{BOOK_ROWS:,} transactions of 183 days from 2018-04-01, {BOOK_FRAUDS:,} of them frauds, from a simulator that follows the Fraud
Detection Handbook (Le Borgne, Siblini, Lebichot, Bontempi: *Reproducible Machine Learning for Credit Card Fraud
Detection*, 2022, chapter 3). No real person, card or shop is in them.

- `TX_AMOUNT`; `TX_DURING_WEEKEND` (Saturday or Sunday, UTC); `TX_DURING_NIGHT` (00:00 to 06:59, UTC).
- Customer, over 1, 7 and 30 days up to the transaction, which counts: number of transactions and their mean amount.
- Terminal, over 1, 7 and 30 days that end {LABEL_DELAY_DAYS} days before the transaction: number of transactions and share of frauds
  (the risk). The delay is there because younger labels are not known yet.

`tx_fraud_scenario` is the label. Requests may carry it, and it is never a feature: training refuses it by name."""

_LIMITS = """## What it must not be used for

- Decisions about real people or real payments. Its frauds follow three rules of a simulator; real fraudsters do not.
  Train a model on your own labelled transactions first.
- A refusal without a human review: at the threshold 0.5 a genuine customer can be stopped, and frauds are missed.
- Another currency, market or time zone: amounts, weekends and nights are those of the simulated world, in UTC.
- Claims about quality. The figures say that the pipeline reproduces the Handbook, not that fraud is caught at that rate."""


def _how_it_was_made(name: str) -> str:
    parameters = ", ".join(f"`{key}={value}`" for key, value in PARAMETERS.items())
    return f"""## How it was made

    pip install -r requirements.txt
    PYTHONPATH=training python -m rowan_training default-model --out models/{name}

XGBoost with {parameters}.
Every seed is fixed: the same command gives the same bytes.

Depth, learning rate and the weight of the copies were chosen while looking at the four test weeks above, so their
figures flatter the model a little; the weeks after them, in the table of other models, are untouched."""
