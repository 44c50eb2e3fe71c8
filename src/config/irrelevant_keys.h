#pragma once

#include <array>
#include <string_view>

// Keys of the files of a model directory that cannot change a vector or a score. What is neither here nor read is
// refused. One list for each file.

namespace bgem3::detail::irrelevant_keys {

/// config.json: names, training, generation of text, output of transformers, and the dtype of the file's weights.
inline constexpr auto config = std::to_array<std::string_view>({
    "_attn_implementation",
    "_attn_implementation_autoset",
    "_commit_hash",
    "_flash_attn_2_enabled",
    "_name_or_path",
    "_num_labels",
    "attention_probs_dropout_prob",
    "attn_implementation",
    "auto_map",
    "bad_words_ids",
    "begin_suppress_tokens",
    "bos_token_id",
    "chunk_size_feed_forward",
    "classifier_dropout",
    "cross_attention_hidden_size",
    "decoder_start_token_id",
    "directionality",
    "diversity_penalty",
    "do_sample",
    "dtype",
    "early_stopping",
    "encoder_no_repeat_ngram_size",
    "eos_token_id",
    "eos_token_ids",
    "exponential_decay_length_penalty",
    "finetuning_task",
    "forced_bos_token_id",
    "forced_eos_token_id",
    "gradient_checkpointing",
    "hidden_dropout_prob",
    "id2label",
    "initializer_range",
    "is_encoder_decoder",
    "keys_to_ignore_at_inference",
    "label2id",
    "length_penalty",
    "mask_token_id",
    "max_length",
    "min_length",
    "no_repeat_ngram_size",
    "num_beam_groups",
    "num_beams",
    "num_labels",
    "num_return_sequences",
    "output_attentions",
    "output_hidden_states",
    "output_past",
    "output_scores",
    "pooler_fc_size",
    "pooler_num_attention_heads",
    "pooler_num_fc_layers",
    "pooler_size_per_head",
    "pooler_type",
    "prefix",
    "problem_type",
    "remove_invalid_values",
    "repetition_penalty",
    "return_dict",
    "return_dict_in_generate",
    "sep_token_id",
    "suppress_tokens",
    "task_specific_params",
    "temperature",
    "tf_legacy_loss",
    "tie_encoder_decoder",
    "tie_word_embeddings",
    "tokenizer_class",
    "top_k",
    "top_p",
    "torch_dtype",
    "torchscript",
    "transformers_version",
    "typical_p",
    "unk_token_id",
    "unsloth_fixed",
    "unsloth_version",
    "use_bfloat16",
    "use_cache",
});

/// Of config.json: sentence_transformers.
inline constexpr auto config_sentence_transformers_entry = std::to_array<std::string_view>({"version"});

/// Each entry of modules.json. Modules are applied in the order of the list.
inline constexpr auto module = std::to_array<std::string_view>({"idx"});

/// sentence_bert_config.json. No padding is computed with, whatever `unpad_inputs` says.
inline constexpr auto sentence_bert = std::to_array<std::string_view>({"unpad_inputs"});

/// Of sentence_bert_config.json: model_args. They choose how the same numbers are computed, and in which dtype, which
/// here LoadOptions says.
inline constexpr auto model_arguments =
    std::to_array<std::string_view>({"add_pooling_layer", "attn_implementation", "device_map", "dtype",
                                     "low_cpu_mem_usage", "torch_dtype", "trust_remote_code"});

/// Of sentence_bert_config.json: config_args.
inline constexpr auto config_arguments = std::to_array<std::string_view>(
    {"attn_implementation", "output_attentions", "output_hidden_states", "trust_remote_code", "use_cache"});

/// Of sentence_bert_config.json: tokenizer_args. No text is padded.
inline constexpr auto tokenizer_arguments =
    std::to_array<std::string_view>({"clean_up_tokenization_spaces", "padding_side", "trust_remote_code", "use_fast"});

/// Of sentence_bert_config.json: processing_kwargs, of texts or of all inputs.
inline constexpr auto processing_arguments =
    std::to_array<std::string_view>({"pad_to_multiple_of", "padding", "padding_side", "return_tensors", "verbose"});

/// Of sentence_bert_config.json: processing_kwargs. These are of other inputs than texts.
inline constexpr auto modalities = std::to_array<std::string_view>({"audio", "chat_template", "image", "video"});

/// config_sentence_transformers.json
inline constexpr auto sentence_transformers = std::to_array<std::string_view>({"__version__", "requirements"});

/// config.json of a Pooling module. Its width is that of the model.
inline constexpr auto pooling = std::to_array<std::string_view>({"word_embedding_dimension", "embedding_dimension"});

/// adapter_config.json: names, training, and arguments of what is refused where it is used.
inline constexpr auto adapter = std::to_array<std::string_view>(
    {"auto_mapping", "corda_config", "ensure_weight_tying", "eva_config", "inference_mode", "lora_dropout",
     "lora_ga_config", "megatron_core", "peft_version", "qalora_group_size", "runtime_config", "task_type"});

}  // namespace bgem3::detail::irrelevant_keys
