# shellcheck shell=bash
# What scripts/gpu_check carries to a machine without network: Debian's files of the libraries that the build needs, the
# tokenizer, and FlagEmbedding, all of it Python. Sourced after common.sh and packages.sh.

BUNDLE_LIMIT_MB=60
BUNDLED_PACKAGES=(libbenchmark-dev libcli11-dev libeigen3-dev libfmt-dev libsentencepiece-dev libutf8proc-dev
  nlohmann-json3-dev doctest-dev pkgconf pkgconf-bin)

# make_bundle ARCHIVE VERSION, the latter of Python, such as 3.12
make_bundle() {
  local archive=$1 version=$2 draft
  need_packages "${BUNDLED_PACKAGES[@]}"
  [[ -f $ROOT/models/xlm-r-tokenizer/.made-by ]] || die "no tokenizer yet; run scripts/models/make.py tokenizer first"
  draft=$(mktemp -d)
  copy_packages "$draft/root"
  copy_tokenizer "$draft/models/xlm-r-tokenizer"
  copy_flagembedding "$draft/python" "$version"
  mkdir -p "$(dirname "$archive")"
  tar -C "$draft" -czf "$archive" .
  rm -rf "$draft"
  check_size "$archive"
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

# With the less common of what it imports; torch, transformers, peft, pandas, pyarrow and xxhash have to be there.
copy_flagembedding() {
  "$PYTHON" -m pip install --quiet --disable-pip-version-check --no-deps --no-compile --target "$1" \
    --python-version "$2" --only-binary=:all: --constraint "$ROOT/scripts/constraints.txt" FlagEmbedding datasets dill multiprocess
}

check_size() {
  local megabytes=$(($(stat -c %s "$1") / 1000000))
  say "$1: $megabytes MB"
  [[ $megabytes -le $BUNDLE_LIMIT_MB ]] || die "the bundle may have $BUNDLE_LIMIT_MB MB at most"
}
