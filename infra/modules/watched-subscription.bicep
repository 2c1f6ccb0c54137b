// What the app may read in a subscription that it watches. It is deployed at that subscription, once for each.

targetScope = 'subscription'

@description('Object id of the identity that the function app runs as.')
param principalId string

@description('Whether the audit may look at everything in the subscription (Reader): machines, networks, vaults, storage.')
param audit bool

// Desktop Virtualization Reader: host pools, groups, workspaces, applications, session hosts, and role assignments.
var desktopVirtualizationReader = '49a72310-ab8d-41df-bbb0-79b649203868'

// Reader: what the audit's rules look at besides. Without it they say that they are unknown.
var reader = 'acdd72a7-3385-48ef-bd42-f606fba81ae7'

// The activity log is one action. Reader and Monitoring Reader have it too, and with it */read: every resource of the
// subscription, of which publishing needs none. So this role is its own.
resource activityLogReader 'Microsoft.Authorization/roleDefinitions@2022-04-01' = {
  name: guid(subscription().id, principalId, 'activity-log-reader')
  properties: {
    roleName: 'Poolwarden Activity Log Reader ${uniqueString(subscription().id, principalId)}'
    description: 'Reads the activity log of this subscription, and nothing else.'
    type: 'CustomRole'
    assignableScopes: [
      subscription().id
    ]
    permissions: [
      {
        actions: [
          'Microsoft.Insights/eventtypes/values/read'
        ]
        notActions: []
        dataActions: []
        notDataActions: []
      }
    ]
  }
}

resource readsDesktops 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(subscription().id, principalId, desktopVirtualizationReader)
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', desktopVirtualizationReader)
    principalId: principalId
    principalType: 'ServicePrincipal'
  }
}

resource readsActivityLog 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(subscription().id, principalId, activityLogReader.id)
  properties: {
    roleDefinitionId: activityLogReader.id
    principalId: principalId
    principalType: 'ServicePrincipal'
  }
}

resource readsEverything 'Microsoft.Authorization/roleAssignments@2022-04-01' = if (audit) {
  name: guid(subscription().id, principalId, reader)
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', reader)
    principalId: principalId
    principalType: 'ServicePrincipal'
  }
}
