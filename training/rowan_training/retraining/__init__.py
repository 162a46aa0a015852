"""What turns a trained model into the one that is served: the gate, the registry, the roll-out, the report.

One file a step, each a function `(run, settings) -> dict` as those of `rowan_training.steps`, which lists them.
"""
