"""The program `bgem3` on a GPU, as its users see it: seconds from its start to a vector, and how right the vectors are.

    python bench/cuda_program.py build/gpu/bgem3 models/full program.json

Right is what transformers computes in float32, or bgem3 itself in float32 where there is no transformers; `reference` says
which. Cosines with that are given for each dtype of bgem3, and for what cuda_peers.py compares it with; a dtype that the
GPU has not is listed with the reason.
"""

import argparse
import json
import pathlib
import subprocess
import tempfile
import time

import cuda_peers
import numpy as np
from cuda_peers import attempt, write

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


def right_vectors(program: Program, model: str, device: str, texts: list[str]) -> tuple[str, np.ndarray]:
    """Whose they are, and the vectors."""
    found = attempt(lambda: reference_vectors(model, device, texts))
    if isinstance(found, np.ndarray):
        return "transformers, float32", found
    return f"bgem3, float32, because transformers {found}", program.encode(texts, "float32")


def cosines(found: np.ndarray, right: np.ndarray) -> dict[str, float]:
    """Lowest and mean, in double precision."""
    a, b = found.astype(np.float64), right.astype(np.float64)
    each = (a * b).sum(axis=1) / np.linalg.norm(a, axis=1) / np.linalg.norm(b, axis=1)
    return {"lowest": float(each.min()), "mean": float(each.mean())}


def peer_cosines(name: str, model: str, device: str, texts: list[str], right: np.ndarray) -> object:
    peer = cuda_peers.load_peer(
        name, model, device, batch_size=8
    )  # texts of 8192 tokens are among them, and are padded to
    return peer if isinstance(peer, str) else cosines(peer(texts), right)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program")
    parser.add_argument("model")
    parser.add_argument("output", type=pathlib.Path)
    parser.add_argument("--device", default="cuda:0", help="[%(default)s]")
    parser.add_argument("--dtypes", nargs="+", default=["float16", "bfloat16", "float8", "float32"], metavar="NAME")
    parser.add_argument("--longest", type=int, default=8192, help="tokens of the longest text [%(default)s]")
    parser.add_argument("--peers", nargs="+", choices=cuda_peers.PEERS, default=list(cuda_peers.PEERS), metavar="NAME")
    options = parser.parse_args()
    texts, model, device = quality_texts(options.longest), options.model, options.device
    ours: dict[str, object] = {}
    theirs: dict[str, object] = {}
    report: dict[str, object] = {"first_vector_seconds": None, "cosines": ours, "peers_cosines": theirs}
    with tempfile.TemporaryDirectory() as folder:
        program = Program(options.program, model, device, pathlib.Path(folder))
        report["first_vector_seconds"] = attempt(
            lambda: [program.seconds_to_first_vector(options.dtypes[0]) for _ in range(3)]
        )
        write(options.output, report)
        report["reference"], right = right_vectors(program, model, device, texts)
        for dtype in options.dtypes:
            ours[dtype] = attempt(lambda dtype=dtype: cosines(program.encode(texts, dtype), right))
            write(options.output, report)
        for name in options.peers:
            theirs[name] = attempt(lambda name=name: peer_cosines(name, model, device, texts, right))
            write(options.output, report)


if __name__ == "__main__":
    main()
