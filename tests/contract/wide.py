"""A contract with every kind of property and keyword that Rowan enforces."""

CONTRACT = {
    "type": "object",
    "required": ["id", "amount", "count"],
    "additionalProperties": False,
    "properties": {
        "id": {"type": "string", "minLength": 1, "maxLength": 8},
        "amount": {"type": "number", "exclusiveMinimum": -1, "exclusiveMaximum": 1000},
        "count": {"type": "integer", "minimum": -5, "maximum": 5},
        "ratio": {"type": ["number", "null"], "minimum": 0, "maximum": 1},
        "online": {"type": "boolean"},
        "maybe": {"type": ["boolean", "null"]},
        "country": {"type": "string", "enum": ["DE", "FR", "é"]},
        "channel": {"type": ["string", "null"], "enum": ["web", None, "shop"]},
        "level": {"type": "integer", "enum": [1, 2, 4]},
        "nothing": {"type": "null"},
    },
    "x-rowan": {
        "model": "wide", "version": "1", "type": "XGBoost", "model_file": "model.json",
        "id": "id",
        "features": [{"name": name.upper(), "from": name} for name in
                     ("amount", "count", "ratio", "online", "maybe", "country", "channel",
                      "level")],
    },
}
