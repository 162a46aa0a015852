"""The rows, from the top; each file has a TITLE and panels()."""

from . import http, kafka, model, resources, retraining, service_level

ROWS = (service_level, model, http, resources, kafka, retraining)
