#include "common/datasets/pickle.h"

#include <bit>
#include <cstdlib>

#include <fmt/format.h>

#include "common/datasets/pickle_machine.h"

namespace desa2va::datasets {

namespace {

using Kind = PickleNode::Kind;

// A few bytes of a program may ask for any amount by naming one list or text many times. A value
// counts 16 bytes and its text; the pickles of RefCOCO and of masks, which name their keys again
// and again, count up to 4 such bytes a byte.
constexpr std::uint64_t kValueBytes = 16;
constexpr std::uint64_t kFreeBytes = 4U << 10U;
constexpr std::uint64_t kMaxGrowth = 16;
constexpr int kMaxPickleDepth = 64;

class Allowance {
 public:
  explicit Allowance(std::size_t file_bytes) : allowed_(kFreeBytes + kMaxGrowth * file_bytes) {}
  Result<void> spend(std::uint64_t bytes) {
    spent_ += bytes;
    if (spent_ <= allowed_) return {};
    return fail(Errc::Corrupt,
                "pickle: its values take more than {}: it names the same ones without end",
                format_bytes(allowed_));
  }

 private:
  const std::uint64_t allowed_;
  std::uint64_t spent_ = 0;
};

template <class T>
Result<void> without_value(const Result<T>& result) {
  if (!result) return result.error();
  return {};
}

class PickleMachine {
 public:
  explicit PickleMachine(ByteSpan file) : in_(file), encoded_(file.size()) {}

  // Runs to STOP and leaves the value, which lives as long as the machine.
  Result<PickleRef> run() {
    for (;;) {
      DESA2VA_ASSIGN(const std::uint8_t opcode, in_.byte());
      if (opcode == '.') {
        saw("STOP", 0);
        return stack_.pop();
      }
      DESA2VA_TRY(step(opcode));
    }
  }

  int protocol = 0;
  std::set<std::string> opcodes;

 private:
  void saw(const char* name, int since_protocol) {
    opcodes.insert(name);
    protocol = std::max(protocol, since_protocol);
  }
  Result<void> push(PickleRef node) {
    stack_.push(node);
    return {};
  }
  Result<void> push(const Result<PickleRef>& node) {
    if (!node) return node.error();
    return push(*node);
  }
  Result<void> push_bool(bool value) {
    auto node = arena_.node(Kind::Bool);
    node->integer = value ? 1 : 0;
    return push(node);
  }

  // Texts and bytes with their length before them.
  Result<void> push_sized(Kind kind, unsigned size_bytes) {
    DESA2VA_ASSIGN(const std::uint64_t size, in_.little_endian(size_bytes));
    DESA2VA_ASSIGN(const std::string_view text, in_.take(size));
    return push(arena_.node(kind, std::string(text)));
  }
  Result<void> push_int(unsigned bytes, bool is_signed) {
    DESA2VA_ASSIGN(const std::uint64_t value, in_.little_endian(bytes));
    return push(arena_.integer(is_signed ? static_cast<std::int32_t>(value)
                                         : static_cast<std::int64_t>(value)));
  }
  Result<void> push_long(unsigned size_bytes) {
    DESA2VA_ASSIGN(const std::uint64_t size, in_.little_endian(size_bytes));
    DESA2VA_ASSIGN(const std::string_view bytes, in_.take(size));
    DESA2VA_ASSIGN(const std::int64_t value, integer_from_bytes(bytes));
    return push(arena_.integer(value));
  }
  Result<void> push_int_line() {
    DESA2VA_ASSIGN(const std::string_view line, in_.line());
    if (line == "00" || line == "01") return push_bool(line == "01");
    DESA2VA_ASSIGN(const std::int64_t value, integer_from_text(line));
    return push(arena_.integer(value));
  }
  Result<void> push_float_line() {
    DESA2VA_ASSIGN(const std::string_view line, in_.line());
    auto node = arena_.node(Kind::Float);
    node->real = std::strtod(std::string(line).c_str(), nullptr);
    return push(node);
  }
  Result<void> push_float() {
    DESA2VA_ASSIGN(const std::string_view bytes, in_.take(8));
    std::uint64_t bits = 0;
    for (const char c : bytes) bits = bits << 8 | static_cast<unsigned char>(c);
    auto node = arena_.node(Kind::Float);
    node->real = std::bit_cast<double>(bits);
    return push(node);
  }
  Result<void> push_string_line() {
    DESA2VA_ASSIGN(const std::string_view line, in_.line());
    DESA2VA_ASSIGN(std::string text, unquote_python(line));
    return push(arena_.node(Kind::Bytes, std::move(text)));
  }
  Result<void> push_unicode_line() {
    DESA2VA_ASSIGN(const std::string_view line, in_.line());
    DESA2VA_ASSIGN(std::string text, from_unicode_escape(line));
    return push(arena_.node(Kind::Text, std::move(text)));
  }

