// The Python module bgem3._core: the façade, one to one. What FlagEmbedding's users see is built on it in Python.
#include <malloc.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include <pybind11/pybind11.h>
#include <pybind11/stl.h>
#include <pybind11/stl/filesystem.h>

#include "api/model_fields.h"
#include "batching.h"
#include "bgem3/bgem3.h"
#include "bgem3/cuda.h"
#include "bgem3/detail/message.h"
#include "bgem3/reranker.h"
#include "bound_class.h"
#include "errors.h"
#include "interruptible.h"
#include "logging.h"
#include "numpy.h"
#include "shared.h"
#include "texts.h"
#include "tokens.h"

namespace bgem3::python {
namespace py = pybind11;

namespace {

// malloc would keep for itself what the last user of a model gives back, hundreds of megabytes.
template <typename Model>
std::shared_ptr<const Model> share_until_freed(Model model) {
  return {new Model(std::move(model)), [](const Model* last) {
            delete last;
#ifdef __GLIBC__
            malloc_trim(0);
#endif
          }};
}

std::vector<std::pair<std::string, int>> list_gpus() {
  std::vector<std::pair<std::string, int>> gpus;
  for (const auto& device : cuda_devices()) gpus.emplace_back(device.name, device.compute_capability);
  return gpus;
}

std::optional<Pooling> pooling_of(const std::optional<std::string>& name) {
  if (!name) return std::nullopt;
  if (const auto pooling = pooling_of_name(*name)) return pooling;
  throw Error(ErrorCode::invalid_argument,
              "pooling should be " + pooling_names() + ", found " + detail::in_quotes(*name));
}

// As os.fsdecode, which has characters for bytes that are not UTF-8.
py::str path_text(const std::filesystem::path& path) {
  return py::reinterpret_steal<py::str>(
      PyUnicode_DecodeFSDefaultAndSize(path.c_str(), static_cast<Py_ssize_t>(path.native().size())));
}

struct ToPython {
  py::object operator()(std::monostate /*none*/) const { return py::none(); }
  py::object operator()(const std::filesystem::path& path) const { return path_text(path); }
  py::object operator()(const std::vector<std::filesystem::path>& paths) const {
    py::list texts;
    for (const auto& path : paths) texts.append(path_text(path));
    return texts;
  }
  py::object operator()(const auto& value) const { return py::cast(value); }
};

py::dict info_of(const ModelInfo& info) {
  py::dict fields;
  for (const auto& field : describe_model(info)) fields[py::cast(field.name)] = std::visit(ToPython(), field.value);
  fields["truncate_dim"] = info.config.truncate_dim;  // 0 where there is none, as programs know it
  return fields;
}

LoadOptions load_options(const std::string& device, const std::string& dtype, const std::string& pipeline,
                         const std::optional<std::string>& pooling, bool cuda_graphs, unsigned threads,
                         unsigned parallel_calls, bool copy) {
  LoadOptions options;
  options.device = device;
  options.dtype = parse_dtype(dtype);
  options.tokenizer.pipeline = parse_pipeline(pipeline);
  options.pooling = pooling_of(pooling);
  options.cuda_graphs = cuda_graphs;
  options.threads = threads;
  options.parallel_calls = parallel_calls;
  options.copy = copy;
  options.on_log = log_to_python;
  return options;
}

template <typename Model>
Shared<Model> load(const std::filesystem::path& directory, const std::string& device, const std::string& dtype,
                   const std::string& pipeline, const std::optional<std::string>& pooling, bool cuda_graphs,
                   unsigned threads, unsigned parallel_calls, bool copy) {
  // On the worker, whose OpenMP threads are its own: those of the calling thread would not survive a fork.
  auto work = [directory, options = load_options(device, dtype, pipeline, pooling, cuda_graphs, threads, parallel_calls,
                                                 copy)](const ProgressCallback&) {
    return Shared<Model>{share_until_freed(Model::load(directory, options))};
  };
  return run_interruptible(std::move(work), 0, py::none());
}

template <typename Model>
py::class_<Shared<Model>> bind_shared(py::module_& module, const char* name, const char* doc) {
  return bind_class<Shared<Model>>(module, name, doc)
      .def_static("load", &load<Model>, py::arg("directory"), py::arg("device") = "cpu", py::arg("dtype") = "auto",
                  py::arg("pipeline") = "auto", py::arg("pooling") = py::none(),
                  py::arg("cuda_graphs").noconvert() = LoadOptions().cuda_graphs,
                  py::arg("threads") = LoadOptions().threads, py::arg("parallel_calls") = LoadOptions().parallel_calls,
                  py::arg("copy").noconvert() = LoadOptions().copy)
      .def_property_readonly("tokenizer",
                             [](const Shared<Model>& self) -> Tokenizer { return self.model->tokenizer(); })
      .def_property_readonly("info", [](const Shared<Model>& self) { return info_of(self.model->info()); })
      .def(
          "release_memory", [](const Shared<Model>& self) { self.model->release_memory(); },
          py::call_guard<py::gil_scoped_release>(), "Gives memory that is kept for the next call back to the system.");
}

// What a call gives.
struct Encoded {
  Embeddings embeddings;
  std::vector<Matrix> hidden_states;
};

// The states of each text of a batch. A batch that is computed again is told again.
void take_rows(const HiddenStates& states, std::vector<Matrix>& texts) {
  const std::size_t width = states.values.cols();
  for (std::size_t k = 0; k < states.texts.size(); ++k) {
    const auto begin = static_cast<std::size_t>(states.offsets[k]);
    const auto end = static_cast<std::size_t>(states.offsets[k + 1]);
    Matrix rows(end - begin, width);
    std::copy_n(states.values.data() + begin * width, rows.size(), rows.data());
    texts[states.texts[k]] = std::move(rows);
  }
}

py::dict encode(const Shared<Embedder>& self, const py::sequence& sequence, bool dense, bool sparse, bool colbert,
                std::size_t max_length, std::size_t batch_size, std::size_t batch_tokens, std::size_t truncate_dim,
                std::optional<bool> normalize, const std::string& device, const py::object& progress,
                const std::optional<std::string>& prompt, bool hidden_states) {
  EncodeOptions options;
  options.dense = dense;
  options.sparse = sparse;
  options.colbert = colbert;
  options.max_length = max_length;
  options.batch_size = batch_size;
  options.batch_tokens = batch_tokens;
  options.truncate_dim = truncate_dim;
  options.normalize = normalize;
  options.prompt = prompt;
  options.device = device;
  std::vector<std::string> texts = to_texts(sequence);
  const std::size_t count = texts.size();
  auto work = [model = self.model, texts = std::move(texts), options, hidden_states](ProgressCallback on_progress) {
    EncodeOptions observed = options;
    observed.on_progress = std::move(on_progress);
    Encoded encoded;
    if (hidden_states) {
      encoded.hidden_states.resize(texts.size());
      observed.on_hidden_states = [&, last = model->info().config.layers](const HiddenStates& states) {
        if (states.layer == last) take_rows(states, encoded.hidden_states);
      };
    }
    encoded.embeddings = model->encode(std::span(texts), observed);
    return encoded;
  };
  Encoded encoded = run_interruptible(std::move(work), count, progress);
  py::dict result = to_numpy(std::move(encoded.embeddings), options);
  result["hidden_states"] = hidden_states ? py::object(to_list(std::move(encoded.hidden_states))) : py::none();
  return result;
}

py::array score(const Shared<Reranker>& self, const py::sequence& queries, const py::sequence& passages,
                std::size_t max_length, std::size_t query_max_length, std::size_t batch_size, std::size_t batch_tokens,
                const std::string& device, const py::object& progress, bool cut_longest) {
  std::vector<std::string> first = to_texts(queries);
  std::vector<std::string> second = to_texts(passages);
  check_pairs(first, second);
  const std::size_t count = first.size();
  const RerankOptions options{.max_length = max_length,
                              .query_max_length = query_max_length,
                              .truncation = cut_longest ? PairTruncation::longest : PairTruncation::passage,
                              .batch_size = batch_size,
                              .batch_tokens = batch_tokens,
                              .device = device,
                              .on_progress = {}};
  auto work = [model = self.model, first = std::move(first), second = std::move(second),
               options](ProgressCallback on_progress) {
    RerankOptions observed = options;
    observed.on_progress = std::move(on_progress);
    return model->score(pairs_of(first, second), observed);
  };
  return take_over(run_interruptible(std::move(work), count, progress));
}

void bind_models(py::module_& module) {
  const EncodeOptions defaults;
  const RerankOptions rerank_defaults;
  bind_shared<Embedder>(module, "Embedder", "A loaded model; any number of threads may use it at once.")
      .def("encode", &encode, py::arg("texts"), py::kw_only(), py::arg("dense") = true, py::arg("sparse") = false,
           py::arg("colbert") = false, py::arg("max_length") = 0, py::arg("batch_size") = defaults.batch_size,
           py::arg("batch_tokens") = defaults.batch_tokens, py::arg("truncate_dim") = 0,
           py::arg("normalize") = py::none(), py::arg("device") = "", py::arg("progress") = py::none(),
           py::arg("prompt") = py::none(), py::arg("hidden_states") = false)
      .def(
          "dimension",
          [](const Shared<Embedder>& self, std::size_t truncate_dim) {
            EncodeOptions options;
            options.truncate_dim = truncate_dim;
            self.model->validate(options);
            return self.model->dimension(options);
          },
          py::arg("truncate_dim") = 0, "Components of a dense vector.");
  bind_shared<Reranker>(module, "Reranker", "A loaded cross-encoder; any number of threads may use it at once.")
      .def("score", &score, py::arg("queries"), py::arg("passages"), py::kw_only(), py::arg("max_length") = 0,
           py::arg("query_max_length") = 0, py::arg("batch_size") = rerank_defaults.batch_size,
           py::arg("batch_tokens") = rerank_defaults.batch_tokens, py::arg("device") = "",
           py::arg("progress") = py::none(), py::arg("cut_longest") = false, "Logits, float32 [B].")
      .def(
          "activate",
          [](const Shared<Reranker>& self, std::vector<float> logits) {
            self.model->activate(logits);
            return take_over(std::move(logits));
          },
          py::arg("logits"), "What the model directory makes of logits, float32 [B].");
}

}  // namespace
}  // namespace bgem3::python

PYBIND11_MODULE(_core, module, pybind11::mod_gil_not_used()) {
  namespace py = pybind11;
  module.doc() = "bgem3's C++ library. Use the classes of the package bgem3 instead.";
  module.attr("version") = BGEM3_VERSION_STRING;
  module.def(
      "processor_has", [](const std::string& dtype) { return bgem3::processor_has(bgem3::parse_dtype(dtype)); },
      py::arg("dtype"), "Whether this processor has instructions for a dtype.");
  module.def(
      "is_for_cuda", [](const std::string& dtype) { return bgem3::is_for_cuda(bgem3::parse_dtype(dtype)); },
      py::arg("dtype"), "Whether there are GPUs that compute in a dtype.");
  module.def("cuda_devices", &bgem3::python::list_gpus, py::call_guard<py::gil_scoped_release>(),
             "Name and compute capability (75 for 7.5) of each GPU; InvalidArgumentError says why there is none.");
  bgem3::python::register_errors();
  bgem3::python::bind_tokenizer(module);
  bgem3::python::bind_models(module);
  bgem3::python::bind_batching(module);
  py::module_::import("atexit").attr("register")(py::cpp_function(&bgem3::python::end_all_calls));
}
