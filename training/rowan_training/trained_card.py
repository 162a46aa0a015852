"""The model card of a trained model: README.md of its directory, with what its run measured."""

from collections.abc import Sequence

from rowan_training.contract import Json
from rowan_training.features import FEATURES, LABEL_DELAY_DAYS, LOOK_BACK_DAYS
from rowan_training.missing import COPY_WEIGHT
from rowan_training.split import COMPLETE

FIGURES = {
    "auc_roc": "AUC ROC",
    "average_precision": "average precision",
    "card_precision_100": "card precision@100",
    "brier": "Brier score",
    "calibration_error": "calibration error",
    "mean_probability": "mean probability",
}
CAPTIONS = {
    "calibration.png": "Calibration",
    "precision-recall.png": "Precision and recall",
    "scores.png": "Scores of genuine transactions and of frauds",
    "importance.png": "Importance of the features",
}


def trained_card(trained: Json, extracted: Json, evaluated: Json, plots: Sequence[str]) -> str:
    sections = (
        f"# Model card: {trained['version']}",
        _introduction(trained, extracted),
        _quality(trained, evaluated),
        *([_comparison(evaluated)] if evaluated["champion"] else []),
        *([_scenarios(evaluated)] if evaluated["challenger"]["by_scenario"] else []),
        "\n\n".join(f"![{CAPTIONS[name]}](plots/{name})" for name in plots),
        _how(trained, extracted),
        _LIMITS,
    )
    return "\n\n".join(sections) + "\n"


def _introduction(trained: Json, extracted: Json) -> str:
    return f"""A {trained["model"]} model: the probability that a card transaction is a fraud, from the {len(FEATURES)} features of the Fraud
Detection Handbook. Trained on {trained["rows"]} transactions of {trained["train"]["from"]} to {trained["train"]["until"]}, {trained["frauds"]} of them frauds.

| file | what it holds |
|---|---|
| `{trained["model_file"]}` | the model |
| `contract.json` | JSON Schema of a request; `x-rowan` says how a request becomes the features |
| `golden.jsonl` | requests with the training library's own probabilities; Rowan refuses the model unless it gives the same |"""


def _quality(trained: Json, evaluated: Json) -> str:
    champion = evaluated["champion"]
    head = "| | this model |" + (f" champion {champion['version']} |" if champion else "")
    line = "|---|---|" + ("---|" if champion else "")
    rows = "\n".join(_quality_row(key, name, evaluated) for key, name in FIGURES.items())
    return f"""## Quality

Tested on {evaluated["rows"]["test"]} transactions of {trained["test"]["from"]} to {trained["test"]["until"]}, {evaluated["frauds"]["test"]} of them frauds
({100 * evaluated["challenger"]["fraud_share"]:.1f} %). The test begins {LABEL_DELAY_DAYS} days after the training ends, because labels are known only after that
delay. {evaluated["blocked"]["rows"]} transactions ({evaluated["blocked"]["frauds"]} frauds) of cards with a known fraud are not in it: such cards are blocked.

{head}
{line}
{rows}

AUC ROC and average precision count transactions; card precision@100 is the share of compromised cards among the 100 most
suspicious of a day. The calibration error is the mean distance between probability and share of frauds, over bins of
equally many rows. A week has few frauds: differences of .02 are noise."""


def _quality_row(key: str, name: str, evaluated: Json) -> str:
    models = [evaluated["challenger"], *([evaluated["champion"]] if evaluated["champion"] else [])]
    return f"| {name} | " + " | ".join(f"{model[key]:.4f}" for model in models) + " |"


def _comparison(evaluated: Json) -> str:
    rows = "\n".join(
        f"| {FIGURES[measure]} | {one['difference']:+.4f} | {one['low']:+.4f} to {one['high']:+.4f} |"
        for measure, one in evaluated["comparison"].items()
    )
    return f"""## This model minus the champion

| | difference | 95 % interval |
|---|---|---|
{rows}

On the same rows; the intervals come from a paired bootstrap over cards. One that holds 0 does not tell the two apart."""


def _scenarios(evaluated: Json) -> str:
    rows = "\n".join(
        f"| {scenario} | {one['frauds']} | {one['auc_roc']:.4f} | {one['average_precision']:.4f} |"
        for scenario, one in evaluated["challenger"]["by_scenario"].items()
    )
    return f"""## By scenario of fraud

| scenario | frauds | AUC ROC | average precision |
|---|---|---|---|
{rows}

The frauds of one scenario against all genuine transactions."""


def _how(trained: Json, extracted: Json) -> str:
    parameters = ", ".join(f"`{key}={value}`" for key, value in trained["parameters"].items())
    return f"""## How it was made

Data: {extracted["rows"]} transactions ({extracted["frauds"]} frauds), {extracted["from"]} to {extracted["until"]} UTC.
{_labels(trained)}
{_history(trained)}
Engine {trained["engine"]}, seed {trained["seed"]}, {parameters}.

Each training row is learned again with weight {COPY_WEIGHT} without its customer windows, without its terminal windows, and without
both, so that requests which lack them get sensible probabilities. The label `tx_fraud_scenario` is refused as a feature by name."""


def _labels(trained: Json) -> str:
    if trained["labels"] == COMPLETE:
        return "Labels of all days were taken as known, up to the newest."
    return f"The newest {LABEL_DELAY_DAYS} days were not tested on: their frauds are not all known yet."


def _history(trained: Json) -> str:
    days = trained["history_days"]
    if days < LOOK_BACK_DAYS:
        return (
            f"**The history is short**: the data begin {days} days before the training, and windows reach back "
            f"{LOOK_BACK_DAYS} days.\nThey are cut short in training, as they will not be in service."
        )
    return f"The data begin {days} days before the training, so that windows, which reach back {LOOK_BACK_DAYS} days, are full."


_LIMITS = """## Limits

- It learned from the frauds that were known and labelled; new kinds of fraud are not in it.
- Amounts, weekends and nights are those of the training data, in UTC.
- Golden rows are real rows of the training data without their ids: treat the directory as such data."""
