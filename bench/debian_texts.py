"""Real texts in many languages: the questions of Debian's FAQ with their answers, out of Debian's packages.

    python bench/debian_texts.py build/peers/debian > texts.jsonl

Needs Debian's apt-get and dpkg-deb, no root; downloads 5 MB once.
"""

import gzip
import io
import json
import pathlib
import re
import subprocess
import sys
import tarfile

PACKAGES = ["debian-faq"] + [f"debian-faq-{language}" for language in "de fr it ja ko nl pt ru zh-cn".split()]
QUESTION = re.compile(r"^(?=\d+\.\d+\.\s)", re.MULTILINE)
TEXT_LEAST = 40  # characters; shorter are headings without a text, and lines of the table of contents


def debian_texts(directory: pathlib.Path) -> list[dict[str, str]]:
    """{"language", "text"} of each question, languages taking turns.

    Raises RuntimeError where the packages cannot be had.
    """
    of_languages = [texts_of_package(file) for file in downloaded(directory)]
    most = max(map(len, of_languages))
    return [texts[i] for i in range(most) for texts in of_languages if i < len(texts)]


def downloaded(directory: pathlib.Path) -> list[pathlib.Path]:
    directory.mkdir(parents=True, exist_ok=True)
    missing = [name for name in PACKAGES if not list(directory.glob(f"{name}_*.deb"))]
    if missing:
        try:
            subprocess.run(["apt-get", "download", "-q", *missing], cwd=directory, check=True, capture_output=True)
        except (OSError, subprocess.CalledProcessError) as error:
            raise RuntimeError(f"apt-get download {' '.join(missing)} failed: {error}") from error
    return [file for name in PACKAGES for file in directory.glob(f"{name}_*.deb")]


def texts_of_package(file: pathlib.Path) -> list[dict[str, str]]:
    archive = subprocess.run(["dpkg-deb", "--fsys-tarfile", file], check=True, capture_output=True).stdout
    with tarfile.open(fileobj=io.BytesIO(archive)) as members:
        member = next(m for m in members if m.isfile() and m.name.endswith(".txt.gz"))
        content = members.extractfile(member)
        assert content is not None
        document = gzip.decompress(content.read()).decode()
    language = member.name.split(".")[-3]
    texts = [" ".join(part.split()) for part in QUESTION.split(document)[1:]]
    return [{"language": language, "text": text} for text in texts if len(text) >= TEXT_LEAST]


def main() -> None:
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    for text in debian_texts(pathlib.Path(sys.argv[1])):
        print(json.dumps(text, ensure_ascii=False))


if __name__ == "__main__":
    main()
