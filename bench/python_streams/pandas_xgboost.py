"""The usual way: for each message a DataFrame of one row, and predict_proba of its model."""

import pandas
import transactions
import xgboost


def load(contract, path):
    model = xgboost.XGBClassifier(n_jobs=1)
    model.load_model(path)

    def score(rows):
        frame = pandas.DataFrame(rows, columns=contract.names, dtype="float64")
        return [float(model.predict_proba(frame)[0, 1])]

    return score, 1


if __name__ == "__main__":
    transactions.run(load)
