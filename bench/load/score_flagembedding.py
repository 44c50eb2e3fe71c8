"""The entry script that users of FlagEmbedding run on Azure ML today: what bgem3 is measured against.

The lock has no effect with the inference server's one sync worker; with threads, FlagEmbedding needs it.
"""

import json
import os
import pathlib
import threading

import torch
from FlagEmbedding import BGEM3FlagModel

model: BGEM3FlagModel
lock = threading.Lock()


def init() -> None:
    global model
    directory = pathlib.Path(os.environ["AZUREML_MODEL_DIR"])
    device = os.environ.get("FLAGEMBEDDING_DEVICE")
    model = BGEM3FlagModel(str(directory), use_fp16=torch.cuda.is_available() and device != "cpu", devices=device)
    model.encode(["warm up"])


def run(raw_data: str) -> list[list[float]]:
    texts = json.loads(raw_data)["input"]
    with lock:
        return model.encode(texts, batch_size=12, max_length=8192)["dense_vecs"].tolist()
