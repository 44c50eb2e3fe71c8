#!/usr/bin/env bash
# clang-tidy over the library, the command and the headers they include. Argument: a build directory with
# compile_commands.json.
set -euo pipefail
cd "$(dirname "$0")/../.."
run-clang-tidy -quiet -p "$1" -j "$(nproc)" "$PWD/src/.*\.cpp$"
