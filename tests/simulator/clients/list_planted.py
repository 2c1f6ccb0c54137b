"""Lists what the simulator planted with Azure's own management clients, and
makes and removes a role assignment.

The clients know nothing of the simulator: they page, parse and spell as they
do against Azure. Whatever differs from `/_sim/estate` is printed, and the exit
code is then 1. Usage: list_planted.py http://127.0.0.1:7072
"""

import json
import sys
import time
import urllib.parse
import urllib.request

from azure.core.credentials import AccessToken
from azure.core.exceptions import ResourceExistsError
from azure.core.pipeline.policies import BearerTokenCredentialPolicy
from azure.mgmt.authorization import AuthorizationManagementClient
from azure.mgmt.authorization.v2022_04_01.models import RoleAssignmentCreateParameters
from azure.mgmt.desktopvirtualization import DesktopVirtualizationMgmtClient

IDENTITY_HEADER = "simulated"
AUDIENCE = "https://management.azure.com"
MONITORING_READER = "43d0d8ad-25c7-4714-9337-8ba259a9fe05"
DESKTOP_VIRTUALIZATION_VERSIONS = ["2024-04-03", "2025-10-10"]


def get_json(url, headers=None):
    request = urllib.request.Request(url, headers=headers or {})
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.load(answer)


class SimulatedIdentity:
    """A credential that asks the simulator's managed identity endpoint."""

    def __init__(self, url):
        self.url = url
        self.cached = None

    def get_token(self, *scopes, **_kwargs):
        if self.cached is None or self.cached.expires_on < time.time() + 300:
            resource = scopes[0].removesuffix("/.default")
            query = urllib.parse.urlencode({"resource": resource, "api-version": "2019-08-01"})
            answer = get_json(
                f"{self.url}/msi/token?{query}", {"X-IDENTITY-HEADER": IDENTITY_HEADER}
            )
            self.cached = AccessToken(answer["access_token"], int(answer["expires_on"]))
        return self.cached


class PlainHttpPolicy(BearerTokenCredentialPolicy):
    """The usual policy, but it sends the token over http too."""

    def on_request(self, request):
        request.context.options["enforce_https"] = False
        super().on_request(request)


def client(kind, url, subscription, **kwargs):
    credential = SimulatedIdentity(url)
    scope = f"{AUDIENCE}/.default"
    return kind(
        credential,
        subscription,
        base_url=url,
        credential_scopes=[scope],
        authentication_policy=PlainHttpPolicy(credential, scope),
        **kwargs,
    )


def unique(items):
    """By id without regard to case: the same item may come twice."""
    return {item.id.lower(): item for item in items}


class Comparison:
    """Collects differences between what is planted and what was listed."""

    def __init__(self):
        self.differences = []
        self.counts = {}

    def collection(self, what, planted, listed, check):
        self.counts[what] = self.counts.get(what, 0) + len(listed)
        expected = {item["id"].lower(): item for item in planted}
        for key in sorted(expected.keys() - listed.keys()):
            self.differences.append(f"{what}: not listed: {key}")
        for key in sorted(listed.keys() - expected.keys()):
            self.differences.append(f"{what}: not planted: {key}")
        for key in sorted(expected.keys() & listed.keys()):
            for name, wanted, found in check(expected[key], listed[key]):
                if wanted != found:
                    self.differences.append(f"{what}: {key}: {name}: {wanted!r} is listed as {found!r}")


def lower(value):
    return value.lower() if isinstance(value, str) else value


def named(planted, listed, *fields):
    """Compares the name (ARM writes a child's as parent/child) and some fields."""
    yield "name", planted["name"].lower(), listed.name.split("/")[-1].lower()
    for field, attribute in fields:
        yield field, planted["properties"][field], getattr(listed, attribute)


def references(planted, listed):
    wanted = sorted(lower(item) for item in planted["properties"]["applicationGroupReferences"])
    found = sorted(lower(item) for item in listed.application_group_references or [])
    yield "applicationGroupReferences", wanted, found


def check_pool(planted, listed):
    yield from named(
        planted,
        listed,
        ("friendlyName", "friendly_name"),
        ("hostPoolType", "host_pool_type"),
        ("loadBalancerType", "load_balancer_type"),
        ("maxSessionLimit", "max_session_limit"),
        ("customRdpProperty", "custom_rdp_property"),
        ("startVMOnConnect", "start_vm_on_connect"),
        ("objectId", "object_id"),
    )
    yield from references(planted, listed)
    info = planted["properties"]["registrationInfo"]
    yield "registrationInfo.token", info["token"], listed.registration_info.token


def check_workspace(planted, listed):
    yield from named(planted, listed, ("friendlyName", "friendly_name"))
    yield from references(planted, listed)


