# shellcheck shell=bash
# The .venv with pinned packages. Sourced after common.sh and packages.sh.

# need_python_packages NAME FILE...: installs the requirement files unless exactly these were installed before.
need_python_packages() {
  local name=$1 stamp fingerprint files=("${@:2}")
  [[ -x $PYTHON ]] || create_venv
  stamp=$ROOT/.venv/.installed-$name
  fingerprint=$(cat "${files[@]}" "$ROOT/scripts/constraints.txt" | sha256sum)
  [[ ! -f $stamp || $(<"$stamp") != "$fingerprint" ]] || return 0
  say "installing Python packages for $name into .venv (the first time torch's 3 GB are fetched)"
  install_requirements "${files[@]/#/--requirement=}" ||
    die "could not install ${files[*]}; the messages above say why"
  echo "$fingerprint" >"$stamp"
}

# install_package: bgem3's own Python package, editable, unless nothing that is compiled or packed has changed since. An
# editable install knows the modules by name, so a renamed one counts as a change.
install_package() {
  local stamp=$ROOT/.venv/.installed-bgem3 fingerprint
  fingerprint=$(cd "$ROOT" && {
    find CMakeLists.txt pyproject.toml README.md cmake include src python/CMakeLists.txt python/_build.py.in python/src \
      scripts/constraints.txt -type f -print0 | sort -z | xargs -0 cat
    find python/bgem3 -name '*.py' | sort
  } | sha256sum)
  [[ ! -f $stamp || $(<"$stamp") != "$fingerprint" ]] || return 0
  say "installing bgem3's Python package into .venv"
  # With the compiler, flags and depth of folders of the preset release, so that ccache has most of it already.
  local like_release=(--config-settings=build-dir=build/python
    --config-settings=cmake.define.BGEM3_WARNINGS_AS_ERRORS=ON)
  CXX=c++ pip_install --no-deps --no-build-isolation "${like_release[@]}" --editable "$ROOT" ||
    die "could not install bgem3's Python package"
  echo "$fingerprint" >"$stamp"
}

create_venv() {
  say "creating .venv"
  "$(usable_python)" -m venv "$ROOT/.venv" || die "could not create .venv: on Debian, install python3-venv"
}

install_requirements() {
  local quiet=()
  [[ -t 2 ]] || quiet=(--quiet)
  "$PYTHON" "$ROOT/scripts/lib/install_packages.py" "$PYTHON" "${quiet[@]}" "$@" >&2
}

# For bgem3 itself: what users run.
pip_install() {
  local quiet=()
  [[ -t 2 ]] || quiet=(--quiet)
  "$PYTHON" -m pip install --disable-pip-version-check "${quiet[@]}" "$@" >&2
}
