// Poolwarden's documents: catalogue, snapshots, runs, dead letters. One container, which is the only thing in this
// account that the app can touch.

@description('Name of the storage account: 3 to 24 small letters and digits.')
@minLength(3)
@maxLength(24)
param name string

@description('Azure region.')
param location string

@description('Tags of every resource.')
param tags object

@description('Object id of the identity that the function app runs as.')
param principalId string

@description('Resource id of the Log Analytics workspace.')
param workspaceId string

@description('Whether the account is reached through a private endpoint only.')
param private bool

@description('How the state is replicated.')
@allowed(['Standard_LRS', 'Standard_ZRS', 'Standard_GRS', 'Standard_GZRS'])
param replication string

@description('For how many days a deleted document can be brought back.')
@minValue(1)
@maxValue(365)
param deletedForDays int = 7

var stateContainer = 'state'

// Storage Blob Data Contributor on the container: it reads, writes and deletes documents. Data Owner could change
// ownership besides, and a role on the account would reach other containers.
var storageBlobDataContributor = 'ba92f5b4-2d11-453d-a403-e96b0029c9fe'

resource account 'Microsoft.Storage/storageAccounts@2023-05-01' = {
  name: name
  location: location
  tags: tags
  kind: 'StorageV2'
  sku: {
    name: replication
  }
  properties: {
    allowSharedKeyAccess: false
    allowBlobPublicAccess: false
    allowCrossTenantReplication: false
    defaultToOAuthAuthentication: true
    minimumTlsVersion: 'TLS1_2'
    supportsHttpsTrafficOnly: true
    publicNetworkAccess: private ? 'Disabled' : 'Enabled'
  }
}

// No versioning: documents are written by compare-and-swap many times a run, and each write would keep a version.
resource blobs 'Microsoft.Storage/storageAccounts/blobServices@2023-05-01' = {
  parent: account
  name: 'default'
  properties: {
    deleteRetentionPolicy: {
      enabled: true
      days: deletedForDays
    }
    containerDeleteRetentionPolicy: {
      enabled: true
      days: deletedForDays
    }
  }
}

resource state 'Microsoft.Storage/storageAccounts/blobServices/containers@2023-05-01' = {
  parent: blobs
  name: stateContainer
  properties: {
    publicAccess: 'None'
  }
}

resource contributor 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(state.id, principalId, storageBlobDataContributor)
  scope: state
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', storageBlobDataContributor)
    principalId: principalId
    principalType: 'ServicePrincipal'
  }
}

resource diagnostics 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  name: 'to-log-analytics'
  scope: blobs
  properties: {
    workspaceId: workspaceId
    logs: [
      {
        category: 'StorageWrite'
        enabled: true
      }
      {
        category: 'StorageDelete'
        enabled: true
      }
    ]
    metrics: [
      {
        category: 'Transaction'
        enabled: true
      }
    ]
  }
}

@description('Resource id of the account.')
output id string = account.id

@description('Name of the account.')
output name string = account.name

@description('URL of the container, as the setting POOLWARDEN_BLOB takes it.')
output containerUrl string = '${account.properties.primaryEndpoints.blob}${state.name}'
