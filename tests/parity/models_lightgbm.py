"""The models of LightGBM's parity tests: a grid over what it can train, with fixed seeds."""

from dataclasses import dataclass

import lightgbm as lgb
import numpy as np

OBJECTIVES = {
    "binary": "binary",
    "cross_entropy": "probability",
    "cross_entropy_lambda": "probability",
    "multiclass": "class",
    "multiclassova": "class",
    "regression": "real",
    "regression_l1": "real",
    "huber": "real",
    "fair": "real",
    "quantile": "real",
    "mape": "positive",
    "poisson": "positive",
    "gamma": "positive",
    "tweedie": "positive",
    "lambdarank": "rank",
    "rank_xendcg": "rank",
}


@dataclass(frozen=True)
class Case:
    family: str
    name: str
    objective: str = "binary"
    trees: int = 10
    features: int = 8
    rows: int = 400
    missing: float = 0.0
    zeros: float = 0.0
    categories: tuple[int, ...] = ()  # how many each of the first features has
    classes: int = 1
    params: tuple = ()
    seed: int = 0
    constant: bool = False  # all labels are the same

    def __str__(self) -> str:
        return f"{self.family}-{self.name}"


@dataclass
class Trained:
    text: str
    features: np.ndarray
    case: Case

    def booster(self) -> lgb.Booster:
        """As LightGBM itself reads the same text."""
        return lgb.Booster(model_str=self.text)


def make_features(case: Case, rng: np.random.Generator) -> np.ndarray:
    features = rng.normal(0, 1, (case.rows, case.features)) * 10 ** rng.uniform(-3, 3, case.features)
    for column, count in enumerate(case.categories):
        features[:, column] = rng.integers(0, count, case.rows)
    features[rng.random(features.shape) < case.zeros] = 0.0
    features[rng.random(features.shape) < case.zeros / 4] = -0.0
    features[rng.random(features.shape) < case.missing] = np.nan
    return features


