// The virtual network for installations whose storage, queues and vault are reached through private endpoints: a
// subnet that the app goes out through, one that the endpoints are in, and the DNS zones that lead there.

@description('Name of the virtual network.')
param name string

@description('Azure region.')
param location string

@description('Tags of every resource.')
param tags object

@description('Address range of the network, /24 or wider.')
param addressPrefix string

@description('Names of the private DNS zones.')
param zoneNames array

resource guard 'Microsoft.Network/networkSecurityGroups@2024-05-01' = {
  name: '${name}-endpoints'
  location: location
  tags: tags
  properties: {
    securityRules: [
      {
        name: 'only-from-this-network'
        properties: {
          priority: 4000
          direction: 'Inbound'
          access: 'Deny'
          protocol: '*'
          sourceAddressPrefix: 'Internet'
          sourcePortRange: '*'
          destinationAddressPrefix: '*'
          destinationPortRange: '*'
        }
      }
    ]
  }
}

// A subnet delegated to Flex Consumption carries no underscore in its name.
resource network 'Microsoft.Network/virtualNetworks@2024-05-01' = {
  name: name
  location: location
  tags: tags
  properties: {
    addressSpace: {
      addressPrefixes: [
        addressPrefix
      ]
    }
    subnets: [
      {
        name: 'outbound'
        properties: {
          addressPrefix: cidrSubnet(addressPrefix, 26, 0)
          delegations: [
            {
              name: 'flex-consumption'
              properties: {
                serviceName: 'Microsoft.App/environments'
              }
            }
          ]
        }
      }
      {
        name: 'endpoints'
        properties: {
          addressPrefix: cidrSubnet(addressPrefix, 26, 1)
          privateEndpointNetworkPolicies: 'Enabled'
          networkSecurityGroup: {
            id: guard.id
          }
        }
      }
    ]
  }
}

resource zone 'Microsoft.Network/privateDnsZones@2020-06-01' = [
  for zoneName in zoneNames: {
    name: zoneName
    location: 'global'
    tags: tags
  }
]

resource link 'Microsoft.Network/privateDnsZones/virtualNetworkLinks@2020-06-01' = [
  for (zoneName, index) in zoneNames: {
    parent: zone[index]
    name: name
    location: 'global'
    tags: tags
    properties: {
      registrationEnabled: false
      virtualNetwork: {
        id: network.id
      }
    }
  }
]

@description('Resource id of the subnet that the app goes out through.')
output outboundSubnetId string = '${network.id}/subnets/outbound'

@description('Resource id of the subnet that the private endpoints are in.')
output endpointSubnetId string = '${network.id}/subnets/endpoints'

@description('Resource ids of the DNS zones, in the order of their names.')
output zoneIds array = [for (zoneName, index) in zoneNames: zone[index].id]
