"""Calls everything that bgem3._core has with generated arguments, most of them wrong. A call may return or raise; that
the process is still there after the last one is what counts.

    python any_object.py EMBEDDER_DIRECTORY RERANKER_DIRECTORY SEED CALLS CALL_FILE

CALL_FILE tells at any time which call is being made.
"""

import copy
import faulthandler
import gc
import inspect
import itertools
import pathlib
import pickle
import random
import re
import sys
import weakref
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
from bgem3 import _core

PATIENCE = 30  # seconds for one call
BATCHING = (("BatchingEmbedder", "Embedder"), ("BatchingReranker", "Reranker"))
PARAMETER = re.compile(r"(\w+): ([^,=]+)")  # of a signature that pybind11 tells
CLASSES = [member for member in vars(_core).values() if inspect.isclass(member)]
FUNCTIONS = [member for member in vars(_core).values() if callable(member) and not inspect.isclass(member)]


class Lying:
    """Says what it is told to, or raises that."""

    def __init__(self, answer: Any):
        self.answer = answer

    def _say(self, *_: Any) -> Any:
        if isinstance(self.answer, BaseException):
            raise self.answer
        return self.answer

    __len__ = __getitem__ = __iter__ = __index__ = __int__ = __float__ = __bool__ = __fspath__ = __call__ = _say
    __hash__ = __eq__ = __str__ = __contains__ = __buffer__ = __array__ = __repr__ = _say


class Numbers(list):
    """Its items answer by changing the list."""

    def __getitem__(self, index: Any) -> Any:
        self.clear() if random.getrandbits(1) else self.append("more")
        return "an item"


class OfAnotherClass:
    __class__ = property(lambda self: _core.Embedder)  # type: ignore[assignment]


class Text(str):
    pass


class Path(type(pathlib.Path())):
    def __fspath__(self) -> Any:
        return 5


def fail(*_: Any, **__: Any) -> Any:
    raise ValueError("of a callback")


def raises_on_the_way() -> Any:
    yield "a text"
    raise RuntimeError("of a generator")


def endless() -> list:
    loop: list = []
    loop.append(loop)
    return loop


def numbers() -> list[Any]:
    return [
        *(True, False, 0, 1, 2, 3, -1, 2**31 - 1, 2**31, 2**32 - 1, 2**63 - 1, 2**63, 2**64 - 1, 2**64, -(2**63)),
        *(10**400, -(10**400), 0.0, -0.0, 0.5, 1e-320, 1e308, -1e308, float("nan"), float("inf"), float("-inf")),
        *(np.int8(-1), np.uint8(2), np.int64(3), np.uint64(2**64 - 1), np.float16("nan"), np.float64("inf")),
        *(np.float32(1e30), np.bool_(True), np.datetime64("NaT"), np.timedelta64(5, "s"), np.array(3), np.array([1])),
        *(Fraction(1, 3), Decimal("nan"), Decimal("1e9999"), 1j, Lying(-1), Lying(2**70), Lying(float("nan"))),
    ]


def texts() -> list[Any]:
    return [
        *(
            "",
            "a text",
            "\0",
            "a\0b",
            "\ud800",
            "\udfff\ud800",
            "\U0010ffff",
            "x" * 5000,
            "many words " * 300,
            Text("a"),
        ),
        *(b"", b"\xff\xfe", b"a\0b", bytearray(b"text"), memoryview(b"text"), "cpu", "cuda", "cpu,cpu", "auto", "int8"),
        *(pathlib.Path("nowhere"), pathlib.Path("/"), Path("x"), "/dev/null", "\u0661", np.str_("numpy")),
    ]


def sequences() -> list[Any]:
    return [
        *(
            [],
            (),
            [""],
            ["a", "b"],
            ("a", "b"),
            [b"a"],
            ["a", None],
            [1, 2],
            ["\ud800", "\0"],
            [["a"]],
            [Text("a")] * 3,
        ),
        *(
            ["word " * 200] * 20,
            {},
            {"a": 1},
            {"a", "b"},
            range(3),
            range(2**62),
            np.array(["a", "b"]),
            np.zeros((2, 2)),
        ),
        *(
            np.array(["a", 1], object),
            iter(["a"]),
            (text for text in ["a", "b"]),
            raises_on_the_way(),
            map(str, range(3)),
        ),
        *(itertools.repeat("a", 3), endless(), Numbers(["a", "b", "c"]), [float("nan")] * 3, [1e400], ["1.0"]),
        *(np.array([1.0, np.nan], np.float32), np.array([], np.float64), np.arange(6).reshape(2, 3)),
    ]


