#pragma once

#include <string>

#include "bgem3/bgem3.h"
#include "cli/arguments.h"
#include "cli/resume_state.h"

namespace bgem3::cli {

/// All that decides about the rows of an output beside its input: what has to be the same for --resume. How a batch is
/// cut and where it is computed is not among it: that moves a vector by 1e-5 at most.
/// @throws Error io_error for a file of the model that cannot be read
ResumeState::Parameters resume_parameters(const EncodeArguments& arguments, const Embedder& embedder,
                                          const EncodeOptions& options, bool is_npy);

}  // namespace bgem3::cli
