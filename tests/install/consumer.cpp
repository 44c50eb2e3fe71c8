#include <cmath>
#include <cstdio>

#include <bgem3/bgem3.h>

long rows_of_encoded_tokens(const char* directory);  // blocks.cpp, a second translation unit over the building blocks

int main(int, char** arguments) {
  try {
    const auto embedder = bgem3::Embedder::load(arguments[1]);
    const auto embeddings = embedder.encode({"Hello World", "Bonjour le monde"});
    std::printf("bgem3 %s: cosine %.4f\n", BGEM3_VERSION_STRING,
                bgem3::dense_score(embeddings.dense.row(0), embeddings.dense.row(1)));
    // An Error must be caught by its type across the border of the shared library.
    try {
      (void)bgem3::Embedder::load("no/such/model");
      return 1;
    } catch (const bgem3::Error& error) {
      if (error.code() != bgem3::ErrorCode::bad_model) return 1;
    }
    return embeddings.dense.rows() == 2 && rows_of_encoded_tokens(arguments[1]) == 3 ? 0 : 1;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}
