#include "common/tensor/bridge.h"

#include <array>
#include <cstring>

#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/full.h>
#include <gtest/gtest.h>

namespace desa2va::tensor {
namespace {

TEST(Bridge, EveryTravellingTypeKeepsItsShapeAndBytes) {
  for (const auto type : {DType::F32, DType::F64, DType::F16, DType::BF16, DType::I64, DType::I32,
                          DType::U8, DType::Bool}) {
    auto host = HostTensor::empty(type, {2, 3});
    std::memset(host.data.mutable_bytes().data(), 1, host.data.size());
    const auto back = to_host(from_host(host));
    EXPECT_EQ(back.dtype, type);
    EXPECT_EQ(back.shape, host.shape);
    EXPECT_EQ(std::memcmp(back.data.data(), host.data.data(), host.data.size()), 0);
  }
}

TEST(Bridge, TypesThatDoNotTravelThrow) {
  EXPECT_THROW(to_host(at::full({1}, 1, at::TensorOptions().dtype(at::kShort))), c10::Error);
  EXPECT_THROW(to_host(at::Tensor()), c10::Error);
}

TEST(Bridge, StridedTensorsArriveRowMajor) {
  const auto host = to_host(at::arange(6, at::kFloat).view({2, 3}).t());
  const std::array<float, 6> expected = {0, 3, 1, 4, 2, 5};
  EXPECT_EQ(host.shape, (std::vector<std::int64_t>{3, 2}));
  EXPECT_TRUE(std::ranges::equal(host.values<float>(), expected));
}

TEST(Bridge, HostBytesAreReadInPlaceAndKeptAlive) {
  at::Tensor tensor;
  const void* address = nullptr;
  {
    auto host = HostTensor::empty(DType::F32, {4});
    std::ranges::fill(host.mutable_values<float>(), 2.5F);
    address = host.data.data();
    tensor = from_host(host);
  }
  EXPECT_EQ(tensor.const_data_ptr(), address);
  EXPECT_EQ(tensor.sum().item<float>(), 10.0F);
}

TEST(Bridge, TensorsOutliveTheirHandlesInHostBytes) {
  HostTensor host;
  {
    const auto tensor = at::full({4}, 3.0);
    host = to_host(tensor);
    EXPECT_EQ(static_cast<const void*>(host.data.data()), tensor.const_data_ptr());
  }
  EXPECT_EQ(host.values<float>()[3], 3.0F);
}

TEST(Bridge, BytesAtAnUnsuitableAddressAreCopied) {
  const std::array<float, 2> values = {1.5F, -2.0F};
  auto bytes = Buffer::allocate(9);
  std::memcpy(bytes.mutable_bytes().data() + 1, values.data(), 8);
  const auto tensor = from_host({DType::F32, {2}, bytes.slice(1, 8)});
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(tensor.const_data_ptr()) % 4, 0U);
  EXPECT_EQ(tensor[1].item<float>(), -2.0F);
}

TEST(Bridge, EmptyTensorsTravel) {
  const auto tensor = from_host(HostTensor::empty(DType::I64, {0, 5}));
  EXPECT_EQ(tensor.sizes(), (at::IntArrayRef{0, 5}));
  EXPECT_EQ(to_host(tensor).shape, (std::vector<std::int64_t>{0, 5}));
}

TEST(Bridge, TooFewBytesForTheShapeThrow) {
  EXPECT_THROW(from_host({DType::F32, {4}, Buffer::allocate(12)}), c10::Error);
}

TEST(Bridge, ACopyDoesNotSeeLaterWrites) {
  auto tensor = at::full({2}, 1.0);
  const auto host = copy_to_host(tensor);
  tensor.fill_(7);
  EXPECT_EQ(host.values<float>()[0], 1.0F);
}

}  // namespace
}  // namespace desa2va::tensor
