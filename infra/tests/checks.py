"""What has to hold of the Bicep files themselves. Each check takes a project and yields what is wrong, one sentence a
fault, which names the file; none yields anything for what is committed."""

from __future__ import annotations

import re
from pathlib import PurePosixPath

from bicep import at, expression, items, literal, properties, text, walk
from project import Project
from roles import BUILT_IN, CUSTOM_ACTIONS, OTHER_GUIDS, variable

GUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
API_VERSION = re.compile(r"\d{4}-\d\d-\d\d(-preview)?")
OUTSIDE_OPEN = "private ? 'Disabled' : 'Enabled'"

# What each resource of a type must say. A function tells what the value has to be; a value is compared.
REQUIRED = {
    "Microsoft.Storage/storageAccounts": {
        "properties.allowSharedKeyAccess": False,
        "properties.allowBlobPublicAccess": False,
        "properties.allowCrossTenantReplication": False,
        "properties.defaultToOAuthAuthentication": True,
        "properties.supportsHttpsTrafficOnly": True,
        "properties.minimumTlsVersion": "TLS1_2",
        "properties.publicNetworkAccess": OUTSIDE_OPEN,
    },
    "Microsoft.Storage/storageAccounts/blobServices/containers": {"properties.publicAccess": "None"},
    "Microsoft.ServiceBus/namespaces": {
        "properties.disableLocalAuth": True,
        "properties.minimumTlsVersion": "1.2",
        "properties.publicNetworkAccess": OUTSIDE_OPEN,
    },
    "Microsoft.ServiceBus/namespaces/queues": {
        "properties.lockDuration": "PT1M",
        "properties.maxDeliveryCount": 10,
        "properties.requiresDuplicateDetection": True,
        "properties.duplicateDetectionHistoryTimeWindow": "PT10M",
        "properties.deadLetteringOnMessageExpiration": True,
        "properties.defaultMessageTimeToLive": "P14D",
    },
    "Microsoft.KeyVault/vaults": {
        "properties.enableRbacAuthorization": True,
        "properties.enablePurgeProtection": True,
        "properties.enableSoftDelete": True,
        "properties.publicNetworkAccess": OUTSIDE_OPEN,
    },
    "Microsoft.Insights/components": {"properties.DisableLocalAuth": True},
    "Microsoft.OperationalInsights/workspaces": {"properties.features.disableLocalAuth": True},
    "Microsoft.Web/sites": {
        "identity.type": "UserAssigned",
        "properties.httpsOnly": True,
        "properties.siteConfig.minTlsVersion": "1.2",
        "properties.siteConfig.scmMinTlsVersion": "1.2",
        "properties.functionAppConfig.runtime.name": "custom",
        "properties.functionAppConfig.deployment.storage.authentication.type": "UserAssignedIdentity",
    },
    "Microsoft.Web/sites/basicPublishingCredentialsPolicies": {"properties.allow": False},
}

# What may be deployed at all. Written out, so that a type in another spelling does not slip past the checks on it.
TYPES = REQUIRED.keys() | {
    "Microsoft.Authorization/roleAssignments", "Microsoft.Authorization/roleDefinitions",
    "Microsoft.Insights/diagnosticSettings", "Microsoft.ManagedIdentity/userAssignedIdentities",
    "Microsoft.Network/networkSecurityGroups", "Microsoft.Network/privateDnsZones",
    "Microsoft.Network/privateDnsZones/virtualNetworkLinks", "Microsoft.Network/privateEndpoints",
    "Microsoft.Network/privateEndpoints/privateDnsZoneGroups", "Microsoft.Network/virtualNetworks",
    "Microsoft.Resources/resourceGroups", "Microsoft.Storage/storageAccounts/blobServices",
    "Microsoft.Web/serverfarms",
}  # fmt: skip

# Flex Consumption refuses these of siteConfig with error 51021.
REFUSED_SITE_CONFIG = {
    "alwaysOn", "ftpsState", "functionsRuntimeScaleMonitoringEnabled", "functionAppScaleLimit", "linuxFxVersion",
    "minimumElasticInstanceCount", "netFrameworkVersion", "preWarmedInstanceCount", "use32BitWorkerProcess",
    "windowsFxVersion",
}  # fmt: skip

