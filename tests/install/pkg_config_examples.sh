#!/usr/bin/env bash
# pkg_config_examples.sh CC CXX LIBDIR FOLDER EXAMPLES MODEL RERANKER: each program in EXAMPLES is built in FOLDER with
# what pkg-config says of the bgem3 in LIBDIR, and runs.
set -euo pipefail
cc=$1 cxx=$2 libraries=$3 folder=$4 examples=$5 embedder=$6 reranker=$7
export PKG_CONFIG_PATH=$libraries/pkgconfig
launcher=$(command -v ccache || true)
rm -rf "$folder"
mkdir -p "$folder"
count=0
for source in "$examples"/*.c "$examples"/*.cpp; do
  name=$(basename "$source")
  compiler=("$cxx" -std=c++20)
  [[ $name == *.cpp ]] || compiler=("$cc" -std=c99)
  module=bgem3
  if grep -q '#include <bgem3/blocks.h>' "$source"; then module=bgem3-headers; fi
  model=$embedder
  if grep -q '#include <bgem3/.*reranker.h>' "$source"; then model=$reranker; fi
  read -ra compile <<<"$(pkg-config --cflags $module)"
  read -ra link <<<"$(pkg-config --libs $module)"
  # shellcheck disable=SC2086
  $launcher "${compiler[@]}" -Wall -Wextra -Werror "${compile[@]}" -c "$source" -o "$folder/$name.o"
  "${compiler[@]}" "$folder/$name.o" "${link[@]}" "-Wl,-rpath,$libraries" -o "$folder/$name.program"
  "$folder/$name.program" "$model"
  count=$((count + 1))
done
echo "$count examples"
