#include "common/tensor/bridge.h"

#include <cstdint>
#include <memory>
#include <string>

#include <ATen/ops/from_blob.h>

namespace desa2va::tensor {

at::ScalarType scalar_type(DType type) {
  switch (type) {
    case DType::F32:
      return at::kFloat;
    case DType::F64:
      return at::kDouble;
    case DType::F16:
      return at::kHalf;
    case DType::BF16:
      return at::kBFloat16;
    case DType::I64:
      return at::kLong;
    case DType::I32:
      return at::kInt;
    case DType::U8:
      return at::kByte;
    case DType::Bool:
      return at::kBool;
  }
  TORCH_CHECK(false, "unknown element type ", static_cast<int>(type));
}

DType host_type(at::ScalarType type) {
  switch (type) {
    case at::kFloat:
      return DType::F32;
    case at::kDouble:
      return DType::F64;
    case at::kHalf:
      return DType::F16;
    case at::kBFloat16:
      return DType::BF16;
    case at::kLong:
      return DType::I64;
    case at::kInt:
      return DType::I32;
    case at::kByte:
      return DType::U8;
    case at::kBool:
      return DType::Bool;
    default:
      TORCH_CHECK(false, "tensors of type ", at::toString(type), " do not travel");
  }
}

HostTensor to_host(const at::Tensor& tensor) {
  TORCH_CHECK(tensor.defined(), "to_host: the tensor is undefined");
  const auto owner = std::make_shared<const at::Tensor>(tensor.detach().cpu().contiguous());
  HostTensor host;
  host.dtype = host_type(owner->scalar_type());
  host.shape = owner->sizes().vec();
  host.data = Buffer::wrap(
      {static_cast<const std::byte*>(owner->const_data_ptr()), owner->nbytes()}, owner);
  return host;
}

HostTensor copy_to_host(const at::Tensor& tensor) {
  HostTensor host = to_host(tensor);
  host.data = Buffer::copy_of(host.data.bytes());
  return host;
}

at::Tensor from_host(const HostTensor& host, std::string_view device) {
  const auto type = scalar_type(host.dtype);
  const auto size = static_cast<std::size_t>(host.numel()) * size_of(host.dtype);
  TORCH_CHECK(host.data.size() == size, describe(host), " needs ", size, " bytes, it has ",
              host.data.size());
  const auto address = reinterpret_cast<std::uintptr_t>(host.data.data());
  const bool suits = address % size_of(host.dtype) == 0;
  const auto owner = std::make_shared<const Buffer>(
      suits && size > 0 ? host.data : Buffer::copy_of(host.data.bytes()));
  // from_blob wants a writable pointer; the promise not to write is the header's.
  auto tensor = at::from_blob(
      const_cast<std::byte*>(owner->data()), host.shape, [owner](void*) {},
      at::TensorOptions().dtype(type));
  const c10::Device target{std::string(device)};
  return target.is_cpu() ? tensor : tensor.to(target);
}

}  // namespace desa2va::tensor
