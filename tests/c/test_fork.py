"""The C interface in a child of a process that has forked, on the thread that has."""

import subprocess
import sys
from pathlib import Path

import pytest
from prepared import program

CHILD = """
import ctypes, os, sys
from ctypes import byref, c_float, c_void_p
from interface import LoadOptions, LogCallback, declare

c = declare(ctypes.CDLL(sys.argv[1]))
warnings = []
on_log = LogCallback(lambda level, message, _: warnings.append(message) if level == 1 else None)

def load():
    options, embedder = LoadOptions(), c_void_p()
    assert c.bgem3_load_options_init(byref(options), ctypes.sizeof(options)) == 0
    options.threads, options.on_log = 2, on_log
    assert c.bgem3_embedder_load(sys.argv[2].encode(), byref(options), byref(embedder)) == 0, c.bgem3_last_error()
    return embedder

def encode(embedder):
    data = [b"a text of many words " * 20] * 8
    lengths = (ctypes.c_size_t * 8)(*map(len, data))
    out = (c_float * (8 * c.bgem3_embedder_dimension(embedder)))()
    texts = (ctypes.c_char_p * 8)(*data)
    assert c.bgem3_embedder_encode_into(embedder, texts, lengths, 8, None, out, len(out)) == 0, c.bgem3_last_error()
    return list(out)

{before}
child = os.fork()
if child == 0:
    {after}
    c.bgem3_embedder_free(embedder)
    os._exit(0)
assert os.waitpid(child, 0)[1] == 0
"""

# As a server that forks its workers when the model is there.
LOADED_BEFORE = (
    """
embedder = load()
found = encode(embedder)
warnings.clear()
""",
    """
    assert max(abs(a - b) for a, b in zip(encode(embedder), found)) < 1e-5
    assert len(warnings) == 1 and b"its team of OpenMP threads stayed with the parent" in warnings[0], warnings
""",
)
# As a daemon that loads the model when it is one: nothing was lost.
LOADED_AFTER = (
    "",
    """
    embedder = load()
    warnings.clear()
    encode(embedder)
    assert not warnings, warnings
    assert len(os.listdir("/proc/self/task")) >= 2
""",
)


@pytest.mark.parametrize("before, after", [LOADED_BEFORE, LOADED_AFTER], ids=["loaded before", "loaded after"])
def test_child_computes(tiny, before, after):
    code = CHILD.format(before=before, after=after.strip())
    command = [sys.executable, "-c", code, program("BGEM3_LIBRARY"), tiny]
    ran = subprocess.run(command, cwd=Path(__file__).parent, capture_output=True, text=True, timeout=60)
    assert ran.returncode == 0, ran.stderr
