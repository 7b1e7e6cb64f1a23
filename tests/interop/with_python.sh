#!/usr/bin/env bash
# with_python.sh PROGRAM.py [ARGUMENT...]: runs it in the environment of the interop tests, or exits
# with 77 (skipped) and the reason.
environment="${DESA2VA_INTEROP:-${XDG_CACHE_HOME:-$HOME/.cache}/desa2va/interop}"
if [[ ! -x $environment/bin/python ]]; then
  echo "skipped: no Python environment at $environment (./dev interop makes it)"
  exit 77
fi
PYTHONDONTWRITEBYTECODE=1 exec "$environment/bin/python" "$@"
