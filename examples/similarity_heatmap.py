"""Draws the dense, sparse and ColBERT similarity of some texts as heat maps, into one PNG.

python examples/similarity_heatmap.py --model BAAI/bge-m3 --output similarity.png
python examples/similarity_heatmap.py --model DIR --input texts.txt
"""

import argparse
import pathlib

import matplotlib

matplotlib.use("Agg")  # no display needed

import matplotlib.pyplot as plt
import numpy as np

from bgem3 import BGEM3FlagModel, EmbeddingModel, resolve_model

TEXTS = pathlib.Path(__file__).resolve().with_name("demo_texts.txt")


def similarities(name: str, texts: list[str]) -> dict[str, np.ndarray]:
    """Matrices [B, B] of every kind of similarity that the model has."""
    directory = resolve_model(name)
    if not (directory / "colbert_linear.pt").is_file():
        vectors = EmbeddingModel(directory).encode(texts, normalize_embeddings=True)
        return {"dense": vectors @ vectors.T}
    with BGEM3FlagModel(str(directory), use_fp16=False) as model:
        found = model.encode(texts, return_sparse=True, return_colbert_vecs=True)
        dense, sparse, colbert = found["dense_vecs"], found["lexical_weights"], found["colbert_vecs"]
        return {
            "dense": dense @ dense.T,
            "sparse": model.compute_lexical_matching_score(sparse, sparse),
            "ColBERT": np.array([[model.colbert_score(q, p).item() for p in colbert] for q in colbert]),
        }


def draw(matrices: dict[str, np.ndarray], output: pathlib.Path) -> None:
    figure, axes = plt.subplots(1, len(matrices), figsize=(5.5 * len(matrices), 5), squeeze=False, layout="constrained")
    for axis, (kind, matrix) in zip(axes[0], matrices.items()):
        image = axis.imshow(matrix, cmap="viridis")
        figure.colorbar(image, ax=axis, shrink=0.8)
        numbers = range(1, len(matrix) + 1)
        axis.set(
            title=kind, xticks=range(len(matrix)), yticks=range(len(matrix)), xticklabels=numbers, yticklabels=numbers
        )
        middle = (matrix.min() + matrix.max()) / 2
        for (row, column), value in np.ndenumerate(matrix):
            color = "white" if value < middle else "black"
            axis.text(column, row, f"{value:.2f}", ha="center", va="center", fontsize=7, color=color)
    figure.savefig(output, dpi=150)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="BAAI/bge-m3", help="a directory or a name on the Hub [%(default)s]")
    parser.add_argument("--input", type=pathlib.Path, default=TEXTS, help="one text a line [%(default)s]")
    parser.add_argument("--output", type=pathlib.Path, default=pathlib.Path("similarity.png"), help="[%(default)s]")
    arguments = parser.parse_args()
    texts = arguments.input.read_text("utf-8").splitlines()
    draw(similarities(arguments.model, texts), arguments.output)
    for number, text in enumerate(texts, 1):  # numbers in the picture: its font may lack these scripts
        print(f"{number:3} {text}")
    print(f"drawn into {arguments.output}")


if __name__ == "__main__":
    main()
