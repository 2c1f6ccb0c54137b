"""Every role that the infrastructure may grant. Whatever is not here fails the test, so that granting more is a
decision that someone writes down."""

from __future__ import annotations

from typing import NamedTuple


class Role(NamedTuple):
    name: str
    scope: str  # type of what it is granted on; "" is the subscription that the module is deployed at
    file: str  # the only file that may grant it
    why: str


BUILT_IN = {
    "69a216fc-b8fb-44d8-bc22-1f3c2cd27a39": Role(
        "Azure Service Bus Data Sender",
        "Microsoft.ServiceBus/namespaces/queues",
        "modules/service-bus.bicep",
        "every stage sends to the next",
    ),
    "4f6d3b9b-027b-4f4c-9142-0e5a2a2247e0": Role(
        "Azure Service Bus Data Receiver",
        "Microsoft.ServiceBus/namespaces/queues",
        "modules/service-bus.bicep",
        "the host's trigger, and dead letters",
    ),
    "b7e6dc6d-f1e8-4753-8033-0f276bb0955b": Role(
        "Storage Blob Data Owner",
        "Microsoft.Storage/storageAccounts",
        "modules/host-storage.bicep",
        "documented as the least that AzureWebJobsStorage needs; this account holds no state of ours",
    ),
    "ba92f5b4-2d11-453d-a403-e96b0029c9fe": Role(
        "Storage Blob Data Contributor",
        "Microsoft.Storage/storageAccounts/blobServices/containers",
        "modules/state-storage.bicep",
        "the documents, in one container",
    ),
    "4633458b-17de-408a-b874-0445c86b69e6": Role(
        "Key Vault Secrets User",
        "Microsoft.KeyVault/vaults",
        "modules/key-vault.bicep",
        "secrets that the configuration names",
    ),
    "3913510d-42f4-4e42-8a64-420c390055eb": Role(
        "Monitoring Metrics Publisher",
        "Microsoft.Insights/components",
        "modules/monitoring.bicep",
        "telemetry without a key",
    ),
    "49a72310-ab8d-41df-bbb0-79b649203868": Role(
        "Desktop Virtualization Reader",
        "",
        "modules/watched-subscription.bicep",
        "the estate",
    ),
    "acdd72a7-3385-48ef-bd42-f606fba81ae7": Role(
        "Reader",
        "",
        "modules/watched-subscription.bicep",
        "what the audit looks at besides, where that is wanted",
    ),
}

# What a role of our own may allow, and nothing besides.
CUSTOM_ACTIONS = {"Microsoft.Insights/eventtypes/values/read"}

# GUIDs that are no roles: what stands in the configuration for a client id that is not known yet.
OTHER_GUIDS = {"00000000-0000-0000-0000-000000000000"}


def variable(name: str) -> str:
    """How a variable that holds the role's id is called: azureServiceBusDataSender."""
    words = name.split()
    return words[0].lower() + "".join(words[1:])
