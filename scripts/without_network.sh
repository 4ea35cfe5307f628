#!/usr/bin/env bash
# Runs a command where there is no network but this machine's own loopback:
#   scripts/without_network.sh .venv/bin/python -m pytest -m browser tests/app/chat
set -euo pipefail
exec unshare --net --map-root-user -- bash -c '
  ip link set lo up
  if ip route get 1.1.1.1 >/dev/null 2>&1; then echo "there is a network" >&2; exit 1; fi
  exec "$@"' bash "$@"
