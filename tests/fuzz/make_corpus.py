"""Makes the seed inputs of the fuzz targets: small files of the kinds that occur. Needs torch, safetensors and pyarrow.

python tests/fuzz/make_corpus.py
"""

import gzip
import io
import json
import pathlib
import zipfile
from typing import Any

import pyarrow
import torch
from safetensors.torch import save

CORPUS = pathlib.Path(__file__).parent / "corpus"

STATE = {"weight": torch.arange(6.0).reshape(2, 3), "bias": torch.ones(2, dtype=torch.bfloat16)}

XLM_ROBERTA = {
    "model_type": "xlm-roberta",
    "hidden_size": 8,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "intermediate_size": 16,
    "vocab_size": 10,
    "max_position_embeddings": 12,
    "type_vocab_size": 1,
    "pad_token_id": 1,
    "layer_norm_eps": 1e-05,
    "hidden_act": "gelu",
    "position_embedding_type": "absolute",
}
MODULES = [
    {"path": "", "type": "sentence_transformers.models.Transformer"},
    {"path": "1_Pooling", "type": "sentence_transformers.models.Pooling"},
    {"path": "2_Dense", "type": "sentence_transformers.models.Dense"},
    {"path": "3_Normalize", "type": "sentence_transformers.models.Normalize"},
]
POOLING = [{"pooling_mode_cls_token": True, "pooling_mode_mean_tokens": False}, {"pooling_mode": "mean"}]
SENTENCE_BERT = {
    "max_seq_length": 8,
    "do_lower_case": False,
    "processing_kwargs": {"text": {"max_length": 7}},
    "processor_kwargs": {"truncation_side": "left"},
}
DENSE = {"in_features": 8, "out_features": 4, "activation_function": "torch.nn.modules.linear.Identity"}
SENTENCE_TRANSFORMERS = {
    "prompts": {"query": "query: "},
    "default_prompt_name": "query",
    "similarity_fn_name": "dot",
    "truncate_dim": 2,
}
ADAPTER = {
    "peft_type": "LORA",
    "base_model_name_or_path": "base",
    "target_modules": ["query", "value"],
    "layers_to_transform": [0],
    "rank_pattern": {"query": 4},
}
TOKENIZER = {"model_max_length": 9, "tokenizer_class": "XLMRobertaTokenizer"}


def torch_file(state: dict, **how: Any) -> bytes:
    out = io.BytesIO()
    torch.save(state, out, **how)
    return out.getvalue()


def torch_legacy(state: dict, protocol: int = 2) -> bytes:
    """As torch before 1.6 saved; its names of storages, which are addresses, are the same each time."""
    data = torch_file(state, _use_new_zipfile_serialization=False, pickle_protocol=protocol)
    keys = sorted({str(tensor.untyped_storage()._cdata).encode() for tensor in tensors_in(state)})
    for number, key in enumerate(keys):
        data = data.replace(key, str(number).encode().zfill(len(key)))
    return data


def tensors_in(state: dict) -> list[torch.Tensor]:
    found = []
    for value in state.values():
        found += tensors_in(value) if isinstance(value, dict) else [value] if torch.is_tensor(value) else []
    return found


def pickle_of(archive: bytes) -> bytes:
    with zipfile.ZipFile(io.BytesIO(archive)) as opened:
        return opened.read(next(name for name in opened.namelist() if name.endswith("data.pkl")))


def indices() -> list[bytes]:
    shard = "model-0000{}-of-00002.safetensors"
    weight_map = {f"encoder.layer.{i}.output.dense.weight": shard.format(i + 1) for i in range(2)}
    documents = [
        {"metadata": {"total_size": 64}, "weight_map": weight_map},
        {"weight_map": {}},
        {"weight_map": {"a": "../a.safetensors", "b": "", "c": ["c"]}},
    ]
    return [json.dumps(document).encode() for document in documents]


def configs() -> list[bytes]:
    parts = (XLM_ROBERTA, MODULES, POOLING[0], DENSE, SENTENCE_BERT, SENTENCE_TRANSFORMERS, TOKENIZER)
    files = [json.dumps(part).encode() for part in parts]
    bert = json.dumps({**XLM_ROBERTA, "model_type": "bert"}).encode()
    adapter = [*files, json.dumps(ADAPTER).encode(), files[0]]
    return [
        files[0],
        b"\0".join(files),
        b"\0".join([bert, files[1], json.dumps(POOLING[1]).encode(), files[3]]),
        b"\0".join(adapter),
    ]


