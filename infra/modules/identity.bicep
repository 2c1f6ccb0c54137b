// The one identity that the function app runs as. It has no secret, and no role until a module grants one: each module
// grants what its own resource needs, so that a role stands beside the reason for it.

@description('Name of the user-assigned managed identity.')
param name string

@description('Azure region.')
param location string

@description('Tags of every resource.')
param tags object

resource identity 'Microsoft.ManagedIdentity/userAssignedIdentities@2023-01-31' = {
  name: name
  location: location
  tags: tags
}

@description('Resource id, which the function app is given.')
output id string = identity.id

@description('Client id, which a process that has several identities names when it asks for a token.')
output clientId string = identity.properties.clientId

@description('Object id of the service principal, which roles are granted to.')
output principalId string = identity.properties.principalId
