#include "server/routes/model_names.h"

#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "bgem3/detail/message.h"
#include "server/failure.h"

namespace bgem3::server {

std::vector<std::string> model_names(const Models& models) {
  std::vector<std::string> names = {models.about.id};
  if (models.reranker) names.push_back(models.reranker_id);
  return names;
}

std::string find_model(const Models& models, const std::string& name) {
  const auto names = model_names(models);
  if (std::find(names.begin(), names.end(), name) != names.end()) return name;
  throw Failure(
      404, "model_not_found",
      fmt::format("there is no model {}; this server has: {}", detail::in_quotes(name), fmt::join(names, ", ")));
}

}  // namespace bgem3::server
