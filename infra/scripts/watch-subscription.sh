#!/usr/bin/env bash
# Makes Event Grid tell Poolwarden when something of Azure Virtual Desktop changes in a subscription, so that an import
# starts within seconds. It is a script and no template because the address that Event Grid calls carries a function
# key: the key is fetched when this runs, goes to Event Grid through a file that only you can read, and is kept nowhere
# else (not in a template, an output, a process list or a log). Running it again replaces the subscription by the same.
set -euo pipefail

readonly ARM='https://management.azure.com'
readonly EVENT_GRID_API='2025-02-15'
readonly WEB_API='2024-04-01'
readonly FUNCTION='resource_events'
readonly ROUTE='api/resource-events'
readonly KEY_NAME='event-grid'
# Event Grid gives up after these: the next scheduled run sees the change all the same.
readonly MAX_ATTEMPTS=30
readonly TTL_MINUTES=1440

usage() {
    cat <<'HELP'
Usage: watch-subscription.sh --subscription ID --app NAME --resource-group NAME [option]...

  --subscription ID       the subscription to watch
  --app NAME              the function app; without it, POOLWARDEN_FUNCTION_APP of the environment or of azd's
  --resource-group NAME   its resource group; without it, AZURE_RESOURCE_GROUP of the environment or of azd's
  --app-subscription ID   the subscription that the app is in; without it, the one that az uses
  --name NAME             of the event subscription (default: poolwarden)
  --remove                stops watching
  --dry-run               says what would be done, fetches no key, and changes nothing

Needs az, signed in as someone who may write event subscriptions there (EventGrid EventSubscription Contributor) and
read the app's keys (Website Contributor). The app must be deployed: Event Grid calls it before it accepts the address.
HELP
}

fail() {
    echo "watch-subscription.sh: $1" >&2
    exit "${2:-1}"
}

# A value of azd's environment; nothing if there is none, whatever azd says then.
from_azd() {
    local value
    if command -v azd >/dev/null && value="$(azd env get-value "$1" 2>/dev/null)"; then echo "$value"; fi
}

subscription=''
app="${POOLWARDEN_FUNCTION_APP:-}"
resource_group="${AZURE_RESOURCE_GROUP:-}"
app_subscription=''
name='poolwarden'
remove=false
dry_run=false

while (($# > 0)); do
    case "$1" in
    --subscription | --app | --resource-group | --app-subscription | --name)
        (($# > 1)) || fail "$1 needs a value" 64
        case "$1" in
        --subscription) subscription="$2" ;;
        --app) app="$2" ;;
        --resource-group) resource_group="$2" ;;
        --app-subscription) app_subscription="$2" ;;
        --name) name="$2" ;;
        esac
        shift 2
        ;;
    --remove)
        remove=true
        shift
        ;;
    --dry-run)
        dry_run=true
        shift
        ;;
    -h | --help)
        usage
        exit 0
        ;;
    *)
        fail "what is \"$1\"? --help says what there is" 64
        ;;
    esac
done

[[ "$subscription" =~ ^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$ ]] ||
    fail '--subscription needs the id of the subscription to watch' 64
[[ "$name" =~ ^[A-Za-z0-9-]{3,64}$ ]] || fail '--name takes 3 to 64 letters, digits and dashes' 64
command -v az >/dev/null || fail 'az is not there: install the Azure CLI'
event_subscription="$ARM/subscriptions/$subscription/providers/Microsoft.EventGrid/eventSubscriptions/$name"
event_subscription+="?api-version=$EVENT_GRID_API"

if "$remove"; then
    if "$dry_run"; then
        echo "would delete the event subscription \"$name\" of subscription $subscription"
    else
        az rest --method delete --url "$event_subscription" --output none
        echo "event subscription \"$name\" of subscription $subscription: deleted"
    fi
    exit 0
fi

[[ -n "$app" ]] || app="$(from_azd POOLWARDEN_FUNCTION_APP)"
[[ -n "$resource_group" ]] || resource_group="$(from_azd AZURE_RESOURCE_GROUP)"
[[ -n "$app" ]] || fail 'which function app? give --app (the deployment prints POOLWARDEN_FUNCTION_APP)' 64
[[ -n "$resource_group" ]] || fail 'in which resource group? give --resource-group (AZURE_RESOURCE_GROUP)' 64
[[ -n "$app_subscription" ]] || app_subscription="$(az account show --query id --output tsv)" ||
    fail 'az is not signed in: az login'

site="$ARM/subscriptions/$app_subscription/resourceGroups/$resource_group/providers/Microsoft.Web/sites/$app"
host="$(az rest --method get --url "$site?api-version=$WEB_API" --query properties.defaultHostName --output tsv)" ||
    fail "cannot read the function app $app in $resource_group"
[[ -n "$host" && "$host" != None ]] || fail "the function app $app has no host name"

if "$dry_run"; then
    echo "would register Microsoft.EventGrid in subscription $subscription, unless it is registered"
    echo "would make the key \"$KEY_NAME\" of the function $FUNCTION of $app, unless there is one"
    echo "would send changes of Microsoft.DesktopVirtualization and of role assignments to https://$host/$ROUTE"
    exit 0
fi

az provider register --namespace Microsoft.EventGrid --subscription "$subscription" --wait

# A key of its own, so that it can be revoked alone. The platform makes it up; it is read back, never given.
key_of() {
    az rest --method post --url "$site/functions/$FUNCTION/listkeys?api-version=$WEB_API" \
        --query "\"$KEY_NAME\"" --output tsv
}
key="$(key_of)" || fail "cannot read the keys of $FUNCTION; is the app deployed, and may you read them?"
if [[ -z "$key" || "$key" == None ]]; then
    az rest --method put --url "$site/functions/$FUNCTION/keys/$KEY_NAME?api-version=$WEB_API" \
        --headers 'Content-Type=application/json' --body "{\"properties\":{\"name\":\"$KEY_NAME\"}}" --output none
    key="$(key_of)"
fi
[[ -n "$key" && "$key" != None ]] || fail "the function $FUNCTION has no key \"$KEY_NAME\""
[[ "$key" =~ ^[A-Za-z0-9_=+/.-]+$ ]] || fail "the key of $FUNCTION has characters that no address can carry"
# What base64 has and a query string gives another meaning to.
key="${key//+/%2B}"
key="${key//\//%2F}"
key="${key//=/%3D}"

body="$(umask 077 && mktemp)"
trap 'rm -f "$body"' EXIT
cat >"$body" <<JSON
{"properties":{
  "destination":{"endpointType":"WebHook","properties":{
    "endpointUrl":"https://$host/$ROUTE?code=$key","maxEventsPerBatch":50,"preferredBatchSizeInKilobytes":64}},
  "eventDeliverySchema":"EventGridSchema",
  "filter":{
    "includedEventTypes":["Microsoft.Resources.ResourceWriteSuccess","Microsoft.Resources.ResourceDeleteSuccess"],
    "advancedFilters":[{"operatorType":"StringBeginsWith","key":"data.operationName","values":[
      "Microsoft.DesktopVirtualization/","Microsoft.Authorization/roleAssignments/"]}]},
  "retryPolicy":{"maxDeliveryAttempts":$MAX_ATTEMPTS,"eventTimeToLiveInMinutes":$TTL_MINUTES}}}
JSON
az rest --method put --url "$event_subscription" --headers 'Content-Type=application/json' \
    --body "@$body" --query properties.provisioningState --output tsv
echo "subscription $subscription: changes go to https://$host/$ROUTE"
