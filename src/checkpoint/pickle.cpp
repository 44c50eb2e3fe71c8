#include "checkpoint/pickle.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "bgem3/detail/message.h"
#include "bgem3/error.h"

namespace bgem3 {
namespace {

using detail::in_quotes;

using detail::Pickle;
using detail::PickleValue;
using detail::storage_type;
using Kind = PickleValue::Kind;

[[noreturn]] void bad(const std::string& what) { throw Error(ErrorCode::bad_model, "pickle: " + what); }

// The only functions that a state dict of tensors needs. They are recognised here, never looked up.
constexpr std::string_view ordered_dict = "collections OrderedDict";
constexpr std::string_view rebuild_tensor = "torch._utils _rebuild_tensor_v2";
constexpr std::string_view rebuild_old_tensor = "torch._utils _rebuild_tensor";
constexpr std::string_view rebuild_parameter = "torch._utils _rebuild_parameter";

constexpr std::size_t steps_max = 2'000'000;  // some sixty for each tensor; each may take a hundred bytes
constexpr std::size_t global_bytes_max = 256;

bool is_known(std::string_view global) {
  return global == ordered_dict || global == rebuild_tensor || global == rebuild_old_tensor ||
         global == rebuild_parameter || storage_type(global);
}

// The stack machine. Opcode names are those of Python's pickletools.
class Machine {
 public:
  explicit Machine(std::span<const std::byte> code) : size_(code.size()), code_(code) {}

  Pickle run() {
    for (std::size_t steps = 0; steps < steps_max; ++steps) {
      const auto opcode = static_cast<unsigned char>(take(1)[0]);
      if (opcode == '.') {
        pickle_.top = pop();
        pickle_.bytes = size_ - code_.size();
        return std::move(pickle_);
      }
      step(opcode);
    }
    bad(fmt::format("more than {} opcodes are no state dict of tensors", steps_max));
  }

 private:
  // One line for each opcode, so longer than a screen.
  void step(unsigned char opcode) {
    switch (opcode) {
      case 0x80: take(1); return;                                                   // PROTO
      case 0x95: take(8); return;                                                   // FRAME
      case '(': marks_.push_back(stack_.size()); return;                            // MARK
      case 'N': push(Kind::none); return;                                           // NONE
      case 0x88: push_integer(1, Kind::boolean); return;                            // NEWTRUE
      case 0x89: push_integer(0, Kind::boolean); return;                            // NEWFALSE
      case 'K': push_integer(take_unsigned(1)); return;                             // BININT1
      case 'M': push_integer(take_unsigned(2)); return;                             // BININT2
      case 'J': push_integer(static_cast<std::int32_t>(take_unsigned(4))); return;  // BININT
      case 0x8a: push_long(); return;                                               // LONG1
      case 'G': take(8), push(Kind::real); return;                                  // BINFLOAT
      case 'X': push_text(take_unsigned(4)); return;                                // BINUNICODE
      case 0x8c: push_text(take_unsigned(1)); return;                               // SHORT_BINUNICODE
      case 0x8d: push_text(take_unsigned(8)); return;                               // BINUNICODE8
      case ')': push(Kind::tuple); return;                                          // EMPTY_TUPLE
      case ']': push(Kind::list); return;                                           // EMPTY_LIST
      case '}': push(Kind::dict); return;                                           // EMPTY_DICT
      case 't': push_tuple(above_mark()); return;                                   // TUPLE
      case 0x85: push_tuple(top(1)); return;                                        // TUPLE1
      case 0x86: push_tuple(top(2)); return;                                        // TUPLE2
      case 0x87: push_tuple(top(3)); return;                                        // TUPLE3
      case 'a': extend(top(1), Kind::list); return;                                 // APPEND
      case 'e': extend(above_mark(), Kind::list); return;                           // APPENDS
      case 's': extend(top(2), Kind::dict); return;                                 // SETITEM
      case 'u': extend(above_mark(), Kind::dict); return;                           // SETITEMS
      case 'q': memorize(take_unsigned(1)); return;                                 // BINPUT
      case 'r': memorize(take_unsigned(4)); return;                                 // LONG_BINPUT
      case 0x94: memorize(memo_.size()); return;                                    // MEMOIZE
      case 'h': push_memo(take_unsigned(1)); return;                                // BINGET
      case 'j': push_memo(take_unsigned(4)); return;                                // LONG_BINGET
      case 'c': push_line_global(); return;                                         // GLOBAL
      case 0x93: push_stack_global(); return;                                       // STACK_GLOBAL
      case 'Q': push_storage(pop()); return;                                        // BINPERSID
      case 'R': call(); return;                                                     // REDUCE
      case 'b': build(); return;                                                    // BUILD
      case 'U':                                                                     // SHORT_BINSTRING
      case 'T': bad_python();                                                       // BINSTRING
      default: bad(fmt::format("opcode 0x{:02x} has no place in a state dict of tensors", opcode));
    }
  }

