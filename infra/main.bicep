// Poolwarden in a subscription: a resource group with the function app and what it stands on, and the roles to read
// the subscriptions that it watches. No parameter, setting or output is a secret.

targetScope = 'subscription'

@description('Name of this installation: every resource name is derived from it. azd calls it the environment.')
@minLength(1)
@maxLength(32)
param environmentName string

@description('Azure region. Flex Consumption is not in every one: az functionapp list-flexconsumption-locations')
param location string

@description('Name of the resource group; empty for one that is derived from the installation\'s name.')
param resourceGroupName string = ''

@description('Ids of the subscriptions to watch, separated by commas; empty for the one that this is deployed to.')
param watchedSubscriptionIds string = ''

@description('Whether the identity becomes Reader of the watched subscriptions, for the rules of the audit that look at machines, networks, vaults and storage.')
param auditEverything bool = false

@description('Whether storage, queues and vault are reached through private endpoints only (Service Bus Premium).')
param privateEndpoints bool = false

@description('Address range of the virtual network that private endpoints are in, /24 or wider.')
param virtualNetworkPrefix string = '10.73.0.0/24'

@description('Memory of an instance in MB: 512, 2048 or 4096.')
@allowed([512, 2048, 4096])
param instanceMemoryMB int = 512

@description('How many instances there are at most.')
@minValue(40)
@maxValue(1000)
param maximumInstanceCount int = 40

@description('How the documents are replicated.')
@allowed(['Standard_LRS', 'Standard_ZRS', 'Standard_GRS', 'Standard_GZRS'])
param stateReplication string = 'Standard_ZRS'

@description('For how many days logs are kept.')
@minValue(30)
@maxValue(730)
param logRetentionInDays int = 30

// The service in azure.yaml.
var serviceName = 'poolwarden'

// Stands in infra/poolwarden.toml where the identity's client id belongs, which nobody knows before it is deployed.
var clientIdPlaceholder = '00000000-0000-0000-0000-000000000000'

var token = toLower(uniqueString(subscription().id, environmentName, location))
var tags = {
  'azd-env-name': environmentName
  application: 'poolwarden'
}
var namedIds = map(split(watchedSubscriptionIds, ','), id => trim(id))
var watched = empty(watchedSubscriptionIds) ? [subscription().subscriptionId] : namedIds
var blobZone = 'privatelink.blob.${environment().suffixes.storage}'
var serviceBusZone = 'privatelink.servicebus.windows.net'
var vaultZone = 'privatelink.vaultcore.azure.net'

resource group 'Microsoft.Resources/resourceGroups@2024-03-01' = {
  name: empty(resourceGroupName) ? 'rg-poolwarden-${environmentName}' : resourceGroupName
  location: location
  tags: tags
}

module identity 'modules/identity.bicep' = {
  name: 'identity'
  scope: group
  params: {
    name: 'id-poolwarden-${token}'
    location: location
    tags: tags
  }
}

module monitoring 'modules/monitoring.bicep' = {
  name: 'monitoring'
  scope: group
  params: {
    workspaceName: 'log-poolwarden-${token}'
    componentName: 'appi-poolwarden-${token}'
    location: location
    tags: tags
    retentionInDays: logRetentionInDays
    principalId: identity.outputs.principalId
  }
}

module serviceBus 'modules/service-bus.bicep' = {
  name: 'service-bus'
  scope: group
  params: {
    name: 'sb-poolwarden-${token}'
    location: location
    tags: tags
    principalId: identity.outputs.principalId
    workspaceId: monitoring.outputs.workspaceId
    private: privateEndpoints
  }
}

module hostStorage 'modules/host-storage.bicep' = {
  name: 'host-storage'
  scope: group
  params: {
    name: 'stpwhost${token}'
    location: location
    tags: tags
    principalId: identity.outputs.principalId
    workspaceId: monitoring.outputs.workspaceId
    private: privateEndpoints
  }
}

module stateStorage 'modules/state-storage.bicep' = {
  name: 'state-storage'
  scope: group
  params: {
    name: 'stpwstate${token}'
    location: location
    tags: tags
    principalId: identity.outputs.principalId
    workspaceId: monitoring.outputs.workspaceId
    private: privateEndpoints
    replication: stateReplication
  }
}

module keyVault 'modules/key-vault.bicep' = {
  name: 'key-vault'
  scope: group
  params: {
    name: 'kv-pw-${token}'
    location: location
    tags: tags
    principalId: identity.outputs.principalId
    workspaceId: monitoring.outputs.workspaceId
    private: privateEndpoints
  }
}

