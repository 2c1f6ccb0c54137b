"""What has to hold between the Bicep files and the rest: functions, host.json, azure.yaml, configuration, README."""

from __future__ import annotations

import re

from bicep import at, expression, items, literal, properties, text, walk
from project import DEAD_LETTERS, Project
from roles import BUILT_IN

APP = "modules/function-app.bicep"

# An identity-based connection NAME is three settings.
CONNECTION_PARTS = ("fullyQualifiedNamespace", "credential", "clientId")
SETTINGS = {
    "AzureWebJobsStorage__accountName", "AzureWebJobsStorage__credential", "AzureWebJobsStorage__clientId",
    "POOLWARDEN_BLOB", "POOLWARDEN_CONFIG_TOML", "AZURE_CLIENT_ID", "APPLICATIONINSIGHTS_CONNECTION_STRING",
    "APPLICATIONINSIGHTS_AUTHENTICATION_STRING",
}  # fmt: skip
# Keys and connection strings by their usual names, and what Flex Consumption has no use for.
FORBIDDEN_SETTINGS = {
    "AzureWebJobsStorage", "AzureWebJobsDashboard", "AzureWebJobsServiceBus", "ServiceBus",
    "APPINSIGHTS_INSTRUMENTATIONKEY", "DEPLOYMENT_STORAGE_CONNECTION_STRING", "ENABLE_ORYX_BUILD",
    "FUNCTIONS_EXTENSION_VERSION",
    "FUNCTIONS_WORKER_RUNTIME", "FUNCTIONS_WORKER_RUNTIME_VERSION", "SCM_DO_BUILD_DURING_DEPLOYMENT", "TZ",
    "WEBSITE_CONTENTAZUREFILECONNECTIONSTRING", "WEBSITE_CONTENTSHARE", "WEBSITE_RUN_FROM_PACKAGE",
    "WEBSITE_TIME_ZONE", "WEBSITE_VNET_ROUTE_ALL",
}  # fmt: skip
SECRET_SETTING = re.compile(r"(KEY|SECRET|PASSWORD|TOKEN|SAS|CONNECTIONSTRING)$", re.IGNORECASE)


def settings(project: Project) -> dict:
    app = project.bicep[APP].resources("Microsoft.Web/sites")[0]
    found = [properties(item) for item in items(at(app.body, "properties.siteConfig.appSettings"))]
    return {str(literal(setting.get("name"))): setting.get("value") for setting in found}


def queues(project: Project) -> list[str]:
    declared = project.bicep["modules/service-bus.bicep"].find("variable", "queues")
    return [str(literal(item)) for item in items(declared.value if declared else None)]


def has_every_queue(project: Project):
    deployed, triggering = queues(project), project.triggering_queues()
    for name, binding in project.bindings():
        queue = str(binding.get("queueName", "")).removesuffix(DEAD_LETTERS)
        if queue and queue not in deployed:
            yield f"the function {name} uses the queue {queue}, which is not deployed"
        if queue.startswith("%"):
            yield f"the function {name} takes its queue from a setting, which the scaler may not see"
    for queue in deployed:
        if triggering.get(queue) != queue:
            yield f"the queue {queue} is deployed and no function of that name is triggered by it"
        if deployed.count(queue) > 1:
            yield f"the queue {queue} is listed twice"


def has_every_connection(project: Project):
    there = settings(project)
    for name, binding in project.bindings():
        connection = binding.get("connection")
        if connection is None and binding["type"].startswith("serviceBus"):
            yield f"the function {name} names no connection, so the host would look for AzureWebJobsServiceBus"
        for part in CONNECTION_PARTS if connection else ():
            if f"{connection}__{part}" not in there:
                yield f"the function {name} uses {connection}, and there is no setting {connection}__{part}"
    for name in sorted(SETTINGS - there.keys()):
        yield f"there is no setting {name}"
    for name, value in there.items():
        if name in FORBIDDEN_SETTINGS or SECRET_SETTING.search(name):
            yield f"{name} is no setting that this app may have"
        if name.endswith("__credential") and literal(value) != "managedidentity":
            yield f"{name} is not managedidentity"
        if name.endswith("__clientId") and (value is None or expression(value) != "identityClientId"):
            yield f"{name} is not the identity's client id"
    authentication = there.get("APPLICATIONINSIGHTS_AUTHENTICATION_STRING")
    if authentication is None or "Authorization=AAD" not in text(authentication):
        yield "telemetry is not sent with an Entra token"


def seconds(span: str) -> int:
    hours, minutes, rest = (int(part) for part in span.split(":"))
    return hours * 3600 + minutes * 60 + rest


