"""Ctrl-C to a program that is at work."""

import signal
import subprocess
import sys
import time

PROGRAM = """
import bgem3, numpy
model = {model}
before = {result}
print("ready", flush=True)
try:
    {work}
    print("finished", flush=True)
except KeyboardInterrupt:
    print("interrupted", flush=True)
assert numpy.abs(numpy.subtract({result}, before)).max() < 1e-6
print("usable", flush=True)
"""


def interrupt(model: str, work: str, result: str, after: float) -> tuple[float, float]:
    """Expressions of Python: `work` is interrupted after so many seconds, `result` has to be the same before and after.

    Seconds from the signal until work stops, and until the result is there.
    """
    program = PROGRAM.format(model=model, work=work, result=result)
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        time.sleep(after)
        sent = time.perf_counter()
        process.send_signal(signal.SIGINT)
        assert process.stdout.readline() == "interrupted\n"
        stopped = time.perf_counter() - sent
        assert process.stdout.readline() == "usable\n"
        usable = time.perf_counter() - sent
    assert process.returncode == 0
    return stopped, usable
