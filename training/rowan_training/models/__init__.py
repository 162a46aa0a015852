"""The kinds of models that can be trained: one file each, and one line each in registry.py."""
