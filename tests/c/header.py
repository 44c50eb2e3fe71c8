"""What bgem3/c.h declares."""

import re

from prepared import ROOT


def declared_functions() -> set[str]:
    header = (ROOT / "include/bgem3/c.h").read_text()
    names = re.findall(r"^BGEM3_API [^;(]*?\b(\w+)\(", header, re.M)
    assert len(names) == len(set(names)) == header.count("BGEM3_API") > 20
    return set(names)
