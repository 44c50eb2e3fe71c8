"""Requests of which two servers could make different ones, with a second request to be sent behind each.

Where the shapes are from; the bytes are made here, of small tables:

* RFC 9112, sections 2.2, 5.1, 5.2, 6.1, 6.3, 7.1 and 11.2
* github.com/defparam/smuggler (MIT): bytes before, in and after the Transfer-Encoding field
* github.com/PortSwigger/http-request-smuggler (Apache-2.0): line ends of chunks and of their extensions, chunks that are
  longer or shorter than they say
* github.com/narfindustries/http-garden (GPL-3.0): numbers as lenient parsers read them, empty names, blanks in names
* github.com/nodejs/llhttp (MIT): lengths beside codings, extensions and their quotes, trailers
"""

import itertools
from collections.abc import Callable
from enum import Enum
from typing import NamedTuple

BODY = b'["a"]'  # of five bytes
HIDDEN = b"GET /hidden HTTP/1.1\r\nHost: hidden\r\n\r\n"
CHUNKED = b"Transfer-Encoding: chunked"
LENGTH = b"Content-Length: 5"
CHUNKS = b"5\r\n" + BODY + b"\r\n0\r\n\r\n"

# What no name may hold, and no value but blanks and what is beyond ASCII.
CONTROLS = [bytes([code]) for code in (*range(0x20), 0x7F)]
BLANKS = [b" ", b"\t"]
BEYOND_ASCII = [b"\x80", b"\x85", b"\xa0", b"\xad", b"\xff", "\u2003".encode(), "\uff11".encode()]


class Verdict(Enum):
    REFUSED = "one answer, which closes the connection"
    READ = "two answers"
    EITHER = "the RFC leaves the choice"
    ENDLESS = "no answer: the end of the request has not come"
    UNFRAMED = "no body that anybody told of: what follows is no request"


class Shape(NamedTuple):
    name: str
    request: bytes
    verdict: Verdict


def shown(data: bytes) -> str:
    return data.decode("latin-1").encode("unicode_escape").decode()


def post(*lines: bytes, body: bytes = BODY, version: bytes = b"1.1") -> bytes:
    return b"\r\n".join([b"POST /score HTTP/" + version, b"Host: test", *lines, b"", b""]) + body


def framed(verdict: Verdict, *lines: bytes, body: bytes | None = None) -> Shape:
    """A request with these lines in its head, of chunks where they speak of them."""
    if body is None:
        body = CHUNKS if b"chunked" in b"".join(lines).lower() else BODY
    return Shape("head " + " | ".join(map(shown, lines)), post(*lines, body=body), verdict)


def chunks(verdict: Verdict, body: bytes) -> Shape:
    return Shape("chunks " + shown(body), post(CHUNKED, body=body), verdict)


def odd_bytes() -> list[Shape]:
    """One byte too many before, in and after the two fields that say where a request ends."""
    found = []
    for line, odd in itertools.product((CHUNKED, LENGTH), CONTROLS + BLANKS + BEYOND_ASCII):
        name, value = line.split(b": ")
        is_blank = odd in BLANKS
        found += [
            framed(Verdict.REFUSED, odd + line),
            framed(Verdict.REFUSED, name + odd + b": " + value),
            framed(Verdict.REFUSED, name[:8] + odd + name[8:] + b": " + value),
            framed(Verdict.READ if is_blank else Verdict.REFUSED, name + b":" + odd + value),
            framed(Verdict.READ if is_blank else Verdict.REFUSED, line + odd),
            framed(Verdict.REFUSED, name + b": " + value[:3] + odd + value[3:] + (b"" if line == CHUNKED else b"5")),
        ]
        # Where another server could begin a new line.
        is_text = odd not in CONTROLS or odd == b"\t"
        found.append(framed(Verdict.UNFRAMED if is_text else Verdict.REFUSED, b"X: x" + odd + line))
        for end in (b"\r", b"\n"):
            if end + odd != b"\r\n":  # which is the end of a line
                found += [framed(Verdict.REFUSED, b"X: x" + end + odd + line)]
                found += [framed(Verdict.REFUSED, line + end + odd + b"X: x")]
    return found


