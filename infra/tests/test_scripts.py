"""The scripts of infra/scripts, run against a stand-in for `az`: what they change, what they leave, what they show."""

from __future__ import annotations

import json
import os
import shutil
import stat
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path
from typing import ClassVar

from project import ROOT

SCRIPTS = sorted((ROOT / "infra" / "scripts").glob("*.sh"))
PRINCIPAL = "11111111-1111-1111-1111-111111111111"
SUBSCRIPTION = "22222222-2222-2222-2222-222222222222"
READ_ALL = "7ab1d382-f21e-4acd-a863-ba3e13f7da61"
KEY = "a+key/with=marks=="


class Scripts(unittest.TestCase):
    def test_there_are_scripts(self):
        self.assertEqual(["grant-graph.sh", "watch-subscription.sh"], [script.name for script in SCRIPTS])

    def test_each_is_executable_strict_and_explains_itself(self):
        for script in SCRIPTS:
            with self.subTest(script.name):
                self.assertTrue(script.stat().st_mode & stat.S_IXUSR)
                self.assertIn("\nset -euo pipefail\n", script.read_text(encoding="utf-8"))
                shown = subprocess.run([script, "--help"], capture_output=True, text=True, check=True).stdout
                self.assertTrue(shown.startswith(f"Usage: {script.name} ") and "--dry-run" in shown, shown)

    @unittest.skipUnless(shutil.which("shellcheck"), "shellcheck is not installed")
    def test_shellcheck_finds_nothing(self):
        done = subprocess.run(["shellcheck", *SCRIPTS], capture_output=True, text=True, check=False)
        self.assertEqual((0, ""), (done.returncode, done.stdout))


