"""Installs Python packages into the environment of an interpreter, by uv: ten times as fast as pip. What uv cannot do
here (an index that only pip's settings know how to reach, a certificate), pip does.

    python scripts/lib/install_packages.py PYTHON ARGUMENT...

The arguments are those of `pip install` that `uv pip install` has, too. uv itself comes from PyPI, as pinned in
constraints.txt, into the environment of the Python that runs this.
"""

import os
import pathlib
import subprocess
import sys

CONSTRAINTS = pathlib.Path(__file__).resolve().parents[1] / "constraints.txt"
PIP = [sys.executable, "-m", "pip", "--disable-pip-version-check"]


def install(python: str | pathlib.Path, *arguments: str | pathlib.Path) -> None:
    """Raises CalledProcessError when nothing helps; the tools have said why."""
    uv = pathlib.Path(sys.executable).with_name("uv")
    try:
        if not uv.is_file():
            subprocess.run([*PIP, "install", "--quiet", "--constraint", CONSTRAINTS, "uv"], check=True)
        subprocess.run([uv, "pip", "install", "--python", python, *arguments], check=True, env=_environment())
    except (OSError, subprocess.CalledProcessError) as error:
        print(f"uv did not do it ({error}); pip is asked instead", file=sys.stderr)
        subprocess.run([*PIP, "--python", python, "install", *arguments], check=True)


def _environment() -> dict[str, str]:
    """What pip is told about indexes and certificates by its own variables and files, as uv calls it."""
    told = dict(os.environ)
    for ours, pips in (("UV_DEFAULT_INDEX", "index-url"), ("UV_FIND_LINKS", "find-links"), ("SSL_CERT_FILE", "cert")):
        value = _pip_setting(pips)
        if value and ours not in told:
            told[ours] = value
    return told


def _pip_setting(name: str) -> str:
    if value := os.environ.get(f"PIP_{name.upper().replace('-', '_')}"):
        return value
    found = subprocess.run([*PIP, "config", "get", f"global.{name}"], capture_output=True, text=True)
    return found.stdout.strip()


if __name__ == "__main__":
    try:
        install(sys.argv[1], *sys.argv[2:])
    except subprocess.CalledProcessError as error:
        sys.exit(error.returncode)
