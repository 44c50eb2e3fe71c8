// A program that only embeds text: it must compile and run with no other include path than bgem3.
#if __has_include(<ATen/ATen.h>) || __has_include(<torch/torch.h>)
#error "torch is on the include path of a program that links bgem3::bgem3"
#endif

#include <cstdio>

#include <bgem3/bgem3.h>

int main(int, char** arguments) {
  const auto embedder = bgem3::Embedder::load(arguments[1]);
  const auto embeddings = embedder.encode({"Hello World"});
  std::printf("%zu x %zu\n", embeddings.dense.rows(), embeddings.dense.cols());
  return embeddings.dense.rows() == 1 ? 0 : 1;
}
