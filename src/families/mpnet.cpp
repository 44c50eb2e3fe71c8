#include <fmt/format.h>

#include "families/bert_keys.h"
#include "families/registry.h"

// The file `config.json` of the family of include/bgem3/families/mpnet.h.

namespace bgem3 {

void read_mpnet(const ConfigFile& file, ModelConfig& config) {
  constexpr const char* buckets = "relative_attention_num_buckets";
  read_encoder(file, config);
  // transformers makes a table of as many rows, of which it takes 32 whatever their number is.
  if (const auto found = file.integer(buckets, 32, 1); found != 32) {
    throw file.bad(fmt::format("{} {} is not supported; expected 32", buckets, found));
  }
  config.token_types = 0;
  config.padding_id = 1;  // whatever the file says
  file.ignore("pad_token_id");
  config.first_position = config.padding_id + 1;
  config.has_padding_position = true;
}

}  // namespace bgem3