def check_group(planted, listed):
    yield from named(
        planted,
        listed,
        ("friendlyName", "friendly_name"),
        ("applicationGroupType", "application_group_type"),
        ("showInFeed", "show_in_feed"),
    )
    properties = planted["properties"]
    yield "hostPoolArmPath", lower(properties["hostPoolArmPath"]), lower(listed.host_pool_arm_path)
    yield "workspaceArmPath", lower(properties["workspaceArmPath"]), lower(listed.workspace_arm_path)


def icon(planted, listed):
    """The client decodes icons; compare what they decode to."""
    import base64

    content = planted["properties"]["iconContent"]
    wanted = None if content is None else base64.b64decode(content)
    found = None if listed.icon_content is None else bytes(listed.icon_content)
    yield "iconContent", wanted, found
    yield "iconHash", planted["properties"]["iconHash"], listed.icon_hash


def check_application(planted, listed):
    yield from named(
        planted,
        listed,
        ("friendlyName", "friendly_name"),
        ("filePath", "file_path"),
        ("showInPortal", "show_in_portal"),
        ("commandLineSetting", "command_line_setting"),
        ("commandLineArguments", "command_line_arguments"),
        ("objectId", "object_id"),
    )
    yield from icon(planted, listed)
    yield "applicationType", "inbuilt", lower(listed.application_type)


def check_desktop(planted, listed):
    yield from named(planted, listed, ("friendlyName", "friendly_name"))
    yield from icon(planted, listed)


def check_host(planted, listed):
    yield from named(
        planted,
        listed,
        ("status", "status"),
        ("assignedUser", "assigned_user"),
        ("allowNewSession", "allow_new_session"),
        ("sessions", "sessions"),
        ("agentVersion", "agent_version"),
        ("virtualMachineId", "virtual_machine_id"),
    )
    yield "resourceId", lower(planted["properties"]["resourceId"]), lower(listed.resource_id)


def check_assignment(planted, listed):
    yield from named(
        planted,
        listed,
        ("principalId", "principal_id"),
        ("principalType", "principal_type"),
        ("roleDefinitionId", "role_definition_id"),
        ("scope", "scope"),
    )


def check_role(planted, listed):
    wanted = planted["properties"]
    yield "roleName", wanted["roleName"], listed.role_name
    yield "type", wanted["type"], listed.role_type
    found = [
        {
            "actions": permission.actions,
            "notActions": permission.not_actions,
            "dataActions": permission.data_actions,
            "notDataActions": permission.not_data_actions,
        }
        for permission in listed.permissions
    ]
    yield "permissions", wanted["permissions"], found


def check_deny(planted, listed):
    wanted = planted["properties"]
    yield "name", planted["name"], listed.name
    yield "denyAssignmentName", wanted["denyAssignmentName"], listed.deny_assignment_name
    yield "scope", wanted["scope"], listed.scope
    found = [principal.id for principal in listed.principals]
    yield "principals", [principal["id"] for principal in wanted["principals"]], found


def check_instance(planted, listed):
    yield from named(
        planted,
        listed,
        ("principalId", "principal_id"),
        ("roleDefinitionId", "role_definition_id"),
        ("memberType", "member_type"),
        ("status", "status"),
        ("scope", "scope"),
    )


def compare_subscription(url, estate, subscription, version, comparison):
    def planted(kind):
        return [item for item in estate[kind] if item["subscriptionId"] == subscription]

    avd = client(DesktopVirtualizationMgmtClient, url, subscription, api_version=version)
    pools = unique(avd.host_pools.list())
    comparison.collection("host pools", planted("hostPools"), pools, check_pool)
    groups = unique(avd.application_groups.list_by_subscription())
    comparison.collection("application groups", planted("applicationGroups"), groups, check_group)
    workspaces = unique(avd.workspaces.list_by_subscription())
    comparison.collection("workspaces", planted("workspaces"), workspaces, check_workspace)
    hosts = {}
    for pool in planted("hostPools"):
        listed = unique(avd.session_hosts.list(pool["resourceGroup"], pool["name"]))
        if len(listed) != pool["sessionHosts"]:
            comparison.differences.append(f"{pool['name']}: {len(listed)} of {pool['sessionHosts']} hosts")
        hosts.update(listed)
    comparison.collection("session hosts", planted("sessionHosts"), hosts, check_host)
    for group in planted("applicationGroups"):
        place = (group["resourceGroup"], group["name"])
        listed = unique(avd.applications.list(*place, page_size=2, is_descending=True))
        comparison.collection("applications", group["applications"], listed, check_application)
        listed = unique(avd.desktops.list(*place))
        comparison.collection("desktops", group["desktops"], listed, check_desktop)
        single = avd.application_groups.get(*place)
        if single.id.lower() != group["id"].lower():
            comparison.differences.append(f"{group['id']} is read as {single.id}")


