#include "common/messages/fields.h"

namespace desa2va::messages {
namespace {
// No tensor of a step comes near; keeps products of sizes from overflowing.
constexpr std::int64_t kMaxElements = std::int64_t{1} << 40;
}  // namespace

void put(schema::Tensor::Builder field, const HostTensor& tensor, transport::Message& message) {
  field.setDtype(static_cast<std::uint8_t>(tensor.dtype));
  auto shape = field.initShape(static_cast<unsigned>(tensor.shape.size()));
  for (unsigned i = 0; i < tensor.shape.size(); ++i) shape.set(i, tensor.shape[i]);
  field.setPayload(static_cast<std::uint16_t>(message.payloads.size()));
  message.payloads.push_back(tensor.data);
}

void TensorFields::refuse(std::string_view field, std::string_view why) {
  if (result_) result_ = fail(Errc::Corrupt, "{} message: field '{}': {}", what_, field, why);
}

void TensorFields::require(bool holds, std::string_view field, std::string_view rule) {
  if (!holds) refuse(field, fmt::format("must have {}", rule));
}

HostTensor TensorFields::get(std::string_view field, schema::Tensor::Reader reader, DType dtype,
                             std::size_t rank) {
  HostTensor tensor{dtype, std::vector<std::int64_t>(rank, 0), {}};
  if (!result_) return tensor;
  if (reader.getDtype() != static_cast<std::uint8_t>(dtype)) {
    refuse(field, fmt::format("element type {} instead of {}", reader.getDtype(), name(dtype)));
    return tensor;
  }
  if (reader.getShape().size() != rank) {
    refuse(field, fmt::format("{} dimensions instead of {}", reader.getShape().size(), rank));
    return tensor;
  }
  std::int64_t elements = 1;
  for (unsigned i = 0; i < rank; ++i) {
    const std::int64_t size = reader.getShape()[i];
    if (size < 0 || size > kMaxElements || (elements > 0 && size > kMaxElements / elements)) {
      refuse(field, fmt::format("dimension {} has size {}", i, size));
      return tensor;
    }
    elements *= size;
    tensor.shape[i] = size;
  }
  if (reader.getPayload() >= message_.payloads.size()) {
    refuse(field, fmt::format("payload {} of {}", reader.getPayload(), message_.payloads.size()));
    return tensor;
  }
  tensor.data = message_.payloads[reader.getPayload()];
  const std::size_t bytes = static_cast<std::size_t>(elements) * size_of(dtype);
  if (tensor.data.size() != bytes)
    refuse(field, fmt::format("{} bytes came for {}, which has {}", tensor.data.size(),
                              describe(tensor), bytes));
  return tensor;
}

}  // namespace desa2va::messages
