#!/usr/bin/env bash
# check_static.sh CMAKE CC PREFIX LIBDIR SOURCE FOLDER PYTHON MODELS: what the static build in PREFIX says and refuses. FOLDER
# is for what this writes.
set -euo pipefail
cmake=$1 cc=$2 prefix=$3 libraries=$3/$4 source=$5 folder=$6 python=$7 models=$8
[[ -f $libraries/libbgem3.a && ! -e $libraries/libbgem3.so ]] || { echo "no libbgem3.a alone in $libraries" && exit 1; }

# refuses WHAT COMMAND...: fails, and says so. CMake breaks its lines where it likes.
refuses() {
  local said
  if said=$("${@:2}" 2>&1) || [[ $(tr -s ' \n' ' ' <<<"$said") != *"$1"* ]]; then
    printf 'expected the refusal "%s" of: %s\nfound: %s\n' "$1" "${*:2}" "$said"
    exit 1
  fi
}

# The command has the library in its own, and finds LibTorch.
"$prefix/bin/bgem3" info --model "$models/nano" >/dev/null
refuses "as a shared library with -DBGEM3_CUDA=ON" "$prefix/bin/bgem3" info --model "$models/nano" --device cuda

# With pkg-config's --static, which other packages want, and without.
for how in "" --static; do
  PKG_CONFIG_PATH=$libraries/pkgconfig PKG_CONFIG_OPTIONS=$how "$(dirname "$0")/pkg_config.sh" "$cc" "$libraries" \
    "$folder/pkg_config" "$models/nano" "$models/nano-reranker"
done

rm -rf "$folder/c_alone" "$folder/cxx" "$folder/other_torch" "$folder/refused"
for language in c_alone:C cxx:CXX; do
  mkdir -p "$folder/${language%:*}"
  printf 'cmake_minimum_required(VERSION 3.24)\nproject(consumer LANGUAGES %s)\nfind_package(bgem3 REQUIRED)\n' \
    "${language#*:}" >"$folder/${language%:*}/CMakeLists.txt"
done
refuses "expected CXX among the languages of the project, found 'C'" \
  "$cmake" -S "$folder/c_alone" -B "$folder/c_alone/build" "-Dbgem3_ROOT=$prefix"

# A LibTorch of another minor version.
other=$folder/other_torch/include
mkdir -p "$other/ATen" "$other/torch/headeronly"
touch "$other/ATen/ATen.h"
printf '#define TORCH_VERSION_%s\n' "MAJOR 97" "MINOR 5" "PATCH 1" >"$other/torch/headeronly/version.h"
refuses "has 97.5.1. Set BGEM3_TORCH_DIR to the right one" \
  "$cmake" -S "$folder/cxx" -B "$folder/cxx/build" "-Dbgem3_ROOT=$prefix" "-DBGEM3_TORCH_DIR=$folder/other_torch"

static=("$cmake" -S "$source" -B "$folder/refused" -DBUILD_SHARED_LIBS=OFF "-DPython3_EXECUTABLE=$python"
  -DBGEM3_BUILD_CLI=OFF -DBGEM3_BUILD_SERVER=OFF -DBGEM3_BUILD_TESTS=OFF)
refuses "BGEM3_CUDA=ON asks for the CUDA part, but a shared libbgem3 loads it" "${static[@]}" -DBGEM3_CUDA=ON
refuses "expected BUILD_SHARED_LIBS=ON, found OFF" "${static[@]}" -DBGEM3_CUDA=OFF -DBGEM3_BUILD_PYTHON=ON