class WithAz(unittest.TestCase):
    state: ClassVar[dict] = {}

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        (self.folder / "temporary").mkdir()
        fake = Path(__file__).with_name("fake_az.py")
        az = self.folder / "az"
        az.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{fake}" "$@"\n')
        az.chmod(0o755)
        (self.folder / "state.json").write_text(json.dumps(self.state))

    def run_script(self, name: str, *arguments: str) -> subprocess.CompletedProcess:
        environment = {
            "PATH": f"{self.folder}{os.pathsep}{os.environ['PATH']}",
            "TMPDIR": str(self.folder / "temporary"),
            "FAKE_AZ_LOG": str(self.folder / "log"),
            "FAKE_AZ_STATE": str(self.folder / "state.json"),
        }
        script = ROOT / "infra" / "scripts" / name
        return subprocess.run([script, *arguments], env=environment, capture_output=True, text=True, check=False)

    def fake_azd(self, script: str):
        azd = self.folder / "azd"
        azd.write_text(f"#!/bin/sh\n{script}\n")
        azd.chmod(0o755)

    def calls(self) -> list[dict]:
        log = self.folder / "log"
        return [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []

    def changes(self) -> list[dict]:
        """The calls that are no reading."""
        reading = ("get", "listkeys", "account")
        return [c for c in self.calls() if not any(w in " ".join(c["arguments"]).split("?")[0] for w in reading)]

    def known(self) -> dict:
        return json.loads((self.folder / "state.json").read_text())


class GrantGraph(WithAz):
    state: ClassVar[dict] = {
        "graph": "graph-id",
        "held": [],
        "roles": {"Directory.Read.All": READ_ALL, "Group.Read.All": "other-id"},
    }

    def grant(self, *arguments: str):
        return self.run_script("grant-graph.sh", "--principal-id", PRINCIPAL, *arguments)

    def test_grants_what_the_audit_needs_and_nothing_twice(self):
        first, second = self.grant(), self.grant()
        self.assertEqual((0, 0), (first.returncode, second.returncode), first.stderr + second.stderr)
        self.assertEqual([READ_ALL], self.known()["held"])
        self.assertEqual(1, len(self.changes()))
        granted = json.loads(self.changes()[0]["body"])
        self.assertEqual({"principalId": PRINCIPAL, "resourceId": "graph-id", "appRoleId": READ_ALL}, granted)
        self.assertIn("held already", second.stdout)

    def test_grants_only_what_is_named(self):
        self.assertEqual(0, self.grant("--permission", "Group.Read.All").returncode)
        self.assertEqual(["other-id"], self.known()["held"])

    def test_a_dry_run_changes_nothing(self):
        done = self.grant("--dry-run")
        self.assertEqual((0, []), (done.returncode, self.changes()), done.stderr)
        self.assertIn(f"would be granted ({READ_ALL})", done.stdout)

    def test_an_unknown_permission_is_refused(self):
        done = self.grant("--permission", "Everything.All")
        self.assertEqual((1, []), (done.returncode, self.changes()))
        self.assertIn('no application permission "Everything.All"', done.stderr)

    def test_azd_knows_whose_permissions(self):
        self.fake_azd(f'[ "$3" = POOLWARDEN_PRINCIPAL_ID ] && echo {PRINCIPAL}')
        done = self.run_script("grant-graph.sh")
        self.assertEqual((0, [READ_ALL]), (done.returncode, self.known()["held"]), done.stderr)

    def test_what_azd_says_when_it_fails_is_not_taken(self):
        self.fake_azd("echo ERROR: no environment; exit 1")
        self.assertEqual((64, []), (self.run_script("grant-graph.sh").returncode, self.calls()))

    def test_wrong_usage_asks_nobody(self):
        for arguments in (["--principal-id", "x"], ["--permission"], ["--what"], ["--permission", "a' || 'b"]):
            with self.subTest(arguments):
                self.assertEqual(64, self.run_script("grant-graph.sh", *arguments).returncode)
        self.assertEqual([], self.changes())


class WatchSubscription(WithAz):
    state: ClassVar[dict] = {"account": "app-subscription", "host": "func.example.net", "key": "", "new_key": KEY}

    def watch(self, *arguments: str):
        of = ("--subscription", SUBSCRIPTION, "--app", "func", "--resource-group", "rg")
        return self.run_script("watch-subscription.sh", *of, *arguments)

    def test_subscribes_with_a_key_of_its_own(self):
        done = self.watch()
        self.assertEqual(0, done.returncode, done.stderr)
        properties = self.known()["subscribed"]["properties"]
        url = properties["destination"]["properties"]["endpointUrl"]
        self.assertEqual("https://func.example.net/api/resource-events?code=a%2Bkey%2Fwith%3Dmarks%3D%3D", url)
        operations = properties["filter"]["advancedFilters"][0]
        self.assertEqual("data.operationName", operations["key"])
        self.assertIn("Microsoft.DesktopVirtualization/", operations["values"])
        self.assertIn(SUBSCRIPTION, " ".join(self.calls()[-1]["arguments"]))

    def test_the_address_it_gives_is_the_functions(self):
        function = ROOT / "functions" / "resource_events" / "function.json"
        if not function.exists():
            self.skipTest("the function resource_events is not there yet")
        trigger = next(b for b in json.loads(function.read_text())["bindings"] if b["type"] == "httpTrigger")
        self.assertEqual(("resource-events", "function"), (trigger["route"], trigger["authLevel"]))

    def test_the_key_is_shown_nowhere_and_left_nowhere(self):
        done = self.watch()
        shown = done.stdout + done.stderr + json.dumps([call["arguments"] for call in self.calls()])
        for secret in (KEY, "a%2Bkey"):
            self.assertNotIn(secret, shown)
        self.assertEqual("0o600", self.calls()[-1]["mode"])
        self.assertEqual([], list((self.folder / "temporary").iterdir()))

    def test_again_keeps_the_key_and_subscribes_alike(self):
        self.watch()
        first = self.known()["subscribed"]
        self.assertEqual(0, self.watch().returncode)
        self.assertEqual(first, self.known()["subscribed"])
        self.assertEqual(1, sum("/keys/" in " ".join(call["arguments"]) for call in self.calls()))

    def test_a_dry_run_changes_nothing_and_fetches_no_key(self):
        done = self.watch("--dry-run")
        self.assertEqual((0, []), (done.returncode, self.changes()), done.stderr)
        self.assertNotIn("listkeys", json.dumps(self.calls()))
        self.assertIn("https://func.example.net/api/resource-events", done.stdout)

    def test_azd_knows_the_app(self):
        self.fake_azd('case "$3" in POOLWARDEN_FUNCTION_APP) echo func-x;; AZURE_RESOURCE_GROUP) echo rg-x;; esac')
        done = self.run_script("watch-subscription.sh", "--subscription", SUBSCRIPTION)
        self.assertEqual(0, done.returncode, done.stderr)
        self.assertIn("/resourceGroups/rg-x/providers/Microsoft.Web/sites/func-x", json.dumps(self.calls()))

    def test_what_azd_says_when_it_fails_is_not_taken(self):
        self.fake_azd("echo ERROR: no environment; exit 1")
        done = self.run_script("watch-subscription.sh", "--subscription", SUBSCRIPTION)
        self.assertEqual((64, []), (done.returncode, self.calls()))

    def test_stops_watching(self):
        self.watch()
        done = self.watch("--remove")
        self.assertEqual((0, None), (done.returncode, self.known()["subscribed"]), done.stderr)

    def test_wrong_usage_asks_nobody(self):
        for arguments in ([], ["--subscription", "x"], ["--what"], ["--subscription", SUBSCRIPTION, "--name", "a/b"]):
            with self.subTest(arguments):
                self.assertEqual(64, self.run_script("watch-subscription.sh", *arguments).returncode)
        self.assertEqual([], self.calls())
