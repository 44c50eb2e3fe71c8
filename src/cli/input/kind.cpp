#include "cli/input/kind.h"

#include <algorithm>
#include <array>
#include <cstring>

#include <fmt/format.h>

#include "bgem3/error.h"

namespace bgem3::cli {
namespace {

using namespace std::string_view_literals;

struct Signature {
  std::string_view bytes;  // '?' stands for any
  InputKind kind;
  std::string_view name;
  std::string_view advice;
};

constexpr std::string_view to_jsonl = R"(write its texts as JSON lines, {"text": …})";
constexpr std::string_view no_texts = "expected texts, one a line, or JSON lines";
constexpr std::string_view from_parquet =
    "make JSON lines of it: python3 -c 'import pandas, sys; "
    "pandas.read_parquet(sys.argv[1]).to_json(sys.argv[2], orient=\"records\", lines=True)' FILE FILE.jsonl";
constexpr std::string_view from_arrow =
    "make JSON lines of it: python3 -c 'import pandas, sys; "
    "pandas.read_feather(sys.argv[1]).to_json(sys.argv[2], orient=\"records\", lines=True)' FILE FILE.jsonl";

// The first that fits counts. Parquet: its magic is followed by the first field of a Thrift structure, always an i32.
constexpr std::array signatures = {
    Signature{"\x1f\x8b"sv, InputKind::gzip, "gzip", ""},
    Signature{"\x28\xb5\x2f\xfd"sv, InputKind::zstd, "zstd", ""},
    Signature{"\x50\x2a\x4d\x18"sv, InputKind::zstd, "zstd", ""},  // frames that pzstd puts first
    Signature{"\xef\xbb\xbf"sv, InputKind::utf8_mark, "", ""},
    Signature{"\xff\xfe\0\0"sv, InputKind::other, "UTF-32", "convert it: iconv -f UTF-32 -t UTF-8"},
    Signature{"\0\0\xfe\xff"sv, InputKind::other, "UTF-32", "convert it: iconv -f UTF-32 -t UTF-8"},
    Signature{"\xff\xfe"sv, InputKind::utf16_little, "", ""},
    Signature{"\xfe\xff"sv, InputKind::utf16_big, "", ""},
    Signature{"\xfd"
              "7zXZ\0"sv,
              InputKind::other, "xz", "decompress it: xz -dc FILE | bgem3 …"},
    Signature{"BZh?1AY&SY"sv, InputKind::other, "bzip2", "decompress it: bzip2 -dc FILE | bgem3 …"},
    Signature{"\x04\x22\x4d\x18"sv, InputKind::other, "lz4", "decompress it: lz4 -dc FILE | bgem3 …"},
    Signature{"PK\3\4"sv, InputKind::other, "a zip archive (or npz, docx, xlsx …)",
              "take the texts out of it, as with: unzip -p FILE | bgem3 …"},
    Signature{"7z\xbc\xaf\x27\x1c"sv, InputKind::other, "a 7z archive", "take the texts out of it"},
    Signature{"Rar!\x1a\x07"sv, InputKind::other, "a rar archive", "take the texts out of it"},
    Signature{"PAR1\x15"sv, InputKind::parquet, "Parquet", from_parquet},
    Signature{"ARROW1\0\0"sv, InputKind::other, "Arrow (Feather)", from_arrow},
    Signature{"\xff\xff\xff\xff"sv, InputKind::other, "an Arrow stream", to_jsonl},
    Signature{"Obj\1"sv, InputKind::other, "Avro", to_jsonl},
    Signature{"\x93NUMPY"sv, InputKind::other, "a NumPy array", no_texts},
    Signature{"\x89HDF\r\n\x1a\n"sv, InputKind::other, "HDF5", to_jsonl},
    Signature{"%PDF-"sv, InputKind::other, "a PDF document", "take the text out of it: pdftotext FILE - | bgem3 …"},
    Signature{"{\\rtf"sv, InputKind::other, "an RTF document", "save it as plain text"},
    Signature{"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"sv, InputKind::other, "a document of Microsoft Office",
              "save it as plain text or CSV"},
    Signature{"SQLite format 3\0"sv, InputKind::other, "an SQLite database",
              "export its texts: sqlite3 -csv -header FILE 'SELECT id, text FROM …'"},
    Signature{"\x80\2"sv, InputKind::other, "a Python pickle", to_jsonl},
    Signature{"\x80\4\x95"sv, InputKind::other, "a Python pickle", to_jsonl},
    Signature{"\x80\5\x95"sv, InputKind::other, "a Python pickle", to_jsonl},
    Signature{"\x89PNG\r\n\x1a\n"sv, InputKind::other, "a PNG image", no_texts},
    Signature{"\xff\xd8\xff"sv, InputKind::other, "a JPEG image", no_texts},
    Signature{"\x7f"
              "ELF"sv,
              InputKind::other, "a program (ELF)", no_texts},
    Signature{"version https://git-lfs.github.com/spec/"sv, InputKind::other, "a pointer of Git LFS in place of a file",
              "fetch the file: git lfs pull"},
};

bool fits(std::string_view bytes, std::string_view signature) {
  return std::equal(bytes.begin(), bytes.end(), signature.begin(),
                    [](char byte, char expected) { return expected == '?' || byte == expected; });
}

// Of text in UTF-16 without a mark, about every other byte is NUL, beside ASCII.
bool looks_like_utf16(std::string_view head) {
  const auto nul = static_cast<std::size_t>(std::count(head.begin(), head.end(), '\0'));
  const bool alone = head.find("\0\0"sv) == std::string_view::npos;
  return alone && nul * 3 >= head.size();
}

}  // namespace

Recognised recognise(std::string_view head) {
  for (const auto& signature : signatures) {
    const bool is_long_enough = head.size() >= signature.bytes.size();
    if (is_long_enough && fits(head.substr(0, signature.bytes.size()), signature.bytes)) {
      return {signature.kind, signature.name, signature.advice};
    }
  }
  return {};
}

bool is_undecided(std::string_view head) {
  return std::any_of(signatures.begin(), signatures.end(), [head](const Signature& signature) {
    return head.size() < signature.bytes.size() && fits(head, signature.bytes.substr(0, head.size()));
  });
}

void refuse_kind(const std::string& input, std::string_view found, std::string_view advice) {
  throw Error(ErrorCode::invalid_argument, fmt::format("{}: expected text, found {}; {}", input, found, advice));
}

void refuse_binary(const std::string& input, std::string_view head, std::uint64_t before) {
  const auto at = head.find('\0');
  if (at == std::string_view::npos) return;
  constexpr std::size_t tar_magic = 257;
  if (before == 0 && head.size() > tar_magic && head.substr(tar_magic).starts_with("ustar")) {
    refuse_kind(input, "a tar archive", "take the texts out of it: tar -xOf FILE | bgem3 …");
  }
  if (looks_like_utf16(head)) {
    const bool little = (before + at) % 2 == 1;
    refuse_kind(input, "UTF-16 without a byte order mark",
                little ? "convert it: iconv -f UTF-16LE -t UTF-8" : "convert it: iconv -f UTF-16BE -t UTF-8");
  }
  refuse_kind(input, fmt::format("binary data (byte {} is NUL)", before + at + 1), no_texts);
}

std::string_view HeadSource::head() {
  while (is_undecided(head_)) {
    constexpr std::size_t part_bytes = 4096;
    std::array<char, part_bytes> part{};
    const std::size_t count = source_.read(part.data(), part.size());
    if (count == 0) break;
    head_.append(part.data(), count);
  }
  return head_;
}

std::size_t HeadSource::read(char* out, std::size_t size) {
  if (at_ == head_.size()) return source_.read(out, size);
  const std::size_t count = std::min(size, head_.size() - at_);
  std::memcpy(out, head_.data() + at_, count);
  at_ += count;
  return count;
}

}  // namespace bgem3::cli
