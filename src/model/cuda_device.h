#pragma once

#include <string>

#include <c10/core/Device.h>
#include <c10/core/Stream.h>

#include "bgem3/cuda.h"
#include "kernels/cuda/graph.h"

namespace bgem3 {

/// The device of such a name, loading the CUDA part of the library.
/// @throws Error invalid_argument as cuda_devices(), and for an N that is not there
at::Device find_cuda_device(const std::string& name);

/// Gives the memory that LibTorch keeps for later use, on all GPUs and pinned on the host, back to the system.
/// For a process that has a CUDA device in use.
void release_cuda_memory();

/// A stream of a GPU that nobody else has until it is given back.
c10::Stream take_cuda_stream(at::Device device);
void give_back_cuda_stream(const c10::Stream& stream);

/// How work on a GPU is recorded. For a process that has a CUDA device in use.
cuda::RecordGraph cuda_graph_recorder();

}  // namespace bgem3
