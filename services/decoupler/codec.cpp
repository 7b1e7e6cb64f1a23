#include "services/decoupler/codec.h"

namespace desa2va::decoupler {

Result<Input> decode(const transport::Message& message) {
  switch (messages::kind(message)) {
    case messages::Kind::SegStates: {
      DESA2VA_ASSIGN(Input input, messages::decode<messages::SegStates>(message));
      return input;
    }
    case messages::Kind::PromptGradients: {
      DESA2VA_ASSIGN(Input input, messages::decode<messages::PromptGradients>(message));
      return input;
    }
    default:
      return fail(Errc::Corrupt, "decoupler does not understand {}", name(messages::kind(message)));
  }
}

}  // namespace desa2va::decoupler