def agrees_with_the_host(project: Project):
    host = project.json("host.json")
    bus = host["extensions"]["serviceBus"]
    if seconds(bus["maxAutoLockRenewalDuration"]) < seconds(host["functionTimeout"]):
        yield "host.json: a message's lock is renewed for less long than a function may run"
    if bus["autoCompleteMessages"] is not True:
        yield "host.json: messages are not completed by the host, and the handler cannot"
    if bus.get("prefetchCount", 0) != 0:
        yield "host.json: prefetched messages spend their one minute of lock waiting"
    if host["extensions"]["http"]["routePrefix"] != "api":
        yield "host.json: watch-subscription.sh gives Event Grid an address under api/"
    if host["extensionBundle"]["version"] != "[4.0.0, 5.0.0)":
        yield "host.json: Flex Consumption takes extension bundle 4"
    if host["customHandler"]["description"]["defaultExecutablePath"] != "poolwarden":
        yield "host.json starts something else than what is staged"
    if host["customHandler"]["enableForwardingHttpRequest"] is not False:
        yield "host.json forwards HTTP requests, so that the handler would get two kinds of envelope"


def agrees_with_azd(project: Project):
    azure, main = project.yaml("azure.yaml"), project.main
    infra = f"{azure['infra']['path']}/{azure['infra']['module']}.bicep"
    if infra != "infra/main.bicep":
        yield f"azure.yaml deploys {infra}"
    service = main.find("variable", "serviceName")
    if list(azure["services"]) != [literal(service.value) if service else None]:
        yield "azure.yaml's service is not the one that main.bicep tags the function app for"
    app = project.bicep[APP].resources("Microsoft.Web/sites")[0]
    if "'azd-service-name': serviceName" not in expression(at(app.body, "tags") or app.node):
        yield "azd would not find the function app: it has no tag azd-service-name"
    for staged in azure["services"].values():
        if (staged["host"], staged["language"], staged["dist"]) != ("function", "custom", "target/functionapp"):
            yield "azure.yaml does not pack what `cargo xtask stage` fills"
        if "cargo xtask stage" not in staged["hooks"]["prepackage"]["posix"]["run"]:
            yield "azure.yaml packs without staging"
    given = project.json("infra/main.parameters.json")["parameters"]
    taken = {parameter.name: parameter for parameter in main.all("parameter")}
    for name in given.keys() - taken.keys():
        yield f"main.parameters.json gives {name}, which main.bicep does not take"
    for name in (name for name, p in taken.items() if p.value is None and name not in given):
        yield f"main.parameters.json does not give {name}"
    outputs = {output.name for output in main.all("output")}
    for path in project.paths("infra/scripts", "*.sh"):
        asked = re.findall(r"(?:from_azd|get-value) ([A-Z][A-Z_]+)", project.read(path))
        if not asked:
            yield f"{path} takes nothing from what is deployed"
        for name in set(asked) - outputs:
            yield f"{path} asks azd for {name}, which main.bicep does not put out"


def agrees_with_the_configuration(project: Project):
    configuration, path = project.toml("infra/poolwarden.toml"), "infra/poolwarden.toml"
    for table in ("store", "azure", "serve"):
        if table in configuration:
            yield f"{path} has [{table}], which the deployment says in settings"
    placeholder = project.main.find("variable", "clientIdPlaceholder")
    wanted = literal(placeholder.value) if placeholder else None
    for connection in configuration.get("connection", []):
        credential = connection.get("credential")
        if not isinstance(credential, dict) or credential.get("kind") != "managed_identity":
            yield f"{path}: the connection {connection.get('name')} does not sign in as the managed identity"
        elif credential.get("client_id") != wanted:
            yield f"{path}: deploying would not fill in the client id of {connection.get('name')}"
        for webhook in connection.get("webhook", []):
            if not isinstance(webhook.get("secret"), dict):
                yield f"{path}: the webhook {webhook.get('name')} has a secret in the file"
    if not configuration.get("connection"):
        yield f"{path} has no connection"
    calls = [node for node in walk(project.main.root) if node.type == "call_expression"]
    loads = [call for call in calls if text(call.named_children[0]) == "loadTextContent"]
    if [literal(items(call.named_children[-1])[0]) for call in loads] != ["poolwarden.toml"]:
        yield "main.bicep does not deploy infra/poolwarden.toml"


def is_told_in_the_readme(project: Project):
    readme = project.read("infra/README.md")
    for role in BUILT_IN.values():
        if role.name not in readme:
            yield f"infra/README.md does not tell of the role {role.name}"
    for parameter in project.main.all("parameter"):
        if f"`{parameter.name}`" not in readme:
            yield f"infra/README.md does not tell of the parameter {parameter.name}"
    for path in [*project.paths("infra/scripts", "*.sh"), *project.paths("infra/modules", "*.bicep")]:
        if path.rsplit("/", 1)[1] not in readme:
            yield f"infra/README.md does not tell of {path}"
