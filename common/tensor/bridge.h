#pragma once

#include <string_view>

#include <ATen/core/Tensor.h>

#include "common/base/host_tensor.h"

// The one bridge between at::Tensor and bytes that travel. Both directions throw (TORCH_CHECK) on
// an element type that messages do not have; call them inside `guarded`.
namespace desa2va::tensor {

at::ScalarType scalar_type(DType type);
DType host_type(at::ScalarType type);

// The values of `tensor` as host bytes, row-major. A dense CPU tensor is not copied: the bytes
// keep it alive, so nobody may write into `tensor` afterwards. Others are copied; the graph is
// left.
HostTensor to_host(const at::Tensor& tensor);
// The same, always with bytes of its own: for tensors that will change (weights, accumulators).
HostTensor copy_to_host(const at::Tensor& tensor);

// A tensor on `device` ("cpu", "cuda:1") with these values. On the CPU the bytes are not copied if
// their address suits the element type; the tensor then keeps them alive and must not be written
// in place, since others may read the same bytes.
at::Tensor from_host(const HostTensor& host, std::string_view device = "cpu");

}  // namespace desa2va::tensor
