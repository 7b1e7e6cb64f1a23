#include "services/sam2/codec.h"

namespace desa2va::sam2 {

Result<Input> decode(const transport::Message& message) {
  switch (messages::kind(message)) {
    case messages::Kind::Frames: {
      DESA2VA_ASSIGN(Input input, messages::decode<messages::Frames>(message));
      return input;
    }
    case messages::Kind::Prompts: {
      DESA2VA_ASSIGN(Input input, messages::decode<messages::Prompts>(message));
      return input;
    }
    default:
      return fail(Errc::Corrupt, "sam2 does not understand {}", name(messages::kind(message)));
  }
}

}  // namespace desa2va::sam2