def strangers() -> list[Any]:
    return [
        *(None, Ellipsis, NotImplemented, object(), object, type, int, len, fail, lambda *_: False, lambda *_: None),
        *(
            Lying(value)
            for value in (0, 2**40, "a", None, ValueError("lie"), MemoryError("lie"), KeyboardInterrupt("lie"))
        ),
        *(OfAnotherClass(), sys, _core, Exception("as a value"), inspect.signature(len), re.compile("a"), slice(0, 5)),
        *CLASSES,
        *(kind.__new__(kind) for kind in CLASSES),
    ]


class Calls:
    def __init__(self, embedder: str, reranker: str, seed: int):
        self.directories = {"Embedder": embedder, "Reranker": reranker, "Tokenizer": embedder}
        self.random = random.Random(seed)
        self.keep: list[Any] = []
        self.objects = self.make_objects()
        self.targets = self.find_targets()
        self.public = [target for target in self.targets if re.search(r"\.[a-z]|Batching\w+$", target[0])]

    def make_objects(self) -> dict[str, list[Any]]:
        """By class: what works, what is closed, what nothing was constructed in, and what a subclass left that way."""
        models = {name: getattr(_core, name).load(path) for name, path in self.directories.items()}
        objects: dict[str, list[Any]] = {name: [model] for name, model in models.items()}
        for name, model in BATCHING:
            kind = getattr(_core, name)
            closed = kind(models[model])
            closed.close()
            objects[name] = [kind(models[model]), kind(models[model], max_wait=0, queue_texts=3), closed]
        objects["Ticket"] = [objects["BatchingEmbedder"][0].submit(["a"], lambda *_: None)]
        for kind in CLASSES:
            found = objects.setdefault(kind.__name__, [])
            derived = type("Derived", (kind,), {"__init__": lambda self, *_: None})
            found += [kind.__new__(kind), derived.__new__(derived)]
        return objects

    def open_again(self) -> None:
        """For those that a call has closed."""
        for name, model in BATCHING:
            self.objects[name][0] = getattr(_core, name)(self.objects[model][0])

    def find_targets(self) -> list[tuple[str, Callable[..., Any], str | None]]:
        """Name, function and class of what is called."""
        targets: list[tuple[str, Callable[..., Any], str | None]] = [
            (function.__name__, function, None) for function in FUNCTIONS
        ]
        for kind in CLASSES:
            for name in dir(kind):
                member = inspect.getattr_static(kind, name)
                if name in ("__class__", "__subclasshook__", "__init_subclass__", "__dir__", "__sizeof__"):
                    continue
                function = member.fget if isinstance(member, property) else getattr(kind, name)
                if callable(function):
                    static = isinstance(member, staticmethod) or name == "__new__"
                    targets.append((f"{kind.__name__}.{name}", function, None if static else kind.__name__))
            targets.append((kind.__name__, kind, None))
        for work in (
            copy.copy,
            copy.deepcopy,
            pickle.dumps,
            repr,
            hash,
            len,
            iter,
            bool,
            dir,
            weakref.ref,
            self.reclass,
        ):
            targets += [(f"{work.__name__}({kind.__name__})", work, kind.__name__) for kind in CLASSES]
        return targets

    def reclass(self, made: Any, *_: Any) -> None:
        made.__class__ = self.random.choice(CLASSES)

    def any_object(self) -> Any:
        pool = self.random.choice((numbers, texts, sequences, strangers, self.own_objects))()
        return self.random.choice(pool)

    def own_objects(self) -> list[Any]:
        return list(itertools.chain(*self.objects.values()))

    def callback(self) -> Callable[..., Any]:
        """That raises, or uses what it is a callback of."""
        batching = self.random.choice(self.objects["BatchingEmbedder"] + self.objects["BatchingReranker"])
        embedder = self.objects["Embedder"][0]
        return self.random.choice(
            [
                fail,
                lambda *_: None,
                lambda *_: False,
                lambda *_: batching.submit(["again"], fail),
                lambda *_: embedder.encode(["again"]),
                lambda *_: gc.collect(),
                lambda *_: self.keep.clear(),
                self.close_one,
            ]
        )

    def close_one(self, *_: Any) -> None:
        """Made for that, and let go of within the callback."""
        made = _core.BatchingEmbedder(self.objects["Embedder"][0])
        made.submit(["a"], lambda *_: made.close())
        self.keep.append(made)

    def fitting(self, name: str, kind: str) -> Any:
        """For a parameter of this name and type."""
        if name in ("texts", "queries", "passages"):
            return self.random.choice([["a", "b"], ("a", "b"), ["word " * 30, "b"], Numbers(["a", "b"])])
        if name in ("on_done", "progress"):
            return self.callback()
        if name in ("embedder", "reranker"):
            return self.objects[name.capitalize()][0]
        if name == "logits":
            return [0.5, -1.0]
        if name == "directory":
            return self.random.choice(list(self.directories.values()))
        if name in ("timeout", "max_wait"):
            return self.random.choice([0, 0.001, 5, float("inf")])
        return self.of_type(kind)

    def of_type(self, kind: str) -> Any:
        """What pybind11 may take for a parameter of a type: any value of that, which C++ then has to judge."""
        if "bool" in kind:
            return self.random.choice([True, False, None] if "None" in kind else [True, False])
        if "Float" in kind:
            return self.random.choice([value for value in numbers() if isinstance(value, (float, np.floating))])
        if "Int" in kind or "Index" in kind:
            return self.random.choice([value for value in numbers() if isinstance(value, (int, np.integer))])
        return self.random.choice([value for value in texts() if isinstance(value, (str, bytes))])

    def arguments(self, function: Callable[..., Any], kind: str | None) -> tuple[list[Any], dict[str, Any]]:
        told = re.search(r"\((.*)\) ->", getattr(function, "__doc__", None) or "")
        before, _, after = (told[1] if told else "").partition(", *, ")
        required = [pair for pair in re.findall(PARAMETER, before) if pair[0] != "self"]
        others = re.findall(PARAMETER, after)
        named = [name for name, _ in others]
        positional = [self.fitting(*pair) for pair in required]
        options = {name: self.fitting(name, kind) for name, kind in others if self.random.random() < 0.15}
        for _ in range(self.random.choice((0, 0, 0, 1, 1, 2))):  # wrong ones in their place
            if positional and self.random.getrandbits(1):
                positional[self.random.randrange(len(positional))] = self.any_object()
            elif named:
                options[self.random.choice(named)] = self.any_object()
        if self.random.random() < 0.1:
            positional.append(self.any_object())
        if self.random.random() < 0.05:
            options[self.random.choice(["texts", "no_such", "self", "max_length"])] = self.any_object()
        if kind is not None:
            sound, empty = self.objects[kind][:-2], self.objects[kind][-2:]
            which = self.random.choices(["sound", "empty", "any"], [8, 1, 1])[0]
            positional.insert(
                0, self.any_object() if which == "any" else self.random.choice(sound if which == "sound" else empty)
            )
        return positional, options

    def make(self, tell: Callable[[str], None]) -> str:
        """One call; what came of it."""
        name, function, kind = self.random.choice(self.targets if self.random.random() < 0.3 else self.public)
        if self.random.random() < 0.01:
            self.open_again()
        if name.endswith(".load") and self.random.random() < 0.8:  # takes a hundred times as long as the others
            return "left out"
        positional, options = self.arguments(function, kind)
        tell(f"{name}{tuple(map(show, positional))} { ({key: show(value) for key, value in options.items()}) }")
        faulthandler.dump_traceback_later(PATIENCE, exit=True)
        try:
            self.keep.append(function(*positional, **options))
            return "returned"
        except BaseException as error:
            return type(error).__name__
        finally:
            faulthandler.cancel_dump_traceback_later()
            del self.keep[:-20]


def show(value: Any) -> str:
    try:
        return repr(value)[:80]
    except BaseException:
        return f"an object of {type(value).__name__}"


def main() -> None:
    embedder, reranker, seed, count, path = sys.argv[1:]
    sys.unraisablehook = lambda _: None  # what callbacks raise
    random.seed(int(seed))
    calls = Calls(embedder, reranker, int(seed))
    outcomes: dict[str, int] = {}
    with open(path, "wb", buffering=0) as told:
        for number in range(int(count)):

            def tell(call: str, number: int = number) -> None:
                told.truncate(0)
                told.seek(0)
                told.write(f"call {number} of seed {seed}: {call}\n".encode("utf-8", "backslashreplace"))

            outcome = calls.make(tell)
            outcomes[outcome] = outcomes.get(outcome, 0) + 1
        faulthandler.dump_traceback_later(PATIENCE, exit=True)
        tell("the end: everything is closed and forgotten")
        calls.keep.clear()
        for batching in calls.objects["BatchingEmbedder"][:3] + calls.objects["BatchingReranker"][:3]:
            batching.close()
        calls.objects.clear()
        gc.collect()
    print(outcomes)


if __name__ == "__main__":
    main()
