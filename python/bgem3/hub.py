"""From the name of a model to its directory."""

import difflib
import glob
import json
import os
import pathlib
import stat
from typing import Any

from .errors import BadModelError

# What describes a model; the folders of its modules are in modules.json.
_SMALL_FILES = ["*.json", "sentencepiece.bpe.model", "sparse_linear.pt", "colbert_linear.pt"]
_NOT_READ = ["onnx/*", "openvino/*"]
_SAFETENSORS = ["model.safetensors", "model-*.safetensors"]
_TORCH_ZIP = ["pytorch_model.bin", "pytorch_model-*.bin"]
_ADAPTER_CONFIG = "adapter_config.json"
_JSON_BYTES_MAX = 16 << 20
_MODULES_MAX = 64
# What is wrong with a file, the library tells; here it is as if it were not there.
UNUSABLE = (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError)
_ADAPTER_WEIGHTS = ["adapter_model.safetensors", "adapter_model.bin"]
_KNOWN_MODELS = [
    "BAAI/bge-m3",
    "BAAI/bge-reranker-v2-m3",
    "intfloat/multilingual-e5-small",
    "intfloat/multilingual-e5-base",
    "intfloat/multilingual-e5-large",
    "intfloat/multilingual-e5-large-instruct",
    "Snowflake/snowflake-arctic-embed-l-v2.0",
    "sentence-transformers/paraphrase-multilingual-MiniLM-L12-v2",
    "sentence-transformers/paraphrase-multilingual-mpnet-base-v2",
]


def resolve_model(
    name_or_path: str | os.PathLike[str],
    *,
    revision: str | None = None,
    cache_dir: str | os.PathLike[str] | None = None,
    token: str | bool | None = None,
    local_files_only: bool = False,
) -> pathlib.Path:
    """The directory of a model: `name_or_path` itself, or where huggingface_hub keeps that repository's files. Of a PEFT
    adapter, the model that it changes is looked for as well.

    Downloads what is missing, with huggingface_hub's progress bars; its environment variables (HF_HOME, HF_HUB_OFFLINE,
    HF_TOKEN, HF_ENDPOINT …) apply.

    Raises:
        BadModelError: neither a directory nor a repository that can be had; says what to do.
    """
    name = os.fsdecode(name_or_path)
    path = pathlib.Path(name).expanduser()
    options = {"revision": revision, "cache_dir": cache_dir, "token": token, "local_files_only": local_files_only}
    if name and path.is_dir():
        _fetch_base(path, options)
        return path
    if path.is_file():
        raise BadModelError(f"'{name}' is a file; expected the directory that holds config.json and the weights")
    if not _is_repository_name(name):
        raise BadModelError(
            f"'{name}' is not a directory; expected one with config.json and weights, or a name on the Hugging Face Hub "
            "such as 'BAAI/bge-m3'"
        )
    directory = _download(name, options)
    _fetch_base(directory, options)
    return directory


def _fetch_base(directory: pathlib.Path, options: dict[str, Any]) -> None:
    """Downloads the model that the adapter in `directory`, if there is one, changes. The library looks for it in the same
    cache; what is wrong with the name, it tells."""
    try:
        base = read_json(directory / _ADAPTER_CONFIG)["base_model_name_or_path"]
    except UNUSABLE:
        return
    if isinstance(base, str) and not pathlib.Path(base).is_dir() and _is_repository_name(base):
        try:
            _download(base, {**options, "revision": None})
        except BadModelError as error:
            raise BadModelError(f"base_model_name_or_path of {directory / _ADAPTER_CONFIG}: {error}") from error


def _is_repository_name(name: str) -> bool:
    from huggingface_hub.utils import HFValidationError, validate_repo_id  # type: ignore[attr-defined]

    try:
        validate_repo_id(name)
    except HFValidationError:
        return False
    return True


