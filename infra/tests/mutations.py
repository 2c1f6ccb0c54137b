"""Ways to break the infrastructure, each with the check that has to find it."""

from __future__ import annotations

from dataclasses import dataclass

from project import Project

MAIN, APP = "infra/main.bicep", "infra/modules/function-app.bicep"
BUS, HOST = "infra/modules/service-bus.bicep", "infra/modules/host-storage.bicep"
STATE, VAULT = "infra/modules/state-storage.bicep", "infra/modules/key-vault.bicep"
MONITORING, WATCHED = "infra/modules/monitoring.bicep", "infra/modules/watched-subscription.bicep"
NETWORK, AZURE = "infra/modules/network.bicep", "azure.yaml"
CONTRIBUTOR = "b24988ac-6180-42a0-ab88-20f7382dd24c"
DATA_OWNER = "090c5cfd-751d-490a-894a-3ce6f1109419"


TRIGGERED_BY = '{"bindings":[{"type":"serviceBusTrigger","queueName":"%s","connection":"ServiceBus"}]}'
NESTED = """resource more 'Microsoft.Web/serverfarms@2024-04-01' = {
  name: 'x'
  resource inner 'y@2024-04-01' = {
    name: 'z'
  }
}

"""


@dataclass(frozen=True)
class Mutation:
    found_by: str
    name: str
    path: str
    old: str  # "" appends
    new: str | None  # None removes the file

    def apply(self, project: Project) -> dict[str, str | None]:
        if self.new is None:
            return {self.path: None}
        if not self.old:
            exists = self.path in project.paths(self.path.split("/")[0], self.path.rsplit("/", 1)[-1])
            return {self.path: (project.read(self.path) if exists else "") + self.new}
        source = project.read(self.path)
        if self.old not in source:
            raise AssertionError(f"{self.path} no longer holds {self.old!r}: mend the mutation {self.name}")
        return {self.path: source.replace(self.old, self.new)}


def setting(name: str, value: str) -> str:
    return f"appSettings: [\n        {{\n          name: '{name}'\n          value: {value}\n        }}"