def compare_access(url, estate, subscription, comparison):
    scope = f"/subscriptions/{subscription}"
    access = client(AuthorizationManagementClient, url, subscription)
    prefix = f"{scope}/".lower()
    planted = [
        item
        for item in estate["roleAssignments"]
        if f"{item['properties']['scope']}/".lower().startswith(prefix)
    ]
    listed = unique(access.role_assignments.list_for_subscription())
    comparison.collection("role assignments", planted, listed, check_assignment)
    at_scope = unique(access.role_assignments.list_for_scope(scope.lstrip("/"), filter="atScope()"))
    here = [item for item in planted if item["properties"]["scope"].lower() == scope.lower()]
    comparison.collection("role assignments at the subscription", here, at_scope, check_assignment)
    roles = [
        {**role, "id": f"{scope}/providers/Microsoft.Authorization/roleDefinitions/{role['name']}"}
        for role in estate["roleDefinitions"]
        if role["properties"]["type"] == "BuiltInRole" or role["id"].startswith(f"{scope}/")
    ]
    listed = unique(access.role_definitions.list(scope.lstrip("/")))
    comparison.collection("role definitions", roles, listed, check_role)
    compare_exceptions(access, estate, scope, comparison)
    write_assignment(access, estate, scope, comparison)


def compare_exceptions(access, estate, scope, comparison):
    """Deny assignments and PIM instances of a subscription."""
    prefix = f"{scope}/".lower()

    def planted(kind):
        return [item for item in estate[kind] if f"{item['properties']['scope']}/".lower().startswith(prefix)]

    for kind, listed, check in (
        ("denyAssignments", access.deny_assignments.list(), check_deny),
        (
            "roleAssignmentScheduleInstances",
            access.role_assignment_schedule_instances.list_for_scope(scope.lstrip("/")),
            check_instance,
        ),
        (
            "roleEligibilityScheduleInstances",
            access.role_eligibility_schedule_instances.list_for_scope(scope.lstrip("/")),
            check_instance,
        ),
    ):
        comparison.collection(kind, planted(kind), unique(listed), check)


def write_assignment(access, estate, scope, comparison):
    """Makes a role assignment, makes it again under another name, and removes it."""
    groups = [item for item in estate["roleAssignments"] if item["properties"]["principalType"] == "Group"]
    parameters = RoleAssignmentCreateParameters(
        role_definition_id=f"{scope}/providers/Microsoft.Authorization/roleDefinitions/{MONITORING_READER}",
        principal_id=groups[0]["properties"]["principalId"],
        principal_type="Group",
    )
    name, other = "11111111-2222-4333-8444-555555555555", "11111111-2222-4333-8444-666666666666"
    made = access.role_assignments.create(scope.lstrip("/"), name, parameters)
    if access.role_assignments.get(scope.lstrip("/"), name).principal_id != made.principal_id:
        comparison.differences.append("a role assignment is not read as it was made")
    try:
        access.role_assignments.create(scope.lstrip("/"), other, parameters)
        comparison.differences.append("a role was assigned twice")
    except ResourceExistsError as refusal:
        if refusal.error.code != "RoleAssignmentExists":
            comparison.differences.append(f"a role assigned twice is refused as {refusal.error.code}")
    if access.role_assignments.delete(scope.lstrip("/"), name) is None:
        comparison.differences.append("the role assignment that was made is not there to be deleted")
    if access.role_assignments.delete(scope.lstrip("/"), name) is not None:
        comparison.differences.append("a deleted role assignment is deleted again")


def main():
    if len(sys.argv) != 2:
        sys.exit(f"usage: {sys.argv[0]} http://127.0.0.1:7072")
    url = sys.argv[1].rstrip("/")
    estate = get_json(f"{url}/_sim/estate")
    comparison = Comparison()
    for subscription in estate["subscriptions"]:
        for version in DESKTOP_VIRTUALIZATION_VERSIONS:
            compare_subscription(url, estate, subscription["id"], version, comparison)
        compare_access(url, estate, subscription["id"], comparison)
    for difference in comparison.differences:
        print(difference, file=sys.stderr)
    counts = ", ".join(f"{count} {what}" for what, count in comparison.counts.items())
    verdict = "as planted" if not comparison.differences else f"{len(comparison.differences)} differences"
    print(f"{verdict}: {counts}")
    sys.exit(1 if comparison.differences else 0)


if __name__ == "__main__":
    main()
