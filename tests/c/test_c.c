/* The C interface as a C program meets it: test_c EMBEDDER RERANKER, model directories, the first with both heads. */
#include "expect.h"

static void test_names(void) {
  CHECK(strcmp(bgem3_last_error(), "") == 0);
  CHECK(strcmp(bgem3_status_name(BGEM3_OK), "ok") == 0);
  CHECK(strcmp(bgem3_status_name(BGEM3_INVALID_ARGUMENT), "invalid_argument") == 0);
  CHECK(strcmp(bgem3_status_name(BGEM3_INTERNAL), "internal") == 0);
  CHECK(strcmp(bgem3_status_name(BGEM3_MODEL_CHANGED), "model_changed") == 0);
  CHECK(strcmp(bgem3_status_name((bgem3_status)10), "unknown") == 0);
  int major, minor, patch;
  CHECK(sscanf(bgem3_version(), "%d.%d.%d", &major, &minor, &patch) == 3);
}

static void test_info(const bgem3_embedder* embedder) {
  CHECK(bgem3_embedder_dimension(embedder) > 1 && bgem3_embedder_max_length(embedder) > 16);
  CHECK(bgem3_embedder_has_sparse(embedder) && bgem3_embedder_has_colbert(embedder));
  CHECK(bgem3_embedder_colbert_dimension(embedder) > 1);

  CHECK(bgem3_embedder_dimension(NULL) == 0 && said("embedder should be a pointer, found NULL"));
  CHECK(bgem3_embedder_max_length(NULL) == 0 && bgem3_embedder_colbert_dimension(NULL) == 0);
  CHECK(!bgem3_embedder_has_sparse(NULL) && !bgem3_embedder_has_colbert(NULL));
  CHECK(bgem3_embedder_dtype(NULL) == NULL && bgem3_embedder_device(NULL) == NULL);
}

static void test_encode(const bgem3_embedder* embedder) {
  const bgem3_encode_options options = all_kinds();
  bgem3_embeddings* embeddings;
  OK(bgem3_embedder_encode(embedder, texts, NULL, count, &options, &embeddings));
  CHECK(bgem3_embeddings_count(embeddings) == count);

  const float* values;
  size_t dimension, rows, weight_count, all_weights = 0;
  OK(bgem3_embeddings_dense(embeddings, &values, &dimension));
  CHECK(dimension == bgem3_embedder_dimension(embedder));
  for (size_t i = 0; i < count; ++i) CHECK(fabsf(norm(values + i * dimension, dimension) - 1) < 1e-5F);
  CHECK(memcmp(values, values + 2 * dimension, dimension * sizeof *values) != 0);

  for (size_t i = 0; i < count; ++i) {
    size_t tokens;
    OK(bgem3_embedder_tokenize(embedder, texts[i], BGEM3_ZERO_TERMINATED, 0, NULL, 0, &tokens));
    CHECK(bgem3_embeddings_token_count(embeddings, i) == tokens);
    OK(bgem3_embeddings_colbert(embeddings, i, &values, &rows, &dimension));
    CHECK(rows == tokens - 1 && dimension == bgem3_embedder_colbert_dimension(embedder));
    for (size_t row = 0; row < rows; ++row) CHECK(fabsf(norm(values + row * dimension, dimension) - 1) < 1e-5F);

    const bgem3_token_weight* weights;
    OK(bgem3_embeddings_sparse(embeddings, i, &weights, &weight_count));
    CHECK(weight_count <= tokens - 2);
    all_weights += weight_count;
    for (size_t k = 0; k < weight_count; ++k)
      CHECK(weights[k].weight > 0 && (k == 0 || weights[k - 1].id < weights[k].id));
  }
  CHECK(all_weights > 0);
  bgem3_embeddings_free(embeddings);
}

