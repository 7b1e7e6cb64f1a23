#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "common/base/bytes.h"
#include "common/base/result.h"

// The stack machine that a pickle is a program for; for pickle.cpp alone.
namespace desa2va::datasets {

struct PickleNode;
using PickleRef = PickleNode*;

// Containers are shared, even with themselves: a program memorises a list, goes on filling it, and
// fetches it again. So an arena owns them all, and goes away without following a single pointer.
struct PickleNode {
  enum class Kind : std::uint8_t {
    None,
    Bool,
    Integer,
    Float,
    Bytes,
    Text,
    List,
    Tuple,
    Dict,
    Function,
    Mark
  };
  Kind kind = Kind::None;
  std::int64_t integer = 0;      // Bool, Integer
  double real = 0;               // Float
  std::string text;              // Bytes, Text (UTF-8), Function ("module name")
  std::vector<PickleRef> items;  // List, Tuple
  std::vector<std::pair<PickleRef, PickleRef>> entries;  // Dict
};

class PickleArena {
 public:
  PickleRef node(PickleNode::Kind kind, std::string text = {});
  PickleRef integer(std::int64_t value);

 private:
  std::deque<PickleNode> nodes_;
};

// The bytes of the program, read in its various ways.
class PickleInput {
 public:
  explicit PickleInput(ByteSpan file) : file_(as_text(file)) {}

  std::size_t position() const { return at_; }
  Result<std::string_view> take(std::uint64_t count);
  Result<std::uint8_t> byte();
  Result<std::uint64_t> little_endian(unsigned bytes);
  Result<std::string_view> line();  // up to the next newline, without it

 private:
  std::string_view file_;
  std::size_t at_ = 0;
};

class PickleStack {
 public:
  void push(PickleRef node) { values_.push_back(node); }
  Result<PickleRef> pop();
  Result<PickleRef> top() const;
  // Everything above the last mark, in order; takes the mark too.
  Result<std::vector<PickleRef>> pop_to_mark();

 private:
  std::vector<PickleRef> values_;
};

// The texts inside of protocol 0.
Result<std::string> unquote_python(std::string_view quoted);        // 'it\'s' -> it's
Result<std::string> from_unicode_escape(std::string_view escaped);  // raw-unicode-escape -> UTF-8
// Little-endian two's complement of up to 8 bytes.
Result<std::int64_t> integer_from_bytes(std::string_view bytes);
Result<std::int64_t> integer_from_text(std::string_view digits);
// UTF-8 as it is; anything else taken as Latin-1.
std::string as_utf8(const std::string& bytes);
// A text of code points below 256 as these bytes.
Result<std::string> to_latin1(const std::string& utf8);

}  // namespace desa2va::datasets