  [[noreturn]] static void bad_python() {
    bad("it has strings of Python 2, which are not read; load it in Python and save the tensors with safetensors");
  }

  std::span<const std::byte> take(std::uint64_t count) {
    if (count > code_.size()) bad("the pickle is cut off");
    const auto taken = code_.first(static_cast<std::size_t>(count));
    code_ = code_.subspan(taken.size());
    return taken;
  }

  std::uint64_t take_unsigned(std::size_t width) {
    std::uint64_t value = 0;
    const auto bytes = take(width);
    for (std::size_t i = width; i-- > 0;) value = value << 8 | std::to_integer<std::uint64_t>(bytes[i]);
    return value;
  }

  std::string_view take_text(std::uint64_t length) {
    const auto bytes = take(length);
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
  }

  std::string_view take_line() {
    const auto head = code_.first(std::min(code_.size(), global_bytes_max + 1));
    const auto end = std::find(head.begin(), head.end(), std::byte{'\n'});
    if (end == head.end()) bad("a name of a function or class does not end");
    const auto line = take_text(static_cast<std::uint64_t>(end - head.begin()));
    take(1);
    return line;
  }

  PickleValue* push(Kind kind) {
    PickleValue* value = pickle_.heap.make(kind);
    stack_.push_back(value);
    return value;
  }

  template <typename Number>
  void push_integer(Number number, Kind kind = Kind::integer) {
    push(kind)->integer = static_cast<std::int64_t>(number);
  }

  void push_long() {
    const auto width = static_cast<std::size_t>(take_unsigned(1));
    if (width > 8) {
      push(Kind::long_integer)->text = take_text(width);
      return;
    }
    std::uint64_t number = take_unsigned(width);
    // Two's complement of `width` bytes.
    if (width > 0 && width < 8 && (number >> (8 * width - 1)) != 0) number |= ~std::uint64_t{0} << (8 * width);
    push_integer(number);
  }

  void push_text(std::uint64_t length) { push(Kind::text)->text = take_text(length); }

  void push_tuple(std::vector<PickleValue*> items) { push(Kind::tuple)->items.assign(items.begin(), items.end()); }

  // Pickles number what they remember from 0 or 1 on.
  void memorize(std::uint64_t key) {
    if (key > steps_max) bad(fmt::format("a reference to value {}; expected {} at most", key, steps_max));
    if (key >= memo_.size()) memo_.resize(static_cast<std::size_t>(key) + 1);
    memo_[static_cast<std::size_t>(key)] = peek();
  }

  void push_memo(std::uint64_t key) {
    if (key >= memo_.size() || memo_[static_cast<std::size_t>(key)] == nullptr) bad("a reference to nothing");
    stack_.push_back(memo_[static_cast<std::size_t>(key)]);
  }

  void push_global(std::string_view module, std::string_view name) {
    if (module.size() > global_bytes_max || name.size() > global_bytes_max) {
      bad(fmt::format("a function or class whose name has more than {} bytes", global_bytes_max));
    }
    const auto global = pickle_.heap.keep(fmt::format("{} {}", module, name));
    if (!is_known(global)) {
      bad(
          fmt::format("it wants to call {}, which a state dict of tensors never does. Nothing was executed. If you "
                      "trust the file, load it in Python and save the tensors with safetensors",
                      in_quotes(fmt::format("{}.{}", module, name))));
    }
    push(Kind::global)->text = global;
  }

