"""Rowan's training side: data, features, evaluation, and the packaging of a model directory."""
