# shellcheck shell=bash disable=SC2034
# Shared by scripts/demo and scripts/test: where things are, and how to talk. Sourced, not run.

ROOT=$(CDPATH='' cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
PYTHON=$ROOT/.venv/bin/python
export PATH=$ROOT/.venv/bin:$PATH # the pinned cmake, ctest and ninja come first
# What one clone compiled serves the next, wherever it lies.
export CCACHE_BASEDIR=$ROOT CCACHE_NOHASHDIR=1
# Some images set it. Then each of the tests' processes compiles the Python of torch and transformers anew, for seconds.
unset PYTHONDONTWRITEBYTECODE

if [[ -t 2 ]]; then
  BOLD=$'\e[1m' RED=$'\e[31m' PLAIN=$'\e[0m'
else
  BOLD='' RED='' PLAIN=''
fi

say() { printf '%s==> %s%s\n' "$BOLD" "$*" "$PLAIN" >&2; }

die() {
  printf '%serror:%s %s\n' "$RED" "$PLAIN" "$*" >&2
  exit 1
}
