"""ONNX Runtime, with as many messages at once as the last argument says."""

import sys

import numpy as np
import onnxruntime
import transactions


def load(_, path):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name

    def score(rows):
        table = np.array(rows, dtype=np.float32)  # None becomes NaN: missing
        return session.run(["probabilities"], {name: table})[0][:, 1].tolist()

    return score, int(sys.argv[8])


if __name__ == "__main__":
    transactions.run(load)