module network 'modules/network.bicep' = if (privateEndpoints) {
  name: 'network'
  scope: group
  params: {
    name: 'vnet-poolwarden-${token}'
    location: location
    tags: tags
    addressPrefix: virtualNetworkPrefix
    zoneNames: [blobZone, serviceBusZone, vaultZone]
  }
}

module hostStorageEndpoint 'modules/private-endpoint.bicep' = if (privateEndpoints) {
  name: 'host-storage-endpoint'
  scope: group
  params: {
    name: 'pe-${hostStorage.outputs.name}'
    location: location
    tags: tags
    targetId: hostStorage.outputs.id
    groupId: 'blob'
    subnetId: network!.outputs.endpointSubnetId
    zoneId: network!.outputs.zoneIds[0]
  }
}

module stateStorageEndpoint 'modules/private-endpoint.bicep' = if (privateEndpoints) {
  name: 'state-storage-endpoint'
  scope: group
  params: {
    name: 'pe-${stateStorage.outputs.name}'
    location: location
    tags: tags
    targetId: stateStorage.outputs.id
    groupId: 'blob'
    subnetId: network!.outputs.endpointSubnetId
    zoneId: network!.outputs.zoneIds[0]
  }
}

module serviceBusEndpoint 'modules/private-endpoint.bicep' = if (privateEndpoints) {
  name: 'service-bus-endpoint'
  scope: group
  params: {
    name: 'pe-${serviceBus.outputs.name}'
    location: location
    tags: tags
    targetId: serviceBus.outputs.id
    groupId: 'namespace'
    subnetId: network!.outputs.endpointSubnetId
    zoneId: network!.outputs.zoneIds[1]
  }
}

module keyVaultEndpoint 'modules/private-endpoint.bicep' = if (privateEndpoints) {
  name: 'key-vault-endpoint'
  scope: group
  params: {
    name: 'pe-kv-poolwarden-${token}'
    location: location
    tags: tags
    targetId: keyVault.outputs.id
    groupId: 'vault'
    subnetId: network!.outputs.endpointSubnetId
    zoneId: network!.outputs.zoneIds[2]
  }
}

module watchedSubscription 'modules/watched-subscription.bicep' = [
  for id in watched: {
    name: 'poolwarden-reads-${token}'
    scope: subscription(id)
    params: {
      principalId: identity.outputs.principalId
      audit: auditEverything
    }
  }
]

module functionApp 'modules/function-app.bicep' = {
  name: 'function-app'
  scope: group
  // Without a private endpoint that answers, a host whose storage is closed to the public does not start.
  dependsOn: [
    hostStorageEndpoint
    stateStorageEndpoint
    serviceBusEndpoint
    keyVaultEndpoint
  ]
  params: {
    name: 'func-poolwarden-${token}'
    planName: 'plan-poolwarden-${token}'
    location: location
    tags: tags
    serviceName: serviceName
    identityId: identity.outputs.id
    identityClientId: identity.outputs.clientId
    hostStorageName: hostStorage.outputs.name
    packageUrl: hostStorage.outputs.packageUrl
    serviceBusHostName: serviceBus.outputs.hostName
    stateContainerUrl: stateStorage.outputs.containerUrl
    telemetryConnectionString: monitoring.outputs.connectionString
    configuration: replace(loadTextContent('poolwarden.toml'), clientIdPlaceholder, identity.outputs.clientId)
    instanceMemoryMB: instanceMemoryMB
    maximumInstanceCount: maximumInstanceCount
    outboundSubnetId: privateEndpoints ? network!.outputs.outboundSubnetId : ''
  }
}

// azd keeps these in its environment; the scripts in infra/scripts read them from there.

@description('Resource group that everything is in.')
output AZURE_RESOURCE_GROUP string = group.name

@description('Name of the function app.')
output POOLWARDEN_FUNCTION_APP string = functionApp.outputs.name

@description('Where the HTTP functions are.')
output POOLWARDEN_URL string = functionApp.outputs.url

@description('Object id of the identity, which infra/scripts/grant-graph.sh grants permissions to.')
output POOLWARDEN_PRINCIPAL_ID string = identity.outputs.principalId

@description('Subscriptions that it may read, separated by commas.')
output POOLWARDEN_WATCHED_SUBSCRIPTIONS string = join(watched, ',')

@description('Address of the vault for secrets that the configuration names.')
output POOLWARDEN_KEY_VAULT string = keyVault.outputs.uri
