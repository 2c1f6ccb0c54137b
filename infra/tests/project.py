"""The files that the checks look at, as they are or with changes that the self-test makes."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import yaml

from bicep import File

ROOT = Path(__file__).resolve().parents[2]
DEAD_LETTERS = "/$deadletterqueue"


class Project:
    """`changed` maps paths from the root to the text to take instead; None for a file that is not there."""

    def __init__(self, changed: dict[str, str | None] | None = None):
        self.changed = changed or {}
        self.bicep = {
            path.removeprefix("infra/"): File(path.removeprefix("infra/"), self.read(path))
            for path in self.paths("infra", "*.bicep")
        }
        self.main = self.bicep["main.bicep"]
        self.functions = {
            Path(path).parent.name: json.loads(self.read(path)) for path in self.paths("functions", "function.json")
        }

    def paths(self, under: str, pattern: str) -> list[str]:
        found = {p.relative_to(ROOT).as_posix() for p in (ROOT / under).rglob(pattern)}
        added = {p for p in self.changed if p.startswith(f"{under}/") and Path(p).match(pattern)}
        return sorted(p for p in found | added if self.changed.get(p, "") is not None)

    def read(self, path: str) -> str:
        changed = self.changed.get(path)
        return (ROOT / path).read_text(encoding="utf-8") if changed is None else changed

    def json(self, path: str) -> dict:
        return json.loads(self.read(path))

    def yaml(self, path: str) -> dict:
        return yaml.safe_load(self.read(path))

    def toml(self, path: str) -> dict:
        return tomllib.loads(self.read(path))

    def bindings(self):
        """Each function's name with each of its bindings."""
        for name, function in self.functions.items():
            for binding in function["bindings"]:
                yield name, binding

    def triggering_queues(self) -> dict[str, str]:
        """Queue → the function that it triggers, dead-letter queues aside."""
        return {
            binding["queueName"]: name
            for name, binding in self.bindings()
            if binding["type"] == "serviceBusTrigger" and not binding["queueName"].endswith(DEAD_LETTERS)
        }

    def all_resources(self):
        for file in self.bicep.values():
            for resource in file.all("resource"):
                yield file, resource
