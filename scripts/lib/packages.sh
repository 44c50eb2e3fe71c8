# shellcheck shell=bash disable=SC2034
# Debian packages: installs what is missing, or says how to. Sourced after common.sh.

BUILD_PACKAGES=(g++ ccache pkg-config libutf8proc-dev zlib1g-dev libzstd-dev libeigen3-dev libfmt-dev
  nlohmann-json3-dev libcli11-dev libboost-dev libssl-dev libspdlog-dev prometheus-cpp-dev)
TEST_PACKAGES=(doctest-dev libsentencepiece-dev libbenchmark-dev clang clang-format libclang-rt-dev git shellcheck
  default-jre-headless chromium curl wrk abigail-tools valgrind)

# A Python that is already there is used as it is; Debian's comes with venv in a package of its own.
usable_python() {
  local python
  for python in python3 /usr/bin/python3; do
    if "$python" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
      echo "$python"
      return
    fi
  done
  return 1
}

is_installed() { [[ $(dpkg-query -W -f='${db:Status-Status}' "$1" 2>/dev/null) == installed ]]; }

# run_as_root COMMAND...: directly or through sudo; fails when neither is possible.
run_as_root() {
  if [[ $EUID -eq 0 ]]; then
    "$@"
  elif command -v sudo >/dev/null && { [[ -t 0 ]] || sudo -n true 2>/dev/null; }; then
    sudo "$@"
  else
    return 1
  fi
}

# need_packages PACKAGE...: makes sure that all are there, and a Python of at least 3.11.
need_packages() {
  local wanted=("$@") missing=() package
  usable_python >/dev/null || wanted+=(python3 python3-venv)
  if ! command -v dpkg-query >/dev/null; then
    say "not a Debian system; the build needs what Debian calls: ${wanted[*]}"
    return
  fi
  for package in "${wanted[@]}"; do
    is_installed "$package" || missing+=("$package")
  done
  [[ ${#missing[@]} -eq 0 ]] || install_packages "${missing[@]}"
  usable_python >/dev/null || die "no Python 3.11 or newer with venv: install python3-venv, or put one on PATH"
}

install_packages() {
  local install=(env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends)
  say "installing Debian packages: $*"
  if ! run_as_root apt-get update -q || ! run_as_root "${install[@]}" "$@"; then
    die "could not install them. As root, run: apt-get update && apt-get install -y $*"
  fi
}
