#include "server/codings.h"

#include <algorithm>
#include <charconv>
#include <string>

#include <fmt/format.h>

#include "bgem3/detail/message.h"
#include "server/failure.h"
#include "server/http/header_list.h"

namespace bgem3::server {
namespace {

std::string lower(std::string_view text) {
  std::string result(text);
  for (char& c : result) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
  }
  return result;
}

// "0.8", from 0 to 1; nothing for what is none.
std::optional<double> parse_weight(std::string_view text) {
  if (text.find_first_not_of("0123456789.") != std::string_view::npos) return std::nullopt;
  double weight = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), weight);
  if (error != std::errc() || end != text.data() + text.size() || weight > 1) return std::nullopt;
  return weight;
}

// "gzip;q=0.8"
struct Preference {
  std::string coding;
  std::optional<double> weight;  // nothing when it is malformed
};

Preference parse_preference(std::string_view element) {
  const auto end = element.find(';');
  Preference found = {lower(trim_header(element.substr(0, end))), 1.0};
  if (end == std::string_view::npos) return found;
  const std::string parameter = lower(trim_header(element.substr(end + 1)));
  found.weight = parameter.starts_with("q=") ? parse_weight(std::string_view(parameter).substr(2)) : std::nullopt;
  return found;
}

struct Weights {
  std::optional<double> zstd, gzip, identity, any;

  std::optional<double>* of(std::string_view coding) {
    if (coding == "zstd") return &zstd;
    if (coding == "gzip" || coding == "x-gzip") return &gzip;
    if (coding == "identity") return &identity;
    return coding == "*" ? &any : nullptr;
  }
};

}  // namespace

Coding coding_of_body(const Request& head) {
  std::string found;
  for (const auto element : header_list(head, "Content-Encoding")) {
    found += (found.empty() ? "" : ", ") + lower(element);
  }
  if (found.empty() || found == "identity") return Coding::identity;
  if (found == "gzip" || found == "x-gzip") return Coding::gzip;
  if (found == "deflate") return Coding::deflate;
  if (found == "zstd") return Coding::zstd;
  throw Failure(415, "unsupported_encoding",
                fmt::format("Content-Encoding should be one of: {}; found {}", body_codings, detail::in_quotes(found)));
}

AcceptedCodings accepted_codings(const Request& head) {
  Weights weights;
  for (const auto element : header_list(head, "Accept-Encoding")) {
    const Preference preference = parse_preference(element);
    std::optional<double>* const place = weights.of(preference.coding);
    if (place != nullptr && preference.weight) *place = preference.weight;
  }
  const double others = weights.any.value_or(0);
  const double zstd = weights.zstd.value_or(others), gzip = weights.gzip.value_or(others);
  AcceptedCodings accepted;
  accepted.identity = weights.identity ? *weights.identity > 0 : weights.any != 0.0;
  const double best = std::max(zstd, gzip);
  // Identity is the last choice of who does not name it.
  if (best > 0 && best >= weights.identity.value_or(0)) accepted.packed = zstd >= gzip ? Coding::zstd : Coding::gzip;
  return accepted;
}

void check_codings(const Request& head, bool packs_responses) {
  (void)coding_of_body(head);
  const AcceptedCodings accepted = accepted_codings(head);
  if (accepted.identity || (packs_responses && accepted.packed)) return;
  throw Failure(
      406, "not_acceptable",
      fmt::format("Accept-Encoding should take one of: {}", packs_responses ? "zstd, gzip, identity" : "identity"));
}

}  // namespace bgem3::server
