"""Reads Bicep files into what the checks ask about: parameters, variables, resources, modules, outputs.

It reads syntax trees, never text, so that a comment or a line break changes nothing. It evaluates no expression: what
is no literal stays a node.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import tree_sitter_bicep
from tree_sitter import Language, Node, Parser

PARSER = Parser(Language(tree_sitter_bicep.language()))


def walk(node: Node):
    """The node and everything below it."""
    yield node
    for child in node.children:
        yield from walk(child)


def text(node: Node) -> str:
    return node.text.decode()


def literal(node: Node | None) -> str | bool | int | None:
    """A string without interpolation, a boolean or a number; None for all else."""
    if node is None:
        return None
    if node.type == "string":
        if any(child.type == "interpolation" for child in node.children):
            return None
        return "".join(text(child) for child in node.children if child.type == "string_content")
    if node.type == "boolean":
        return text(node) == "true"
    if node.type == "number":
        return int(text(node))
    return None


def expression(node: Node) -> str:
    """The node as written, on one line."""
    return " ".join(text(node).split())


def properties(node: Node | None) -> dict[str, Node]:
    """The properties of an object, by name."""
    found: dict[str, Node] = {}
    for child in node.children if node is not None and node.type == "object" else []:
        named = child.named_children
        if child.type == "object_property" and len(named) >= 2:
            key = named[0]
            found[str(literal(key)) if key.type == "string" else text(key)] = named[-1]
    return found


def at(node: Node | None, path: str) -> Node | None:
    """The value at a dotted path of property names."""
    for name in path.split("."):
        node = properties(node).get(name)
    return node


def items(node: Node | None) -> list[Node]:
    return [child for child in node.named_children if child.type != "comment"] if node is not None else []


@dataclass
class Declaration:
    """What a file declares: `kind` is parameter, variable, output, resource or module."""

    kind: str
    name: str
    node: Node
    value: Node | None
    decorators: dict[str, Node] = field(default_factory=dict)
    of: str = ""  # the resource's type@version, the module's path

    @property
    def body(self) -> Node | None:
        """The object, whether it stands in a loop, behind a condition or alone."""
        node = self.value
        while node is not None and node.type in ("for_statement", "if_statement"):
            node = next((c for c in reversed(node.named_children) if c.type in ("object", "if_statement")), None)
        return node

    @property
    def described(self) -> bool:
        call = self.decorators.get("description")
        return call is not None and any(literal(n) for n in walk(call) if n.type == "string")


KINDS = {
    "parameter_declaration": "parameter",
    "variable_declaration": "variable",
    "output_declaration": "output",
    "resource_declaration": "resource",
    "module_declaration": "module",
}


class File:
    def __init__(self, path: str, source: str):
        self.path = path
        self.root = PARSER.parse(source.encode()).root_node
        self.broken = [n.start_point.row + 1 for n in walk(self.root) if n.is_error or n.is_missing]
        self.declared: list[Declaration] = []
        decorators: dict[str, Node] = {}
        for node in self.root.children:
            if node.type == "decorators":
                for call in (d.named_children[0] for d in node.named_children if d.named_children):
                    decorators[text(call.named_children[0]) if call.named_children else text(call)] = call
            elif node.type in KINDS:
                self.declared.append(self._declaration(node, decorators))
                decorators = {}

    @staticmethod
    def _declaration(node: Node, decorators: dict[str, Node]) -> Declaration:
        kind, named = KINDS[node.type], [c for c in node.named_children if c.type != "comment"]
        equals = next((i for i, c in enumerate(node.children) if c.type == "="), None)
        after = [] if equals is None else [c for c in node.children[equals + 1 :] if c.is_named and c.type != "comment"]
        of = str(literal(named[1])) if kind in ("resource", "module") else ""
        return Declaration(kind, text(named[0]), node, after[0] if after else None, decorators, of)

    def all(self, kind: str) -> list[Declaration]:
        return [d for d in self.declared if d.kind == kind]

    def find(self, kind: str, name: str) -> Declaration | None:
        return next((d for d in self.all(kind) if d.name == name), None)

    def resources(self, kind_of: str) -> list[Declaration]:
        return [d for d in self.all("resource") if d.of.split("@")[0] == kind_of]

    def uses(self, name: str) -> int:
        """How often an identifier is used, its own declaration not counted."""
        return sum(
            n.type == "identifier" and text(n) == name and not self._names(n)
            for n in walk(self.root)
        )

    @staticmethod
    def _names(node: Node) -> bool:
        """Whether an identifier names a property or a declaration rather than uses one."""
        parent = node.parent
        if parent.type in KINDS or parent.type == "object_property":
            first = parent.named_children[0]
            return first.start_byte == node.start_byte
        return False

    def text_of(self, node: Node | None) -> str | bool | int | None:
        """A literal, or the literal that a variable of this file holds."""
        if node is not None and node.type == "identifier":
            variable = self.find("variable", text(node))
            return literal(variable.value) if variable else None
        return literal(node)
