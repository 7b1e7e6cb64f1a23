#pragma once

#include <variant>

#include "common/messages/codec.h"

// Which messages this service understands besides the coordinator's.
namespace desa2va::mllm {

using Input = std::variant<messages::Batch, messages::SegGradients>;

// Corrupt names a message that is malformed or not for this service.
Result<Input> decode(const transport::Message& message);

}  // namespace desa2va::mllm