MUTATIONS = [
    Mutation(*row)
    for row in (
        ("parses", "an_open_brace", MAIN, "module identity", "module { identity"),
        ("parses", "a_lost_quote", VAULT, "name: 'standard'", "name: 'standard"),
        ("deploys_only_known_types", "another_spelling", WATCHED, "Microsoft.Authorization/roleAssignments",
         "microsoft.authorization/roleassignments"),
        ("deploys_only_known_types", "another_type", NETWORK, "",
         "resource ip 'Microsoft.Network/publicIPAddresses@2024-05-01' = {\n  name: 'x'\n}\n"),
        ("deploys_only_known_types", "a_nested_resource", HOST, "resource blobs",
         NESTED + "resource blobs"),
        ("says_what_is_required", "shared_keys", STATE, "allowSharedKeyAccess: false", "allowSharedKeyAccess: true"),
        ("says_what_is_required", "shared_keys_unsaid", HOST, "    allowSharedKeyAccess: false\n", ""),
        ("says_what_is_required", "only_in_a_comment", HOST, "allowSharedKeyAccess: false",
         "// allowSharedKeyAccess: false"),
        ("says_what_is_required", "queue_keys", BUS, "disableLocalAuth: true", "disableLocalAuth: false"),
        ("says_what_is_required", "no_duplicate_detection", BUS, "requiresDuplicateDetection: true",
         "requiresDuplicateDetection: false"),
        ("says_what_is_required", "another_delivery_count", BUS, "maxDeliveryCount: 10", "maxDeliveryCount: 3"),
        ("says_what_is_required", "always_public", BUS, "private ? 'Disabled' : 'Enabled'", "'Enabled'"),
        ("says_what_is_required", "old_tls", STATE, "TLS1_2", "TLS1_0"),
        ("says_what_is_required", "purging", VAULT, "enablePurgeProtection: true", "enablePurgeProtection: false"),
        ("says_what_is_required", "publishing_by_password", APP, "allow: false", "allow: true"),
        ("says_what_is_required", "ftps_state", APP, "siteConfig: {", "siteConfig: {\n      ftpsState: 'Disabled'"),
        ("says_what_is_required", "plain_http", APP, "httpsOnly: true", "httpsOnly: false"),
        ("says_what_is_required", "telemetry_by_key", MONITORING, "DisableLocalAuth: true", "DisableLocalAuth: false"),
        ("opens_nothing_besides", "a_public_container", HOST, "publicAccess: 'None'", "publicAccess: 'Blob'"),
        ("opens_nothing_besides", "elsewhere", "infra/modules/more.bicep", "",
         "var x = {\n  publicNetworkAccess: 'Enabled'\n}\n"),
        ("opens_nothing_besides", "a_rule_with_a_key", BUS, "",
         "resource r 'Microsoft.ServiceBus/namespaces/AuthorizationRules@2024-01-01' = {\n  parent: namespace\n}\n"),
        ("holds_no_secret", "list_keys", HOST, "output name string = account.name",
         "output name string = account.listKeys().keys[0].value"),
        ("holds_no_secret", "list_keys_as_function", HOST, "output name string = account.name",
         "output name string = listKeys(account.id, '2023-05-01').value"),
        ("holds_no_secret", "an_instrumentation_key", MONITORING, "properties.ConnectionString",
         "properties.InstrumentationKey"),
        ("holds_no_secret", "a_connection_string_that_opens", MONITORING, "DisableLocalAuth: true",
         "DisableLocalAuth: false"),
        ("holds_no_secret", "a_secure_output", VAULT, "output uri", "@secure()\noutput uri"),
        ("holds_no_secret", "an_output_by_name", MAIN, "output POOLWARDEN_URL", "output POOLWARDEN_MASTER_KEY"),
        ("holds_no_secret", "an_account_key", APP, "value: hostStorageName",
         "value: 'AccountName=${hostStorageName};AccountKey=x'"),
        ("grants_only_what_is_listed", "data_owner", BUS, "69a216fc-b8fb-44d8-bc22-1f3c2cd27a39", DATA_OWNER),
        ("grants_only_what_is_listed", "contributor", WATCHED, "49a72310-ab8d-41df-bbb0-79b649203868", CONTRIBUTOR),
        ("grants_only_what_is_listed", "another_role_by_that_name", STATE, "ba92f5b4-2d11-453d-a403-e96b0029c9fe",
         "b7e6dc6d-f1e8-4753-8033-0f276bb0955b"),
        ("grants_only_what_is_listed", "the_whole_account", STATE, "scope: state\n", "scope: account\n"),
        ("grants_only_what_is_listed", "the_whole_namespace", BUS, "scope: queue[index]", "scope: namespace"),
        ("grants_only_what_is_listed", "the_whole_group", VAULT,
         "  scope: vault\n  properties: {\n    roleDefinitionId",
         "  properties: {\n    roleDefinitionId"),
        ("grants_only_what_is_listed", "to_someone_else", HOST, "principalId: principalId",
         "principalId: deployer().objectId"),
        ("grants_only_what_is_listed", "a_wider_custom_role", WATCHED,
         "'Microsoft.Insights/eventtypes/values/read'", "'*/read'"),
        ("grants_only_what_is_listed", "one_more_action", WATCHED, "actions: [\n",
         "actions: [\n          'Microsoft.Compute/*/read'\n"),
        ("grants_only_what_is_listed", "a_role_from_elsewhere", WATCHED, "roleDefinitionId: activityLogReader.id",
         "roleDefinitionId: another.id"),
        ("names_each_api_once", "two_versions", STATE, "storageAccounts@2023-05-01", "storageAccounts@2021-09-01"),
        ("names_each_api_once", "no_version", VAULT, "vaults@2023-07-01", "vaults"),
        ("fits_together", "a_module_too_many", "infra/modules/more.bicep", "", "targetScope = 'resourceGroup'\n"),
        ("fits_together", "a_module_that_is_gone", VAULT, "", None),
        ("fits_together", "a_parameter_not_given", MAIN, "    replication: stateReplication\n", ""),
        ("fits_together", "a_parameter_not_taken", MAIN, "    replication: stateReplication",
         "    replication: stateReplication\n    more: 1"),
        ("fits_together", "an_output_not_given", MAIN, "keyVault.outputs.uri", "keyVault.outputs.url"),
        ("fits_together", "an_output_behind_a_condition", MAIN, "network!.outputs.outboundSubnetId",
         "network!.outputs.subnetId"),
        ("is_described_and_used", "an_unused_parameter", MAIN, "instanceMemoryMB: instanceMemoryMB",
         "instanceMemoryMB: 512"),
        ("is_described_and_used", "an_undescribed_parameter", NETWORK, "@description('Azure region.')\n", ""),
        ("is_described_and_used", "an_unused_variable", HOST, "", "var unused = 1\n"),
        ("has_every_queue", "a_queue_dropped", BUS, "  'finish_run'\n", ""),
        ("has_every_queue", "a_queue_renamed", BUS, "'publish_package'", "'publish-package'"),
        ("has_every_queue", "a_queue_too_many", BUS, "  'finish_run'\n", "  'finish_run'\n  'add_session_host'\n"),
        ("has_every_queue", "a_function_too_many", "functions/add_session_host/function.json", "",
         TRIGGERED_BY % "add_session_host"),
        ("has_every_queue", "a_dead_letter_queue", "functions/bury/function.json", "",
         TRIGGERED_BY % "x/$deadletterqueue"),
        ("has_every_connection", "another_connection", "functions/finish_run/function.json", '"ServiceBus"', '"Bus"'),
        ("has_every_connection", "no_connection", "functions/finish_run/function.json",
         '"connection": "ServiceBus",', ""),
        ("has_every_connection", "a_setting_dropped", APP, "'ServiceBus__fullyQualifiedNamespace'",
         "'ServiceBus__namespace'"),
        ("has_every_connection", "the_wrong_identity", APP,
         "name: 'ServiceBus__clientId'\n          value: identityClientId",
         "name: 'ServiceBus__clientId'\n          value: identityId"),
        ("has_every_connection", "a_connection_string", APP, "appSettings: [", setting("AzureWebJobsStorage",
         "hostStorageName")),
        ("has_every_connection", "a_key", APP, "appSettings: [", setting("GRAPH_CLIENT_SECRET", "hostStorageName")),
        ("has_every_connection", "a_runtime_setting", APP, "appSettings: [", setting("FUNCTIONS_WORKER_RUNTIME",
         "'custom'")),
        ("has_every_connection", "telemetry_without_token", APP, ";Authorization=AAD", ""),
        ("agrees_with_the_host", "a_short_renewal", "host.json", '"maxAutoLockRenewalDuration": "00:10:00"',
         '"maxAutoLockRenewalDuration": "00:05:00"'),
        ("agrees_with_the_host", "prefetching", "host.json", '"prefetchCount": 0', '"prefetchCount": 100'),
        ("agrees_with_the_host", "another_binary", "host.json", '"poolwarden"', '"pooled"'),
        ("agrees_with_azd", "another_service", AZURE, "\n  poolwarden:\n", "\n  app:\n"),
        ("agrees_with_azd", "no_tag", APP, "'azd-service-name'", "'service'"),
        ("agrees_with_azd", "no_staging", AZURE, "cargo xtask stage", "cargo build"),
        ("agrees_with_azd", "a_parameter_unknown", "infra/main.parameters.json", '"location"', '"region"'),
        ("agrees_with_azd", "an_output_renamed", MAIN, "output POOLWARDEN_FUNCTION_APP", "output FUNCTION_APP"),
        ("agrees_with_the_configuration", "a_store", "infra/poolwarden.toml", "", '[store]\npath = "x.db"\n'),
        ("agrees_with_the_configuration", "azure_cli", "infra/poolwarden.toml", "managed_identity", "azure_cli"),
        ("agrees_with_the_configuration", "another_placeholder", MAIN, "'00000000-0000-0000-0000-000000000000'",
         "'CLIENT_ID'"),
        ("agrees_with_the_configuration", "a_secret_in_the_file", "infra/poolwarden.toml", "",
         '[[connection.webhook]]\nname = "x"\nurl = "https://x"\nsecret = "whsec_x"\n'),
        ("agrees_with_the_configuration", "another_file", MAIN, "loadTextContent('poolwarden.toml')",
         "loadTextContent('other.toml')"),
        ("is_told_in_the_readme", "a_role_untold", "infra/README.md", "Key Vault Secrets User", "a role"),
        ("is_told_in_the_readme", "a_parameter_untold", "infra/README.md", "`watchedSubscriptionIds`", "a parameter"),
        ("is_told_in_the_readme", "a_script_untold", "infra/README.md", "grant-graph.sh", "a script"),
    )
]  # fmt: skip
