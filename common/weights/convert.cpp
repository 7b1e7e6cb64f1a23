#include "common/weights/convert.h"

#include <array>
#include <bit>
#include <cstring>

namespace desa2va::weights {
namespace {

constexpr std::size_t kBlock = 4096;  // elements that stay in the cache between the two halves

bool is_float(DType type) {
  return type == DType::F64 || type == DType::F32 || type == DType::F16 || type == DType::BF16;
}

template <class T>
T load(const std::byte* in, std::size_t i) {
  T value;
  std::memcpy(&value, in + i * sizeof(T), sizeof(T));
  return value;
}
template <class T>
void store(std::byte* out, std::size_t i, T value) {
  std::memcpy(out + i * sizeof(T), &value, sizeof(T));
}

void widen(const std::byte* in, DType from, float* out, std::size_t count) {
  switch (from) {
    case DType::BF16:
      for (std::size_t i = 0; i < count; ++i) out[i] = from_bf16(load<std::uint16_t>(in, i));
      break;
    case DType::F16:
      for (std::size_t i = 0; i < count; ++i) out[i] = from_f16(load<std::uint16_t>(in, i));
      break;
    case DType::F64:
      for (std::size_t i = 0; i < count; ++i) out[i] = static_cast<float>(load<double>(in, i));
      break;
    default:
      std::memcpy(out, in, count * sizeof(float));
  }
}

void narrow(const float* in, std::byte* out, DType to, std::size_t count) {
  switch (to) {
    case DType::BF16:
      for (std::size_t i = 0; i < count; ++i) store(out, i, to_bf16(in[i]));
      break;
    case DType::F16:
      for (std::size_t i = 0; i < count; ++i) store(out, i, to_f16(in[i]));
      break;
    case DType::F64:
      for (std::size_t i = 0; i < count; ++i) store(out, i, static_cast<double>(in[i]));
      break;
    default:
      std::memcpy(out, in, count * sizeof(float));
  }
}

}  // namespace

float from_bf16(std::uint16_t bits) {
  return std::bit_cast<float>(static_cast<std::uint32_t>(bits) << 16U);
}

std::uint16_t to_bf16(float value) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  // A NaN keeps its upper half, and a bit is set where that would be an infinity.
  const bool nan = (bits & 0x7fffffffU) > 0x7f800000U;
  const std::uint32_t upper = bits >> 16U;
  const std::uint32_t as_nan = (upper & 0x7fU) == 0 ? upper | 0x40U : upper;
  const std::uint32_t rounded = (bits + 0x7fffU + (upper & 1U)) >> 16U;
  return static_cast<std::uint16_t>(nan ? as_nan : rounded);
}

float from_f16(std::uint16_t bits) {
  const std::uint32_t sign = static_cast<std::uint32_t>(bits & 0x8000U) << 16U;
  const std::uint32_t rest = bits & 0x7fffU;
  if (rest >= 0x7c00U) return std::bit_cast<float>(sign | 0x7f800000U | (rest & 0x3ffU) << 13U);
  // As a float whose exponent is too small by 112, which a multiplication mends exactly; it also
  // normalises the subnormal ones.
  return std::bit_cast<float>(
      sign | std::bit_cast<std::uint32_t>(std::bit_cast<float>(rest << 13U) * 0x1p112F));
}

std::uint16_t to_f16(float value) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  const auto sign = static_cast<std::uint16_t>(bits >> 16U & 0x8000U);
  const std::uint32_t size = bits & 0x7fffffffU;
  if (size > 0x7f800000U) {
    const auto kept = static_cast<std::uint16_t>(size >> 13U & 0x3ffU);
    return static_cast<std::uint16_t>(sign | 0x7c00U | (kept == 0 ? 0x200U : kept));
  }
  if (size >= 0x477ff000U) return static_cast<std::uint16_t>(sign | 0x7c00U);  // 65520 and more
  if (size < 0x38800000U) {  // below 2^-14: units of 2^-24; the addition rounds
    const float units = std::bit_cast<float>(size) + 0.5F;
    return static_cast<std::uint16_t>(sign | (std::bit_cast<std::uint32_t>(units) - 0x3f000000U));
  }
  const std::uint32_t rounded = size + 0xfffU + (size >> 13U & 1U) - 0x38000000U;
  return static_cast<std::uint16_t>(sign | rounded >> 13U);
}

bool converts(DType from, DType to) {
  return from == to || (is_float(from) && is_float(to));
}

void convert(ByteSpan in, DType from, MutableByteSpan out, DType to) {
  if (from == to) {
    if (!in.empty()) std::memcpy(out.data(), in.data(), in.size());
    return;
  }
  std::array<float, kBlock> block;
  const std::size_t count = in.size() / size_of(from);
  for (std::size_t done = 0; done < count; done += kBlock) {
    const std::size_t some = std::min(kBlock, count - done);
    widen(in.data() + done * size_of(from), from, block.data(), some);
    narrow(block.data(), out.data() + done * size_of(to), to, some);
  }
}

}  // namespace desa2va::weights
