#!/usr/bin/env python3
"""Stands in for `az` while the scripts are tested: notes its arguments and answers from a small directory.

FAKE_AZ_LOG is where it notes each call, with the text of a body that is given as a file; FAKE_AZ_STATE holds what it
knows, as JSON, and what it is told to change.
"""

import json
import os
import sys
from pathlib import Path

log, state_file = Path(os.environ["FAKE_AZ_LOG"]), Path(os.environ["FAKE_AZ_STATE"])
arguments = sys.argv[1:]
state = json.loads(state_file.read_text())


def option(name):
    return arguments[arguments.index(name) + 1] if name in arguments else ""


body, mode = option("--body"), None
if body.startswith("@"):
    file = Path(body[1:])
    body, mode = file.read_text(), oct(file.stat().st_mode & 0o777)
with log.open("a") as notes:
    notes.write(json.dumps({"arguments": arguments, "body": body, "mode": mode}) + "\n")

method, url = option("--method"), option("--url")
if arguments[:1] != ["rest"]:
    print(state.get("account", "") if arguments[:2] == ["account", "show"] else "")
elif "servicePrincipals(appId=" in url:
    print(state["graph"])
elif method == "get" and "appRoleAssignments" in url:
    print("\n".join(state["held"]))
elif method == "get" and "appRoles" in url:
    name = option("--query").split("value=='")[1].split("'")[0]
    print(state["roles"].get(name, ""))
elif method == "post" and "appRoleAssignments" in url:
    state["held"].append(json.loads(body)["appRoleId"])
elif "/keys/" in url:
    state["key"] = state["new_key"]
elif "listkeys" in url:
    print(state.get("key", ""))
elif method == "get" and "/Microsoft.Web/sites/" in url:
    print(state["host"])
elif "/eventSubscriptions/" in url:
    state["subscribed"] = json.loads(body) if method == "put" else None
    print("Succeeded")
else:
    sys.exit(f"fake az: {arguments}")
state_file.write_text(json.dumps(state))
