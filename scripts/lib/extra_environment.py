"""Makes a virtual environment, unless it is there: the packages of a requirements file, and through a .pth file
everything that the Python which runs this has.

    python scripts/lib/extra_environment.py build/integrations tests/python/integrations/requirements.txt
"""

import hashlib
import pathlib
import subprocess
import sys
import sysconfig

from install_packages import install


def main() -> None:
    directory, requirements = map(pathlib.Path, sys.argv[1:])
    stamp = directory / "installed"
    main_packages = pathlib.Path(sysconfig.get_path("purelib"))
    # Packages that are installed in place are found by code of theirs.
    lines = [str(main_packages), *(f"import {file.stem}" for file in sorted(main_packages.glob("_editable_*.py")))]
    wanted = hashlib.sha256(requirements.read_bytes() + "\n".join(lines).encode()).hexdigest()
    if stamp.is_file() and stamp.read_text() == wanted:
        return
    subprocess.run([sys.executable, "-m", "venv", "--clear", "--without-pip", directory], check=True)
    python = directory / "bin" / "python"
    # With their dependencies pinned as well, and torch and its kin in the other environment, nothing is to be resolved.
    install(python, "--quiet", "--no-deps", "--requirement", requirements)
    (packages,) = (directory / "lib").glob("python*/site-packages")
    (packages / "other_environment.pth").write_text("\n".join(lines) + "\n")
    stamp.write_text(wanted)


if __name__ == "__main__":
    main()