def codings() -> list[Shape]:
    refused = [b"xchunked", b"chunkedx", b"chunk", b"identity", b"gzip", b"cow", b"", b"chunked chunked", b"0"]
    refused += [
        b"chunked;q=1",
        b"chunked ;a=b",
        b'"chunked"',
        b"'chunked'",
        b"(x) chunked",
        b"chunked (x)",
        b"{chunked}",
    ]
    refused += [
        first + comma + second
        for comma in (b",", b", ", b" ,")
        for first, second in itertools.permutations((b"chunked", b"identity", b"gzip", b"cow", b"chunked", b""), 2)
    ]
    found = [framed(Verdict.REFUSED, b"Transfer-Encoding: " + value, body=CHUNKS) for value in refused]
    for other in (b"chunked", b"identity", b"cow", b"", b"gzip"):
        found += [
            framed(Verdict.REFUSED, *pair) for pair in itertools.permutations((CHUNKED, b"Transfer-Encoding: " + other))
        ]
    spelled = [b"transfer-encoding: chunked", b"TRANSFER-ENCODING: CHUNKED", b"tRaNsFeR-eNcOdInG: cHuNkEd"]
    spelled += [
        b"Transfer-Encoding:" + before + b"chunked" + after
        for before in (b"", b"  ", b" \t")
        for after in (b"", b" \t ")
    ]
    found += [framed(Verdict.READ, line, body=CHUNKS) for line in spelled]
    other_names = [b"Transfer_Encoding", b"Transfer-Encodings", b"X-Transfer-Encoding", b"Transfer.Encoding", b"TE"]
    other_names += [b"Content-Encoding", b"TransferEncoding", b"Transfer--Encoding", b"'Transfer-Encoding'"]
    found += [framed(Verdict.UNFRAMED, name + b": chunked", body=CHUNKS) for name in other_names]
    found.append(Shape("head 1.0", post(CHUNKED, body=CHUNKS, version=b"1.0"), Verdict.REFUSED))
    return found


def lengths() -> list[Shape]:
    refused = [
        b"+5",
        b"-5",
        b"0x5",
        b"5_0",
        b"0_5",
        b"5.0",
        b"5e0",
        b"05h",
        b"5 5",
        b"5;",
        b"5,",
        b",5",
        b"5, 6",
        b"6,5",
    ]
    refused += [
        b"",
        b"five",
        b"'5'",
        b'"5"',
        b"(x)5",
        b"5(x)",
        b"0b101",
        b"5 ,",
        b"--5",
        b"5-",
        b"1/1",
        b"NaN",
        b"true",
    ]
    # What is left of these in 8, 16, 32 or 64 bits is 5.
    refused += [str((1 << bits) + 5).encode() for bits in (32, 63, 64, 65, 128)] + [b"9" * 400]
    found = [framed(Verdict.REFUSED, b"Content-Length: " + value) for value in refused]
    found += [
        framed(Verdict.REFUSED, *pair)
        for other in (b"6", b"0", b"05x", b"", b"-5", b"5, 5, 6")
        for pair in itertools.permutations((LENGTH, b"Content-Length: " + other))
    ]
    found += [
        framed(Verdict.READ, b"Content-Length: " + value) for value in (b"005", b"5 ", b" \t5\t", b"0" * 18 + b"5")
    ]
    found += [
        framed(Verdict.EITHER, *lines)
        for lines in (
            [LENGTH] * 2,
            [LENGTH] * 3,
            [b"Content-Length: 5, 5"],
            [b"Content-Length: 5,5"],
            [LENGTH, b"Content-Length: 05"],
        )
    ]
    for coding, length in itertools.product(
        (CHUNKED, b"Transfer-Encoding: identity", b"Transfer-Encoding: cow", b"Transfer-Encoding:"),
        (b"0", b"5", b"15", b"%d" % len(CHUNKS), b"%d" % (len(CHUNKS) + len(HIDDEN)), b"99999999999999999999"),
    ):
        found += [
            framed(Verdict.REFUSED, *pair) for pair in itertools.permutations((coding, b"Content-Length: " + length))
        ]
    other_names = [b"Content_Length", b"Content-Lengths", b"X-Content-Length", b"Content.Length", b"ContentLength"]
    return found + [framed(Verdict.UNFRAMED, name + b": 5") for name in other_names]