def texts() -> list[bytes]:
    lines = "one\r\n\nzwei \u00c4pfel \U0001f600\n"
    jsonl = '{"id": 7, "text": "one"}\n\n{"text": 5, "id": "a"}\n{"text": "\u00e4"}\n{"text": "\\udc00\\ud800"}\n'
    csv = 'id,text\n1,"a ""quoted"", word"\n2,"two\r\nlines"\n3,5" nail\n'
    tables = [csv.encode(), csv.replace(",", "\t").encode()]
    plain = [lines.encode(), jsonl.encode(), *tables, b"\xef\xbb\xbf" + csv.encode()]
    plain += [lines.encode("utf-16"), b"\xfe\xff" + csv.encode("utf-16-be"), b"caf\xe9\n"]
    packed = [gzip.compress(text, mtime=0) for text in (lines.encode(), csv.encode())]
    packed += [packed[0] + packed[0], pyarrow.compress(jsonl.encode(), codec="zstd", asbytes=True)]
    pairs = (
        b'{"id": 7, "query": "q", "text": "one"}\n{"text": "a"}\n{"query": 1}\n{"query": "q", "text": "a", "b": {}}\n'
    )
    # Forms of fuzz_input.cpp: lines, JSON lines, CSV, TSV without a header; in parts of 4. The last: pairs.
    files = [bytes([form | 3 << 3]) + data for form in (0, 2, 3, 7) for data in plain + packed]
    return [*files, bytes([128 | 2 | 3 << 3]) + pairs]


def resume_states() -> list[bytes]:
    """Lines of JSON of the files beside an output; the target adds the checksum."""
    parameters = {"dtype": "float32", "kinds": "dense+sparse", "prompt": "none"}
    begun = [0, 0, 0, "ef46db3751d8e999", "ef46db3751d8e999"]
    marks = [begun, [12, 12, 9000, "0123456789abcdef", "fedcba9876543210"], [36, 35, 27000, f"{1:016x}", f"{2:016x}"]]
    states = [
        {"bgem3_resume": 1, "chunk_texts": 12, "marks": [begun], "parameters": {}},
        {"bgem3_resume": 1, "chunk_texts": 48, "marks": marks, "parameters": parameters},
        {"bgem3_resume": 2, "chunk_texts": 48, "marks": marks, "parameters": parameters},
    ]
    return [json.dumps(state, separators=(",", ":")).encode() for state in states]


def main() -> None:
    module = torch.nn.Linear(3, 2)  # its state dict carries version numbers
    weight = STATE["weight"]
    views = {"w": weight, "tied": weight, "t": weight.t(), "row": weight[1], "column": weight[:, 1].half()}
    archives = [
        torch_file(STATE),
        torch_file(module.state_dict()),
        torch_file({"state_dict": STATE, "epoch": 1}),
        torch_file({"weight": torch.nn.Parameter(torch.ones(2)), "ids": torch.arange(3)}),
    ]
    seeds = {
        "safetensors": [save(STATE), save({}), save({"scalar": torch.tensor(1.0)}, {"format": "pt"})],
        "torch_legacy": [
            torch_legacy(STATE),
            torch_legacy(module.state_dict()),
            torch_legacy({"state_dict": views, "epoch": 1, "optimizer": {"0": torch.ones(2)}}),
            torch_legacy({"weight": torch.nn.Parameter(torch.ones(2)), "ids": torch.arange(3)}, protocol=4),
        ],
        "torch_zip": archives,
        "pickle": [pickle_of(archive) for archive in archives],
        "config": configs(),
        "index": indices(),
        "input": texts(),
        "resume": resume_states(),
    }
    for target, inputs in seeds.items():
        (CORPUS / target).mkdir(parents=True, exist_ok=True)
        for number, data in enumerate(inputs):
            (CORPUS / target / f"seed_{number}").write_bytes(data)


if __name__ == "__main__":
    main()
