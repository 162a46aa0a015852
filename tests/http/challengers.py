"""Challengers to serve beside the shipped model: a slow one, and one that refuses more."""

import json

import xgboost

from model_directories import FRAUD, copy_of, golden_requests, probabilities

SLOW_VERSION = "3.0.0-slow"
STRICT_VERSION = "4.0.0-strict"
SLOWER = 150  # times the trees of the shipped model


def write(folder, booster, contract):
    """A whole directory: the model, its contract, and golden rows with XGBoost's own numbers."""
    requests = golden_requests(FRAUD)
    scores = probabilities(booster, contract, requests)
    rows = [json.dumps({"request": request, "fraud_probability": float(str(score))})
            for request, score in zip(requests, scores)]
    booster.save_model(folder / "model.ubj")
    (folder / "contract.json").write_text(json.dumps(contract))
    (folder / "golden.jsonl").write_text("\n".join(rows) + "\n")
    return folder


def make_slow(folder):
    """The trees of the shipped model, many times over."""
    folder.mkdir()
    whole = xgboost.Booster(model_file=FRAUD / "model.ubj")
    document = json.loads(bytes(whole.save_raw("json")))
    model = document["learner"]["gradient_booster"]["model"]
    trees = [{**tree, "id": index * len(model["trees"]) + tree["id"]}
             for index in range(SLOWER) for tree in model["trees"]]
    model["trees"], model["tree_info"] = trees, [0] * len(trees)
    model["iteration_indptr"] = list(range(len(trees) + 1))
    model["gbtree_model_param"]["num_trees"] = str(len(trees))
    slow = xgboost.Booster()
    slow.load_model(bytearray(json.dumps(document).encode()))
    contract = json.loads((FRAUD / "contract.json").read_text())
    contract["x-rowan"]["version"] = SLOW_VERSION
    return write(folder, slow, contract)


def make_strict(folder):
    """The shipped model with a contract that takes no amount above those of its golden rows."""
    copy_of(FRAUD, folder)
    contract = json.loads((folder / "contract.json").read_text())
    contract["x-rowan"]["version"] = STRICT_VERSION
    contract["properties"]["tx_amount"]["maximum"] = max(
        request["tx_amount"] for request in golden_requests(FRAUD))
    (folder / "contract.json").write_text(json.dumps(contract))
    return folder
