"""Whether the script of an Application Workspace bundle is PowerShell, and calls what it may and nothing else.

Its parser is tree-sitter's grammar, not PowerShell's own. What no package can change is the text: it is one constant,
which shared/domain proves; so what holds of that text holds of every bundle.
"""

from __future__ import annotations

import re
import unittest

import tree_sitter_powershell
from tree_sitter import Language, Node, Parser

from project import ROOT

SCRIPT = ROOT / "shared" / "domain" / "src" / "application_workspace" / "import.ps1"
POWERSHELL = Language(tree_sitter_powershell.language())

# PowerShell's own, and the module's.
CMDLETS = set(
    """
    Compress-Archive ConvertFrom-Json Copy-Item Get-Command Import-Module Join-Path New-Item New-Object Remove-Item
    Select-Object Set-StrictMode Where-Object Write-Progress Write-Warning
    """.split()
)
MODULE = set(
    """
    Connect-LiquitWorkspace Get-LiquitAction Get-LiquitActionSet Get-LiquitAttribute Get-LiquitFilterSet
    Get-LiquitIdentity Get-LiquitPackage Get-LiquitPackageEntitlement Get-LiquitPackageSnapshot New-LiquitAction
    New-LiquitActionSet New-LiquitAttribute New-LiquitContent New-LiquitFilter New-LiquitFilterSet New-LiquitPackage
    New-LiquitPackageEntitlement New-LiquitPackageSnapshot Publish-LiquitPackageSnapshot Set-LiquitPackage
    Set-LiquitPackageEntitlement
    """.split()
)
# Functions of the module's part that change something, and so are called only where ShouldProcess was asked.
CHANGING = re.compile(r"(New|Set|Publish)-Zone\w+")
# .NET types that the script names: none of them runs text.
TYPES = {
    "string", "bool", "int", "uri", "switch", "hashtable", "ordered", "pscustomobject", "CmdletBinding", "Parameter",
    "System.Management.Automation.PSCredential", "System.IO.File", "System.IO.Path", "System.Text.Encoding",
    "System.Guid", "System.Activator", "System.StringComparison",
}  # fmt: skip


def nodes(node: Node):
    yield node
    for child in node.children:
        yield from nodes(child)


def text(node: Node) -> str:
    return node.text.decode()


def complaints(source: bytes):
    """What is wrong with a script, one line each."""
    tree = list(nodes(Parser(POWERSHELL).parse(source).root_node))
    for node in tree:
        if node.type == "ERROR" or node.is_missing:
            yield f"line {node.start_point[0] + 1}: no PowerShell"
    functions = {text(n) for n in tree if n.type == "function_name"}
    for node in tree:
        line = f"line {node.start_point[0] + 1}"
        if node.type == "command_name" and text(node) not in CMDLETS | MODULE | functions:
            yield f"{line}: calls {text(node)}"
        # `& $x`, `. $x` and a name that is computed would run what comes from outside.
        if node.type in ("command_invokation_operator", "command_name_expr") and not text(node)[:1].isalpha():
            yield f"{line}: runs {text(node)}"
        if node.type in ("type_literal", "attribute_name") and text(node).strip("[]") not in TYPES:
            yield f"{line}: names the type {text(node)}"
    called = {text(n) for n in tree if n.type == "command_name"}
    for unused in sorted((CMDLETS | MODULE) - called):
        yield f"never calls {unused}"
    for unused in sorted(functions - called):
        yield f"never calls its own {unused}"


def is_asked(node: Node) -> bool:
    """Whether a call stands in, or after, a question of ShouldProcess of its own function, or in a function whose
    every caller does."""
    while node is not None and node.type != "function_statement":
        node = node.parent
    return node is not None and b"ShouldProcess" in node.text


class ImportScript(unittest.TestCase):
    """The script of a bundle."""

    def setUp(self):
        self.source = SCRIPT.read_bytes()

    def test_it_is_powershell_and_calls_only_what_it_may(self):
        self.assertEqual([], list(complaints(self.source)))

    def test_each_thing_that_it_must_not_do_is_found(self):
        for change, found in {
            "Invoke-Expression $names": "calls Invoke-Expression",
            "Remove-LiquitPackage -Package $package": "calls Remove-LiquitPackage",
            "& $names": "runs &",
            ". $names": "runs .",
            "[scriptblock]::Create($names)": "names the type [scriptblock]",
            "if (": "no PowerShell",
            "'unclosed": "no PowerShell",
        }.items():
            with self.subTest(change):
                said = list(complaints(self.source + f"\n{change}\n".encode()))
                self.assertTrue(any(found in line for line in said), said)

    def test_nothing_is_changed_that_was_not_asked(self):
        tree = list(nodes(Parser(POWERSHELL).parse(self.source).root_node))
        owner = {}
        for node in tree:
            if node.type == "command_name":
                within = node
                while within is not None and within.type != "function_statement":
                    within = within.parent
                name = next(text(n) for n in nodes(within) if n.type == "function_name") if within else ""
                owner.setdefault(text(node), []).append((name, node))

        def asked(command: str, seen: frozenset[str]) -> bool:
            """Every way to a command leads through a function that asks."""
            if command in seen:
                return True
            ways = owner.get(command, [])
            return bool(ways) and all(
                is_asked(node) or (name != "" and asked(name, seen | {command})) for name, node in ways
            )

        changing = [command for command in owner if CHANGING.fullmatch(command)]
        self.assertGreater(len(changing), 10)
        for command in changing:
            with self.subTest(command):
                self.assertTrue(asked(command, frozenset()))

    def test_what_a_person_did_to_an_unmanaged_package_is_written_too(self):
        """Runs leave such a package alone already in the catalogue; all that its manifest says came from a person."""
        tree = nodes(Parser(POWERSHELL).parse(self.source).root_node)
        members = {text(node) for node in tree if node.type == "member_name"}
        self.assertIn("stage", members)
        self.assertNotIn("managed", members)

    def test_it_says_what_it_needs(self):
        for line in (
            b"#Requires -Version 5.1",
            b"[CmdletBinding(SupportsShouldProcess = $true)]",
            b"Set-StrictMode -Version Latest",
            b"$ErrorActionPreference = 'Stop'",
        ):
            self.assertIn(line, self.source.splitlines())
