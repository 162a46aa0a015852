"""The rows, from the top; each file has a TITLE and panels()."""

from . import http, kafka, model, registry, resources, retraining, service_level

ROWS = (service_level, model, http, resources, kafka, registry, retraining)