  Result<void> push_collected(Kind kind, std::vector<PickleRef> items) {
    auto node = arena_.node(kind);
    if (kind == Kind::Dict) {
      DESA2VA_TRY(add_entries(*node, std::move(items)));
    } else {
      node->items = std::move(items);
    }
    return push(node);
  }
  Result<void> push_marked(Kind kind) {
    DESA2VA_ASSIGN(auto items, stack_.pop_to_mark());
    return push_collected(kind, std::move(items));
  }
  Result<void> push_tuple(unsigned size) {
    std::vector<PickleRef> items(size);
    for (unsigned i = size; i-- > 0;) {
      DESA2VA_ASSIGN(items[i], stack_.pop());
    }
    return push_collected(Kind::Tuple, std::move(items));
  }

  static Result<void> add_entries(PickleNode& dict, std::vector<PickleRef> items) {
    if (items.size() % 2 != 0)
      return fail(Errc::Corrupt, "pickle: a dictionary entry without value");
    for (std::size_t i = 0; i < items.size(); i += 2)
      dict.entries.emplace_back(items[i], items[i + 1]);
    return {};
  }
  Result<void> extend(Kind kind, std::vector<PickleRef> items) {
    DESA2VA_ASSIGN(const PickleRef target, stack_.top());
    if (target->kind != kind)
      return fail(Errc::Corrupt, "pickle: adds to what is no {}",
                  kind == Kind::List ? "list" : "dictionary");
    if (kind == Kind::Dict) return add_entries(*target, std::move(items));
    target->items.insert(target->items.end(), items.begin(), items.end());
    return {};
  }
  Result<void> extend_marked(Kind kind) {
    DESA2VA_ASSIGN(auto items, stack_.pop_to_mark());
    return extend(kind, std::move(items));
  }
  Result<void> extend_by(Kind kind, unsigned count) {
    std::vector<PickleRef> items(count);
    for (unsigned i = count; i-- > 0;) {
      DESA2VA_ASSIGN(items[i], stack_.pop());
    }
    return extend(kind, std::move(items));
  }

  Result<void> put(std::uint64_t slot) {
    DESA2VA_ASSIGN(memo_[slot], stack_.top());
    return {};
  }
  Result<void> get(std::uint64_t slot) {
    const auto found = memo_.find(slot);
    if (found == memo_.end()) return fail(Errc::Corrupt, "pickle: nothing memorised as {}", slot);
    return push(found->second);
  }
  Result<void> memo_line(bool store) {
    DESA2VA_ASSIGN(const std::string_view line, in_.line());
    DESA2VA_ASSIGN(const std::int64_t slot, integer_from_text(line));
    const auto number = static_cast<std::uint64_t>(slot);
    return store ? put(number) : get(number);
  }
  Result<void> memo_number(bool store, unsigned bytes) {
    DESA2VA_ASSIGN(const std::uint64_t slot, in_.little_endian(bytes));
    return store ? put(slot) : get(slot);
  }

  Result<void> push_function(const std::string& module, const std::string& name) {
    if (module != "_codecs" || name != "encode")
      return fail(Errc::InvalidArgument,
                  "pickle: asks for {}.{} at byte {}; only plain data are read, nothing is called",
                  module, name, in_.position());
    return push(arena_.node(Kind::Function, module + " " + name));
  }
  Result<void> global_lines() {
    DESA2VA_ASSIGN(const std::string_view module, in_.line());
    DESA2VA_ASSIGN(const std::string_view name, in_.line());
    return push_function(std::string(module), std::string(name));
  }
  Result<void> global_from_stack() {
    DESA2VA_ASSIGN(const PickleRef name, stack_.pop());
    DESA2VA_ASSIGN(const PickleRef module, stack_.pop());
    return push_function(module->text, name->text);
  }
  // `_codecs.encode(text, "latin1")`, the only function there is.
  Result<void> reduce() {
    DESA2VA_ASSIGN(const PickleRef arguments, stack_.pop());
    DESA2VA_ASSIGN(const PickleRef function, stack_.pop());
    if (function->kind != Kind::Function || arguments->kind != Kind::Tuple ||
        arguments->items.size() != 2 || arguments->items[0]->kind != Kind::Text ||
        (arguments->items[1]->text != "latin1" && arguments->items[1]->text != "latin-1"))
      return fail(Errc::InvalidArgument,
                  "pickle: asks for a call at byte {} that is not the writing of bytes",
                  in_.position());
    DESA2VA_ASSIGN(std::string bytes, to_latin1(arguments->items[0]->text));
    DESA2VA_TRY(encoded_.spend(bytes.size()));
    return push(arena_.node(Kind::Bytes, std::move(bytes)));
  }
  Result<void> read_protocol() {
    DESA2VA_ASSIGN(const std::uint8_t number, in_.byte());
    if (number > 5)
      return fail(Errc::InvalidArgument, "pickle: protocol {}: known are 0 to 5", number);
    protocol = number;
    return {};
  }

