// The namespace, and one queue for each queue function. Every queue is alike: what a stage needs beyond a queue it
// keeps in its documents. Shared access signatures are off, so only Entra tokens open it.

@description('Name of the namespace.')
param name string

@description('Azure region.')
param location string

@description('Tags of every resource.')
param tags object

@description('Object id of the identity that the function app runs as.')
param principalId string

@description('Resource id of the Log Analytics workspace.')
param workspaceId string

@description('Whether the namespace is reached through a private endpoint only, which needs the Premium tier.')
param private bool

// The names are those of the queue functions: functions/<name>/function.json names the same queue.
var queues = [
  'acquire_token'
  'discover_host_pools'
  'enumerate_host_pool'
  'publish_package'
  'finish_run'
  'read_access'
  'audit_host_pool'
  'deliver_notification'
]

// Private endpoints are of the Premium tier only, which is paid by the hour.
var tier = private ? 'Premium' : 'Standard'

// Sender and Receiver on each queue, and nothing on the namespace: no role here can create a queue, read a key or
// touch a queue that someone adds later. Data Owner could.
var azureServiceBusDataSender = '69a216fc-b8fb-44d8-bc22-1f3c2cd27a39'
var azureServiceBusDataReceiver = '4f6d3b9b-027b-4f4c-9142-0e5a2a2247e0'

resource namespace 'Microsoft.ServiceBus/namespaces@2024-01-01' = {
  name: name
  location: location
  tags: tags
  sku: {
    name: tier
    tier: tier
    capacity: private ? 1 : null
  }
  properties: {
    disableLocalAuth: true
    minimumTlsVersion: '1.2'
    publicNetworkAccess: private ? 'Disabled' : 'Enabled'
  }
}

// lockDuration: the Functions host renews it for up to 10 minutes (maxAutoLockRenewalDuration in host.json).
// duplicateDetectionHistoryTimeWindow: message ids follow from state, so a stage that is run again sends the same ones.
resource queue 'Microsoft.ServiceBus/namespaces/queues@2024-01-01' = [
  for queueName in queues: {
    parent: namespace
    name: queueName
    properties: {
      lockDuration: 'PT1M'
      maxDeliveryCount: 10
      requiresDuplicateDetection: true
      duplicateDetectionHistoryTimeWindow: 'PT10M'
      deadLetteringOnMessageExpiration: true
      defaultMessageTimeToLive: 'P14D'
      maxSizeInMegabytes: 5120
      requiresSession: false
      enablePartitioning: false
    }
  }
]

resource sender 'Microsoft.Authorization/roleAssignments@2022-04-01' = [
  for (queueName, index) in queues: {
    name: guid(namespace.id, queueName, principalId, azureServiceBusDataSender)
    scope: queue[index]
    properties: {
      roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', azureServiceBusDataSender)
      principalId: principalId
      principalType: 'ServicePrincipal'
    }
  }
]

resource receiver 'Microsoft.Authorization/roleAssignments@2022-04-01' = [
  for (queueName, index) in queues: {
    name: guid(namespace.id, queueName, principalId, azureServiceBusDataReceiver)
    scope: queue[index]
    properties: {
      roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', azureServiceBusDataReceiver)
      principalId: principalId
      principalType: 'ServicePrincipal'
    }
  }
]

resource diagnostics 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  name: 'to-log-analytics'
  scope: namespace
  properties: {
    workspaceId: workspaceId
    logs: [
      {
        category: 'OperationalLogs'
        enabled: true
      }
    ]
    metrics: [
      {
        category: 'AllMetrics'
        enabled: true
      }
    ]
  }
}

@description('Resource id of the namespace.')
output id string = namespace.id

@description('Name of the namespace.')
output name string = namespace.name

@description('Host name, as the setting ServiceBus__fullyQualifiedNamespace takes it.')
output hostName string = split(replace(namespace.properties.serviceBusEndpoint, 'https://', ''), ':')[0]