  void push_line_global() {
    const auto module = take_line();
    push_global(module, take_line());
  }

  void push_stack_global() {
    const auto names = top(2);
    if (names[0]->kind != Kind::text || names[1]->kind != Kind::text) bad("a global without a name");
    push_global(names[0]->text, names[1]->text);
  }

  // ('storage', <class torch.FloatStorage>, key, location, number of elements[, view])
  void push_storage(const PickleValue* id) {
    const auto& items = id->items;
    const bool well_formed = id->kind == Kind::tuple && (items.size() == 5 || items.size() == 6) &&
                             items[0]->kind == Kind::text && items[0]->text == "storage" &&
                             items[1]->kind == Kind::global && storage_type(items[1]->text) &&
                             items[2]->kind == Kind::text && items[4]->kind == Kind::integer;
    if (!well_formed) bad("a persistent id that is not a storage");
    PickleValue* storage = push(Kind::storage);
    storage->items = items;
    pickle_.storages.push_back(storage);
  }

  void call() {
    const auto operands = top(2);
    const PickleValue& function = *operands[0];
    const PickleValue& arguments = *operands[1];
    // The limit keeps a long tuple that is used again and again from being copied as often.
    if (function.kind != Kind::global || arguments.kind != Kind::tuple || arguments.items.size() > 8) {
      bad("a call without function or with strange arguments");
    }
    if (function.text == ordered_dict) {
      if (!arguments.items.empty()) bad("an OrderedDict made from arguments");
      push(Kind::dict);
    } else if (function.text == rebuild_tensor || function.text == rebuild_old_tensor) {
      push(Kind::tensor)->items = arguments.items;
    } else if (function.text == rebuild_parameter && !arguments.items.empty() &&
               arguments.items[0]->kind == Kind::tensor) {
      push(Kind::tensor)->items = arguments.items[0]->items;
    } else {
      bad(fmt::format("a call of {}", in_quotes(function.text)));
    }
  }

  // State dicts carry version numbers of their modules as attributes; they say nothing about the tensors.
  void build() {
    top(1);
    if (peek()->kind != Kind::dict) bad(fmt::format("attributes for {}", to_string(peek()->kind)));
  }

  [[nodiscard]] std::size_t floor() const { return marks_.empty() ? 0 : marks_.back(); }

  PickleValue* peek() {
    if (stack_.size() <= floor()) bad("the stack is empty");
    return stack_.back();
  }

  PickleValue* pop() { return top(1)[0]; }

  // Removes the last `count` values.
  std::vector<PickleValue*> top(std::size_t count) {
    if (stack_.size() < floor() + count) bad("the stack is empty");
    std::vector<PickleValue*> values(stack_.end() - static_cast<std::ptrdiff_t>(count), stack_.end());
    stack_.resize(stack_.size() - count);
    return values;
  }

  std::vector<PickleValue*> above_mark() {
    if (marks_.empty()) bad("a mark is missing");
    auto values = top(stack_.size() - marks_.back());
    marks_.pop_back();
    return values;
  }

  void extend(const std::vector<PickleValue*>& items, Kind kind) {
    PickleValue* container = peek();
    if (container->kind != kind || (kind == Kind::dict && items.size() % 2 != 0)) {
      bad(fmt::format("items for {}", to_string(container->kind)));
    }
    container->items.insert(container->items.end(), items.begin(), items.end());
  }

  std::size_t size_;
  std::span<const std::byte> code_;  // what is left
  Pickle pickle_;
  std::vector<PickleValue*> stack_;
  std::vector<std::size_t> marks_;
  std::vector<PickleValue*> memo_;
};

}  // namespace

detail::Pickle detail::read_pickle(std::span<const std::byte> bytes) { return Machine(bytes).run(); }

}  // namespace bgem3
