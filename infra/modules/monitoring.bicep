// Where logs and measurements go. Ingestion takes Entra tokens only, so the connection string says where, and opens
// nothing: whoever holds it still needs the role that is granted here.

@description('Name of the Log Analytics workspace.')
param workspaceName string

@description('Name of the Application Insights component.')
param componentName string

@description('Azure region.')
param location string

@description('Tags of every resource.')
param tags object

@description('How long logs are kept.')
@minValue(30)
@maxValue(730)
param retentionInDays int

@description('Object id of the identity that the function app runs as.')
param principalId string

// Monitoring Metrics Publisher: the only built-in role that may write telemetry, and it may do nothing else.
var monitoringMetricsPublisher = '3913510d-42f4-4e42-8a64-420c390055eb'

resource workspace 'Microsoft.OperationalInsights/workspaces@2023-09-01' = {
  name: workspaceName
  location: location
  tags: tags
  properties: {
    sku: {
      name: 'PerGB2018'
    }
    retentionInDays: retentionInDays
    features: {
      disableLocalAuth: true
      enableLogAccessUsingOnlyResourcePermissions: true
    }
  }
}

resource component 'Microsoft.Insights/components@2020-02-02' = {
  name: componentName
  location: location
  tags: tags
  kind: 'web'
  properties: {
    Application_Type: 'web'
    WorkspaceResourceId: workspace.id
    DisableLocalAuth: true
  }
}

resource publisher 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(component.id, principalId, monitoringMetricsPublisher)
  scope: component
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', monitoringMetricsPublisher)
    principalId: principalId
    principalType: 'ServicePrincipal'
  }
}

@description('Resource id of the workspace, for the diagnostic settings of the others.')
output workspaceId string = workspace.id

@description('Where telemetry is sent to. No secret while DisableLocalAuth is true.')
output connectionString string = component.properties.ConnectionString
