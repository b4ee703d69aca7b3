# Sourced by ./piw and ./test: makes sure that the machine has what the farm needs, and builds it.
# shellcheck shell=bash
# shellcheck disable=SC2034 # root is for the scripts that read this

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
export DOTNET_NOLOGO=1 DOTNET_CLI_TELEMETRY_OPTOUT=1

fail() {
    printf '%s\n' "$*" >&2
    exit 1
}

has_package() {
    [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

# Installs the Debian packages named that are missing: as root, or through sudo; else says which command would.
need_packages() {
    local missing=() package
    command -v dpkg-query >/dev/null || return 0 # not Debian: the programs say themselves what they lack
    for package in "$@"; do
        has_package "$package" || missing+=("$package")
    done
    [ ${#missing[@]} -gt 0 ] || return 0
    local install="apt-get install --yes --no-install-recommends ${missing[*]}"
    local become=()
    if [ "$(id -u)" -ne 0 ]; then
        command -v sudo >/dev/null || fail "Missing packages. As root: apt-get update && $install"
        if [ -t 0 ]; then become=(sudo); else become=(sudo -n); fi
    fi
    printf 'Installing %s\n' "${missing[*]}" >&2
    # Only PostgreSQL's programs are wanted, which the farm starts itself: no cluster of the system's own
    if [ ! -e /etc/postgresql-common/createcluster.conf ] && [[ " ${missing[*]} " == *" postgresql "* ]]; then
        "${become[@]}" mkdir -p /etc/postgresql-common &&
            echo 'create_main_cluster = false' |
            "${become[@]}" tee /etc/postgresql-common/createcluster.conf >/dev/null
    fi
    # Of nginx too only the program is wanted: no service that listens where the machine's own may
    if [[ " ${missing[*]} " == *" nginx"* ]] && ! has_package nginx && [ ! -e /etc/systemd/system/nginx.service ]; then
        "${become[@]}" mkdir -p /etc/systemd/system &&
            "${become[@]}" ln -s /dev/null /etc/systemd/system/nginx.service
    fi
    { "${become[@]}" apt-get update -qq &&
        "${become[@]}" env DEBIAN_FRONTEND=noninteractive UCF_FORCE_CONFFOLD=1 \
            apt-get install --yes --no-install-recommends -qq \
            -o Dpkg::Options::=--force-confold "${missing[@]}" >/dev/null; } ||
        fail "Could not install what is missing. As root: apt-get update && $install"
}

need_sdk() {
    command -v dotnet >/dev/null || fail "The .NET 10 SDK is missing: see https://dotnet.microsoft.com/download"
    dotnet --list-sdks | grep -q '^10\.' || fail "The .NET 10 SDK is missing; there is: $(dotnet --list-sdks | tr '\n' ' ')"
}

# Runs a program quietly, and shows what it printed only if it failed.
quietly() {
    local log
    log=$(mktemp)
    if "$@" >"$log" 2>&1; then
        rm -f "$log"
    else
        cat "$log" >&2
        rm -f "$log"
        return 1
    fi
}
