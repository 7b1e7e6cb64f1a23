#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "common/weights/pickle.h"

// The stack machine behind pickle.h; for pickle.cpp alone.
namespace desa2va::weights {

struct PickleValue;
using PickleRef = const PickleValue*;

// Values are shared, even with themselves, so the machine owns them all and frees them without
// following a pointer: no depth of nesting costs stack.
struct PickleValue {
  enum class Kind : std::uint8_t {
    Mark,
    None,
    Bool,
    Integer,
    Float,
    Text,
    Tuple,
    List,
    Dict,
    Name,
    Storage,
    Tensor
  };
  Kind kind = Kind::None;
  std::int64_t integer = 0;      // Bool, Integer; elements of a Storage
  std::string text;              // Text, Name ("module name"), key of a Storage
  DType dtype = DType::F32;      // Storage
  std::vector<PickleRef> items;  // Tuple, List; key, value, key, value of a Dict
  std::optional<PickledTensor> tensor;
};

class PickleMachine {
 public:
  explicit PickleMachine(ByteSpan program) : program_(program) {}
  // Runs to STOP; the value lives as long as the machine.
  Result<PickleRef> run();

 private:
  using Kind = PickleValue::Kind;

  Result<void> step(std::uint8_t opcode);
  Result<ByteSpan> take(std::uint64_t count);
  Result<std::uint64_t> number(unsigned bytes);
  Result<std::string_view> line();
  Result<PickleValue*> make(Kind kind);
  Result<void> push(Kind kind, std::int64_t integer = 0);
  Result<void> push_text(unsigned length_bytes);
  Result<void> push_long();
  Result<void> push_name();
  Result<PickleValue*> pop();
  Result<PickleValue*> top(Kind kind, const char* what);
  Result<std::vector<PickleRef>> pop_to_mark();
  Result<void> push_tuple(std::vector<PickleRef> items);
  Result<void> push_short_tuple(std::size_t size);
  Result<void> append(Kind kind, const char* what, std::vector<PickleRef> items);
  Result<void> put(std::uint64_t slot);
  Result<void> get(std::uint64_t slot);
  Result<void> load_storage();
  Result<void> call();
  Result<void> build();
  Result<void> make_tensor(const std::vector<PickleRef>& arguments);

  ByteSpan program_;
  std::size_t at_ = 0;
  std::deque<PickleValue> values_;
  std::vector<PickleValue*> stack_;
  std::vector<std::size_t> marks_;  // places of marks on the stack
  std::unordered_map<std::uint64_t, PickleValue*> memo_;
};

}  // namespace desa2va::weights
