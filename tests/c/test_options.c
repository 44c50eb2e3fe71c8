/* Structs of options: their defaults, their versions, and that each value is followed or refused. */
#include "expect.h"

void test_option_defaults(void) {
  bgem3_load_options load;
  memset(&load, 0xFF, sizeof load);
  OK(bgem3_load_options_init(&load, sizeof load));
  CHECK(load.struct_size == sizeof load && load.device == NULL && load.dtype == NULL && load.pooling == NULL);
  CHECK(load.pipeline == NULL && load.prepack == 1 && load.cuda_graphs == 1 && load.copy == 0 && load.reserved == 0);
  CHECK(load.threads == 0 && load.parallel_calls == 0 && !load.on_log && load.user_data == NULL);

  bgem3_encode_options encode;
  memset(&encode, 0xFF, sizeof encode);
  OK(bgem3_encode_options_init(&encode, sizeof encode));
  CHECK(encode.struct_size == sizeof encode && encode.dense == 1 && encode.sparse == 0 && encode.colbert == 0);
  CHECK(encode.normalize == -1 && encode.max_length == 0 && encode.batch_size == 0 && encode.batch_tokens == 0);
  CHECK(encode.truncate_dim == 0 && encode.tokenizer_threads == 0 && encode.device == NULL);
  CHECK(!encode.on_progress && encode.user_data == NULL);

  bgem3_rerank_options rerank;
  memset(&rerank, 0xFF, sizeof rerank);
  OK(bgem3_rerank_options_init(&rerank, sizeof rerank));
  CHECK(rerank.struct_size == sizeof rerank && rerank.max_length == 0 && rerank.query_max_length == 0);
  CHECK(rerank.batch_size == 0 && rerank.batch_tokens == 0 && rerank.device == NULL && !rerank.on_progress &&
        rerank.user_data == NULL);

  REFUSED(bgem3_load_options_init(NULL, sizeof load), "options should be a pointer, found NULL");
  /* The first version of the struct ended before `copy`. */
  const size_t first_size = offsetof(bgem3_load_options, copy);
  OK(bgem3_load_options_init(&load, first_size));
  REFUSED(bgem3_load_options_init(&load, first_size - 1), "struct_size of bgem3_load_options should be");
  REFUSED(bgem3_encode_options_init(&encode, 0), "found 0");
  REFUSED(bgem3_rerank_options_init(&rerank, (size_t)-1), "struct_size of bgem3_rerank_options should be");
}

/* A program that was compiled with a header of a later version, whose struct has one more member. */
void test_options_of_a_later_version(const bgem3_embedder* embedder) {
  struct {
    bgem3_encode_options known;
    size_t added;
  } options;
  bgem3_embeddings* embeddings;
  memset(&options, 0xFF, sizeof options);
  OK(bgem3_encode_options_init(&options.known, sizeof options));
  CHECK(options.added == 0 && options.known.struct_size == sizeof options && options.known.dense == 1);
  OK(bgem3_embedder_encode(embedder, texts, NULL, count, &options.known, &embeddings));
  bgem3_embeddings_free(embeddings);
  options.added = 1;
  REFUSED(bgem3_embedder_encode(embedder, texts, NULL, count, &options.known, &embeddings), "a newer library");
  CHECK(embeddings == NULL);
  options.known.struct_size = 8;
  REFUSED(bgem3_embedder_encode(embedder, texts, NULL, count, &options.known, &embeddings), "found 8");
}

