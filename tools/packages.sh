# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
#
# Sourced: need_packages PROFILE... installs those Debian packages of
# bindep.txt that are missing.  It says what it does, and does nothing when all
# are there.  Started on its own: bash tools/packages.sh PROFILE...
#
# The services that such packages bring are not started: our tools run their
# own, on loopback and under one folder.

_packages_top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

# The names that bindep.txt gives for these profiles.  bindep itself is a Python
# package, and this has to run before there is a virtual environment.
_packages_of() {
  local profile
  for profile in "$@"; do
    awk -v profile="$profile" '
      /^[a-z0-9]/ { line = $0; sub(/^[^[]*\[/, " ", line); sub(/\].*/, " ", line)
                    if (index(line, " " profile " ")) print $1 }' \
      "$_packages_top/bindep.txt"
  done | sort -u
}

_packages_installed() {
  dpkg-query -W -f '${Status}' "$1" 2>/dev/null | grep -q ' installed$'
}

need_packages() {
  local package missing=() sudo=()
  for package in $(_packages_of "$@"); do
    _packages_installed "$package" || missing+=("$package")
  done
  [ ${#missing[@]} -gt 0 ] || return 0
  echo "Missing Debian packages: ${missing[*]}"
  if ! command -v apt-get >/dev/null; then
    echo "There is no apt-get here: install them by hand (bindep.txt)." >&2
    return 1
  fi
  if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null || {
      echo "Not root, and no sudo: install them by hand." >&2; return 1; }
    sudo=(sudo)
  fi
  echo "Installing them with apt-get; no system service is started."
  "${sudo[@]}" sh -s "${missing[@]}" <<'SCRIPT'
set -e
export DEBIAN_FRONTEND=noninteractive
# Debian asks this file before it starts a service; 101 means: do not.
if [ ! -e /usr/sbin/policy-rc.d ]; then
  trap 'rm -f /usr/sbin/policy-rc.d' EXIT
  printf '#!/bin/sh\nexit 101\n' >/usr/sbin/policy-rc.d
  chmod 755 /usr/sbin/policy-rc.d
fi
apt-get update -qq -o Acquire::Retries=3
apt-get install -qq -y --no-install-recommends -o Acquire::Retries=3 \
  -o Dpkg::Use-Pty=0 "$@" </dev/null >/dev/null
SCRIPT
}

if [ "${BASH_SOURCE[0]}" = "$0" ]; then
  need_packages "$@"
fi
