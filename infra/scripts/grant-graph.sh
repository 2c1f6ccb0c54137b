#!/usr/bin/env bash
# Grants application permissions of Microsoft Graph to Poolwarden's managed identity. A managed identity has no consent
# page, so someone who may (Privileged Role Administrator) assigns the app roles: this is all that the script does.
# It grants what is missing, and says what is there already; it takes nothing away.
set -euo pipefail

readonly GRAPH='https://graph.microsoft.com/v1.0'
readonly GRAPH_APP_ID='00000003-0000-0000-c000-000000000000'
# The audit resolves principals, groups and applications, which takes this one. Its rules about posture take
# RoleManagement.Read.Directory too.
readonly DEFAULT_PERMISSIONS=(Directory.Read.All)

usage() {
    cat <<'HELP'
Usage: grant-graph.sh [--principal-id ID] [--permission NAME]... [--dry-run]

  --principal-id ID   object id of the managed identity; without it, POOLWARDEN_PRINCIPAL_ID of the
                      environment, else of the azd environment
  --permission NAME   an application permission of Microsoft Graph, such as Directory.Read.All (the default);
                      may be given several times
  --dry-run           says what would be granted, and grants nothing

Needs az, signed in (az login) as a Privileged Role Administrator; with --dry-run, as anyone who may read the directory.
HELP
}

fail() {
    echo "grant-graph.sh: $1" >&2
    exit "${2:-1}"
}

principal_id="${POOLWARDEN_PRINCIPAL_ID:-}"
permissions=()
dry_run=false

while (($# > 0)); do
    case "$1" in
    --principal-id | --permission)
        (($# > 1)) || fail "$1 needs a value" 64
        if [[ "$1" == --principal-id ]]; then principal_id="$2"; else permissions+=("$2"); fi
        shift 2
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

if [[ -z "$principal_id" ]] && command -v azd >/dev/null; then
    principal_id="$(azd env get-value POOLWARDEN_PRINCIPAL_ID 2>/dev/null)" || principal_id=''
fi
[[ -n "$principal_id" ]] ||
    fail 'whose permissions? give --principal-id (the deployment prints POOLWARDEN_PRINCIPAL_ID)' 64
[[ "$principal_id" =~ ^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$ ]] ||
    fail "--principal-id is no object id: $principal_id" 64
((${#permissions[@]} > 0)) || permissions=("${DEFAULT_PERMISSIONS[@]}")
command -v az >/dev/null || fail 'az is not there: install the Azure CLI'

graph_id="$(az rest --method get --url "$GRAPH/servicePrincipals(appId='$GRAPH_APP_ID')?\$select=id" \
    --query id --output tsv)" || fail 'cannot find the service principal of Microsoft Graph; is az signed in?'
held="$(az rest --method get --url "$GRAPH/servicePrincipals/$principal_id/appRoleAssignments?\$top=999" \
    --query "value[?resourceId=='$graph_id'].appRoleId" --output tsv)" ||
    fail "cannot read what $principal_id holds; is it the identity's object id (not its client id)?"

for permission in "${permissions[@]}"; do
    [[ "$permission" =~ ^[A-Za-z0-9.-]+$ ]] || fail "\"$permission\" is no name of a permission" 64
    role_id="$(az rest --method get --url "$GRAPH/servicePrincipals/$graph_id?\$select=appRoles" \
        --query "appRoles[?value=='$permission' && contains(allowedMemberTypes, 'Application')].id | [0]" --output tsv)"
    [[ -n "$role_id" && "$role_id" != None ]] ||
        fail "Microsoft Graph has no application permission \"$permission\""
    if grep -qixF "$role_id" <<<"$held"; then
        echo "$permission: held already"
    elif "$dry_run"; then
        echo "$permission: would be granted ($role_id)"
    else
        az rest --method post --url "$GRAPH/servicePrincipals/$principal_id/appRoleAssignments" \
            --headers 'Content-Type=application/json' --output none \
            --body "{\"principalId\":\"$principal_id\",\"resourceId\":\"$graph_id\",\"appRoleId\":\"$role_id\"}" ||
            fail "$permission was not granted; that takes the role Privileged Role Administrator"
        echo "$permission: granted"
    fi
done
