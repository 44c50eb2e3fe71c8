#include "families/bert_keys.h"
#include "families/registry.h"

// The file `config.json` of the family of include/bgem3/families/distilbert.h.

namespace bgem3 {

void read_distilbert(const ConfigFile& file, ModelConfig& config) {
  read_encoder(file, config,
               {.hidden_size = "dim",
                .layers = "n_layers",
                .heads = "n_heads",
                .intermediate_size = "hidden_dim",
                .activation = "activation"});
  config.token_types = 0;
  config.layer_norm_eps = 1e-12;  // of all its norms, whatever the file says
  config.padding_id = file.integer("pad_token_id", 0, 0);
  config.first_position = 0;
  config.has_padding_position = false;
  file.ignore("sinusoidal_pos_embds");  // how positions were made, which a checkpoint has either way
  // Of training and of heads.
  for (const char* key : {"attention_dropout", "dropout", "qa_dropout", "seq_classif_dropout", "tie_weights_"}) {
    file.ignore(key);
  }
}

}  // namespace bgem3
