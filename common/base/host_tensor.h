#pragma once

#include <cstdint>
#include <numeric>
#include <span>
#include <string_view>
#include <vector>

#include "common/base/bytes.h"
#include "common/base/result.h"

// A tensor as it lies in messages, shards and checkpoints: type, shape, bytes; no arithmetic.
// `common/tensor` is the bridge to at::Tensor; nothing below it includes LibTorch.
namespace desa2va {

enum class DType : std::uint8_t { F32, F64, F16, BF16, I64, I32, U8, Bool };

std::size_t size_of(DType type);
std::string_view name(DType type);  // "f32", "bf16", ...
Result<DType> dtype_from(std::string_view name);

template <class T>
constexpr DType dtype_of();
template <>
constexpr DType dtype_of<float>() {
  return DType::F32;
}
template <>
constexpr DType dtype_of<double>() {
  return DType::F64;
}
template <>
constexpr DType dtype_of<std::int64_t>() {
  return DType::I64;
}
template <>
constexpr DType dtype_of<std::int32_t>() {
  return DType::I32;
}
template <>
constexpr DType dtype_of<std::uint8_t>() {
  return DType::U8;
}

// Dense, row-major, little-endian. Copies share the bytes, which nobody changes once it travels.
struct HostTensor {
  DType dtype = DType::F32;
  std::vector<std::int64_t> shape;  // empty: a scalar
  Buffer data;                      // size == numel() * size_of(dtype)

  std::int64_t numel() const {
    return std::accumulate(shape.begin(), shape.end(), std::int64_t{1}, std::multiplies<>());
  }
  std::int64_t dim(std::size_t i) const { return shape[i]; }

  static HostTensor empty(DType dtype, std::vector<std::int64_t> shape);
  template <class T>
  static HostTensor of(std::vector<std::int64_t> shape, std::span<const T> values) {
    HostTensor tensor{dtype_of<T>(), std::move(shape), Buffer::copy_of(std::as_bytes(values))};
    return tensor;
  }

  // The elements; T must be the type of `dtype`.
  template <class T>
  std::span<const T> values() const {
    return {reinterpret_cast<const T*>(data.data()), static_cast<std::size_t>(numel())};
  }
  template <class T>
  std::span<T> mutable_values() {
    return {reinterpret_cast<T*>(data.mutable_bytes().data()), static_cast<std::size_t>(numel())};
  }
};

// "f32[2, 3]".
std::string describe(const HostTensor& tensor);

}  // namespace desa2va
