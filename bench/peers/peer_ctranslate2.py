"""CTranslate2."""

import json
import pathlib
import shutil
import tempfile

import ctranslate2
import numpy as np
import torch
from serving import Encode, Settings, Tokens, padded, pool, serve


def converted(settings: Settings) -> pathlib.Path:
    """Made once, from a copy of the directory whose config.json says what the converter wants to read there."""
    target = settings.cache / f"ctranslate2-{settings.precision}"
    if target.is_dir():
        return target
    with tempfile.TemporaryDirectory(dir=settings.cache) as directory:
        copy = pathlib.Path(directory)
        for file in settings.model.iterdir():
            (copy / file.name).symlink_to(file.resolve())
        config = json.loads((settings.model / "config.json").read_text())
        (copy / "config.json").unlink()
        (copy / "config.json").write_text(json.dumps({**config, "position_embedding_type": "absolute"}))
        unfinished = copy / "converted"
        converter = ctranslate2.converters.TransformersConverter(directory)
        converter.convert(str(unfinished), quantization=settings.precision)
        shutil.move(unfinished, target)
    return target


def load(settings: Settings) -> Encode:
    model = ctranslate2.Encoder(
        str(converted(settings)), device="cpu", compute_type=settings.precision, intra_threads=settings.threads
    )

    def pooled_states(tokens: Tokens) -> np.ndarray:
        mask = tokens["attention_mask"]
        rows = [row[: int(length)].tolist() for row, length in zip(tokens["input_ids"], mask.sum(axis=1))]
        states = np.array(model.forward_batch(rows).last_hidden_state, np.float32)
        return pool(torch.from_numpy(states), torch.from_numpy(mask), settings).numpy()

    return padded(settings, pooled_states)


serve(load)
