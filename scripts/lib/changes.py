"""What differs from where the work began: from origin/main, or on it from the last tag, else from the commit before.

    python scripts/lib/changes.py                  the files, one a line
    python scripts/lib/changes.py --sources BUILD  those that are compiled from src/, and one for each header there is

Fails with 3 when there is nothing to compare with, as in a clone of one commit: then everything has changed. BUILD is a
directory of Ninja's, which knows what includes what.
"""

import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
NOTHING_TO_COMPARE_WITH = 3


def git(*arguments: str) -> str | None:
    """Output, or None when git has no answer."""
    command = ["git", "-c", "safe.directory=*", "-C", str(ROOT), *arguments]
    done = subprocess.run(command, capture_output=True, text=True)
    return done.stdout.strip() if done.returncode == 0 else None


def base() -> str | None:
    """The commit to compare with."""
    head = git("rev-parse", "HEAD")
    for branch in ("origin/main", "main"):
        found = git("merge-base", "HEAD", branch)
        if found and found != head:
            return found
    tag = git("describe", "--tags", "--abbrev=0", "HEAD~1")
    return tag or git("rev-parse", "--verify", "--quiet", "HEAD~1")


def changed_files(commit: str) -> set[pathlib.Path]:
    """Below ROOT, committed or not."""
    names = [git("diff", "--name-only", commit), git("ls-files", "--others", "--exclude-standard")]
    return {ROOT / name for listed in names for name in (listed or "").splitlines()}


def dependencies(build: pathlib.Path) -> list[list[pathlib.Path]]:
    """Of every object: its source, then all that this includes."""
    listed = subprocess.run(["ninja", "-C", build, "-t", "deps"], capture_output=True, text=True, check=True).stdout
    blocks = [block.splitlines()[1:] for block in listed.split("\n\n") if block.strip()]
    return [[(build / line.strip()).resolve() for line in block] for block in blocks]


def sources_to_check(changed: set[pathlib.Path], build: pathlib.Path) -> set[pathlib.Path]:
    """Of src/, the compiled files that changed, and as many more as it takes to see every header that changed."""
    objects = {files[0]: changed.intersection(files) for files in dependencies(build) if files}
    objects = {
        file: seen for file, seen in objects.items() if file.is_relative_to(ROOT / "src") and file.suffix == ".cpp"
    }
    if ROOT / ".clang-tidy" in changed:
        return set(objects)
    chosen = changed.intersection(objects)
    covered = set().union(*(objects[file] for file in chosen))
    for file, seen in objects.items():
        if not seen <= covered:
            chosen, covered = chosen | {file}, covered | seen
    return chosen


def main() -> int:
    commit = base()
    if commit is None:
        return NOTHING_TO_COMPARE_WITH
    files = changed_files(commit)
    if sys.argv[1:2] == ["--sources"]:
        files = sources_to_check(files, pathlib.Path(sys.argv[2]).resolve())
    print(*sorted(str(file.relative_to(ROOT)) for file in files), sep="\n", end="\n" if files else "")
    return 0


if __name__ == "__main__":
    sys.exit(main())