# Parts of words that name what must not be read, passed on or put out.
SECRET_MEMBERS = {
    "connectionstring", "instrumentationkey", "primarykey", "secondarykey", "primaryconnectionstring",
    "secondaryconnectionstring", "key1", "key2", "keys", "accesskey", "primarymasterkey",
}  # fmt: skip
SECRET_TEXT = re.compile(r"AccountKey=|SharedAccess(Key|Sig)|DefaultEndpointsProtocol|[?&]sig=|whsec_", re.IGNORECASE)
# What main.bicep passes on: an address, as ingestion takes Entra tokens only.
TELEMETRY = {"monitoring.outputs.connectionString"}
SECRET_NAME = re.compile(r"secret|password|token|(access|account|host|master|function)_?key", re.IGNORECASE)


def parses(project: Project):
    for file in project.bicep.values():
        for line in file.broken:
            yield f"{file.path}:{line} is no Bicep"


def deploys_only_known_types(project: Project):
    for file, resource in project.all_resources():
        if (kind := resource.of.split("@")[0]) not in TYPES:
            yield f"{file.path}: {resource.name} is a {kind}, which the checks know nothing of"
    for file in project.bicep.values():
        for node in walk(file.root):
            if node.type == "resource_declaration" and node.parent != file.root:
                yield f"{file.path}:{node.start_point.row + 1} a resource inside another escapes the checks: use parent"


def says_what_is_required(project: Project):
    seen = set()
    for file, resource in project.all_resources():
        kind = resource.of.split("@")[0]
        seen.add(kind)
        if " existing " in text(resource.node).split("{")[0]:
            continue
        for path, wanted in REQUIRED.get(kind, {}).items():
            value = at(resource.body, path)
            found = None if value is None else file.text_of(value)
            if found is None and value is not None:
                found = expression(value)
            if found != wanted or isinstance(found, bool) != isinstance(wanted, bool):
                yield f"{file.path}: {resource.name}.{path} is {found!r} and has to be {wanted!r}"
        for name in properties(at(resource.body, "properties.siteConfig")):
            if name in REFUSED_SITE_CONFIG:
                yield f"{file.path}: Flex Consumption refuses siteConfig.{name} (error 51021)"
    for kind in REQUIRED.keys() - seen:
        yield f"there is no {kind} at all"


def opens_nothing_besides(project: Project):
    """Wherever they stand: switches that would let keys, passwords or everyone in."""
    wrong = {
        "allowSharedKeyAccess": {True}, "allowBlobPublicAccess": {True}, "disableLocalAuth": {False},
        "DisableLocalAuth": {False}, "publicAccess": {"Blob", "Container"}, "publicNetworkAccess": {"Enabled"},
        "enableRbacAuthorization": {False}, "httpsOnly": {False}, "anonymousPullEnabled": {True},
    }  # fmt: skip
    for file in project.bicep.values():
        for node in walk(file.root):
            if node.type == "object_property" and len(node.named_children) >= 2:
                key, value = text(node.named_children[0]), literal(node.named_children[-1])
                if value in wrong.get(key, ()) and value is not None:
                    yield f"{file.path}:{node.start_point.row + 1} {key} is {value}"
        if file.resources("Microsoft.ServiceBus/namespaces/AuthorizationRules"):
            yield f"{file.path} makes an authorization rule, which is a key"


def holds_no_secret(project: Project):
    for file in project.bicep.values():
        without_key = {
            resource.name
            for resource in file.resources("Microsoft.Insights/components")
            if literal(at(resource.body, "properties.DisableLocalAuth")) is True
        }
        for node in walk(file.root):
            where = f"{file.path}:{node.start_point.row + 1}"
            if node.type == "call_expression":
                name = text(node.named_children[0]).split(".")[-1]
                if name.lower().startswith("list") or name in ("getSecret", "reference"):
                    yield f"{where} calls {name}()"
            if node.type == "property_identifier" and text(node).lower() in SECRET_MEMBERS:
                read = expression(node.parent)
                if read not in {f"{name}.properties.ConnectionString" for name in without_key} | TELEMETRY:
                    yield f"{where} reads {expression(node.parent)}"
            if node.type == "string_content" and SECRET_TEXT.search(text(node)):
                yield f"{where} has a secret in a text"
        for output in file.all("output"):
            if "secure" in output.decorators or SECRET_NAME.search(output.name):
                yield f"{file.path}: the output {output.name} would be a secret"