static void test_accessors_refuse(const bgem3_embedder* embedder) {
  const float* values = (const float*)texts;
  const bgem3_token_weight* weights;
  size_t n = 7, rows;
  bgem3_embeddings* embeddings;
  bgem3_encode_options options = all_kinds();
  OK(bgem3_embedder_encode(embedder, texts, NULL, count, &options, &embeddings));
  REFUSED(bgem3_embeddings_sparse(embeddings, count, &weights, &n), "index should be less than 3, the number of texts");
  REFUSED(bgem3_embeddings_colbert(embeddings, count, &values, &rows, &n), "found 3");
  CHECK(values == NULL && n == 0);
  CHECK(bgem3_embeddings_token_count(embeddings, (size_t)-1) == 0 && said("index should be less than 3"));
  REFUSED(bgem3_embeddings_dense(embeddings, NULL, &n), "values should be a pointer, found NULL");
  REFUSED(bgem3_embeddings_dense(embeddings, &values, NULL), "dimension should be a pointer, found NULL");
  REFUSED(bgem3_embeddings_sparse(embeddings, 0, &weights, NULL), "count should be a pointer, found NULL");
  REFUSED(bgem3_embeddings_colbert(embeddings, 0, &values, NULL, &n), "rows should be a pointer, found NULL");
  REFUSED(bgem3_embeddings_dense(NULL, &values, &n), "embeddings should be a pointer, found NULL");
  REFUSED(bgem3_embeddings_sparse(NULL, 0, &weights, &n), "embeddings should be a pointer, found NULL");
  REFUSED(bgem3_embeddings_colbert(NULL, 0, &values, &rows, &n), "embeddings should be a pointer, found NULL");
  CHECK(bgem3_embeddings_count(NULL) == 0 && said("embeddings should be a pointer, found NULL"));
  bgem3_embeddings_free(embeddings);

  options.dense = options.colbert = 0;
  OK(bgem3_embedder_encode(embedder, texts, NULL, count, &options, &embeddings));
  OK(bgem3_embeddings_sparse(embeddings, 0, &weights, &n));
  REFUSED(bgem3_embeddings_dense(embeddings, &values, &n), "set dense in bgem3_encode_options");
  REFUSED(bgem3_embeddings_colbert(embeddings, 0, &values, &rows, &n), "set colbert in bgem3_encode_options");
  bgem3_embeddings_free(embeddings);
  OK(bgem3_embedder_encode(embedder, texts, NULL, count, NULL, &embeddings));
  REFUSED(bgem3_embeddings_sparse(embeddings, 0, &weights, &n), "set sparse in bgem3_encode_options");
  bgem3_embeddings_free(embeddings);
}

static void test_texts(const bgem3_embedder* embedder) {
  /* Lengths count, not zeros; a text of none may be NULL. */
  const char* const parts[] = {"Hello World and more", NULL, "Le prix du caf\xC3\xA9 est de 3 \xE2\x82\xAC."};
  const size_t lengths[] = {11, 0, BGEM3_ZERO_TERMINATED};
  const size_t dimension = bgem3_embedder_dimension(embedder), floats = count * dimension;
  float* expected = malloc(floats * sizeof *expected);
  float* found = malloc(floats * sizeof *found);
  CHECK(expected != NULL && found != NULL);
  OK(bgem3_embedder_encode_into(embedder, texts, NULL, count, NULL, expected, floats));
  OK(bgem3_embedder_encode_into(embedder, parts, lengths, count, NULL, found, floats));
  CHECK(memcmp(expected, found, floats * sizeof *found) == 0);

  bgem3_embeddings* embeddings;
  REFUSED(bgem3_embedder_encode(embedder, parts, NULL, count, NULL, &embeddings), "texts[1] should point to a zero-");
  const size_t wrong[] = {11, 4, 0}, huge[] = {(size_t)-2, 0, 0};
  REFUSED(bgem3_embedder_encode(embedder, parts, wrong, count, NULL, &embeddings), "texts[1] should point to 4 bytes");
  REFUSED(bgem3_embedder_encode(embedder, parts, huge, count, NULL, &embeddings), "the length of texts[0]");
  REFUSED(bgem3_embedder_encode(embedder, NULL, NULL, count, NULL, &embeddings), "texts should be a pointer");
  REFUSED(bgem3_embedder_encode(embedder, texts, NULL, (size_t)-1, NULL, &embeddings), "count should be at most");
  REFUSED(bgem3_embedder_encode(NULL, texts, NULL, count, NULL, &embeddings), "embedder should be a pointer");
  REFUSED(bgem3_embedder_encode(embedder, texts, NULL, count, NULL, NULL), "embeddings should be a pointer");

  OK(bgem3_embedder_encode(embedder, NULL, NULL, 0, NULL, &embeddings));
  CHECK(bgem3_embeddings_count(embeddings) == 0);
  const float* values;
  size_t size;
  OK(bgem3_embeddings_dense(embeddings, &values, &size));
  CHECK(size == dimension);
  bgem3_embeddings_free(embeddings);
  free(expected);
  free(found);
}

