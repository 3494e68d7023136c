# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
#
# Sourced by the commands that need a cloud with our daemons in it: packages,
# our virtual environment, the mini cloud, and an end that leaves nothing
# running but what ran before.  Set KEEP=yes to leave all of it up.

# shellcheck source=tools/packages.sh
. tools/packages.sh

prepare_cloud() {
  need_packages minicloud
  tools/venv
  if tools/minicloud/status >/dev/null 2>&1; then
    cloud_was_up=yes
  fi
  trap leave EXIT
  trap 'exit 130' INT TERM
  tools/minicloud/up
}

leave() {
  local code=$?
  trap '' INT TERM
  if [ "$KEEP" != yes ]; then
    .venv/bin/python tools/daemons.py stop
    [ "${cloud_was_up:-no}" = yes ] || tools/minicloud/down
  fi
  exit "$code"
}
