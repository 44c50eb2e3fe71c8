"""The program `bgem3` on a GPU, as its users see it: seconds from its start to a vector, and how right the vectors are.

    python bench/cuda_program.py build/gpu/bgem3 models/full > program.json

Right is what transformers computes in float32. Cosines with that are given for each dtype of bgem3, and for what
cuda_peers.py compares it with; a dtype that the GPU has not is listed with the reason.
"""

import argparse
import json
import pathlib
import subprocess
import sys
import tempfile
import time

import cuda_peers
import numpy as np

TRANSLATIONS = pathlib.Path(__file__).resolve().parents[1] / "tests" / "data" / "translations.json"


def quality_texts(longest: int) -> list[str]:
    """Sentences in nine languages, and longer texts."""
    sentences = json.loads(TRANSLATIONS.read_text(encoding="utf-8"))
    lengths = [n for n in (64, 300, 512, 1024, 2048, 4096, 8192) if n <= longest]
    return [text for texts in sentences.values() for text in texts] + cuda_peers.texts_of(lengths)


class Program:
    """`bgem3 encode` in a folder of its own."""

    def __init__(self, program: str, model: str, device: str, folder: pathlib.Path) -> None:
        self._command = [program, "encode", "--model", model, "--device", device, "--no-progress"]
        self._input, self._output = folder / "texts.txt", folder / "vectors.npy"

    def encode(self, texts: list[str], dtype: str) -> np.ndarray:
        """Dense vectors [texts, D] of a new process."""
        self._input.write_text("".join(f"{text}\n" for text in texts), encoding="utf-8")
        files = ["--input", str(self._input), "--output", str(self._output), "--dtype", dtype]
        done = subprocess.run([*self._command, *files], capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise RuntimeError(done.stderr.strip())
        return np.load(self._output)

    def seconds_to_first_vector(self, dtype: str) -> float:
        started = time.perf_counter()
        self.encode(["first"], dtype)
        return time.perf_counter() - started


def reference_vectors(model: str, device: str, texts: list[str]) -> np.ndarray:
    """Of transformers in float32, one text at a time: nothing padded."""
    import torch
    from transformers import AutoModel, AutoTokenizer

    torch.backends.cuda.matmul.allow_tf32 = False
    tokenizer = AutoTokenizer.from_pretrained(model)
    encoder = AutoModel.from_pretrained(model, dtype=torch.float32).eval().to(device)
    rows = []
    with torch.inference_mode():
        for text in texts:
            inputs = tokenizer(text, return_tensors="pt", truncation=True, max_length=8192).to(device)
            rows.append(encoder(**inputs).last_hidden_state[0, 0])
        return torch.nn.functional.normalize(torch.stack(rows)).cpu().numpy()


def cosines(found: np.ndarray, right: np.ndarray) -> dict[str, float]:
    """Lowest and mean, in double precision."""
    a, b = found.astype(np.float64), right.astype(np.float64)
    each = (a * b).sum(axis=1) / np.linalg.norm(a, axis=1) / np.linalg.norm(b, axis=1)
    return {"lowest": float(each.min()), "mean": float(each.mean())}


def cosines_of_program(program: Program, dtypes: list[str], texts: list[str], right: np.ndarray) -> dict[str, object]:
    results: dict[str, object] = {}
    for dtype in dtypes:
        try:
            results[dtype] = cosines(program.encode(texts, dtype), right)
        except RuntimeError as error:
            results[dtype] = f"failed: {error}"
    return results


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program")
    parser.add_argument("model")
    parser.add_argument("--device", default="cuda:0", help="[%(default)s]")
    parser.add_argument("--dtypes", nargs="+", default=["float16", "bfloat16", "float8", "float32"], metavar="NAME")
    parser.add_argument("--longest", type=int, default=8192, help="tokens of the longest text [%(default)s]")
    options = parser.parse_args()
    texts = quality_texts(options.longest)
    with tempfile.TemporaryDirectory() as folder:
        program = Program(options.program, options.model, options.device, pathlib.Path(folder))
        seconds = [program.seconds_to_first_vector(options.dtypes[0]) for _ in range(3)]
        right = reference_vectors(options.model, options.device, texts)
        report = {
            "first_vector_seconds": seconds,
            "cosines": cosines_of_program(program, options.dtypes, texts, right),
            "peers_cosines": cuda_peers.for_each_peer(
                options.model, options.device, lambda encode: cosines(encode(texts), right)
            ),
        }
    json.dump(report, sys.stdout, indent=2)


if __name__ == "__main__":
    main()
