"""Whether the infrastructure holds what infra/README.md says, as far as that can be known without Azure.

    python3 infra/tests/test_infra.py

needs what infra/tests/requirements.txt lists. The self-test breaks a copy in memory in as many ways as there are
checks and more, and expects each to be found: a check that finds nothing is a defect.
"""

from __future__ import annotations

import inspect
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

import agreement
import checks
from bicep import at
from mutations import MUTATIONS, Mutation
from project import Project
from test_import_script import ImportScript
from test_scripts import GrantGraph, Scripts, WatchSubscription

CHECKS = {
    name: check
    for module in (checks, agreement)
    for name, check in vars(module).items()
    if inspect.isgeneratorfunction(check) and list(inspect.signature(check).parameters) == ["project"]
}


class Infrastructure(unittest.TestCase):
    """One test for each check, made below."""


class SelfTest(unittest.TestCase):
    """One test for each mutation, made below."""

    def test_every_required_property_is_missed(self):
        """Takes each out of each file, alone, and expects exactly that to be said."""
        for path, file in Project().bicep.items():
            for resource in file.all("resource"):
                for required in checks.REQUIRED.get(resource.of.split("@")[0], {}):
                    node, source = at(resource.body, required).parent, file.root.text
                    without = (source[: node.start_byte] + source[node.end_byte :]).decode()
                    found = list(checks.says_what_is_required(Project({f"infra/{path}": without})))
                    with self.subTest(f"{path}: {required}"):
                        self.assertEqual(1, len(found), found)
                        self.assertIn(f"{resource.name}.{required} is None", found[0])

    def test_every_check_is_shown_to_find_something(self):
        self.assertEqual(CHECKS.keys(), {mutation.found_by for mutation in MUTATIONS})


def of_check(check):
    def test(self):
        self.assertEqual([], list(check(Project())))

    test.__doc__ = check.__doc__
    return test


def of_mutation(mutation: Mutation):
    def test(self):
        project = Project(mutation.apply(Project()))
        self.assertTrue(list(CHECKS[mutation.found_by](project)), f"{mutation.found_by} does not find: {mutation.name}")

    return test


for name, check in CHECKS.items():
    setattr(Infrastructure, f"test_{name}", of_check(check))
for mutation in MUTATIONS:
    setattr(SelfTest, f"test_{mutation.found_by}__{mutation.name}", of_mutation(mutation))

if __name__ == "__main__":
    loader = unittest.defaultTestLoader
    cases = (Infrastructure, SelfTest, Scripts, GrantGraph, WatchSubscription, ImportScript)
    suite = unittest.TestSuite(loader.loadTestsFromTestCase(case) for case in cases)
    result = unittest.TextTestRunner(verbosity=1).run(suite)
    failed, skipped = len(result.failures) + len(result.errors), len(result.skipped)
    print(f"{result.testsRun - failed - skipped} passed, {failed} failed" + (f", {skipped} skipped" if skipped else ""))
    sys.exit(0 if result.wasSuccessful() and result.testsRun > 0 else 1)
