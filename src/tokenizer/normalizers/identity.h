#pragma once

#include "tokenizer/normalizers/normalizer.h"

namespace bgem3 {

/// Leaves a text as it is.
class IdentityNormalizer final : public Normalizer {
 public:
  void normalize(const TextPart& part, std::string& normal, Alignment* alignment) const override {
    if (alignment == nullptr) {
      normal += part.text;
      return;
    }
    AlignedWriter writer(part.text, part.begin, normal, *alignment);
    writer.keep(part.text);
    writer.finish();
  }
};

}  // namespace bgem3