def chunk_sizes() -> list[Shape]:
    refused = [
        b"0x5",
        b"+5",
        b"-5",
        b" 5",
        b"\t5",
        b"5h",
        b"g",
        b"five",
        b"",
        b"5_0",
        b"0_5",
        b"5.0",
        b"5,5",
        b'"5"',
        b"5 5",
    ]
    refused += [b"%x" % ((1 << bits) + 5) for bits in (32, 63, 64, 65, 128)] + [b"F" * 16, b"F" * 17, b"F" * 400]
    refused += [b"4", b"6", b"3;a", b"-0", b"--5", b"5\r\n5", b"\r\n5", b"\n5", b"0 5", b"\x00\x055"]
    refused += [b"5" + odd for odd in CONTROLS if odd != b"\t"] + [odd + b"5" for odd in CONTROLS + BEYOND_ASCII]
    refused += [b"5" + odd for odd in BEYOND_ASCII]
    found = [chunks(Verdict.REFUSED, size + b"\r\n" + BODY + b"\r\n0\r\n\r\n") for size in refused]
    found += [
        chunks(Verdict.READ, size + b"\r\n" + BODY + b"\r\n0\r\n\r\n")
        for size in (b"05", b"0000005", b"5;a", b"05;a=b")
    ]
    found += [
        chunks(Verdict.EITHER, size + b"\r\n" + BODY + b"\r\n0\r\n\r\n") for size in (b"5 ", b"5\t", b"0" * 30 + b"5")
    ]
    # The last chunk, of another size than one that could be.
    found += [
        chunks(Verdict.REFUSED, b"5\r\n" + BODY + b"\r\n" + last + b"\r\n\r\n")
        for last in (b"-0", b"+0", b"0x0", b"", b" 0", b"0h", b"O", b"\x000", b"0_0")
    ]
    found += [
        chunks(Verdict.READ, b"5\r\n" + BODY + b"\r\n" + last + b"\r\n\r\n") for last in (b"000", b"0;a", b"00;a=b")
    ]
    # Letters in both cases; a chunk that ends within a multiple of what a buffer holds.
    text = b'["' + b"a" * 167 + b'"]'
    found += [chunks(Verdict.READ, size + b"\r\n" + text + b"\r\n0\r\n\r\n") for size in (b"ab", b"AB", b"aB", b"0aB")]
    return found


def extensions() -> list[Shape]:
    read = [b";a", b";a=b", b";a;b", b";a=b;c=d", b';a="b"', b';a="b;c"', b';a="\\""', b';a="0\\\\"', b';a=""']
    either = [b" ;a", b"; a", b"; a = b", b"\t;a\t=\tb", b";a ", b';a="b" ']
    refused = [b";", b";;", b"; ", b";=b", b";a=", b';a="b', b';a=b"', b";a=b c", b";a b", b" a", b";a==b", b';a="b"c']
    refused += [b";a=" + odd for odd in CONTROLS if odd != b"\t"] + [b";" + odd for odd in CONTROLS if odd != b"\t"]
    refused += [b';a="' + odd + b'"' for odd in CONTROLS if odd != b"\t"]
    refused += [b";a" + odd + b"b" for odd in CONTROLS] + [b";a=b" + odd + b"c" for odd in CONTROLS]
    # Another server could end the line here, and read another chunk.
    refused += [b";a" + end + size + b"\r\n" for end in (b"\n", b"\r", b"\rX", b"\r\r") for size in (b"5", b"0", b"10")]
    found = []
    for verdict, all_of_them in ((Verdict.READ, read), (Verdict.EITHER, either), (Verdict.REFUSED, refused)):
        for extension in all_of_them:
            found.append(chunks(verdict, b"5" + extension + b"\r\n" + BODY + b"\r\n0\r\n\r\n"))
            # A quote that stays open could be closed by what follows; then it is refused.
            last = Verdict.ENDLESS if extension == b';a="b' else verdict
            found.append(chunks(last, b"5\r\n" + BODY + b"\r\n0" + extension + b"\r\n\r\n"))
    return found


def line_ends() -> list[Shape]:
    """Another end in place of each of those that a chunked request has."""
    ends = [
        b"\n",
        b"\r",
        b"\r\r\n",
        b"\n\r",
        b"",
        b"XX",
        b"\rX",
        b"\r\r",
        b"\n\n",
        b"\x00\r\n",
        b"\r\n ",
        b"\x0b",
        b"\x85",
    ]
    parts = [b"POST /score HTTP/1.1", b"Host: test", CHUNKED, b"", b"5", BODY, b"0", b"X: x", b""]
    found = []
    for number, end in itertools.product(range(len(parts)), ends):
        # What makes another name of the host, or ends a body and begins what follows.
        if (number == 1 and end in (b"", b"XX", b"\x85")) or (number in (5, 8) and end == b"\r\n "):
            continue
        request = b"".join(part + (end if n == number else b"\r\n") for n, part in enumerate(parts))
        found.append(Shape(f"end {number} {shown(end)}", request, Verdict.REFUSED))
    return found


