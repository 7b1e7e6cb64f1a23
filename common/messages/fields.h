#pragma once

#include <initializer_list>
#include <string_view>

#include "common/base/host_tensor.h"
#include "common/messages/codec.h"
#include "schemas/tensor.capnp.h"

// What the codecs of the arrows share: a tensor as a field of a message.
namespace desa2va::messages {

// Appends the bytes as a payload and describes them.
void put(schema::Tensor::Builder field, const HostTensor& tensor, transport::Message& message);

// Reads tensors of one message; the first failure stays, so that a codec reads as a list.
class TensorFields {
 public:
  TensorFields(std::string_view what, const transport::Message& message)
      : what_(what), message_(message) {}

  // A tensor of this type and number of dimensions.
  HostTensor get(std::string_view field, schema::Tensor::Reader reader, DType dtype,
                 std::size_t rank);
  // States that two sizes agree; `field` is blamed otherwise.
  void require(bool holds, std::string_view field, std::string_view rule);

  bool ok() const { return result_.has_value(); }
  Result<void> result() && { return std::move(result_); }

 private:
  void refuse(std::string_view field, std::string_view why);

  std::string_view what_;
  const transport::Message& message_;
  Result<void> result_;
};

}  // namespace desa2va::messages
