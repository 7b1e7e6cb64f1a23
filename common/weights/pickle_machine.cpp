#include "common/weights/pickle_machine.h"

#include <algorithm>
#include <array>
#include <limits>

namespace desa2va::weights {
namespace {

constexpr std::size_t kMaxValues = 4'000'000;  // a model of 4B parameters has some thousands
constexpr std::size_t kMaxDimensions = 16;

constexpr std::string_view kOrderedDict = "collections OrderedDict";
constexpr std::string_view kRebuildTensor = "torch._utils _rebuild_tensor_v2";
constexpr std::string_view kRebuildParameter = "torch._utils _rebuild_parameter";

struct StorageClass {
  std::string_view name;
  DType dtype;
};
constexpr std::array kStorageClasses = {
    StorageClass{"torch FloatStorage", DType::F32},
    StorageClass{"torch HalfStorage", DType::F16},
    StorageClass{"torch BFloat16Storage", DType::BF16},
    StorageClass{"torch DoubleStorage", DType::F64},
    StorageClass{"torch LongStorage", DType::I64},
    StorageClass{"torch IntStorage", DType::I32},
    StorageClass{"torch ByteStorage", DType::U8},
    StorageClass{"torch BoolStorage", DType::Bool},
};

std::optional<DType> storage_dtype(std::string_view name) {
  for (const auto& known : kStorageClasses) {
    if (known.name == name) return known.dtype;
  }
  return std::nullopt;
}

bool is_known(std::string_view name) {
  return name == kOrderedDict || name == kRebuildTensor || name == kRebuildParameter ||
         storage_dtype(name).has_value();
}

// Sizes or strides out of a tuple: whole numbers, none below zero.
Result<std::vector<std::int64_t>> counts(PickleRef tuple, std::string_view what) {
  std::vector<std::int64_t> out;
  if (tuple->kind != PickleValue::Kind::Tuple || tuple->items.size() > kMaxDimensions)
    return fail(Errc::Corrupt, "a tensor's {} are no tuple of up to {} numbers", what,
                kMaxDimensions);
  for (const PickleRef item : tuple->items) {
    if (item->kind != PickleValue::Kind::Integer || item->integer < 0)
      return fail(Errc::Corrupt, "a tensor's {} hold something else than counts", what);
    out.push_back(item->integer);
  }
  return out;
}

// Elements of the view, and the last element it touches; Corrupt where 64 bits do not hold them.
struct Extent {
  std::int64_t numel = 1, last = 0;
};
Result<Extent> extent_of(const PickledTensor& tensor) {
  Extent extent;
  extent.last = tensor.offset;
  for (std::size_t i = 0; i < tensor.strides.size(); ++i) {
    const std::int64_t size = tensor.info.shape[i];
    std::int64_t reach = 0;
    if (__builtin_mul_overflow(extent.numel, size, &extent.numel) ||
        (size > 0 && (__builtin_mul_overflow(size - 1, tensor.strides[i], &reach) ||
                      __builtin_add_overflow(extent.last, reach, &extent.last))))
      return fail(Errc::Corrupt, "a tensor is larger than any file");
  }
  if (extent.numel > std::numeric_limits<std::int64_t>::max() / 8)
    return fail(Errc::Corrupt, "a tensor is larger than any file");
  return extent;
}

}  // namespace

Result<ByteSpan> PickleMachine::take(std::uint64_t count) {
  if (count > program_.size() - at_)
    return fail(Errc::Corrupt, "ends after {} bytes, {} more are due", program_.size(),
                count - (program_.size() - at_));
  const ByteSpan taken = program_.subspan(at_, count);
  at_ += count;
  return taken;
}

Result<std::uint64_t> PickleMachine::number(unsigned bytes) {
  DESA2VA_ASSIGN(const ByteSpan taken, take(bytes));
  std::uint64_t value = 0;
  for (unsigned i = bytes; i-- > 0;) value = value << 8U | std::to_integer<std::uint64_t>(taken[i]);
  return value;
}

Result<std::string_view> PickleMachine::line() {
  const std::string_view rest = as_text(program_).substr(at_);
  const std::size_t end = rest.find('\n');
  if (end == std::string_view::npos) return fail(Errc::Corrupt, "ends within a line");
  at_ += end + 1;
  return rest.substr(0, end);
}

Result<PickleValue*> PickleMachine::make(Kind kind) {
  if (values_.size() >= kMaxValues)
    return fail(Errc::Corrupt, "makes more than {} values", kMaxValues);
  PickleValue& value = values_.emplace_back();
  value.kind = kind;
  return &value;
}

Result<void> PickleMachine::push(Kind kind, std::int64_t integer) {
  DESA2VA_ASSIGN(PickleValue * value, make(kind));
  value->integer = integer;
  stack_.push_back(value);
  return {};
}

Result<void> PickleMachine::push_text(unsigned length_bytes) {
  DESA2VA_ASSIGN(const std::uint64_t length, number(length_bytes));
  DESA2VA_ASSIGN(const ByteSpan text, take(length));
  DESA2VA_ASSIGN(PickleValue * value, make(Kind::Text));
  value->text = as_text(text);
  stack_.push_back(value);
  return {};
}

Result<void> PickleMachine::push_long() {
  DESA2VA_ASSIGN(const std::uint64_t length, number(1));
  DESA2VA_ASSIGN(const ByteSpan bytes, take(length));
  if (length > 8) return fail(Errc::Corrupt, "an integer of {} bytes; up to 8 are read", length);
  std::uint64_t value = 0;
  for (std::size_t i = bytes.size(); i-- > 0;)
    value = value << 8U | std::to_integer<std::uint64_t>(bytes[i]);
  const bool negative = !bytes.empty() && (bytes.back() & std::byte{0x80}) != std::byte{0};
  if (negative && length < 8) value |= ~std::uint64_t{0} << (8 * length);
  return push(Kind::Integer, static_cast<std::int64_t>(value));
}

Result<void> PickleMachine::push_name() {
  const std::size_t start = at_;
  DESA2VA_ASSIGN(const std::string_view module, line());
  DESA2VA_ASSIGN(const std::string_view name, line());
  const std::string both = fmt::format("{} {}", module, name);
  if (!is_known(both))
    return fail(
        Errc::InvalidArgument,
        "asks for {}.{} at byte {}; only tensors and plain data are read and nothing is "
        "called. Save the tensors alone: torch.save({{'model': module.state_dict()}}, file)",
        module, name, start);
  DESA2VA_ASSIGN(PickleValue * value, make(Kind::Name));
  value->text = both;
  stack_.push_back(value);
  return {};
}

Result<PickleValue*> PickleMachine::pop() {
  if (stack_.empty() || (!marks_.empty() && marks_.back() == stack_.size()))
    return fail(Errc::Corrupt, "takes from an empty stack");
  PickleValue* value = stack_.back();
  stack_.pop_back();
  return value;
}

Result<PickleValue*> PickleMachine::top(Kind kind, const char* what) {
  if (stack_.empty() || (!marks_.empty() && marks_.back() == stack_.size()))
    return fail(Errc::Corrupt, "takes from an empty stack");
  if (stack_.back()->kind != kind) return fail(Errc::Corrupt, "adds to what is no {}", what);
  return stack_.back();
}

Result<std::vector<PickleRef>> PickleMachine::pop_to_mark() {
  if (marks_.empty()) return fail(Errc::Corrupt, "no mark on the stack");
  std::vector<PickleRef> items(stack_.begin() + static_cast<std::ptrdiff_t>(marks_.back()),
                               stack_.end());
  stack_.resize(marks_.back());
  marks_.pop_back();
  return items;
}

Result<void> PickleMachine::push_tuple(std::vector<PickleRef> items) {
  DESA2VA_ASSIGN(PickleValue * value, make(Kind::Tuple));
  value->items = std::move(items);
  stack_.push_back(value);
  return {};
}

Result<void> PickleMachine::push_short_tuple(std::size_t size) {
  std::vector<PickleRef> items(size);
  for (std::size_t i = size; i-- > 0;) {
    DESA2VA_ASSIGN(items[i], pop());
  }
  return push_tuple(std::move(items));
}

Result<void> PickleMachine::append(Kind kind, const char* what, std::vector<PickleRef> items) {
  if (kind == Kind::Dict && items.size() % 2 != 0)
    return fail(Errc::Corrupt, "a dictionary entry without value");
  DESA2VA_ASSIGN(PickleValue * target, top(kind, what));
  target->items.insert(target->items.end(), items.begin(), items.end());
  return {};
}

Result<void> PickleMachine::put(std::uint64_t slot) {
  if (stack_.empty()) return fail(Errc::Corrupt, "memorises from an empty stack");
  memo_[slot] = stack_.back();
  return {};
}

Result<void> PickleMachine::get(std::uint64_t slot) {
  const auto found = memo_.find(slot);
  if (found == memo_.end()) return fail(Errc::Corrupt, "nothing was memorised as {}", slot);
  stack_.push_back(found->second);
  return {};
}

// ("storage", class, key, device, elements)
Result<void> PickleMachine::load_storage() {
  DESA2VA_ASSIGN(const PickleValue* id, pop());
  const auto& items = id->items;
  const bool fits = id->kind == Kind::Tuple && items.size() == 5 && items[0]->kind == Kind::Text &&
                    items[0]->text == "storage" && items[1]->kind == Kind::Name &&
                    items[2]->kind == Kind::Text && items[4]->kind == Kind::Integer;
  const auto dtype = fits ? storage_dtype(items[1]->text) : std::nullopt;
  if (!dtype || items[4]->integer < 0)
    return fail(Errc::InvalidArgument, "refers at byte {} to something that is no storage", at_);
  const std::string& key = items[2]->text;
  const bool plain = !key.empty() && std::all_of(key.begin(), key.end(), [](unsigned char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
  });
  if (!plain)
    return fail(Errc::InvalidArgument, "names the storage '{}', which is no plain key", key);
  DESA2VA_ASSIGN(PickleValue * value, make(Kind::Storage));
  value->text = key;
  value->dtype = *dtype;
  value->integer = items[4]->integer;
  stack_.push_back(value);
  return {};
}

// (storage, offset, sizes, strides, requires_grad, hooks[, metadata])
Result<void> PickleMachine::make_tensor(const std::vector<PickleRef>& arguments) {
  if (arguments.size() < 6 || arguments.size() > 7 || arguments[0]->kind != Kind::Storage ||
      arguments[1]->kind != Kind::Integer)
    return fail(Errc::Corrupt, "makes a tensor of something else than a storage and an offset");
  PickledTensor tensor;
  tensor.info.dtype = arguments[0]->dtype;
  tensor.storage = arguments[0]->text;
  tensor.storage_numel = arguments[0]->integer;
  tensor.offset = arguments[1]->integer;
  DESA2VA_ASSIGN(tensor.info.shape, counts(arguments[2], "sizes"));
  DESA2VA_ASSIGN(tensor.strides, counts(arguments[3], "strides"));
  if (tensor.info.shape.size() != tensor.strides.size())
    return fail(Errc::Corrupt, "a tensor has {} sizes and {} strides", tensor.info.shape.size(),
                tensor.strides.size());
  if (tensor.offset < 0) return fail(Errc::Corrupt, "a tensor starts at element {}", tensor.offset);
  DESA2VA_ASSIGN(const Extent extent, extent_of(tensor));
  if (extent.numel > 0 && extent.last >= tensor.storage_numel)
    return fail(Errc::Corrupt, "a tensor reaches to element {} of storage '{}', which has {}",
                extent.last, tensor.storage, tensor.storage_numel);
  DESA2VA_ASSIGN(PickleValue * value, make(Kind::Tensor));
  value->tensor = std::move(tensor);
  stack_.push_back(value);
  return {};
}

Result<void> PickleMachine::call() {
  DESA2VA_ASSIGN(const PickleValue* arguments, pop());
  DESA2VA_ASSIGN(const PickleValue* name, pop());
  if (name->kind != Kind::Name || arguments->kind != Kind::Tuple)
    return fail(Errc::InvalidArgument, "asks for a call at byte {}; nothing is called", at_);
  if (name->text == kRebuildTensor) return make_tensor(arguments->items);
  if (name->text == kOrderedDict && arguments->items.empty()) return push(Kind::Dict);
  if (name->text == kRebuildParameter && arguments->items.size() == 3 &&
      arguments->items[0]->kind == Kind::Tensor) {
    DESA2VA_ASSIGN(PickleValue * value, make(Kind::Tensor));
    value->tensor = arguments->items[0]->tensor;
    stack_.push_back(value);
    return {};
  }
  return fail(Errc::InvalidArgument, "asks at byte {} for '{}' with arguments it does not have",
              at_, name->text);
}

// The attributes that a state dict carries (`_metadata`) are no tensors.
Result<void> PickleMachine::build() {
  DESA2VA_ASSIGN([[maybe_unused]] const PickleValue* state, pop());
  DESA2VA_ASSIGN([[maybe_unused]] const PickleValue* target, top(Kind::Dict, "dictionary"));
  return {};
}

Result<void> PickleMachine::step(std::uint8_t opcode) {
  switch (opcode) {
    case 0x80: {  // PROTO
      DESA2VA_ASSIGN(const std::uint64_t protocol, number(1));
      if (protocol <= 5) return {};
      return fail(Errc::InvalidArgument, "protocol {}; known are 2 to 5", protocol);
    }
    case '(':  // MARK
      marks_.push_back(stack_.size());
      if (marks_.size() > kMaxValues) return fail(Errc::Corrupt, "too many marks");
      return {};
    case 'N':
      return push(Kind::None);
    case 0x88:
      return push(Kind::Bool, 1);
    case 0x89:
      return push(Kind::Bool, 0);
    case 'J': {  // BININT
      DESA2VA_ASSIGN(const std::uint64_t value, number(4));
      return push(Kind::Integer, static_cast<std::int32_t>(value));
    }
    case 'K': {  // BININT1
      DESA2VA_ASSIGN(const std::uint64_t value, number(1));
      return push(Kind::Integer, static_cast<std::int64_t>(value));
    }
    case 'M': {  // BININT2
      DESA2VA_ASSIGN(const std::uint64_t value, number(2));
      return push(Kind::Integer, static_cast<std::int64_t>(value));
    }
    case 0x8a:
      return push_long();  // LONG1
    case 'G': {            // BINFLOAT
      DESA2VA_ASSIGN([[maybe_unused]] const ByteSpan bits, take(8));
      return push(Kind::Float);
    }
    case 'X':
      return push_text(4);  // BINUNICODE
    case 0x8c:
      return push_text(1);  // SHORT_BINUNICODE
    case '}':
      return push(Kind::Dict);
    case ']':
      return push(Kind::List);
    case ')':
      return push(Kind::Tuple);
    case 't': {  // TUPLE
      DESA2VA_ASSIGN(auto items, pop_to_mark());
      return push_tuple(std::move(items));
    }
    case 0x85:
      return push_short_tuple(1);
    case 0x86:
      return push_short_tuple(2);
    case 0x87:
      return push_short_tuple(3);
    case 'a': {  // APPEND
      DESA2VA_ASSIGN(const PickleValue* item, pop());
      return append(Kind::List, "list", {item});
    }
    case 'e': {  // APPENDS
      DESA2VA_ASSIGN(auto items, pop_to_mark());
      return append(Kind::List, "list", std::move(items));
    }
    case 's': {  // SETITEM
      DESA2VA_ASSIGN(const PickleValue* value, pop());
      DESA2VA_ASSIGN(const PickleValue* key, pop());
      return append(Kind::Dict, "dictionary", {key, value});
    }
    case 'u': {  // SETITEMS
      DESA2VA_ASSIGN(auto items, pop_to_mark());
      return append(Kind::Dict, "dictionary", std::move(items));
    }
    case 'q':
    case 'h': {  // BINPUT, BINGET
      DESA2VA_ASSIGN(const std::uint64_t slot, number(1));
      return opcode == 'q' ? put(slot) : get(slot);
    }
    case 'r':
    case 'j': {  // LONG_BINPUT, LONG_BINGET
      DESA2VA_ASSIGN(const std::uint64_t slot, number(4));
      return opcode == 'r' ? put(slot) : get(slot);
    }
    case 'c':
      return push_name();  // GLOBAL
    case 'Q':
      return load_storage();  // BINPERSID
    case 'R':
      return call();  // REDUCE
    case 'b':
      return build();  // BUILD
    default:
      return fail(Errc::InvalidArgument,
                  "opcode {:#04x} at byte {} is none that tensors need, and refused", opcode,
                  at_ - 1);
  }
}

Result<PickleRef> PickleMachine::run() {
  for (;;) {
    DESA2VA_ASSIGN(const std::uint64_t opcode, number(1));
    if (opcode == '.') {
      DESA2VA_ASSIGN(const PickleValue* value, pop());
      return PickleRef(value);
    }
    DESA2VA_TRY(step(static_cast<std::uint8_t>(opcode)));
  }
}

}  // namespace desa2va::weights
