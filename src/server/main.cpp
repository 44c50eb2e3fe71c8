// bgem3-server: BGE-M3 embeddings over HTTP.
#include "server/server.h"

int main(int argc, char** argv) {
  return bgem3::server::run_program(argc, argv, "bgem3-server", bgem3::server::load_models);
}
