<#
.SYNOPSIS
Brings Application Workspace up to date with the packages of this folder.

.DESCRIPTION
Poolwarden wrote this folder. packages.json lists the manifests; each says of one package whether to ensure it (create
it, or bring it to this content and stage) or to retire it (disable and hide it). Nothing is ever deleted. Running it
again changes nothing: a package is found by its technical name, which holds Poolwarden's key, and its content by the
name of its snapshot, which holds the content's digest.

This script is the same in every bundle: all that came from outside is in the manifests, and reaches the module as
values only.

.PARAMETER Uri
The zone, such as https://contoso.liquit.com.

.PARAMETER Credential
Who may manage packages there.

.PARAMETER IdentitySource
What the zone calls the identity source of the Entra tenant. Without it, nobody's entitlements are touched.

.PARAMETER HideOtherEntitlements
Also hide each package from those identities of that source whom its manifest does not name. A package whose manifest
cannot name all who are entitled is hidden from nobody; LeftOut, at the end, says of whom it knows and cannot name.

.EXAMPLE
./import.ps1 -Uri https://contoso.liquit.com -Credential (Get-Credential) -IdentitySource Contoso -WhatIf

.OUTPUTS
One object that sums up what was done. The exit code is 0 when no package failed, else 1.
#>
#Requires -Version 5.1
[CmdletBinding(SupportsShouldProcess = $true)]
param(
    [Parameter(Mandatory = $true)]
    [uri] $Uri,

    [Parameter(Mandatory = $true)]
    [System.Management.Automation.PSCredential] $Credential,

    [string] $IdentitySource = '',

    [switch] $HideOtherEntitlements
)

Set-StrictMode -Version Latest
$ErrorActionPreference = 'Stop'

# === The module ======================================================================================================
# Every cmdlet, parameter, property and setting of Liquit.Server.PowerShell that is used stands between this line and
# the one that ends it, and nowhere else. How far each is known:
#   [d] the vendor's documentation   [s] scripts that others published   [u] unverified: a guess by analogy

# Connect-LiquitWorkspace -URI -Credential [d]
function Connect-Zone {
    Import-Module -Name 'Liquit.Server.PowerShell'
    $null = Connect-LiquitWorkspace -URI $Uri.AbsoluteUri.TrimEnd('/') -Credential $Credential
}

# Get-LiquitPackage without parameters lists all [s]; .Name, .DisplayName [s]
function Get-ZonePackage {
    Get-LiquitPackage
}

# New-LiquitContent -Path [s]
function New-ZoneContent([string] $Path) {
    New-LiquitContent -Path $Path
}

# New-LiquitPackage -Name -Type Launch -DisplayName -Description -Priority -Enabled -Offline -Web -Icon [s]
function New-ZonePackage($Manifest, $Icon) {
    New-LiquitPackage -Name $Manifest.name -Type 'Launch' -DisplayName (Get-Text $Manifest.display_name) `
        -Description (Get-Text $Manifest.description) -Priority 100 -Enabled $true -Offline $false `
        -Web ([bool] $Manifest.web) -Icon $Icon
}

# Set-LiquitPackage -Package -DisplayName -Description -Web -Icon -Enabled [u]
function Set-ZonePackage($Package, $Manifest, $Icon) {
    $null = Set-LiquitPackage -Package $Package -DisplayName (Get-Text $Manifest.display_name) `
        -Description (Get-Text $Manifest.description) -Web ([bool] $Manifest.web) -Icon $Icon -Enabled $true
}

# .Enabled [u]; where it is not there, a package counts as enabled
function Test-ZonePackageEnabled($Package) {
    (Get-Property $Package 'Enabled') -ne $false
}

# Set-LiquitPackage -Package -Enabled [u]
function Set-ZonePackageEnabled($Package, [bool] $Enabled) {
    $null = Set-LiquitPackage -Package $Package -Enabled $Enabled
}

# Get-LiquitPackageSnapshot -Package [d]; .Name, .Type [s]
function Get-ZoneSnapshot($Package) {
    Get-LiquitPackageSnapshot -Package $Package
}

# New-LiquitPackageSnapshot -Package -Name -Description [d]; a new one is of the type Development [d]
function New-ZoneSnapshot($Package, [string] $Name) {
    New-LiquitPackageSnapshot -Package $Package -Name $Name -Description 'Written by Poolwarden'
}

# Publish-LiquitPackageSnapshot -Snapshot -Stage -Name -Description [s]
function Publish-ZoneSnapshot($Snapshot, [string] $Stage, [string] $Name) {
    $null = Publish-LiquitPackageSnapshot -Snapshot $Snapshot -Stage $Stage -Name $Name `
        -Description 'Written by Poolwarden'
}

