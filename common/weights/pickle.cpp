#include "common/weights/pickle.h"

#include "common/weights/pickle_machine.h"

namespace desa2va::weights {
namespace {

constexpr std::size_t kMaxProgram = 64U << 20U;

using Kind = PickleValue::Kind;

PickleRef entry(PickleRef dict, std::string_view key) {
  for (std::size_t i = 0; i + 1 < dict->items.size(); i += 2) {
    if (dict->items[i]->kind == Kind::Text && dict->items[i]->text == key)
      return dict->items[i + 1];
  }
  return nullptr;
}

Result<std::map<std::string, PickledTensor>> tensors_of(PickleRef dict) {
  std::map<std::string, PickledTensor> tensors;
  for (std::size_t i = 0; i + 1 < dict->items.size(); i += 2) {
    const PickleRef key = dict->items[i], value = dict->items[i + 1];
    if (key->kind != Kind::Text)
      return fail(Errc::Corrupt, "the state dict has a key that is no text");
    if (value->kind != Kind::Tensor)
      return fail(Errc::InvalidArgument, "the state dict's '{}' is no tensor", key->text);
    if (!tensors.emplace(key->text, *value->tensor).second)
      return fail(Errc::Corrupt, "the state dict has '{}' twice", key->text);
  }
  if (tensors.empty()) return fail(Errc::InvalidArgument, "the state dict is empty");
  return tensors;
}

}  // namespace

Result<std::map<std::string, PickledTensor>> read_state_dict(ByteSpan program) {
  if (program.size() > kMaxProgram)
    return fail(Errc::InvalidArgument, "pickle: {} bytes; up to {} are read", program.size(),
                kMaxProgram);
  PickleMachine machine(program);
  DESA2VA_ASSIGN(PickleRef top, machine.run().in("pickle"));
  if (top->kind != Kind::Dict)
    return fail(Errc::InvalidArgument, "pickle: the top object is no dictionary");
  for (const char* key : {"model", "state_dict"}) {
    const PickleRef inner = entry(top, key);
    if (inner == nullptr || inner->kind == Kind::Tensor) continue;
    if (inner->kind != Kind::Dict)
      return fail(Errc::InvalidArgument, "pickle: '{}' is no dictionary of tensors", key);
    return tensors_of(inner).in(fmt::format("pickle: {}", key));
  }
  return tensors_of(top).in("pickle");
}

}  // namespace desa2va::weights
