#pragma once

#include <any>
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "bgem3/export.h"
#include "bgem3/similarity.h"

namespace bgem3 {

/// How the hidden states h [n, D] of a text become its dense vector [D]: the first row, the largest of each component,
/// the mean, the sum divided by the square root of n, the mean weighted by position (1 … n), the last row.
/// Source: sentence-transformers, Pooling.
enum class Pooling { cls, max, mean, mean_sqrt_len, weighted_mean, last_token };

/// What a model directory is loaded as.
enum class ModelKind { embedder, reranker };

/// As sentence-transformers spells it: cls, max, mean, mean_sqrt_len_tokens, weightedmean, lasttoken.
BGEM3_API std::string to_string(Pooling pooling);
/// Several, with a plus between.
BGEM3_API std::string to_string(const std::vector<Pooling>& pooling);

/// The pooling that to_string() gives `name` to.
BGEM3_API std::optional<Pooling> pooling_of_name(std::string_view name);
/// All of them, for messages.
BGEM3_API std::string pooling_names();

/// A linear layer between pooling and the dense vector, the Dense module of sentence-transformers.
struct DenseLayer {
  std::string folder;  ///< of the model directory, with the weights
  std::int64_t in = 0, out = 0;
  bool has_bias = true;
  bool has_residual = false;        ///< its input is added to its output; through a layer of its own if in != out
  std::string activation = "Tanh";  ///< the class in torch.nn
  bool normalize_input = false;     ///< its input is L2-normalised first
};

/// An adapter of peft: what was trained on top of the linear layers of another model, LoRA. See adapter_config.json.
struct LoraAdapter {
  std::filesystem::path base;    ///< directory of that model, whose config.json applies
  bool has_own_weights = false;  ///< its weights lie beside the adapter, not in `base`
  std::int64_t rank = 8;
  double alpha = 8;
  bool is_rank_stabilized = false;                  ///< the product is scaled by alpha / sqrt(rank), not alpha / rank
  std::map<std::string, double> rank_pattern;       ///< end of a layer's name → its own rank
  std::map<std::string, double> alpha_pattern;      ///< likewise
  std::optional<std::vector<std::string>> targets;  ///< ends of the names of the layers; unset: all linear layers
  std::vector<std::string> excluded;                ///< likewise, of those that are not
  std::vector<std::int64_t> layers;                 ///< numbers of the encoder's layers; empty: all
  std::vector<std::string> before_layers;           ///< what precedes that number in a name; empty: anything
};

/// Texts that belong before inputs of some kind, as "query: " before questions.
struct Prompts {
  std::map<std::string, std::string> by_name;
  std::optional<std::string> default_name;  ///< for inputs that come without

  /// `prompt` where it is set, also when it is empty; else the one of `name`; else the default; else nothing. "query"
  /// and "document" are known always, empty where the model has none.
  /// @throws Error invalid_argument for another name that is not known, and for both arguments
  [[nodiscard]] BGEM3_API std::string find(const std::optional<std::string>& prompt,
                                           const std::optional<std::string>& name) const;
};

/// What a model directory says; the defaults are those of BAAI/bge-m3.
struct ModelConfig {
  std::string architecture = "xlm-roberta";  ///< the family of the encoder: model_type of config.json
  std::string model_class;                   ///< the first of "architectures" there; empty where there is none
  std::int64_t hidden_size = 1024;           ///< D
  std::int64_t layers = 24;
  std::int64_t heads = 16;  ///< H
  std::int64_t intermediate_size = 4096;
  std::int64_t vocabulary_size = 250002;  ///< V, rows of the word embedding
  std::int64_t position_rows = 8194;      ///< rows of the position embedding (`max_position_embeddings`)
  std::int64_t token_types = 1;           ///< rows of the token type embedding; 0: the encoder has none
  std::int64_t padding_id = 1;
  std::int64_t first_position = 2;   ///< row of the position embedding that token 0 gets
  bool has_padding_position = true;  ///< `<pad>` within a text gets row padding_id and is not counted
  double layer_norm_eps = 1e-5;
  std::any family_values;  ///< what Family::read keeps of config.json beyond this, for Family::bind

  std::string encoder_folder;                     ///< of the model directory, with encoder and tokenizer; empty: itself
  std::optional<LoraAdapter> adapter;             ///< in encoder_folder, in place of an encoder of its own
  std::vector<Pooling> pooling = {Pooling::cls};  ///< concatenated in this order
  std::vector<DenseLayer> dense;                  ///< after pooling, in this order
  bool normalize = true;                          ///< L2-normalise dense and ColBERT vectors at the end
  std::int64_t truncate_dim = 0;                  ///< leading components of the dense vector to keep; 0: all
  Similarity similarity = Similarity::cosine;     ///< of dense vectors
  std::string activation = "Sigmoid";             ///< of a cross-encoder's logit, the class in torch.nn

  std::int64_t max_length = 8192;     ///< tokens of a text, `<s>` and `</s>` included
  std::optional<bool> truncate_left;  ///< which end of a long text is cut; unset: as the tokenizer says
  bool lowercase = false;             ///< capitals become small before the tokenizer sees a text

  Prompts prompts;

  /// Property → where it came from: "1_Pooling/config.json: pooling_mode", or "assumed" where no file states it.
  std::map<std::string, std::string> sources;

  /// The tokens of a text that there are positions for.
  [[nodiscard]] std::int64_t positions() const noexcept { return position_rows - first_position; }

  /// Where encoder and tokenizer lie, of the model in `directory`.
  [[nodiscard]] std::filesystem::path encoder_directory(const std::filesystem::path& directory) const {
    return encoder_folder.empty() ? directory : directory / encoder_folder;
  }

  /// Components of a dense vector before truncate_dim.
  [[nodiscard]] std::int64_t dense_size() const noexcept {
    return dense.empty() ? static_cast<std::int64_t>(pooling.size()) * hidden_size : dense.back().out;
  }
};

/// Reads the files that transformers and sentence-transformers write: `config.json`, `modules.json` with the files of
/// its modules, `sentence_bert_config.json` (or its older names), `config_sentence_transformers.json`,
/// `tokenizer_config.json`, and `adapter_config.json` of peft. A key that can change a vector is followed or refused;
/// the list of those that cannot is `src/config/irrelevant_keys.h`.
///
/// Without `modules.json` an embedder has mean pooling without normalisation, as in sentence-transformers; with both
/// heads of BGE-M3 it has CLS pooling, normalised, as in FlagEmbedding. The length of a text is at most the number of
/// positions.
///
/// `directory` may also be a folder `models--ORG--NAME` of the Hugging Face cache, whose refs/main is followed.
/// @throws Error bad_model, naming file and key, for anything missing, malformed or not supported.
BGEM3_API ModelConfig read_model_config(const std::filesystem::path& directory, ModelKind kind = ModelKind::embedder);

}  // namespace bgem3
