#!/usr/bin/env bash
# clang-tidy over the library, the command, the server and the headers they include. Arguments: the Python whose
# environment has clang-tidy, of a version that passes over system headers, which are most of what is read here; a build
# directory with compile_commands.json.
set -euo pipefail
cd "$(dirname "$0")/../.."
tools=$(dirname "$1")
# clang does not know every warning option of the compiler that the build uses, nor where that keeps omp.h.
"$1" "$tools/run-clang-tidy.py" -clang-tidy-binary "$tools/clang-tidy" -quiet -p "$2" -j "$(nproc)" \
  -extra-arg=-Wno-unknown-warning-option -extra-arg=-Wno-deprecated-declarations -extra-arg=-fno-openmp "$PWD/src/.*\.cpp$"