def _download(name: str, options: dict[str, Any]) -> pathlib.Path:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import (
        GatedRepoError,
        HfHubHTTPError,
        LocalEntryNotFoundError,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )

    def fetch(patterns: list[str]) -> pathlib.Path:
        return pathlib.Path(snapshot_download(name, allow_patterns=patterns, ignore_patterns=_NOT_READ, **options))

    def fail(reason: str, advice: str) -> BadModelError:
        return BadModelError(f"model '{name}': no directory of that name, and {reason}; {advice}{_suggestion(name)}")

    try:
        directory = fetch(_SMALL_FILES)
        if (directory / _ADAPTER_CONFIG).exists():
            fetch(_ADAPTER_WEIGHTS + _SMALL_FILES)
        for folder in _module_folders(directory):
            fetch(_in_folder(folder, _SAFETENSORS))
            if not any((directory / folder).glob("model*.safetensors")):
                fetch(_in_folder(folder, _TORCH_ZIP))
        return directory
    except GatedRepoError as error:
        raise fail("the Hub wants its licence accepted first", "do so at its page, then `hf auth login`") from error
    except RepositoryNotFoundError as error:
        raise fail(
            "the Hub has no such repository for you", "check the name, or `hf auth login` if it is private"
        ) from error
    except RevisionNotFoundError as error:
        raise fail(f"its repository has no revision {options['revision']!r}", "check the revision") from error
    except LocalEntryNotFoundError as error:
        raise fail(
            "it is not (or not wholly) in the cache, and the Hub was not asked or did not answer",
            "check the connection, unset HF_HUB_OFFLINE, or pass the path of a directory",
        ) from error
    except (HfHubHTTPError, OSError) as error:
        raise fail(f"fetching it failed: {error}", "try again, or pass the path of a directory") from error


def _module_folders(directory: pathlib.Path) -> list[str]:
    """Where weights may lie: the directory itself, unless modules.json puts the encoder elsewhere, and Dense modules.
    What else modules.json says, and whether it may, the library tells."""
    try:
        modules = read_json(directory / "modules.json")
        folders = [module["path"] for module in modules if module["type"].endswith((".Transformer", ".Dense"))]
    except UNUSABLE:
        return [""]
    return [folder for folder in folders if isinstance(folder, str)][:_MODULES_MAX] or [""]


def read_json(path: pathlib.Path) -> Any:
    """A JSON file of a model. Only a regular file is read, and only as much as the library takes: a FIFO would be waited
    for, and a device has no end."""
    if not stat.S_ISREG(path.stat().st_mode):  # to open a device may do something
        raise OSError(f"'{path}' is not a regular file")
    with open(os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK), "rb") as file:
        text = file.read(_JSON_BYTES_MAX + 1)
    if len(text) > _JSON_BYTES_MAX:
        raise ValueError(f"'{path}' has more than {_JSON_BYTES_MAX} bytes")
    return json.loads(text.decode("utf-8"))


def _in_folder(folder: str, patterns: list[str]) -> list[str]:
    """The patterns there, with what was fetched before: a snapshot is asked for as a whole."""
    prefix = glob.escape(f"{folder.rstrip('/')}/") if folder else ""
    return [prefix + pattern for pattern in patterns] + _SMALL_FILES


def known_organisation(name: str) -> str | None:
    """Whose model it is, of a well-known one that is named without that."""
    found = (known.split("/")[0] for known in _KNOWN_MODELS if known.split("/")[1].lower() == name.lower())
    return next(found, None)


def _suggestion(name: str) -> str:
    """The model that is nearly spelt so."""
    by_lower = {known.lower(): known for known in _KNOWN_MODELS}
    by_lower |= {known.split("/")[1].lower(): known for known in _KNOWN_MODELS}
    close = difflib.get_close_matches(name.lower(), by_lower, n=1, cutoff=0.8)
    found = by_lower[close[0]] if close else name
    return "" if found == name else f"; did you mean '{found}'?"