# Get-LiquitActionSet -Snapshot [s]; .Name [s]
function Get-ZoneActionSet($Snapshot) {
    Get-LiquitActionSet -Snapshot $Snapshot
}

# New-LiquitActionSet -Snapshot -Type Install|Launch -Name -Enabled -Frequency OncePerDevice|Always -Process [s]
function New-ZoneActionSet($Snapshot, [string] $Type, [string] $Name) {
    $frequency = if ($Type -eq 'Install') { 'OncePerDevice' } else { 'Always' }
    New-LiquitActionSet -Snapshot $Snapshot -Type $Type -Name $Name -Enabled $true -Frequency $frequency `
        -Process 'Sequential'
}

# Get-LiquitFilterSet -Snapshot [s], here -ActionSet [u]
function Get-ZoneFilterSet($ActionSet) {
    Get-LiquitFilterSet -ActionSet $ActionSet
}

# New-LiquitFilterSet -ActionSet, New-LiquitFilter -FilterSet -Type fileexists -Settings @{path} -Value [s]
function New-ZoneFileFilter($ActionSet, [string] $Path) {
    $set = New-LiquitFilterSet -ActionSet $ActionSet
    $null = New-LiquitFilter -FilterSet $set -Type 'fileexists' -Settings @{ path = $Path } -Value 'true'
}

# Get-LiquitAction -ActionSet [s]; .Name [u], taken as there because New-LiquitAction takes it [s]
function Get-ZoneAction($ActionSet) {
    Get-LiquitAction -ActionSet $ActionSet
}

# New-LiquitAction -ActionSet -Name -Type -Enabled -IgnoreErrors -Context User -Settings [s]
function New-ZoneAction($ActionSet, [string] $Name, [string] $Type, [hashtable] $Settings) {
    New-LiquitAction -ActionSet $ActionSet -Name $Name -Type $Type -Enabled $true -IgnoreErrors $false `
        -Context 'User' -Settings $Settings
}

# The types of actions and their settings: processstart{name, parameters} [s], openurl{name, url} [s],
# contentextract{content, destination} of a .zip [s], installpackage{title, value} [s]
$ActionTypes = @{ Start = 'processstart'; Open = 'openurl'; Extract = 'contentextract'; Install = 'installpackage' }
function Get-StartSettings([string] $Process, [string] $Parameters) { @{ name = $Process; parameters = $Parameters } }
function Get-OpenSettings([string] $Name, [string] $Url) { @{ name = $Name; url = $Url } }
function Get-ExtractSettings([string] $Content) { @{ content = $Content; destination = '${PackageTempDir}' } }
function Get-InstallSettings([string] $Title, $Package) { @{ title = $Title; value = $Package.ID } }

# Get-LiquitAttribute -Entity: of a package [s], here of an action [u]
function Get-ZoneAttribute($Action) {
    Get-LiquitAttribute -Entity $Action
}

# New-LiquitAttribute -Entity -Link -ID content -Settings @{filename} [s]
function New-ZoneContentLink($Action, $Content, [string] $FileName) {
    $null = New-LiquitAttribute -Entity $Action -Link $Content -ID 'content' -Settings @{ filename = $FileName }
}

# New-LiquitAttribute -Entity -Link -ID package [s]
function New-ZonePackageLink($Action, $Package) {
    $null = New-LiquitAttribute -Entity $Action -Link $Package -ID 'package'
}

# Get-LiquitPackageEntitlement -Package [d]; .ID is the identity's, source\id [s]; .Stage, .Publish [u]
function Get-ZoneEntitlement($Package) {
    Get-LiquitPackageEntitlement -Package $Package
}

# Get-LiquitIdentity -ID source\id [d]
function Get-ZoneIdentity([string] $Id) {
    Get-LiquitIdentity -ID $Id
}

