"""What the machine has that scripts/gpu_check depends on, as one line of JSON; what is missing is null.

python scripts/lib/gpu_machine.py
"""

import importlib.util
import json
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]


def output_of(*command: str) -> str | None:
    """What a command prints; None where there is none or it fails."""
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return None


def last_line(text: str | None) -> str | None:
    return text.splitlines()[-1] if text else None


def torch_versions() -> dict[str, object]:
    """Of torch, and of what comes with it."""
    if importlib.util.find_spec("torch") is None:
        return {"torch": None}
    import torch

    return {
        "torch": torch.__version__,
        "torch_directory": str(pathlib.Path(torch.__file__).parent),
        "cuda": torch.version.cuda,
        "cudnn": str(torch.backends.cudnn.version()),
        "gpu": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
    }


def main() -> None:
    found = {
        **torch_versions(),
        "nvcc": last_line(output_of("nvcc", "--version")),
        "driver": last_line(output_of("nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader")),
        "python": sys.version.split()[0],
        "transformers": importlib.util.find_spec("transformers") is not None or None,
        "commit": output_of("git", "rev-parse", "HEAD"),
    }
    print(json.dumps(found))


if __name__ == "__main__":
    main()
