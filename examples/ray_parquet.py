"""Embeds a Parquet data set on a Ray cluster: files in, the same files with a column of vectors out.

    python examples/ray_parquet.py --model BAAI/bge-m3 --source texts --target vectors --actors 4
    python examples/ray_parquet.py --model models/tiny          (makes a small data set of its own)

Without a cluster (RAY_ADDRESS) it starts one on this machine. Stop it with Ctrl-C and start it again: it goes on where it
was. At the end it searches what it has embedded.
"""

import argparse
import pathlib

import numpy as np
import pyarrow as pa
import pyarrow.dataset
import pyarrow.parquet
import ray

from bgem3 import EmbeddingModel
from bgem3.ray import embed_parquet

TEXTS = pathlib.Path(__file__).with_name("demo_texts.txt")


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="BAAI/bge-m3", help="a directory, or a name on the Hugging Face Hub")
    parser.add_argument(
        "--source", type=pathlib.Path, help="directory of Parquet files; default: one made for the purpose"
    )
    parser.add_argument("--target", type=pathlib.Path, default=pathlib.Path("vectors"), help="where they go")
    parser.add_argument("--text-column", default="text", help="the column to embed")
    parser.add_argument("--actors", type=int, default=1, help="copies of the model")
    parser.add_argument("--cpus", type=int, default=2, help="threads of each")
    parser.add_argument("--gpus", type=float, default=0, help="devices of each")
    parser.add_argument("--query", default="What do cats like?", help="what to search for at the end")
    return parser.parse_args()


def make_source(directory: pathlib.Path) -> pathlib.Path:
    """Three files of two row groups each, with the demo's sentences."""
    texts = [line for line in TEXTS.read_text("utf-8").splitlines() if line.strip()]
    directory.mkdir(parents=True, exist_ok=True)
    for k in range(3):
        part = texts[k::3]
        table = pa.table({"id": list(range(k, len(texts), 3)), "text": part})
        pyarrow.parquet.write_table(table, directory / f"part-{k}.parquet", row_group_size=(len(part) + 1) // 2)
    return directory


def main() -> None:
    options = arguments()
    model = str(pathlib.Path(options.model).resolve()) if pathlib.Path(options.model).is_dir() else options.model
    source = options.source or make_source(options.target.with_name(options.target.name + "-source"))
    ray.init(log_to_driver=False)
    rows = embed_parquet(
        source,
        options.target,
        {"model": model, "text_column": options.text_column},
        concurrency=options.actors,
        num_cpus=options.cpus,
        num_gpus=options.gpus,
    )
    print(f"embedded {rows} rows")

    table = pyarrow.dataset.dataset(options.target).to_table()
    vectors = np.stack(table["embedding"].to_numpy())
    similarities = EmbeddingModel(model).similarity(EmbeddingModel(model).encode_query([options.query]), vectors)[0]
    print(f"of {len(table)} rows, the nearest to '{options.query}':")
    for row in similarities.argsort(descending=True)[:3].tolist():
        print(f"  {similarities[row]:.3f}  {table[options.text_column][row]}")


if __name__ == "__main__":
    main()
