// In place of gzip_source.cpp where zlib is not installed.

#include "cli/input/compressed.h"
#include "cli/input/kind.h"

namespace bgem3::cli {

std::unique_ptr<ByteSource> make_gzip_source(ByteSource& /*source*/, const std::string& name) {
  refuse_kind(name, "gzip, which this bgem3 was built without", "decompress it: gzip -dc FILE | bgem3 …");
}

}  // namespace bgem3::cli
