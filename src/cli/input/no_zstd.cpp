// In place of zstd_source.cpp where libzstd is not installed.

#include "cli/input/compressed.h"
#include "cli/input/kind.h"

namespace bgem3::cli {

std::unique_ptr<ByteSource> make_zstd_source(ByteSource& /*source*/, const std::string& name) {
  refuse_kind(name, "zstd, which this bgem3 was built without", "decompress it: zstd -dc FILE | bgem3 …");
}

}  // namespace bgem3::cli
