#pragma once

#include <string>
#include <utility>

#include <pybind11/pybind11.h>

namespace bgem3::python {

/// Whether Python knows T by bind_class(). To be specialised before anything else is said of T.
template <typename T>
inline constexpr bool is_bound = false;

/// What all of pybind11's classes have in common, and Python draws wrong conclusions from:
/// * their objects have one size, so that `object.__class__` may be assigned, and C++ takes one class for another;
/// * `__new__` is inherited, so that pickle calls the base's by itself, which ends the process.
inline void set_apart(PyHeapTypeObject* type) {
  static Py_ssize_t classes = 0;
  type->ht_type.tp_basicsize += ++classes * static_cast<Py_ssize_t>(sizeof(void*));
  type->ht_type.tp_new = &pybind11::detail::pybind11_object_new;
}

/// A class whose functions survive each object of it, also those that nothing was constructed in.
template <typename T>
pybind11::class_<T> bind_class(pybind11::module_& module, const char* name, const char* doc) {
  static_assert(is_bound<T>);
  return pybind11::class_<T>(module, name, doc, pybind11::custom_type_setup(&set_apart));
}

}  // namespace bgem3::python

namespace pybind11::detail {

/// pybind11 would hand out memory that nothing was constructed in for `X.__new__(X)`, and a null pointer for the None
/// of `X.method(None)`.
template <typename T>
class type_caster<T, enable_if_t<bgem3::python::is_bound<T>>> : public type_caster_base<T> {
  using Base = type_caster_base<T>;

 public:
  bool load(handle source, bool convert) {
    return !source.is_none() && Base::template load_impl<type_caster>(source, convert);
  }

  void load_value(value_and_holder&& found) {
    if (!found.holder_constructed()) {
      throw type_error(std::string(this->typeinfo->type->tp_name) +
                       " object is not initialised: __new__() alone makes none");
    }
    Base::load_value(std::move(found));
  }
};

}  // namespace pybind11::detail
