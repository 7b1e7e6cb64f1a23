#include "common/base/host_tensor.h"

#include <array>

#include <fmt/ranges.h>

namespace desa2va {
namespace {
struct DTypeFacts {
  DType type;
  std::string_view name;
  std::size_t size;
};
constexpr std::array kDTypes = {
    DTypeFacts{DType::F32, "f32", 4}, DTypeFacts{DType::F64, "f64", 8},
    DTypeFacts{DType::F16, "f16", 2}, DTypeFacts{DType::BF16, "bf16", 2},
    DTypeFacts{DType::I64, "i64", 8}, DTypeFacts{DType::I32, "i32", 4},
    DTypeFacts{DType::U8, "u8", 1},   DTypeFacts{DType::Bool, "bool", 1},
};
}  // namespace

std::size_t size_of(DType type) {
  return kDTypes[static_cast<std::size_t>(type)].size;
}
std::string_view name(DType type) {
  return kDTypes[static_cast<std::size_t>(type)].name;
}

Result<DType> dtype_from(std::string_view name) {
  for (const auto& facts : kDTypes) {
    if (facts.name == name) return facts.type;
  }
  return fail(Errc::InvalidArgument, "unknown element type '{}'", name);
}

HostTensor HostTensor::empty(DType dtype, std::vector<std::int64_t> shape) {
  HostTensor tensor{dtype, std::move(shape), {}};
  tensor.data = Buffer::allocate(static_cast<std::size_t>(tensor.numel()) * size_of(dtype));
  return tensor;
}

std::string describe(const HostTensor& tensor) {
  return fmt::format("{}[{}]", name(tensor.dtype), fmt::join(tensor.shape, ", "));
}

}  // namespace desa2va
