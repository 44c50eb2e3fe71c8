"""bgem3-server under load on a GPU, and how busy the GPU was meanwhile.

    python bench/load/gpu_load.py build/release models/full load.json
    python bench/load/gpu_utilization.py load.json load.png               (draws it)

16 clients ask /score for texts of 2000 tokens, one after another, for six minutes. Right is what the server answers to one
client. Where nvidia-smi cannot be asked, load.json has no samples of the GPU. Exit status: that of load.py.
"""

import argparse
import contextlib
import json
import pathlib
import subprocess
import sys
import tempfile
from collections.abc import Iterator

from gpu_utilization import read_samples, with_gpu

LOAD = pathlib.Path(__file__).with_name("load.py")
FIELDS = "timestamp,utilization.gpu,power.draw,memory.used"
NO_LIMIT = 1_000_000  # calls of a client: time ends them
DISTINCT = 160
TOLERANCE = 0.002  # of an element: texts of other batches, in half precision


@contextlib.contextmanager
def sampling(file: pathlib.Path) -> Iterator[None]:
    """Samples of the first GPU, ten a second; none where there is no nvidia-smi."""
    options = ["--id=0", f"--query-gpu={FIELDS}", "--format=csv,noheader,nounits", "-lms", "100"]
    with file.open("w") as samples:
        try:
            process = subprocess.Popen(["nvidia-smi", *options], stdout=samples)
        except OSError as error:
            print(f"without samples of the GPU: {error}", file=sys.stderr)
            yield
            return
        try:
            yield
        finally:
            process.terminate()
            process.wait()


def run_load(options: argparse.Namespace, folder: pathlib.Path) -> int:
    """Its status; writes load.json and load.png there."""
    given = {
        "--targets": "bgem3-server",
        "--reference": "server",
        "--build": options.build,
        "--model": options.model,
        "--device": options.device,
        "--clients": options.clients,
        "--calls": NO_LIMIT,
        "--seconds": options.seconds,
        "--length": options.length,
        "--distinct": DISTINCT,
        "--tolerance": TOLERANCE,
        "--logs": folder,
        "--output": folder / "load",
    }
    words = [str(word) for pair in given.items() for word in pair]
    return subprocess.run([sys.executable, str(LOAD), "--no-ceiling", *words], check=False).returncode


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("build", type=pathlib.Path, help="folder of bgem3-server")
    parser.add_argument("model", type=pathlib.Path)
    parser.add_argument("output", type=pathlib.Path)
    parser.add_argument("--device", default="cuda", help="[%(default)s]")
    parser.add_argument("--clients", type=int, default=16, metavar="N", help="[%(default)s]")
    parser.add_argument("--seconds", type=int, default=360, metavar="N", help="[%(default)s]")
    parser.add_argument("--length", type=int, default=2000, metavar="N", help="tokens of a text, about [%(default)s]")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        with sampling(folder / "samples.csv"):
            status = run_load(options, folder)
        file = folder / "load.json"
        if file.exists():
            found, samples = json.loads(file.read_text()), read_samples(folder / "samples.csv")
            options.output.write_text(json.dumps(with_gpu(found, samples), indent=1) + "\n")
    sys.exit(status)


if __name__ == "__main__":
    main()
