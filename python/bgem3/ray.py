"""Embedding data sets on a Ray cluster: `pip install 'ray[data]'`.

import ray
from bgem3.ray import Embed, embed_parquet

texts = ray.data.read_parquet("texts")
vectors = texts.map_batches(Embed, fn_constructor_kwargs={"model": "BAAI/bge-m3"}, concurrency=4)

# From files to files, with the right to be interrupted:
embed_parquet("texts", "vectors", {"model": "BAAI/bge-m3"}, concurrency=4)
"""

import json
import os
import pathlib
import uuid
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ._model.columns import ColumnEmbedder
from ._optional import need
from .errors import InvalidArgumentError

if TYPE_CHECKING:
    import pyarrow as pa

_ROWS = 4096  # of a batch that embed_parquet() reads, embeds and writes
# Readers of Parquet directories pass over names that begin like these.
_RECORD = "_bgem3.json"
_UNFINISHED = ".unfinished-"


class Embed:
    """Adds columns of embeddings to batches of rows, for `ray.data.Dataset.map_batches`.

    Each actor loads the model once, for the device that Ray gave it; Ray sets the number of OpenMP threads to the
    actor's `num_cpus`. Takes batches of every `batch_format`; "pyarrow" costs the least.

    Args:
        model: a directory, or a name on the Hugging Face Hub; it has to be there on every node
        text_column: the column to embed; null becomes null
        columns: the kinds to compute, each with the name of its column. "dense": fixed_size_list<float>[D]; "sparse":
            map<int32, float>, from token id to weight; "colbert": list<fixed_size_list<float>[C]>
        options: `device`, `max_length`, `truncate_dim`, `batch_size`, `prompt`, `cuda_graphs`, `threads`,
            `copy`
    """

    def __init__(
        self,
        model: str | os.PathLike[str],
        text_column: str = "text",
        columns: Mapping[str, str] = {"dense": "embedding"},
        **options: Any,
    ):
        options.setdefault("device", _device_of_this_actor())
        self._text_column = text_column
        self._columns = dict(columns)
        self._embedder = ColumnEmbedder(model, list(columns), **options)

    def __call__(self, batch: Any) -> "pa.Table":
        table = _to_table(batch)
        if self._text_column not in table.column_names:
            raise InvalidArgumentError(
                f"text_column should be one of {table.column_names}, found {self._text_column!r}"
            )
        for kind, values in self._embedder.columns(table[self._text_column].to_pylist()).items():
            table = table.append_column(self._columns[kind], values)
        return table


def _device_of_this_actor() -> str:
    need("ray", "ray[data]")
    import ray

    # Ray hides all other devices from the actor, so that its own is the first.
    return "cuda:0" if ray.is_initialized() and ray.get_gpu_ids() else "cpu"


def _to_table(batch: Any) -> "pa.Table":
    """Of a batch in any of Ray's three formats."""
    import pyarrow as pa

    if isinstance(batch, pa.Table):
        return batch
    if isinstance(batch, dict):
        from ray.data.block import BlockAccessor

        return BlockAccessor.batch_to_arrow_block(batch)
    return pa.Table.from_pandas(batch, preserve_index=False)


