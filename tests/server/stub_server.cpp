// bgem3-server without a model, for tests of the server, and to measure what HTTP adds.
#include "server/server.h"
#include "support/failing_new.h"
#include "support/stub_models.h"

int main(int argc, char** argv) {
  const int status = bgem3::server::run_program(argc, argv, "bgem3-server", bgem3::test::load_stub_models);
  bgem3::test::failing_one_in = 0;  // LibTorch, which ends after main, needs memory for that
  return status;
}
