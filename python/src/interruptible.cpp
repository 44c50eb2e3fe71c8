#include "interruptible.h"

#include <string>
#include <thread>

namespace bgem3::python {
namespace py = pybind11;
using namespace std::chrono_literals;
namespace {

std::atomic<bool> ending = false;

// While the interpreter ends, only daemon threads are left to come here. Python lets none of them go on, and ends them
// in a way that C++ frames do not survive: so this one waits for the end of the process.
void sleep_for_good() {
  while (true) std::this_thread::sleep_for(1h);
}

}  // namespace

bool Call::report(const Progress& now) {
  texts_done_ = now.texts_done;
  return !stop_ && !ending;
}

void Call::wait(const std::function<bool()>& is_ready, std::size_t texts_total, const py::object& progress) {
  try {
    while (true) {
      {
        const py::gil_scoped_release no_gil;
        const bool ready = is_ready();
        if (ending) sleep_for_good();
        if (ready) return;
      }
      poll(texts_total, progress);
      process_.expect_here("call");
    }
  } catch (...) {
    stop_ = true;
    throw;
  }
}

void Call::poll(std::size_t texts_total, const py::object& progress) const {
  if (PyErr_CheckSignals() != 0) throw py::error_already_set();
  if (progress.is_none()) return;
  const py::object answer = progress(texts_done_.load(), texts_total);
  if (answer.is(py::bool_(false))) throw Error(ErrorCode::cancelled, "stopped by the progress callback");
}

void check_progress(const py::object& progress) {
  if (progress.is_none() || PyCallable_Check(progress.ptr()) != 0) return;
  throw py::type_error("progress should be None or a function of (texts_done, texts_total), found an object of type " +
                       std::string(py::str(py::type::handle_of(progress).attr("__name__"))));
}

bool calls_are_ending() { return ending; }

void end_all_calls() {
  const py::gil_scoped_release no_gil;
  ending = true;
  // A layer of the longest text takes a second or two; whatever takes longer does not keep the process.
  for (int i = 0; i < 10'000 && Worker::unfinished() > 0; ++i) std::this_thread::sleep_for(1ms);
}

}  // namespace bgem3::python