void test_load_refuses(const char* directory) {
  bgem3_embedder* embedder = (bgem3_embedder*)texts;
  FAILS(bgem3_embedder_load("no/such/model", NULL, &embedder), BGEM3_BAD_MODEL, "no/such/model");
  CHECK(embedder == NULL);
  REFUSED(bgem3_embedder_load(NULL, NULL, &embedder), "directory should be a pointer, found NULL");
  REFUSED(bgem3_embedder_load(directory, NULL, NULL), "embedder should be a pointer, found NULL");

  bgem3_load_options options;
#define WITH(change, message)                            \
  OK(bgem3_load_options_init(&options, sizeof options)); \
  options.change;                                        \
  REFUSED(bgem3_embedder_load(directory, &options, &embedder), message)
  WITH(dtype = "float33", "found 'float33'");
  WITH(device = "tpu", "tpu");
  WITH(pooling = "best",
       "pooling should be cls, max, mean, mean_sqrt_len_tokens, weightedmean, lasttoken or NULL, found 'best'");
  WITH(pipeline = "new",
       "pipeline should be one of auto, transformers-5, tokenizer-json, classic, replace; found 'new'");
  WITH(prepack = 2, "prepack should be 0 or 1, found 2");
  WITH(cuda_graphs = -1, "cuda_graphs should be 0 or 1, found -1");
  WITH(copy = 2, "copy should be 0 or 1, found 2");
  WITH(reserved = 1, "reserved should be 0, found 1");
  WITH(threads = 1025, "threads should be at most 1024, found 1025");
  WITH(threads = SIZE_MAX, "threads should be at most 4294967295, found 18446744073709551615");
  WITH(parallel_calls = SIZE_MAX, "parallel_calls should be at most 4294967295");
  WITH(struct_size = 0, "found 0");
#undef WITH
}

static void on_log(bgem3_log_level level, const char* message, void* user_data) {
  CHECK(level == BGEM3_LOG_INFO && strstr(message, "is loaded in"));
  ++*(int*)user_data;
}

void test_load_options(const char* directory) {
  int lines = 0;
  bgem3_load_options options;
  bgem3_embedder* embedder;
  OK(bgem3_load_options_init(&options, sizeof options));
  options.device = "cpu";
  options.dtype = "fp32";
  options.pooling = "mean";
  options.pipeline = "replace";
  options.prepack = 0;
  options.threads = 1;
  options.parallel_calls = 2;
  options.on_log = on_log;
  options.user_data = &lines;
  OK(bgem3_embedder_load(directory, &options, &embedder));
  CHECK(strcmp(bgem3_embedder_dtype(embedder), "float32") == 0 && strcmp(bgem3_embedder_device(embedder), "cpu") == 0);
  CHECK(lines == 1);
  /* What tells the pipelines apart: a space at the end is a token. */
  size_t with_space, without;
  OK(bgem3_embedder_tokenize(embedder, "Hello ", BGEM3_ZERO_TERMINATED, 0, NULL, 0, &with_space));
  OK(bgem3_embedder_tokenize(embedder, "Hello", BGEM3_ZERO_TERMINATED, 0, NULL, 0, &without));
  CHECK(with_space == without + 1);
  bgem3_embedder_free(embedder);
}

void test_encode_options(const bgem3_embedder* embedder) {
  bgem3_encode_options options = all_kinds();
  bgem3_embeddings* embeddings;
  options.normalize = 0;
  options.max_length = 3;
  options.batch_size = 1;
  options.batch_tokens = 16;
  options.tokenizer_threads = 1;
  OK(bgem3_embedder_encode(embedder, texts, NULL, count, &options, &embeddings));
  CHECK(bgem3_embeddings_token_count(embeddings, 2) == 3);
  const float* values;
  size_t dimension;
  OK(bgem3_embeddings_dense(embeddings, &values, &dimension));
  CHECK(fabsf(norm(values, dimension) - 1) > 1e-3F);
  bgem3_embeddings_free(embeddings);

#define WITH(change, message) \
  options = all_kinds();      \
  options.change;             \
  REFUSED(bgem3_embedder_encode(embedder, texts, NULL, count, &options, &embeddings), message)
  WITH(dense = 2, "dense should be 0 or 1, found 2");
  WITH(sparse = 3, "sparse should be 0 or 1, found 3");
  WITH(colbert = -1, "colbert should be 0 or 1, found -1");
  WITH(dense = options.sparse = options.colbert = 0, "nothing to compute");
  WITH(normalize = -2, "normalize should be 0, 1 or -1 (unset), found -2");
  WITH(device = "cuda:0", "device 'cuda:0' is not among those of this model, 'cpu'");
  WITH(max_length = 1, "max_length");
  WITH(max_length = 100000, "max_length");
  WITH(truncate_dim = bgem3_embedder_dimension(embedder) + 1, "truncate_dim");
#if SIZE_MAX > UINT32_MAX
  WITH(tokenizer_threads = (size_t)UINT32_MAX + 1, "tokenizer_threads");
#endif
#undef WITH
}
