// The function app: Flex Consumption with a custom handler, which is the `poolwarden` binary. Every setting here says
// where something is; none is a key, a connection string or a token.

@description('Name of the function app, and of its host name.')
param name string

@description('Name of the plan. A Flex Consumption plan holds one app.')
param planName string

@description('Azure region.')
param location string

@description('Tags of every resource.')
param tags object

@description('Name by which azd finds the app that it deploys to: the service in azure.yaml.')
param serviceName string

@description('Resource id of the identity that the app runs as.')
param identityId string

@description('Client id of that identity.')
param identityClientId string

@description('Name of the account that the Functions host keeps its own data in.')
param hostStorageName string

@description('URL of the container that the deployed package is in.')
param packageUrl string

@description('Host name of the Service Bus namespace.')
param serviceBusHostName string

@description('URL of the container that the documents are in.')
param stateContainerUrl string

@description('Where telemetry is sent to. No secret: ingestion takes Entra tokens only.')
param telemetryConnectionString string

@description('The configuration, as text: it names secrets and holds none.')
param configuration string

@description('Memory of an instance.')
@allowed([512, 2048, 4096])
param instanceMemoryMB int

@description('How many instances there are at most, over all functions.')
@minValue(40)
@maxValue(1000)
param maximumInstanceCount int

@description('Resource id of the subnet that outgoing traffic takes; empty for none.')
param outboundSubnetId string

resource plan 'Microsoft.Web/serverfarms@2024-04-01' = {
  name: planName
  location: location
  tags: tags
  kind: 'functionapp'
  sku: {
    name: 'FC1'
    tier: 'FlexConsumption'
  }
  properties: {
    reserved: true
  }
}

// What is absent is absent on purpose. On this plan the runtime and its version are in functionAppConfig, and the
// platform refuses siteConfig's ftpsState, alwaysOn, linuxFxVersion and their like (error 51021), and the settings
// FUNCTIONS_WORKER_RUNTIME, FUNCTIONS_EXTENSION_VERSION and WEBSITE_RUN_FROM_PACKAGE do not belong to it.
resource app 'Microsoft.Web/sites@2024-04-01' = {
  name: name
  location: location
  tags: union(tags, {
    'azd-service-name': serviceName
  })
  kind: 'functionapp,linux'
  identity: {
    type: 'UserAssigned'
    userAssignedIdentities: {
      '${identityId}': {}
    }
  }
  properties: {
    serverFarmId: plan.id
    httpsOnly: true
    virtualNetworkSubnetId: empty(outboundSubnetId) ? null : outboundSubnetId
    siteConfig: {
      minTlsVersion: '1.2'
      scmMinTlsVersion: '1.2'
      appSettings: [
        {
          name: 'AzureWebJobsStorage__accountName'
          value: hostStorageName
        }
        {
          name: 'AzureWebJobsStorage__credential'
          value: 'managedidentity'
        }
        {
          name: 'AzureWebJobsStorage__clientId'
          value: identityClientId
        }
        {
          name: 'ServiceBus__fullyQualifiedNamespace'
          value: serviceBusHostName
        }
        {
          name: 'ServiceBus__credential'
          value: 'managedidentity'
        }
        {
          name: 'ServiceBus__clientId'
          value: identityClientId
        }
        {
          name: 'POOLWARDEN_BLOB'
          value: stateContainerUrl
        }
        {
          name: 'POOLWARDEN_CONFIG_TOML'
          value: configuration
        }
        {
          name: 'AZURE_CLIENT_ID'
          value: identityClientId
        }
        {
          name: 'APPLICATIONINSIGHTS_CONNECTION_STRING'
          value: telemetryConnectionString
        }
        {
          name: 'APPLICATIONINSIGHTS_AUTHENTICATION_STRING'
          value: 'ClientId=${identityClientId};Authorization=AAD'
        }
      ]
    }
    functionAppConfig: {
      deployment: {
        storage: {
          type: 'blobContainer'
          value: packageUrl
          authentication: {
            type: 'UserAssignedIdentity'
            userAssignedIdentityResourceId: identityId
          }
        }
      }
      scaleAndConcurrency: {
        instanceMemoryMB: instanceMemoryMB
        maximumInstanceCount: maximumInstanceCount
      }
      runtime: {
        name: 'custom'
        version: '1.0'
      }
    }
  }
}

// Publishing takes Entra tokens; the publishing profile's password opens nothing. This plan has no FTP to close.
resource publishingByPassword 'Microsoft.Web/sites/basicPublishingCredentialsPolicies@2024-04-01' = {
  parent: app
  name: 'scm'
  properties: {
    allow: false
  }
}

@description('Name of the function app.')
output name string = app.name

@description('Where its HTTP functions are.')
output url string = 'https://${app.properties.defaultHostName}'
