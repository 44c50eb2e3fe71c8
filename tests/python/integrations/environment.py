"""Makes the virtual environment of these tests, unless it is there: the packages of requirements.txt, and through a
.pth file everything that the Python which runs this has.

    python tests/python/integrations/environment.py build/integrations
"""

import hashlib
import pathlib
import subprocess
import sys
import sysconfig

REQUIREMENTS = pathlib.Path(__file__).with_name("requirements.txt")


def main() -> None:
    directory = pathlib.Path(sys.argv[1])
    stamp = directory / "installed"
    wanted = hashlib.sha256(REQUIREMENTS.read_bytes() + sys.prefix.encode()).hexdigest()
    if stamp.is_file() and stamp.read_text() == wanted:
        return
    subprocess.run([sys.executable, "-m", "venv", "--clear", "--without-pip", directory], check=True)
    python = directory / "bin" / "python"
    pip = [sys.executable, "-m", "pip", "--python", python, "--disable-pip-version-check", "--quiet", "install"]
    # With their dependencies pinned as well, and torch and its kin in the other environment, nothing is to be resolved.
    subprocess.run([*pip, "--no-deps", "--requirement", REQUIREMENTS], check=True)
    (packages,) = (directory / "lib").glob("python*/site-packages")
    main_packages = pathlib.Path(sysconfig.get_path("purelib"))
    lines = [str(main_packages), *(f"import {file.stem}" for file in main_packages.glob("_editable_*.py"))]
    (packages / "other_environment.pth").write_text("\n".join(lines) + "\n")
    stamp.write_text(wanted)


if __name__ == "__main__":
    main()