static void test_encode_into(const bgem3_embedder* embedder) {
  const size_t dimension = bgem3_embedder_dimension(embedder), floats = count * dimension;
  float* out = malloc(floats * sizeof *out);
  CHECK(out != NULL);
  out[0] = 5;
  char message[100];
  snprintf(message, sizeof message, "room for 3 x %zu floats, found %zu", dimension, floats - 1);
  REFUSED(bgem3_embedder_encode_into(embedder, texts, NULL, count, NULL, out, floats - 1), message);
  CHECK(out[0] == 5);
  REFUSED(bgem3_embedder_encode_into(embedder, texts, NULL, count, NULL, NULL, floats), "out should be a pointer");
  REFUSED(bgem3_embedder_encode_into(embedder, texts, NULL, (size_t)-1 / 8, NULL, out, floats),
          "count should be at most");
  REFUSED(bgem3_embedder_encode_into(NULL, texts, NULL, count, NULL, out, floats), "embedder should be a pointer");
  OK(bgem3_embedder_encode_into(embedder, NULL, NULL, 0, NULL, NULL, 0));
  const bgem3_encode_options kinds = all_kinds();
  REFUSED(bgem3_embedder_encode_into(embedder, texts, NULL, count, &kinds, out, floats), "sparse = 0");

  bgem3_encode_options options;
  bgem3_embeddings* embeddings;
  const float* values;
  size_t size;
  OK(bgem3_encode_options_init(&options, sizeof options));
  options.truncate_dim = 8;
  OK(bgem3_embedder_encode_into(embedder, texts, NULL, count, &options, out, 8 * count));
  OK(bgem3_embedder_encode(embedder, texts, NULL, count, &options, &embeddings));
  OK(bgem3_embeddings_dense(embeddings, &values, &size));
  CHECK(size == 8 && memcmp(values, out, 8 * count * sizeof *out) == 0);
  bgem3_embeddings_free(embeddings);
  free(out);
}

struct calls {
  size_t before_stop;
  size_t batches;
  bgem3_progress last;
};

static bool on_progress(const bgem3_progress* progress, void* user_data) {
  struct calls* calls = user_data;
  if (progress->texts_done > calls->last.texts_done) ++calls->batches;
  calls->last = *progress;
  return calls->before_stop-- > 0;
}

static void test_progress(const bgem3_embedder* embedder) {
  struct calls calls = {1000000, 0, {0, 0, 0, 0}};
  bgem3_encode_options options = all_kinds();
  bgem3_embeddings* embeddings;
  options.on_progress = on_progress;
  options.user_data = &calls;
  OK(bgem3_embedder_encode(embedder, texts, NULL, count, &options, &embeddings));
  CHECK(calls.last.texts_done == count && calls.last.texts_total == count);
  CHECK(calls.last.tokens_done == calls.last.tokens_total && calls.last.tokens_done > count);
  bgem3_embeddings_free(embeddings);
  calls.before_stop = 1;
  FAILS(bgem3_embedder_encode(embedder, texts, NULL, count, &options, &embeddings), BGEM3_CANCELLED, "");
  CHECK(embeddings == NULL && calls.last.texts_done < count);
}

/* Three texts: two batches of up to two, three of one token at most, in which a longer text is alone. */
static void test_batches(const bgem3_embedder* embedder, const bgem3_reranker* reranker) {
  for (int tokens = 0; tokens <= 1; ++tokens) {
    struct calls of_texts = {1000000, 0, {0, 0, 0, 0}}, of_pairs = of_texts;
    bgem3_encode_options encode = all_kinds();
    encode.batch_size = tokens ? 0 : 2;
    encode.batch_tokens = tokens ? 1 : 0;
    encode.on_progress = on_progress;
    encode.user_data = &of_texts;
    bgem3_embeddings* embeddings;
    OK(bgem3_embedder_encode(embedder, texts, NULL, count, &encode, &embeddings));
    CHECK(of_texts.batches == (tokens ? 3 : 2));
    bgem3_embeddings_free(embeddings);

    bgem3_rerank_options rerank;
    float scores[count];
    OK(bgem3_rerank_options_init(&rerank, sizeof rerank));
    rerank.batch_size = encode.batch_size;
    rerank.batch_tokens = encode.batch_tokens;
    rerank.on_progress = on_progress;
    rerank.user_data = &of_pairs;
    OK(bgem3_reranker_score(reranker, texts, NULL, texts, NULL, count, &rerank, scores));
    CHECK(of_pairs.batches == (tokens ? 3 : 2));
  }
}