def trailers() -> list[Shape]:
    read = [b"Connection: close", b"X: x", b"X:x", b"X:", b"X: \xff", b"X: x\r\nY: y"]
    # Must not be taken for fields of the head.
    either = [
        b"Content-Length: 6",
        b"Transfer-Encoding: gzip",
        CHUNKED,
        b"Host: other",
        b"Trailer: x",
    ]
    refused = [
        b"no colon",
        b": x",
        b" X: x",
        b"\tX: x",
        b"X : x",
        b"X\t: x",
        b"X Y: x",
        b"X: x\r\n y",
        b"X: x\ny",
        b"X: x\ry",
    ]
    refused += [b"X: x" + odd + b"y" for odd in CONTROLS if odd != b"\t"] + [odd + b"X: x" for odd in CONTROLS]
    body = b"5\r\n" + BODY + b"\r\n0\r\n"
    return [
        chunks(verdict, body + trailer + b"\r\n\r\n")
        for verdict, all_of_them in ((Verdict.READ, read), (Verdict.EITHER, either), (Verdict.REFUSED, refused))
        for trailer in all_of_them
    ]


def heads() -> list[Shape]:
    """The first line, and what else stands around the fields."""
    rest = b"\r\nHost: test\r\n" + LENGTH + b"\r\n\r\n" + BODY
    lines = [b"POST  /score HTTP/1.1", b"POST /score  HTTP/1.1", b" POST /score HTTP/1.1", b"POST /score HTTP/1.1 "]
    lines += [
        b"POST\t/score\tHTTP/1.1",
        b"POST /score",
        b"POST",
        b"/score HTTP/1.1",
        b"POST /score HTTP/1.1 x",
        b"\nPOST /score HTTP/1.1",
    ]
    lines += [
        b"POST /score HTTP/" + version
        for version in (
            b"1.2",
            b"2.0",
            b"0.9",
            b"1",
            b"1.",
            b"1.11",
            b"01.1",
            b"1.1.1",
            b"1,1",
            b"11",
            b"-1.1",
            b"",
            b"1. 1",
            b"A.B",
        )
    ]
    lines += [b"POST /score " + name + b"/1.1" for name in (b"http", b"HTTPS", b"Http", b"ICY", b"")]
    lines += [
        b"PO" + odd + b"ST /score HTTP/1.1" for odd in CONTROLS + BEYOND_ASCII + [b"(", b"/", b":", b"@", b"[", b'"']
    ]
    lines += [b"POST /sc" + odd + b"ore HTTP/1.1" for odd in CONTROLS]
    lines += [b"POST /score HTTP/1" + odd + b".1" for odd in CONTROLS]
    found = [Shape("line " + shown(line), line + rest, Verdict.REFUSED) for line in lines]
    found += [Shape("empty lines before", b"\r\n" * count + post(LENGTH), Verdict.EITHER) for count in (1, 2, 5)]
    refused = [
        b"",
        b"Host",
        b": x",
        b"no colon",
        b" X: x",
        b"\tX: x",
        b"X : x",
        b"X Y: x",
        b"X: x\r\n y",
        b"X:\r\n\tx",
        b"X: \r\n ",
    ]
    refused += [
        b"Host: test",
        b"Host: other",
        b"host : x",
        b"Host\x00: x",
        b"(X): x",
        b"X@: x",
        b"X/: x",
        b"[X]: x",
        b"X=: x",
    ]
    refused += [LENGTH[:15] + b"\r\n 5", CHUNKED[:18] + b"\r\n chunked", b"Transfer-\r\n Encoding: chunked"]
    return found + [framed(Verdict.REFUSED, line, LENGTH) for line in refused if line]


FAMILIES: list[Callable[[], list[Shape]]] = [
    odd_bytes,
    codings,
    lengths,
    chunk_sizes,
    extensions,
    line_ends,
    trailers,
    heads,
]