  Result<void> step(std::uint8_t opcode);

  PickleInput in_;
  PickleArena arena_;
  PickleStack stack_;
  Allowance encoded_;  // what calls of _codecs.encode made
  std::unordered_map<std::uint64_t, PickleRef> memo_;
};

// Byte, name, the protocol it came with, what it does.
#define DESA2VA_PICKLE(code, name, since, action) \
  case code:                                      \
    saw(name, since);                             \
    return action;

Result<void> PickleMachine::step(std::uint8_t opcode) {
  switch (opcode) {
    DESA2VA_PICKLE(0x80, "PROTO", 2, read_protocol())
    DESA2VA_PICKLE(0x95, "FRAME", 4, without_value(in_.take(8)))
    DESA2VA_PICKLE('(', "MARK", 0, push(arena_.node(Kind::Mark)))
    DESA2VA_PICKLE('0', "POP", 0, without_value(stack_.pop()))
    DESA2VA_PICKLE('1', "POP_MARK", 1, without_value(stack_.pop_to_mark()))
    DESA2VA_PICKLE('2', "DUP", 0, push(stack_.top()))
    DESA2VA_PICKLE('N', "NONE", 0, push(arena_.node(Kind::None)))
    DESA2VA_PICKLE(0x88, "NEWTRUE", 2, push_bool(true))
    DESA2VA_PICKLE(0x89, "NEWFALSE", 2, push_bool(false))
    DESA2VA_PICKLE('I', "INT", 0, push_int_line())
    DESA2VA_PICKLE('L', "LONG", 0, push_int_line())
    DESA2VA_PICKLE('J', "BININT", 1, push_int(4, true))
    DESA2VA_PICKLE('K', "BININT1", 1, push_int(1, false))
    DESA2VA_PICKLE('M', "BININT2", 1, push_int(2, false))
    DESA2VA_PICKLE(0x8a, "LONG1", 2, push_long(1))
    DESA2VA_PICKLE(0x8b, "LONG4", 2, push_long(4))
    DESA2VA_PICKLE('F', "FLOAT", 0, push_float_line())
    DESA2VA_PICKLE('G', "BINFLOAT", 1, push_float())
    DESA2VA_PICKLE('S', "STRING", 0, push_string_line())
    DESA2VA_PICKLE('T', "BINSTRING", 1, push_sized(Kind::Bytes, 4))
    DESA2VA_PICKLE('U', "SHORT_BINSTRING", 1, push_sized(Kind::Bytes, 1))
    DESA2VA_PICKLE('V', "UNICODE", 0, push_unicode_line())
    DESA2VA_PICKLE('X', "BINUNICODE", 1, push_sized(Kind::Text, 4))
    DESA2VA_PICKLE(0x8c, "SHORT_BINUNICODE", 4, push_sized(Kind::Text, 1))
    DESA2VA_PICKLE(0x8d, "BINUNICODE8", 4, push_sized(Kind::Text, 8))
    DESA2VA_PICKLE('B', "BINBYTES", 3, push_sized(Kind::Bytes, 4))
    DESA2VA_PICKLE('C', "SHORT_BINBYTES", 3, push_sized(Kind::Bytes, 1))
    DESA2VA_PICKLE(0x8e, "BINBYTES8", 4, push_sized(Kind::Bytes, 8))
    DESA2VA_PICKLE(0x96, "BYTEARRAY8", 5, push_sized(Kind::Bytes, 8))
    DESA2VA_PICKLE(']', "EMPTY_LIST", 1, push(arena_.node(Kind::List)))
    DESA2VA_PICKLE('l', "LIST", 0, push_marked(Kind::List))
    DESA2VA_PICKLE('a', "APPEND", 0, extend_by(Kind::List, 1))
    DESA2VA_PICKLE('e', "APPENDS", 1, extend_marked(Kind::List))
    DESA2VA_PICKLE(')', "EMPTY_TUPLE", 1, push_tuple(0))
    DESA2VA_PICKLE('t', "TUPLE", 0, push_marked(Kind::Tuple))
    DESA2VA_PICKLE(0x85, "TUPLE1", 2, push_tuple(1))
    DESA2VA_PICKLE(0x86, "TUPLE2", 2, push_tuple(2))
    DESA2VA_PICKLE(0x87, "TUPLE3", 2, push_tuple(3))
    DESA2VA_PICKLE('}', "EMPTY_DICT", 1, push(arena_.node(Kind::Dict)))
    DESA2VA_PICKLE('d', "DICT", 0, push_marked(Kind::Dict))
    DESA2VA_PICKLE('s', "SETITEM", 0, extend_by(Kind::Dict, 2))
    DESA2VA_PICKLE('u', "SETITEMS", 1, extend_marked(Kind::Dict))
    DESA2VA_PICKLE('g', "GET", 0, memo_line(false))
    DESA2VA_PICKLE('h', "BINGET", 1, memo_number(false, 1))
    DESA2VA_PICKLE('j', "LONG_BINGET", 1, memo_number(false, 4))
    DESA2VA_PICKLE('p', "PUT", 0, memo_line(true))
    DESA2VA_PICKLE('q', "BINPUT", 1, memo_number(true, 1))
    DESA2VA_PICKLE('r', "LONG_BINPUT", 1, memo_number(true, 4))
    DESA2VA_PICKLE(0x94, "MEMOIZE", 4, put(memo_.size()))
    DESA2VA_PICKLE('c', "GLOBAL", 0, global_lines())
    DESA2VA_PICKLE(0x93, "STACK_GLOBAL", 4, global_from_stack())
    DESA2VA_PICKLE('R', "REDUCE", 0, reduce())
    default:
      return fail(Errc::InvalidArgument,
                  "pickle: opcode {:#04x} at byte {} is none of plain data, and refused", opcode,
                  in_.position() - 1);
  }
}
#undef DESA2VA_PICKLE

class PickleToJson {
 public:
  explicit PickleToJson(std::size_t file_bytes) : values_(file_bytes) {}

