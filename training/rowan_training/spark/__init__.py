"""The engine `spark`: features, split and training on Spark, for data larger than one machine.

It gives what the local engine gives: the same features bit for bit, the same split, and models that are packed and
proved in the same way. docs/training-spark.md says where the two differ.
"""
