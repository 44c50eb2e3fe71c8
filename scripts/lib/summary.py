"""Prints what scripts/test did: skipped tests with their reasons, the slowest tests, a time per stage, and one last
line of totals. Writes times.json, which has the time of every stage and test.

    python scripts/lib/summary.py build/test-results build/release/pytest

The first directory holds stages.tsv (stage, seconds, exit status) and one JUnit file by ctest for each stage with tests.
A ctest entry that runs doctest or pytest counts with the cases these report, any other as one. The second one holds a
JUnit file by pytest for each of its entries, with the times of the cases. Exits with 1 on failure.
"""

import json
import pathlib
import re
import sys
import xml.etree.ElementTree as xml
from dataclasses import dataclass

DOCTEST = re.compile(r"\[doctest\] test cases:\s*\d+ \|\s*(\d+) passed \|\s*(\d+) failed")
PYTEST = re.compile(r"^(?=.*\d (?:passed|failed|skipped|error)).* in \d[\d.]*s\b.*$", re.M)
PYTEST_COUNT = re.compile(r"(\d+) (passed|failed|skipped|error)")
PYTEST_SKIP = re.compile(r"^SKIPPED \[\d+\] (.*)$", re.M)
DOCTEST_TIME = re.compile(r"^(\d+\.\d+) s: (.+)$", re.M)
SLOWEST = 20
COLOUR = re.compile(r"\x1b\[[0-9;]*m")


@dataclass
class Counts:
    passed: int = 0
    failed: int = 0
    skipped: int = 0

    def __add__(self, other: "Counts") -> "Counts":
        return Counts(self.passed + other.passed, self.failed + other.failed, self.skipped + other.skipped)


def count_cases(status: str, output: str) -> Counts:
    """Results of one ctest entry from its JUnit status and its output."""
    if match := DOCTEST.search(output):
        counts = Counts(int(match[1]), int(match[2]))
    elif lines := PYTEST.findall(output):
        found = {word: int(number) for number, word in PYTEST_COUNT.findall(lines[-1])}
        failed = found.get("failed", 0) + found.get("error", 0)
        counts = Counts(found.get("passed", 0), failed, found.get("skipped", 0))
    else:
        counts = Counts(int(status == "run"), 0, int(status in ("notrun", "disabled")))
    if status == "fail" and not counts.failed:  # a crash, a time limit, a lint script
        counts.failed = 1
    return counts


def read_stage(file: pathlib.Path) -> tuple[Counts, list[str]]:
    """Totals of one JUnit file, and its skips as "test: reason"."""
    total, skips = Counts(), []
    if not file.exists():
        return total, skips
    for case in xml.parse(file).getroot().iter("testcase"):
        output = COLOUR.sub("", case.findtext("system-out") or "")
        total += count_cases(case.get("status", "fail"), output)
        skips += [f"{case.get('name')}: {reason}" for reason in PYTEST_SKIP.findall(output)]
        if case.get("status") in ("notrun", "disabled") and not PYTEST_SKIP.search(output):
            skipped = case.find("skipped")
            reason = "not run" if skipped is None else skipped.get("message")
            skips.append(f"{case.get('name')}: {reason}")
    return total, skips


def read_times(file: pathlib.Path, pytest_results: pathlib.Path) -> dict[str, float]:
    """Seconds of the tests in one JUnit file of ctest: of the cases, where the entry tells them."""
    times: dict[str, float] = {}
    for entry in xml.parse(file).getroot().iter("testcase"):
        name, cases = entry.get("name", ""), pytest_results / f"{entry.get('name')}.xml"
        if cases.is_file():
            for case in xml.parse(cases).getroot().iter("testcase"):
                times[f"{name}: {case.get('classname')}::{case.get('name')}"] = float(case.get("time", 0))
        elif told := DOCTEST_TIME.findall(COLOUR.sub("", entry.findtext("system-out") or "")):
            times |= {f"{name}: {case}": float(seconds) for seconds, case in told}
        else:
            times[name] = float(entry.get("time", 0))
    return times


def print_slowest(times: dict[str, dict[str, float]]) -> None:
    every = sorted(((seconds, name) for tests in times.values() for name, seconds in tests.items()), reverse=True)
    print(f"\nthe {SLOWEST} slowest tests, in seconds")
    for seconds, name in every[:SLOWEST]:
        print(f"{seconds:8.1f}  {name}")


def main(directory: str, pytest_directory: str) -> int:
    results = pathlib.Path(directory)
    times: dict[str, dict[str, float]] = {}
    rows, total, skips = [], Counts(), []
    for line in (results / "stages.tsv").read_text().splitlines():
        name, seconds, status = line.split("\t")
        counts, reasons = read_stage(results / f"{name}.xml")
        if status != "0" and not counts.failed:  # a build that failed has no tests to blame
            counts.failed = 1
        rows.append((name, int(seconds), counts))
        file = results / f"{name}.xml"
        times[name] = read_times(file, pathlib.Path(pytest_directory)) if file.is_file() else {}
        total += counts
        skips += reasons
    print()
    for skip in skips:
        print(f"skipped  {skip}")
    if any(times.values()):
        print_slowest(times)
    stages = {name: {"seconds": seconds, "tests": times[name]} for name, seconds, _ in rows}
    (results / "times.json").write_text(json.dumps(stages, indent=1) + "\n")
    print(f"\n{'stage':12} {'seconds':>8} {'passed':>8} {'failed':>8} {'skipped':>8}")
    for name, seconds, counts in [*rows, ("total", sum(row[1] for row in rows), total)]:
        print(f"{name:12} {seconds:8} {counts.passed:8} {counts.failed:8} {counts.skipped:8}")
    print(f"\n{total.passed} passed, {total.failed} failed, {total.skipped} skipped")
    return 1 if total.failed else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
