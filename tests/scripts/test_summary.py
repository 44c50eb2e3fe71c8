"""The last lines of scripts/test."""

import json

import summary

JUNIT = """<?xml version="1.0"?><testsuite>
<testcase name="unit.config" status="run"><system-out>
0.25 s: a case of doctest
1.500000 s: another
[doctest] test cases:  12 |  11 passed | 1 failed | 300 skipped</system-out></testcase>
<testcase name="parity.heads" status="run"><system-out>
SKIPPED [1] test_real_model.py:33: BGEM3_MODEL_DIR is not set
5 passed, 2 skipped in 3.10s</system-out></testcase>
<testcase name="lint.format" status="run"><system-out/></testcase>
<testcase name="build.broken" status="fail"><system-out>Segmentation fault</system-out></testcase>
<testcase name="gpu" status="notrun"><skipped message="SKIP_RETURN_CODE=4"/><system-out/></testcase>
</testsuite>"""


def test_counts_cases_not_entries(tmp_path, capsys):
    (tmp_path / "unit.xml").write_text(JUNIT)
    (tmp_path / "stages.tsv").write_text("compile\t7\t0\nunit\t65\t8\n")
    assert summary.main(str(tmp_path), str(tmp_path / "pytest")) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[-1] == "17 passed, 2 failed, 3 skipped"
    assert "skipped  parity.heads: test_real_model.py:33: BGEM3_MODEL_DIR is not set" in lines
    assert "skipped  gpu: SKIP_RETURN_CODE=4" in lines


PYTEST = """<?xml version="1.0"?><testsuites><testsuite>
<testcase classname="test_heads" name="test_scores[1]" time="2.5"/>
<testcase classname="test_heads" name="test_others" time="0.5"/></testsuite></testsuites>"""


def test_times_of_cases_and_stages_are_kept(tmp_path, capsys):
    (tmp_path / "pytest").mkdir()
    (tmp_path / "pytest" / "parity.heads.xml").write_text(PYTEST)
    (tmp_path / "unit.xml").write_text(JUNIT.replace('"lint.format"', '"lint.format" time="0.7"'))
    (tmp_path / "stages.tsv").write_text("compile\t7\t0\nunit\t65\t8\n")
    summary.main(str(tmp_path), str(tmp_path / "pytest"))
    times = json.loads((tmp_path / "times.json").read_text())
    assert {name: stage["seconds"] for name, stage in times.items()} == {"compile": 7, "unit": 65}
    slowest = ["parity.heads: test_heads::test_scores[1]", "unit.config: another", "lint.format"]
    assert [times["unit"]["tests"][name] for name in slowest] == [2.5, 1.5, 0.7]
    lines = capsys.readouterr().out.splitlines()
    first = lines.index("the 20 slowest tests, in seconds") + 1
    assert [line.split(maxsplit=1)[1] for line in lines[first : first + 3]] == slowest


def test_failed_build_counts(tmp_path, capsys):
    (tmp_path / "stages.tsv").write_text("compile\t7\t1\n")
    assert summary.main(str(tmp_path), str(tmp_path / "pytest")) == 1
    assert capsys.readouterr().out.splitlines()[-1] == "0 passed, 1 failed, 0 skipped"


def test_pytest_line_with_colours(tmp_path, capsys):
    output = "\x1b[32m\x1b[1m3 passed\x1b[0m, \x1b[33m1 warning\x1b[0m\x1b[32m in 75.20s (0:01:15)\x1b[0m"
    assert summary.count_cases("run", summary.COLOUR.sub("", output)) == summary.Counts(3, 0, 0)
