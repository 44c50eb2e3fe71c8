#!/usr/bin/env bash
# Every C++ and C file is as clang-format writes it; prints the differing lines otherwise.
set -euo pipefail
cd "$(dirname "$0")/../.."
git -c safe.directory='*' ls-files -z '*.h' '*.c' '*.cpp' '*.cu' '*.cuh' | xargs -0 clang-format --dry-run --Werror
