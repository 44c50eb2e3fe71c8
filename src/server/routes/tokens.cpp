// Texts to tokens and back, as text-embeddings-inference has it.
#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "server/routes/embedding.h"
#include "server/routes/responses.h"
#include "server/routes/routes.h"

namespace bgem3::server {
namespace {

bool is_special(const Tokenizer& tokenizer, std::int32_t id) {
  return std::ranges::binary_search(tokenizer.special_ids(), id);
}

// Written piece by piece: a long text as a tree of JSON values would take a hundred times its size.
void append_tokens(std::string& json, const Tokenizer& tokenizer, std::string_view text,
                   const TokensWithOffsets& tokens, bool with_special) {
  const auto& around = tokenizer.special_template();
  const std::size_t first = with_special ? 0 : around.before.size();
  append_list(json, tokens.ids.size() - (with_special ? 0 : around.size()), [&](std::size_t i) {
    const auto id = tokens.ids[i + first];
    const auto& [begin, end, word] = tokens.offsets[i + first];
    const bool is_put_in = word < 0;
    json += fmt::format(R"({{"id":{},"text":{},"special":{},)", id,
                        json_string(is_put_in ? tokenizer.piece(id) : text.substr(begin, end - begin)),
                        is_special(tokenizer, id));
    json +=
        is_put_in ? std::string(R"("start":null,"stop":null})") : fmt::format(R"("start":{},"stop":{}}})", begin, end);
  });
}

// Before places are looked for, which take many times the memory of the text.
std::size_t count_tokens(const Services& services, const Exchange& exchange, const std::vector<std::string>& texts) {
  const std::vector<std::string_view> views(texts.begin(), texts.end());
  std::size_t tokens = 0;
  for (const auto& ids : services.models.tokenizer.encode_batch(views, 0, 0, exchange.unwanted())) tokens += ids.size();
  constexpr std::size_t bytes_of_token = 80;
  check_response_size(services.options, tokens * bytes_of_token);
  return tokens;
}

}  // namespace

void handle_tokenize(const Services& services, const std::shared_ptr<Exchange>& exchange) {
  const auto started = Clock::now();
  const Body body = read_body(services, *exchange);
  auto texts = body.texts("inputs", services.options.texts_max);
  const bool with_special = body.flag("add_special_tokens").value_or(true);
  EncodeOptions prompts;
  read_prompt(body, prompts);
  body.pass_over({"model"});
  body.refuse_others();
  const std::string prompt = find_prompt(services, prompts, texts.size());
  for (auto& text : texts) text.insert(0, prompt);
  Work work;
  work.tokens = count_tokens(services, *exchange, texts);
  work.texts = texts.size();
  const Tokenizer& tokenizer = services.models.tokenizer;
  Response response = array_response(texts.size(), [&](std::string& json, std::size_t i) {
    const auto tokens = tokenizer.encode_with_offsets(texts[i], 0, exchange->unwanted());
    append_tokens(json, tokenizer, texts[i], tokens, with_special);
  });
  work.times.tokenize = Clock::now() - started;
  exchange->respond(std::move(response), work);
}

void handle_decode(const Services& services, const std::shared_ptr<Exchange>& exchange) {
  const Body body = read_body(services, *exchange);
  const Tokenizer& tokenizer = services.models.tokenizer;
  const auto last = static_cast<std::int32_t>(tokenizer.vocabulary_size()) - 1;
  const auto all = body.number_lists("ids", services.options.texts_max, last);
  const bool skip_special = body.flag("skip_special_tokens").value_or(true);
  body.pass_over({"model"});
  body.refuse_others();
  Response response = array_response(all.size(), [&](std::string& json, std::size_t i) {
    json += json_string(tokenizer.decode(all[i], skip_special));
  });
  check_response_size(services.options, response.body.size());
  exchange->respond(std::move(response));
}

}  // namespace bgem3::server
