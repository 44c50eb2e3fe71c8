#include "server/vectors.h"

#include <bit>
#include <cstddef>

#include <fmt/format.h>
#include <openssl/evp.h>

#include "bgem3/eigen.h"
#include "server/json_fields.h"

namespace bgem3::server {

static_assert(std::endian::native == std::endian::little, "raw answers are written as they lie in memory");

void append_base64(std::string& json, std::span<const float> values) {
  const auto bytes = std::as_bytes(values);
  std::string text((bytes.size() + 2) / 3 * 4 + 1, '\0');  // and the zero that OpenSSL writes
  const int size =
      EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()),
                      reinterpret_cast<const unsigned char*>(bytes.data()), static_cast<int>(bytes.size()));
  text.resize(static_cast<std::size_t>(size));
  json += '"' + text + '"';
}

void append_usage(std::string& json, const std::string& model, std::size_t tokens) {
  json +=
      fmt::format(R"("model":{},"usage":{{"prompt_tokens":{},"total_tokens":{}}})", json_string(model), tokens, tokens);
}

std::optional<RawType> wanted_raw_type(const Request& request) {
  const std::string_view accept = request.header("Accept");
  if (!accept.starts_with("application/octet-stream")) return std::nullopt;
  return accept.find("float16") == std::string_view::npos ? RawType::float32 : RawType::float16;
}

Response raw_response(const Matrix& rows, RawType type) {
  Response response;
  response.content_type = "application/octet-stream";
  response.headers = {{"x-shape", fmt::format("{},{}", rows.rows(), rows.cols())},
                      {"x-dtype", type == RawType::float16 ? "float16" : "float32"}};
  const auto copy = [&](const auto& matrix) {
    const auto size = static_cast<std::size_t>(matrix.size()) * sizeof(*matrix.data());
    response.body.assign(reinterpret_cast<const char*>(matrix.data()), size);
  };
  if (type == RawType::float16) {
    using Halves = Eigen::Matrix<Eigen::half, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
    copy(Halves(as_eigen(rows).cast<Eigen::half>()));
  } else {
    copy(rows);
  }
  return response;
}

}  // namespace bgem3::server