def grants_only_what_is_listed(project: Project):
    for file in project.bicep.values():
        for node in walk(file.root):
            found = str(literal(node)).lower() if node.type == "string" else ""
            if GUID.fullmatch(found) and found not in BUILT_IN.keys() | OTHER_GUIDS:
                yield f"{file.path}:{node.start_point.row + 1} {found} is no role that may be granted"
        own = {resource.name for resource in file.resources("Microsoft.Authorization/roleDefinitions")}
        for assignment in file.resources("Microsoft.Authorization/roleAssignments"):
            yield from (f"{file.path}: {assignment.name} {fault}" for fault in _assignment(file, assignment, own))
        for definition in file.resources("Microsoft.Authorization/roleDefinitions"):
            for permission in items(at(definition.body, "properties.permissions")):
                allowed = {str(literal(action)) for action in items(properties(permission).get("actions"))}
                for action in allowed - CUSTOM_ACTIONS:
                    yield f"{file.path}: the role {definition.name} allows {action}"
                if items(properties(permission).get("dataActions")):
                    yield f"{file.path}: the role {definition.name} allows data actions"
    granted = {
        file.text_of(node)
        for file in project.bicep.values()
        for node in walk(file.root)
        if node.type == "identifier"
    }
    for guid in BUILT_IN.keys() - granted:
        yield f"{BUILT_IN[guid].name} is listed and not granted"


def _assignment(file, assignment, own):
    body = assignment.body
    if literal(at(body, "properties.principalType")) != "ServicePrincipal":
        yield "does not say that the principal is a ServicePrincipal, so that a new identity may not be found"
    if expression(at(body, "properties.principalId") or body) != "principalId":
        yield "grants to someone else than the app's identity"
    role = at(body, "properties.roleDefinitionId")
    if role is None:
        yield "names no role"
        return
    if role.type == "member_expression":
        if text(role.named_children[0]) not in own:
            yield f"grants {expression(role)}, which this file does not define"
        return
    arguments = items(role.named_children[-1]) if role.type == "call_expression" else []
    if len(arguments) != 2 or literal(arguments[0]) != "Microsoft.Authorization/roleDefinitions":
        yield f"grants {expression(role)}, which is no role of the list"
        return
    granted = BUILT_IN.get(str(file.text_of(arguments[1])).lower())
    if granted is None:
        yield f"grants {expression(arguments[1])}, which is no role of the list"
        return
    if text(arguments[1]) != variable(granted.name):
        yield f"grants {granted.name} by the name {text(arguments[1])}"
    if file.path != granted.file:
        yield f"grants {granted.name}, which only {granted.file} may"
    scope = at(body, "scope")
    target = file.find("resource", text(scope).split("[")[0]) if scope is not None else None
    if (target.of.split("@")[0] if target else "") != granted.scope:
        yield f"grants {granted.name} on {expression(scope) if scope else 'all'}, not on one {granted.scope}"


def names_each_api_once(project: Project):
    versions: dict[str, set[str]] = {}
    for file, resource in project.all_resources():
        kind, _, version = resource.of.partition("@")
        versions.setdefault(kind, set()).add(version)
        if not API_VERSION.fullmatch(version):
            yield f"{file.path}: {resource.name} has the api-version {version!r}"
    for kind, found in versions.items():
        if len(found) > 1:
            yield f"{kind} is asked in several versions: {', '.join(sorted(found))}"


def fits_together(project: Project):
    """Modules are there and used, get what they take, and give what is asked of them."""
    used = set()
    for file in project.bicep.values():
        folder = PurePosixPath(file.path).parent
        for module in file.all("module"):
            path = (folder / module.of).as_posix()
            used.add(path)
            target = project.bicep.get(path)
            if target is None:
                yield f"{file.path}: there is no {path}"
                continue
            given = set(properties(at(module.body, "params")))
            taken = {p.name: p for p in target.all("parameter")}
            for name in given - taken.keys():
                yield f"{file.path}: {path} takes no {name}"
            for name in (name for name, p in taken.items() if p.value is None and name not in given):
                yield f"{file.path}: {path} is not given {name}"
            outputs = {output.name for output in target.all("output")}
            for node in walk(file.root):
                asked = re.fullmatch(rf"{module.name}!?\.outputs\.(\w+)", text(node))
                if node.type == "member_expression" and asked and asked[1] not in outputs:
                    yield f"{file.path}: {path} gives no {asked[1]}"
    for path in project.bicep.keys() - used - {"main.bicep"}:
        yield f"{path} is used by nothing"


def is_described_and_used(project: Project):
    for file in project.bicep.values():
        for declared in file.declared:
            if declared.kind in ("parameter", "output") and not declared.described:
                yield f"{file.path}: the {declared.kind} {declared.name} has no @description"
            if declared.kind in ("parameter", "variable") and not file.uses(declared.name):
                yield f"{file.path}: the {declared.kind} {declared.name} is not used"