def make_signal(case: Case, features: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    scale = np.nanstd(features, axis=0)
    filled = np.nan_to_num(features / np.where(scale > 0, scale, 1), nan=1.5)
    for column, count in enumerate(case.categories):
        effects = rng.normal(0, 2, count)
        codes = np.nan_to_num(features[:, column]).astype(int)
        filled[:, column] = effects[codes]
    signal = filled @ rng.normal(0, 1, case.features)
    return signal / max(signal.std(), 1e-9) + rng.normal(0, 0.4, case.rows)


def make_labels(case: Case, signal: np.ndarray, kind: str, rng: np.random.Generator) -> np.ndarray:
    if case.constant:
        return np.zeros(case.rows)
    if kind == "binary":
        return (signal > 0).astype(float)
    if kind == "probability":
        return 1 / (1 + np.exp(-signal))
    if kind == "class":
        edges = np.quantile(signal, np.linspace(0, 1, case.classes + 1)[1:-1])
        return np.searchsorted(edges, signal).astype(float)
    if kind == "positive":
        return np.exp(signal) + 0.1
    if kind == "rank":
        return np.clip(np.round(signal + 2), 0, 4)
    return signal * 3.7


def own_loss(scores: np.ndarray, data: lgb.Dataset) -> tuple[np.ndarray, np.ndarray]:
    """A caller's own objective: the file then has no objective."""
    residual = scores - np.resize(data.get_label(), scores.shape)
    return residual, np.ones_like(residual)


def train(case: Case) -> Trained:
    rng = np.random.default_rng(case.seed + 1)
    features = make_features(case, rng)
    kind = OBJECTIVES.get(case.objective, "real")
    labels = make_labels(case, make_signal(case, features, rng), kind, rng)
    data = lgb.Dataset(features, labels, categorical_feature=list(range(len(case.categories))),
                       group=[20] * (case.rows // 20) if kind == "rank" else None,
                       free_raw_data=False)
    params = {
        "objective": own_loss if case.objective == "custom" else case.objective,
        "num_class": case.classes, "verbosity": -1, "num_threads": 1, "deterministic": True,
        "seed": case.seed, "learning_rate": 0.2, "min_data_in_leaf": 5, "min_data_per_group": 5,
        "cat_smooth": 1.0, "cat_l2": 1.0, "feature_pre_filter": False, **dict(case.params),
    }
    booster = lgb.train(params, data, case.trees)
    return Trained(booster.model_to_string(), features, case)


def objective_cases() -> list[Case]:
    found = []
    for seed, (objective, kind) in enumerate(OBJECTIVES.items()):
        for missing in (0.0, 0.2):
            found.append(Case("objective", f"{objective}-missing-{missing}", objective,
                              missing=missing, classes=3 if kind == "class" else 1, seed=seed))
    return found


def shape_cases() -> list[Case]:
    return [Case("shape", f"leaves-{leaves}-depth-{depth}", "binary" if leaves % 2 else "regression",
                 rows=1500, missing=0.1, seed=leaves,
                 params=(("num_leaves", leaves), ("max_depth", depth), ("min_data_in_leaf", 2)))
            for leaves in (2, 3, 7, 31, 127, 255) for depth in (-1, 3, 12)]


def missing_cases() -> list[Case]:
    kinds = {"default": (), "no-missing": (("use_missing", False),),
             "zero": (("zero_as_missing", True),)}
    return [Case("missing", f"{kind}-nan-{missing}-zeros-{zeros}", missing=missing, zeros=zeros,
                 categories=(6,) if zeros else (), params=params, seed=5)
            for kind, params in kinds.items()
            for missing, zeros in ((0.0, 0.4), (0.3, 0.0), (0.2, 0.3))]


def categorical_cases() -> list[Case]:
    found = []
    for count in (3, 40, 300):
        for onehot in (1, 512):
            for params in ((), (("use_missing", False),), (("zero_as_missing", True),)):
                label = params[0][0] if params else "default"
                found.append(Case("categorical", f"{count}-onehot-{onehot}-{label}", rows=900,
                                  missing=0.1, categories=(count, 5, count),
                                  params=(("max_cat_to_onehot", onehot), *params), seed=count))
    return found


def boosting_cases() -> list[Case]:
    bagging = (("bagging_fraction", 0.6), ("bagging_freq", 1))
    found = []
    for objective in ("binary", "regression", "multiclass", "poisson"):
        classes = 3 if objective == "multiclass" else 1
        found.append(Case("rf", objective, objective, classes=classes, missing=0.1, seed=3,
                          params=(("boosting", "rf"), *bagging)))
        found.append(Case("dart", objective, objective, classes=classes, missing=0.1, seed=4,
                          trees=25, params=(("boosting", "dart"), ("drop_rate", 0.3))))
        found.append(Case("goss", objective, objective, classes=classes, missing=0.1, seed=5,
                          params=(("data_sample_strategy", "goss"),)))
    found.append(Case("rf", "sqrt", "regression",
                      params=(("boosting", "rf"), ("reg_sqrt", True), *bagging)))
    return found


def linear_cases() -> list[Case]:
    return [Case("linear", f"{objective}-missing-{missing}-categories-{len(categories)}", objective,
                 classes=3 if objective == "multiclass" else 1, missing=missing, zeros=0.1,
                 categories=categories, seed=6,
                 params=(("linear_tree", True), ("linear_lambda", 0.01), ("num_leaves", 9)))
            for objective in ("regression", "binary", "multiclass", "poisson")
            for missing, categories in ((0.0, ()), (0.1, ()), (0.05, (7,)))]


def link_cases() -> list[Case]:
    found = [Case("sigmoid", f"{objective}-{sigmoid}", objective, seed=7, missing=0.1,
                  classes=4 if objective == "multiclassova" else 1,
                  params=(("sigmoid", sigmoid),))
             for objective in ("binary", "multiclassova")
             for sigmoid in (0.3, 1.7, 2.345678, 1.0 / 3, 0.00012345)]
    found += [Case("sqrt", objective, objective, seed=8, params=(("reg_sqrt", True),))
              for objective in ("regression", "regression_l1", "fair", "quantile", "huber")]
    found += [Case("classes", f"{objective}-{classes}", objective, classes=classes, rows=900,
                   missing=0.1, seed=9)
              for objective in ("multiclass", "multiclassova") for classes in (2, 7, 23)]
    found += [Case("custom", f"{classes}", "custom", classes=classes, seed=10)
              for classes in (1, 3)]
    return found


def odd_cases() -> list[Case]:
    one_leaf = (("min_data_in_leaf", 10_000),)
    found = [Case("one-leaf", objective, objective, params=one_leaf,
                  classes=3 if objective == "multiclass" else 1)
             for objective in ("binary", "regression", "multiclass", "poisson")]
    found += [Case("one-leaf", "linear", "regression", params=(("linear_tree", True), *one_leaf)),
              Case("one-leaf", "constant", "binary", constant=True),
              Case("one-leaf", "constant-regression", "regression", constant=True)]
    extras = {
        "monotone": (("monotone_constraints", [1, -1, 0, 0, 0, 0, 0, 0]),),
        "extra-trees": (("extra_trees", True),),
        "smooth": (("path_smooth", 3.0),),
        "regularized": (("lambda_l1", 0.5), ("lambda_l2", 2.0)),
        "fractions": (("feature_fraction", 0.5), ("bagging_fraction", 0.5), ("bagging_freq", 2)),
        "quantized": (("use_quantized_grad", True),),
        "few-bins": (("max_bin", 4),),
        "unbalanced": (("is_unbalance", True),),
    }
    found += [Case("trained", name, params=params, missing=0.1, seed=11)
              for name, params in extras.items()]
    found += [Case("wide", f"{count}-features", features=count, missing=0.1, seed=12,
                   params=(("feature_fraction", 0.3),)) for count in (1, 300, 1500)]
    found.append(Case("trained", "many-trees", trees=300, missing=0.1, seed=13))
    return found


def cases() -> list[Case]:
    return (objective_cases() + shape_cases() + missing_cases() + categorical_cases()
            + boosting_cases() + linear_cases() + link_cases() + odd_cases())
