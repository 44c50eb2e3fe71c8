#!/usr/bin/env bash
# clang-tidy over the library, the command and the headers they include. Argument: a build directory with
# compile_commands.json.
set -euo pipefail
cd "$(dirname "$0")/../.."
# clang does not know every warning option of the compiler that the build uses.
run-clang-tidy -quiet -p "$1" -j "$(nproc)" -extra-arg=-Wno-unknown-warning-option "$PWD/src/.*\.cpp$"