  Result<nlohmann::json> convert(const PickleNode& node, int depth = 0) {
    if (depth > kMaxPickleDepth)
      return fail(Errc::Corrupt, "pickle: nested deeper than {} levels", kMaxPickleDepth);
    DESA2VA_TRY(spend(node));
    switch (node.kind) {
      case Kind::None:
        return nlohmann::json(nullptr);
      case Kind::Bool:
        return nlohmann::json(node.integer != 0);
      case Kind::Integer:
        return nlohmann::json(node.integer);
      case Kind::Float:
        return nlohmann::json(node.real);
      case Kind::Bytes:
      case Kind::Text:
        return nlohmann::json(as_utf8(node.text));
      case Kind::List:
      case Kind::Tuple: {
        auto array = nlohmann::json::array();
        for (const PickleRef item : node.items) {
          DESA2VA_ASSIGN(auto value, convert(*item, depth + 1));
          array.push_back(std::move(value));
        }
        return array;
      }
      case Kind::Dict:
        return convert_dict(node, depth);
      case Kind::Function:
      case Kind::Mark:
        break;
    }
    return fail(Errc::Corrupt, "pickle: a value that is no data");
  }

 private:
  Result<void> spend(const PickleNode& node) {
    return values_.spend(kValueBytes + node.text.size());
  }
  Result<nlohmann::json> convert_dict(const PickleNode& node, int depth) {
    auto object = nlohmann::json::object();
    for (const auto& [key, value] : node.entries) {
      DESA2VA_TRY(spend(*key));
      std::string name;
      if (key->kind == Kind::Integer) {
        name = std::to_string(key->integer);
      } else if (key->kind == Kind::Bytes || key->kind == Kind::Text) {
        name = as_utf8(key->text);
      } else {
        return fail(Errc::Corrupt, "pickle: a dictionary key is neither text nor number");
      }
      DESA2VA_ASSIGN(object[name], convert(*value, depth + 1));
    }
    return object;
  }

  Allowance values_;
};

}  // namespace

Result<Pickle> read_pickle(ByteSpan file) {
  PickleMachine machine(file);
  DESA2VA_ASSIGN(const PickleRef value, machine.run());
  Pickle pickle;
  DESA2VA_ASSIGN(pickle.value, PickleToJson(file.size()).convert(*value));
  pickle.protocol = machine.protocol;
  pickle.opcodes = std::move(machine.opcodes);
  return pickle;
}

}  // namespace desa2va::datasets