static void test_tokenize(const bgem3_embedder* embedder) {
  int32_t ids[64];
  size_t n, cut, needed;
  OK(bgem3_embedder_tokenize(embedder, texts[2], BGEM3_ZERO_TERMINATED, 0, ids, 64, &n));
  CHECK(n > 4 && n <= 64 && ids[0] == 0 && ids[n - 1] == 2);
  REFUSED(bgem3_embedder_tokenize(embedder, texts[2], strlen(texts[2]), 0, ids, n - 1, &needed), "capacity should be");
  CHECK(needed == n);
  OK(bgem3_embedder_tokenize(embedder, texts[2], strlen(texts[2]), 4, ids, 4, &cut));
  CHECK(cut == 4 && ids[3] == 2);
  OK(bgem3_embedder_tokenize(embedder, NULL, 0, 0, ids, 64, &n));
  CHECK(n == 2);
  REFUSED(bgem3_embedder_tokenize(NULL, texts[2], 4, 0, ids, 64, &n), "embedder should be a pointer");
  REFUSED(bgem3_embedder_tokenize(embedder, NULL, 4, 0, ids, 64, &n), "text should point to 4 bytes");
  REFUSED(bgem3_embedder_tokenize(embedder, texts[2], 4, 1, ids, 64, &n), "max_length");
  REFUSED(bgem3_embedder_tokenize(embedder, texts[2], 4, 0, NULL, 64, &n), "ids should be a pointer");
  REFUSED(bgem3_embedder_tokenize(embedder, texts[2], 4, 0, ids, 64, NULL), "count should be a pointer");
}

static void test_reranker(const bgem3_embedder* embedder, const char* directory, const char* embedder_directory) {
  const char* const queries[] = {"how to bake bread", "how to bake bread", "a"};
  const char* const passages[] = {"Knead the dough.", "Raise the rates.", "b"};
  const size_t query_lengths[] = {17, 17, 1}, passage_lengths[] = {16, 16, 1};
  float scores[count], again[count];
  bgem3_reranker* reranker;
  FAILS(bgem3_reranker_load(embedder_directory, NULL, &reranker), BGEM3_BAD_MODEL, "");
  CHECK(reranker == NULL);
  REFUSED(bgem3_reranker_load(NULL, NULL, &reranker), "directory should be a pointer");
  REFUSED(bgem3_reranker_load(directory, NULL, NULL), "reranker should be a pointer");

  OK(bgem3_reranker_load(directory, NULL, &reranker));
  OK(bgem3_reranker_score(reranker, queries, NULL, passages, NULL, count, NULL, scores));
  CHECK(isfinite(scores[0]) && scores[0] != scores[1]);
  OK(bgem3_reranker_score(reranker, queries, query_lengths, passages, passage_lengths, count, NULL, again));
  CHECK(memcmp(scores, again, sizeof scores) == 0);
  OK(bgem3_reranker_score(reranker, passages, NULL, queries, NULL, count, NULL, again));
  CHECK(memcmp(scores, again, sizeof scores) != 0);

  test_batches(embedder, reranker);
  bgem3_rerank_options options;
  struct calls calls = {0, 0, {0, 0, 0, 0}};
  OK(bgem3_rerank_options_init(&options, sizeof options));
  options.on_progress = on_progress;
  options.user_data = &calls;
  FAILS(bgem3_reranker_score(reranker, queries, NULL, passages, NULL, count, &options, again), BGEM3_CANCELLED, "");
  options.on_progress = NULL;
  options.max_length = 3;
  REFUSED(bgem3_reranker_score(reranker, queries, NULL, passages, NULL, count, &options, again), "max_length");
  options.max_length = 0;
  options.device = "cuda:0";
  REFUSED(bgem3_reranker_score(reranker, queries, NULL, passages, NULL, count, &options, again), "not among those");

  OK(bgem3_reranker_score(reranker, NULL, NULL, NULL, NULL, 0, NULL, NULL));
  REFUSED(bgem3_reranker_score(NULL, queries, NULL, passages, NULL, count, NULL, again), "reranker should be");
  REFUSED(bgem3_reranker_score(reranker, NULL, NULL, passages, NULL, count, NULL, again), "queries should be");
  REFUSED(bgem3_reranker_score(reranker, queries, NULL, NULL, NULL, count, NULL, again), "passages should be");
  REFUSED(bgem3_reranker_score(reranker, queries, NULL, passages, NULL, count, NULL, NULL), "scores should be");
  bgem3_reranker_free(reranker);
}

int main(int argc, char** argv) {
  if (argc != 3) {
    fprintf(stderr, "usage: %s EMBEDDER RERANKER\n", argv[0]);
    return 2;
  }
  bgem3_embedder* embedder;
  test_names();
  test_option_defaults();
  test_load_refuses(argv[1]);
  test_load_options(argv[1]);
  OK(bgem3_embedder_load(argv[1], NULL, &embedder));
  test_options_of_a_later_version(embedder);
  test_info(embedder);
  test_encode(embedder);
  test_accessors_refuse(embedder);
  test_texts(embedder);
  test_encode_into(embedder);
  test_encode_options(embedder);
  test_progress(embedder);
  test_tokenize(embedder);
  test_reranker(embedder, argv[2], argv[1]);
  bgem3_embedder_free(embedder);
  bgem3_embedder_free(NULL);
  bgem3_embeddings_free(NULL);
  bgem3_reranker_free(NULL);
  return 0;
}
