#!/usr/bin/env bash
# Every shell script passes shellcheck.
set -euo pipefail
cd "$(dirname "$0")/../.."
git -c safe.directory='*' grep -lz '^#!.*bash$\|^# shellcheck shell=bash' -- scripts tests deploy .ci | xargs -0 shellcheck