# New-LiquitPackageEntitlement -Package -Identity -Stage -Publish -Icons [d]; .Desktop, .StartMenu of the icons [s]
function New-ZoneEntitlement($Package, $Identity, [string] $Stage, $Entitlement) {
    $parameters = (Get-Command -Name 'New-LiquitPackageEntitlement').Parameters
    $icons = [System.Activator]::CreateInstance($parameters['Icons'].ParameterType)
    $icons.Desktop = [bool] $Entitlement.desktop
    $icons.StartMenu = [bool] $Entitlement.start_menu
    $null = New-LiquitPackageEntitlement -Package $Package -Identity $Identity -Stage $Stage `
        -Publish $Entitlement.publish -Icons $icons
}

# Set-LiquitPackageEntitlement -Entitlement [s] -Stage -Publish [u]
function Set-ZoneEntitlement($Entitlement, [string] $Stage, [string] $Publish) {
    $null = Set-LiquitPackageEntitlement -Entitlement $Entitlement -Stage $Stage -Publish $Publish
}

# === The end of the module ===========================================================================================

$Live = @('Development', 'Test', 'Acceptance', 'Production')
$Summary = [ordered] @{
    Packages = 0; Created = 0; Updated = 0; Promoted = 0; Entitled = 0; Retired = 0; Unchanged = 0; Failed = 0
    Failures = New-Object -TypeName 'System.Collections.Generic.List[string]'
    LeftOut = New-Object -TypeName 'System.Collections.Generic.List[string]'
}

# Every text from outside begins with '=', so that ConvertFrom-Json takes none for a date.
function Get-Text($Value) {
    if ($null -eq $Value) { return '' }
    ([string] $Value).Substring(1)
}

function Get-Property($Object, [string] $Name) {
    $property = $Object.PSObject.Properties[$Name]
    if ($null -eq $property) { return $null }
    $property.Value
}

# The first of a list whose property has this very value; $null when none has.
function Find-First($List, [string] $Property, [string] $Value) {
    foreach ($one in $List) {
        if ([string] (Get-Property $one $Property) -ceq $Value) { return $one }
    }
    $null
}

function Read-Json([string] $Path) {
    $text = [System.IO.File]::ReadAllText($Path, [System.Text.Encoding]::UTF8)
    ConvertFrom-Json -InputObject $text
}

# A file of this folder. Names from outside never become a path: what is no plain name is refused.
function Get-BundlePath([string] $Folder, [string] $Name, [string] $Extension) {
    if ($Name -cnotmatch '\A[a-z0-9-]{1,128}\z') { throw "a file has no plain name: $Folder" }
    Join-Path -Path (Join-Path -Path $PSScriptRoot -ChildPath $Folder) -ChildPath ($Name + $Extension)
}

# The .rdp file in a .zip, byte for byte, under the name that the action starts it by.
function New-RdpContent($Manifest) {
    $source = Get-BundlePath 'rdp' $Manifest.rdp '.rdp'
    $folder = Join-Path -Path ([System.IO.Path]::GetTempPath()) -ChildPath ([System.Guid]::NewGuid().ToString())
    $null = New-Item -ItemType Directory -Path $folder
    try {
        $file = Join-Path -Path $folder -ChildPath ($Manifest.name + '.rdp')
        Copy-Item -LiteralPath $source -Destination $file
        $zip = Join-Path -Path $folder -ChildPath ($Manifest.name + '.zip')
        Compress-Archive -LiteralPath $file -DestinationPath $zip
        New-ZoneContent $zip
    }
    finally {
        Remove-Item -LiteralPath $folder -Recurse -Force
    }
}

# The action set of this name. A build that broke off goes on where it was.
function Get-OrAddActionSet($Snapshot, [string] $Type, [string] $Name) {
    $found = Find-First @(Get-ZoneActionSet $Snapshot) 'Name' $Name
    if ($null -ne $found) { return $found }
    New-ZoneActionSet $Snapshot $Type $Name
}

function Get-OrAddAction($ActionSet, [string] $Name, [string] $Type, [hashtable] $Settings) {
    $found = Find-First @(Get-ZoneAction $ActionSet) 'Name' $Name
    if ($null -ne $found) { return $found }
    New-ZoneAction $ActionSet $Name $Type $Settings
}

function Add-Dependencies($Snapshot, $Manifest) {
    foreach ($dependency in @($Manifest.dependencies)) {
        $title = Get-Text $dependency.name
        $package = $Titled[$title]
        if ($null -eq $package) {
            Write-Warning "$($Manifest.name): a dependency has no package of its name here, and is left out"
            continue
        }
        $set = Get-OrAddActionSet $Snapshot 'Install' 'Install what it needs'
        $name = $title + ', ' + (Get-Text $dependency.minimum_version) + ' or later'
        $action = Get-OrAddAction $set $name $ActionTypes.Install (Get-InstallSettings $title $package)
        if (@(Get-ZoneAttribute $action).Count -eq 0) { New-ZonePackageLink $action $package }
    }
}

function Add-Launch($Snapshot, $Manifest, $Way) {
    $set = Get-OrAddActionSet $Snapshot 'Launch' $Way.name
    if ($null -ne $Way.only_if_file -and @(Get-ZoneFilterSet $set).Count -eq 0) {
        New-ZoneFileFilter $set $Way.only_if_file
    }
    if ($Way.way -ceq 'rdp') {
        $file = $Manifest.name + '.zip'
        $action = Get-OrAddAction $set 'Bring the .rdp file' $ActionTypes.Extract (Get-ExtractSettings $file)
        if (@(Get-ZoneAttribute $action).Count -eq 0) { New-ZoneContentLink $action (New-RdpContent $Manifest) $file }
    }
    if ($null -ne $Way.process) {
        $settings = Get-StartSettings $Way.process $Way.parameters
        $null = Get-OrAddAction $set 'Start' $ActionTypes.Start $settings
    }
    else {
        $null = Get-OrAddAction $set 'Open' $ActionTypes.Open (Get-OpenSettings $Way.name $Way.url)
    }
}

# What the manifest wants is written into a snapshot that nobody sees yet, and published last.
function Write-Content($Package, $Manifest, $Snapshots) {
    $mark = 'poolwarden ' + $Manifest.content_sha256
    $ours = @($Snapshots | Where-Object { $_.Name -ceq $mark -and $Live -contains [string] $_.Type })
    $published = @($ours | Where-Object { [string] $_.Type -cne 'Development' })
    # What went on to a later stage is not taken back: there, the entitlements say who still sees it.
    $isThere = $Manifest.stage -ceq 'Development' -or $null -ne (Find-First $published 'Type' $Manifest.stage)
    if ($published.Count -gt 0 -and $isThere) { return 'Unchanged' }
    $snapshot = $published | Select-Object -First 1
    $outcome = 'Promoted'
    if ($null -eq $snapshot) {
        $snapshot = $ours | Select-Object -First 1
        $outcome = if ($null -eq $snapshot -or $Manifest.stage -cne 'Development') { 'Updated' } else { 'Unchanged' }
        if (-not $PSCmdlet.ShouldProcess($Manifest.name, 'write its content')) { return $outcome }
        if ($null -eq $snapshot) {
            Set-ZonePackage $Package $Manifest (New-ZoneContent (Get-BundlePath 'icons' $Manifest.icon '.png'))
            $snapshot = New-ZoneSnapshot $Package $mark
        }
        Add-Dependencies $snapshot $Manifest
        foreach ($way in @($Manifest.launch)) { Add-Launch $snapshot $Manifest $way }
    }
    if ([string] $snapshot.Type -cne $Manifest.stage -and
        $PSCmdlet.ShouldProcess($Manifest.name, "publish it to $($Manifest.stage)")) {
        Publish-ZoneSnapshot $snapshot $Manifest.stage $mark
    }
    $outcome
}

# Whether anything about who sees the package changes.
function Write-Entitlements($Package, $Manifest) {
    if ($IdentitySource -eq '') { return $false }
    $existing = @(Get-ZoneEntitlement $Package)
    $wanted = @{}
    $changed = $false
    foreach ($entitlement in @($Manifest.entitlements)) {
        $id = $IdentitySource + '\' + (Get-Text $entitlement.identity)
        $wanted[$id] = $true
        $stage = $entitlement.stage
        $found = $existing | Where-Object { [string] $_.ID -eq $id } | Select-Object -First 1
        if ($null -eq $found) {
            if ($PSCmdlet.ShouldProcess($Manifest.name, 'entitle an identity')) {
                New-ZoneEntitlement $Package (Get-ZoneIdentity $id) $stage $entitlement
            }
            $changed = $true
            continue
        }
        $now = @([string] (Get-Property $found 'Stage'), [string] (Get-Property $found 'Publish'))
        if ($now[0] -eq $stage -and $now[1] -eq $entitlement.publish) { continue }
        if ($PSCmdlet.ShouldProcess($Manifest.name, 'change an entitlement')) {
            Set-ZoneEntitlement $found $stage $entitlement.publish
        }
        $changed = $true
    }
    foreach ($other in @($Manifest.entitlements_left_out)) {
        $Summary.LeftOut.Add("$($Manifest.name): $(Get-Text $other)")
    }
    # Where nobody could read whom the source entitles, or not all of them are named, nobody is known to be another.
    if ($HideOtherEntitlements -and $Manifest.entitlements_complete) {
        $others = @($existing | Where-Object {
                ([string] $_.ID).StartsWith($IdentitySource + '\', [System.StringComparison]::OrdinalIgnoreCase) -and
                -not $wanted.ContainsKey([string] $_.ID)
            })
        if (Hide-Entitlements $Manifest $others) { $changed = $true }
    }
    $changed
}

function Hide-Entitlements($Manifest, $Entitlements) {
    $changed = $false
    foreach ($entitlement in @($Entitlements)) {
        if ([string] (Get-Property $entitlement 'Publish') -eq 'Hidden') { continue }
        if ($PSCmdlet.ShouldProcess($Manifest.name, 'hide it from an identity')) {
            $stage = [string] (Get-Property $entitlement 'Stage')
            Set-ZoneEntitlement $entitlement $(if ($stage -eq '') { $Manifest.stage } else { $stage }) 'Hidden'
        }
        $changed = $true
    }
    $changed
}

# Says in one word what was done.
function Invoke-Ensure($Manifest) {
    $package = $Known[$Manifest.name]
    $isNew = $null -eq $package
    if ($isNew) {
        if (-not $PSCmdlet.ShouldProcess($Manifest.name, 'create the package')) { return 'Created' }
        $package = New-ZonePackage $Manifest (New-ZoneContent (Get-BundlePath 'icons' $Manifest.icon '.png'))
    }
    # One that does not follow its source changes too, when a person edits or promotes it; runs leave it as it is.
    $outcome = Write-Content $package $Manifest @(Get-ZoneSnapshot $package)
    if (-not $isNew -and -not (Test-ZonePackageEnabled $package)) {
        if ($PSCmdlet.ShouldProcess($Manifest.name, 'enable the package')) { Set-ZonePackageEnabled $package $true }
        $outcome = 'Updated'
    }
    if ((Write-Entitlements $package $Manifest) -and $outcome -eq 'Unchanged') { $outcome = 'Entitled' }
    if ($isNew) { 'Created' } else { $outcome }
}

function Invoke-Retire($Manifest) {
    $package = $Known[$Manifest.name]
    if ($null -eq $package) { return 'Unchanged' }
    $changed = Hide-Entitlements $Manifest @(Get-ZoneEntitlement $package)
    if (Test-ZonePackageEnabled $package) {
        if ($PSCmdlet.ShouldProcess($Manifest.name, 'disable the package')) { Set-ZonePackageEnabled $package $false }
        $changed = $true
    }
    if ($changed) { 'Retired' } else { 'Unchanged' }
}

$index = Read-Json (Join-Path -Path $PSScriptRoot -ChildPath 'packages.json')
if ($index.format -ne 1) { throw 'packages.json is of a format that this script does not know' }
if ($Uri.Scheme -cne 'https') { throw 'credentials are sent over https only' }
Connect-Zone
$Known = @{}
$Titled = @{}
foreach ($package in @(Get-ZonePackage)) {
    $Known[[string] $package.Name] = $package
    # Dependencies are found by what people call them. A published app cannot pose as one.
    if (-not ([string] $package.Name).StartsWith('poolwarden-')) {
        $Titled[[string] (Get-Property $package 'DisplayName')] = $package
    }
}
if ($IdentitySource -eq '') { Write-Warning 'without -IdentitySource nobody is entitled to anything' }

$names = @($index.packages)
foreach ($name in $names) {
    $percent = [int] (100 * $Summary.Packages / $names.Count)
    Write-Progress -Activity 'Poolwarden' -Status "$($Summary.Packages) of $($names.Count)" -PercentComplete $percent
    $Summary.Packages++
    try {
        $manifest = Read-Json (Get-BundlePath 'packages' $name '.json')
        $outcome = switch -CaseSensitive ($manifest.do) {
            'ensure' { Invoke-Ensure $manifest }
            'retire' { Invoke-Retire $manifest }
            default { throw 'the manifest asks for something that this script does not know' }
        }
        $Summary[$outcome]++
    }
    catch {
        $Summary.Failed++
        $Summary.Failures.Add("${name}: $($_.Exception.Message)")
        Write-Warning "${name}: $($_.Exception.Message)"
    }
}
Write-Progress -Activity 'Poolwarden' -Completed
foreach ($other in $Summary.LeftOut) { Write-Warning "entitled in the catalogue, and not here: $other" }
[pscustomobject] $Summary
if ($Summary.Failed -gt 0) { exit 1 }
exit 0
