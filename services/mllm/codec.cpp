#include "services/mllm/codec.h"

namespace desa2va::mllm {

Result<Input> decode(const transport::Message& message) {
  switch (messages::kind(message)) {
    case messages::Kind::Batch: {
      DESA2VA_ASSIGN(Input input, messages::decode<messages::Batch>(message));
      return input;
    }
    case messages::Kind::SegGradients: {
      DESA2VA_ASSIGN(Input input, messages::decode<messages::SegGradients>(message));
      return input;
    }
    default:
      return fail(Errc::Corrupt, "mllm does not understand {}", name(messages::kind(message)));
  }
}

}  // namespace desa2va::mllm