def embed_parquet(
    source: str | os.PathLike[str], target: str | os.PathLike[str], embed: Mapping[str, Any], **map_options: Any
) -> int:
    """Copies the Parquet files under `source` to `target`, with columns of embeddings. Goes on where an earlier run
    with the same arguments stopped: each row group of the source becomes one file of the target, which appears under
    its name only when it is whole. So no row is lost and none is there twice.

    Args:
        source, target: directories that all nodes see under the same path; `source` may be a single file
        embed: the arguments of Embed
        map_options: for Ray's `map`: `concurrency`, `num_cpus`, `num_gpus` …

    Returns:
        How many rows this run embedded.

    Raises:
        InvalidArgumentError: there is nothing to read, or `target` holds a run with other arguments
    """
    need("ray", "ray[data]")
    import ray
    import ray.data

    files = _files_of(pathlib.Path(source).resolve())
    directory = pathlib.Path(target).resolve()
    _record_run(
        directory, {"source": str(pathlib.Path(source).resolve()), "embed": {k: str(v) for k, v in embed.items()}}
    )
    tasks = [task for task in _row_groups(files, directory) if not pathlib.Path(task["output"]).exists()]
    if not tasks:
        return 0
    if not ray.is_initialized():
        ray.init()
    done = ray.data.from_items(tasks, override_num_blocks=len(tasks)).map(
        _EmbedRowGroup,  # type: ignore[arg-type]  # its stub leaves out classes
        fn_constructor_kwargs={"embed": dict(embed)},
        **{"concurrency": 1, **map_options},
    )
    rows = sum(row["rows"] for row in done.iter_rows())
    # Of runs that were killed.
    for left_behind in directory.rglob(f"{_UNFINISHED}*"):
        left_behind.unlink()
    return rows


def _files_of(source: pathlib.Path) -> dict[pathlib.Path, pathlib.Path]:
    """Path → path relative to the source."""
    if source.is_file():
        return {source: pathlib.Path(source.name)}
    hidden = ("_", ".")
    files = {file: file.relative_to(source) for file in sorted(source.rglob("*.parquet"))}
    files = {file: name for file, name in files.items() if not any(part.startswith(hidden) for part in name.parts)}
    if not files:
        raise InvalidArgumentError(f"source should be a directory with .parquet files, found none in '{source}'")
    return files


def _record_run(target: pathlib.Path, arguments: dict[str, Any]) -> None:
    """Notes in the target what it is made of, or makes sure that it is made of the same."""
    target.mkdir(parents=True, exist_ok=True)
    file = target / _RECORD
    if not file.exists():
        file.write_text(json.dumps(arguments, indent=2), "utf-8")
        return
    recorded = json.loads(file.read_text("utf-8"))
    if recorded != arguments:
        raise InvalidArgumentError(
            f"'{target}' holds a run with other arguments: {recorded}; this one has {arguments}. Take another target, or "
            "remove that one"
        )


def _row_groups(files: Mapping[pathlib.Path, pathlib.Path], target: pathlib.Path) -> list[dict[str, Any]]:
    import pyarrow.parquet as parquet

    tasks = []
    for file, name in files.items():
        metadata = parquet.read_metadata(file)
        for k in range(metadata.num_row_groups):
            output = target / name.with_name(f"{name.stem}-{k:05}.parquet")
            if metadata.row_group(k).num_rows:
                tasks.append({"file": str(file), "row_group": k, "output": str(output)})
    return tasks


class _EmbedRowGroup:
    def __init__(self, embed: Mapping[str, Any]):
        self._embed = Embed(**embed)

    def __call__(self, task: dict[str, Any]) -> dict[str, Any]:
        output = pathlib.Path(task["output"])
        output.parent.mkdir(parents=True, exist_ok=True)
        # Nobody else writes to this name, not even what is left of a killed run.
        unfinished = output.with_name(f"{_UNFINISHED}{uuid.uuid4().hex}")
        try:
            rows = self._write(task, unfinished)
            unfinished.replace(output)
        finally:
            unfinished.unlink(missing_ok=True)
        return {**task, "rows": rows}

    def _write(self, task: dict[str, Any], path: pathlib.Path) -> int:
        import pyarrow as pa
        import pyarrow.parquet as parquet

        source, writer, rows = parquet.ParquetFile(task["file"]), None, 0
        try:
            for batch in source.iter_batches(_ROWS, row_groups=[task["row_group"]]):
                table = self._embed(pa.Table.from_batches([batch]))
                writer = writer or parquet.ParquetWriter(path, table.schema)
                writer.write_table(table)
                rows += table.num_rows
        finally:
            if writer is not None:
                writer.close()
        return rows
