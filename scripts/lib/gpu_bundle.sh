# shellcheck shell=bash
# What scripts/gpu_check carries to a machine without network: the programs, Debian's files of the libraries that they and a
# build need, the tokenizer, and FlagEmbedding, all of it Python. Sourced after common.sh, packages.sh, python_env.sh and
# build.sh.

BUNDLE_LIMIT_MB=30
BUNDLED_PACKAGES=(libbenchmark-dev libcli11-dev libeigen3-dev libfmt-dev libsentencepiece-dev libutf8proc-dev
  nlohmann-json3-dev doctest-dev pkgconf pkgconf-bin)
# Within a build. They find each other and LibTorch by LD_LIBRARY_PATH.
BUNDLED_PROGRAMS=(libbgem3.so.0 libbgem3_cuda.so libbgem3_cli_model.so bgem3 tests/bgem3_cuda_tests
  tests/gpu/bgem3_gpu_tests bench/bgem3_bench_cuda)

# make_bundle ARCHIVE VERSION, the latter of Python, such as 3.12
make_bundle() {
  local archive=$1 version=$2 draft
  need_packages "${BUILD_PACKAGES[@]}" "${TEST_PACKAGES[@]}" "${BUNDLED_PACKAGES[@]}"
  need_python_packages tests "$ROOT/tests/requirements.txt" "$ROOT/scripts/requirements-demo.txt"
  [[ -f $ROOT/models/xlm-r-tokenizer/.made-by ]] || die "no tokenizer yet; run scripts/models/make.py tokenizer first"
  say "building the programs"
  build_preset gpu-check
  draft=$(mktemp -d)
  copy_programs "$ROOT/build/gpu-check" "$draft/bin" bgem3-server
  strip "$draft"/bin/*
  copy_libraries "$draft/bin"
  describe_programs "$draft/bin"
  copy_packages "$draft/debian"
  copy_tokenizer "$draft/models/xlm-r-tokenizer"
  copy_python "$draft/python" "$version"
  mkdir -p "$(dirname "$archive")"
  tar -C "$draft" -c . | xz --threads=0 -6 >"$archive"
  rm -rf "$draft"
  check_size "$archive"
}

# copy_programs BUILD TO [MORE...]: into one folder, wherever they are in a build.
copy_programs() {
  local file
  mkdir -p "$2"
  for file in "${BUNDLED_PROGRAMS[@]}" "${@:3}"; do
    cp -L "$1/$file" "$2"
  done
}

torch_libraries() { "$PYTHON" -c 'import importlib.util as u; print(u.find_spec("torch").submodule_search_locations[0])'; }

# copy_libraries FOLDER: into it, what the programs in it load beyond LibTorch and what every Linux has.
copy_libraries() {
  local torch
  torch=$(torch_libraries)
  LD_LIBRARY_PATH=$1:$torch/lib ldd "$1"/* | sort -u | while read -r name _ file _; do
    case $name in
      *:) ;; # of which file it speaks
      libc.so.* | libm.so.* | libdl.so.* | librt.so.* | libpthread.so.* | libutil.so.*) ;;
      libgcc_s.so.* | libstdc++.so.* | linux-vdso.so.* | */ld-linux*) ;;
      *) [[ $file == "$1"/* || $file == "${torch%/*}"/* ]] || cp -L "$file" "$1/$name" ;;
    esac
  done
}

# describe_programs FOLDER: what they were built from, and the newest version of the C and C++ libraries that they ask for.
describe_programs() {
  local torch commit asked
  torch=$("$PYTHON" -c 'import torch; print(torch.__version__)')
  commit=$(git -c safe.directory='*' -C "$ROOT" describe --always --abbrev=40 --dirty 2>/dev/null) || commit=unknown
  asked=$(newest_symbols "$1")
  echo "$torch" >"$1/torch-version"
  echo "commit $commit, torch $torch, at least $asked" >"$1/built-from"
  say "programs: $(<"$1/built-from")"
}

# newest_symbols FOLDER: such as "GLIBC_2.34 GLIBCXX_3.4.30"
newest_symbols() {
  local family symbols
  symbols=$(objdump -T "$1"/* 2>/dev/null | grep -oE '\b(GLIBC|GLIBCXX)_[0-9.]+' | sort -uV)
  for family in GLIBC GLIBCXX; do
    grep "^${family}_" <<<"$symbols" | tail -n 1
  done | paste -sd ' '
}

# The libraries themselves are packages that the development packages depend on.
copy_packages() {
  local to=$1 package file packages=("${BUNDLED_PACKAGES[@]}")
  mapfile -t -O "${#packages[@]}" packages < <(dpkg-query -W -f='${Depends}\n' "${BUNDLED_PACKAGES[@]}" |
    tr ',|' '\n' | sed 's/(.*//; s/:any//; s/ //g' | grep '^lib' | grep -vE '^lib(c6|gcc-s1|stdc\+\+6)|-dev$' | sort -u)
  mkdir -p "$to"
  for package in "${packages[@]}"; do
    is_installed "$package" || continue
    dpkg -L "$package" | grep -vE '^/usr/share/(doc|man|lintian|bug)' | while read -r file; do
      [[ -d $file && ! -L $file ]] || cp -P --parents "$file" "$to"
    done
  done
}

# As much of it as models/full and models/tiny are made of.
copy_tokenizer() {
  local from=$ROOT/models/xlm-r-tokenizer to=$1
  mkdir -p "$to/hub"
  cp "$from/.made-by" "$from/sentencepiece.bpe.model" "$to"
  cp -r "$from/hub/bge-m3" "$to/hub"
}

# copy_python TO VERSION: FlagEmbedding with the less common of what it imports, and what bench/load needs; torch,
# transformers, peft, pandas, pyarrow and xxhash have to be there, for the latter matplotlib, rich and yaml.
copy_python() {
  "$PYTHON" -m pip install --quiet --disable-pip-version-check --no-deps --no-compile --target "$1" \
    --python-version "$2" --only-binary=:all: --constraint "$ROOT/scripts/constraints.txt" FlagEmbedding datasets dill multiprocess \
    --requirement "$ROOT/bench/load/requirements.txt"
}

check_size() {
  local megabytes=$(($(stat -c %s "$1") / 1000000))
  say "$1: $megabytes MB"
  [[ $megabytes -le $BUNDLE_LIMIT_MB ]] || die "the bundle may have $BUNDLE_LIMIT_MB MB at most"
}
