#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "server/http/message.h"

namespace bgem3::server {

/// Makes of an origin what browsers write: in small letters, without the port that its scheme has anyway. "*" stays.
/// @return what is wrong with it; empty when all is well
std::string normalize_origin(std::string& origin);

/// Lets pages of other origins ask this server from a browser (CORS, as the Fetch standard has it). Without cookies:
/// a page has to send a key of its own.
class Cors {
 public:
  /// `origins`: as normalize_origin() makes them. None: no page; "*": any.
  explicit Cors(std::vector<std::string> origins);

  /// The response to the question that a browser sends before the request itself: whether it may. Nothing for any other
  /// request, and for origins that may not.
  /// @param methods  that the route has, as `Allow` lists them
  [[nodiscard]] std::optional<Response> preflight(const Request& head, const std::string& methods) const;

  /// To every response, so that the page may read it.
  void add_headers(const Request& request, Response& response) const;

 private:
  [[nodiscard]] bool allows_all() const { return !origins_.empty() && origins_.front() == "*"; }
  [[nodiscard]] bool allows(std::string_view origin) const;

  const std::vector<std::string> origins_;
};

}  // namespace bgem3::server
