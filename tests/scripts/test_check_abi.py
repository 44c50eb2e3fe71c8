"""scripts/check_abi over small libraries, each a prefix as `cmake --install` leaves it."""

import os
import pathlib
import shutil
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
HEADER = """
#define API __attribute__((visibility("default")))
extern "C" {
struct bgem3_told;
struct API bgem3_load_options { unsigned long struct_size; int (*tell)(const bgem3_told*); int one; };
struct API bgem3_progress { int done; };
struct API bgem3_told { int so_far; };
enum bgem3_status { BGEM3_OK, BGEM3_INTERNAL };
API int bgem3_load(const bgem3_load_options* options, const bgem3_progress* progress, bgem3_status status);
API int bgem3_free(void);
}
"""
BODY = """
struct Inner { long some; };  // no public header has it
int bgem3_load(const bgem3_load_options* options, const bgem3_progress* progress, bgem3_status status) {
  const bgem3_told told{1};
  options->tell(&told);
  const Inner inner{progress->done};
  return options->one + static_cast<int>(inner.some) + status;
}
int bgem3_free(void) { return 0; }
"""
needs_abidiff = pytest.mark.skipif(not shutil.which("abidiff"), reason="no abidiff (Debian: abigail-tools)")


def check(*arguments: object, **environment: str) -> subprocess.CompletedProcess:
    command = ["scripts/check_abi", *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, env=os.environ | environment, capture_output=True, text=True)


def install(prefix: pathlib.Path, changes: dict[str, str], *flags: str) -> pathlib.Path:
    """Builds the library with changes of its text."""
    header, body = HEADER, BODY
    for right, wrong in changes.items():
        assert right in header + body
        header, body = header.replace(right, wrong), body.replace(right, wrong)
    (prefix / "include").mkdir(parents=True)
    (prefix / "lib").mkdir()
    (prefix / "include/api.h").write_text(header)
    (prefix / "body.cpp").write_text('#include "api.h"\n' + body)
    command = ["c++", "-shared", "-fPIC", "-fvisibility=hidden", f"-I{prefix}/include", *(flags or ["-g"])]
    subprocess.run([*command, f"{prefix}/body.cpp", "-o", f"{prefix}/lib/libbgem3.so"], check=True)
    return prefix


def compare(folder: pathlib.Path, changes: dict[str, str]) -> subprocess.CompletedProcess:
    done = check(install(folder / "old", {}), install(folder / "new", changes))
    assert done.returncode in (0, 1), done.stderr
    return done


BREAKING = {
    "removed function": (
        {"API int bgem3_free(void);": "", "int bgem3_free(void) { return 0; }": ""},
        "bgem3_free",
    ),
    "changed struct": ({"{ int done; }": "{ long before; int done; }"}, "bgem3_progress"),
    "grown struct without a size": ({"{ int done; }": "{ int done; int after; }"}, "bgem3_progress"),
    "member of options in between": (
        {"struct_size; int (*tell)": "struct_size; long two; int (*tell)"},
        "bgem3_load_options",
    ),
    "other type of a member of options": ({"int one; }": "double one; }"}, "bgem3_load_options"),
    "struct that a callback in options takes": ({"int so_far": "long before; int so_far"}, "bgem3_told"),
    "other value of an enumeration": ({"{ BGEM3_OK, BGEM3": "{ BGEM3_OK = 7, BGEM3"}, "bgem3_status"),
}
HARMLESS = {
    "nothing": ({}, "equal"),
    "private struct": ({"long some;": "long some, more;"}, "equal"),
    "new function": (
        {"API int bgem3_free(void);": "API int bgem3_free(void); API int bgem3_new(void);"}
        | {"return 0; }": "return 0; }\nint bgem3_new(void) { return 1; }"},
        "bgem3_new",
    ),
    "member at the end of options": ({"int one; }": "int one; long two, three; }"}, "bgem3_load_options"),
    "new value of an enumeration": ({"BGEM3_INTERNAL }": "BGEM3_INTERNAL, BGEM3_LATER }"}, "equal"),
}


@needs_abidiff
@pytest.mark.parametrize("changes, name", BREAKING.values(), ids=BREAKING)
def test_what_breaks_programs_fails(tmp_path, changes, name):
    done = compare(tmp_path, changes)
    assert done.returncode == 1, done.stdout
    assert name in done.stdout and "BREAKS" in done.stdout


@needs_abidiff
@pytest.mark.parametrize("changes, word", HARMLESS.values(), ids=HARMLESS)
def test_what_breaks_none_does_not(tmp_path, changes, word):
    done = compare(tmp_path, changes)
    assert done.returncode == 0, done.stdout
    assert word in done.stdout


@needs_abidiff
def test_library_without_debug_information_cannot_be_compared(tmp_path):
    done = check(install(tmp_path / "old", {}), install(tmp_path / "new", {}, "-g0"))
    assert done.returncode == 2 and "expected debug information (-g)" in done.stderr, done.stdout


def test_without_a_tag_there_is_nothing_to_compare(tmp_path):
    shutil.copytree(ROOT / "scripts", tmp_path / "scripts", ignore=shutil.ignore_patterns("__pycache__"))
    subprocess.run(["git", "init", "-q"], cwd=tmp_path, check=True)
    done = subprocess.run(["scripts/check_abi"], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0 and done.stdout.startswith("nothing to compare"), done.stderr


def test_without_abidiff_says_what_to_install(tmp_path):
    for program in ("bash", "dirname"):
        (tmp_path / program).symlink_to(shutil.which(program))
    done = check(tmp_path, tmp_path, PATH=str(tmp_path))
    assert done.returncode == 2 and "apt-get install -y abigail-tools" in done.stderr


def test_wrong_usage_says_what_was_expected():
    done = check("one")
    assert done.returncode == 2 and "expected two prefixes, or none; found 'one'" in done.stderr
