#!/usr/bin/env bash
# build_any_flags.sh PREFIX LIBRARY_DIR EMBEDDER RERANKER COMPILER [FLAG…]: builds any_flags.cpp with the flags against
# the library installed in PREFIX, and runs it.
set -euo pipefail
prefix=$1 libraries=$1/$2 embedder=$3 reranker=$4
shift 4
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
launcher=$(command -v ccache || true)
# shellcheck disable=SC2086
$launcher "$@" -Wall -Wextra -Werror -I"$prefix/include" -c "$(dirname "$0")/any_flags.cpp" -o "$folder/any_flags.o"
"$@" "$folder/any_flags.o" -o "$folder/any_flags" -L"$libraries" -lbgem3 -Wl,-rpath,"$libraries" -pthread
# LibTorch keeps some memory until the process ends.
ASAN_OPTIONS=detect_leaks=0 "$folder/any_flags" "$embedder" "$reranker"
