#include "services/coordinator/codec.h"

namespace desa2va::coordinator {
namespace {

template <class T>
Result<FromRank> as(Rank from, const transport::Message& message) {
  DESA2VA_ASSIGN(T value, messages::decode<T>(message));
  return FromRank{from, message.envelope.microbatch, std::move(value)};
}

}  // namespace

Result<FromRank> decode(Rank from, const transport::Message& message) {
  using messages::Kind;
  switch (messages::kind(message)) {
    case Kind::Hello:
      return as<messages::Hello>(from, message);
    case Kind::Ready:
      return as<messages::Ready>(from, message);
    case Kind::Losses:
      return as<messages::Losses>(from, message);
    case Kind::Prepared:
      return as<messages::Prepared>(from, message);
    case Kind::Done:
      return as<messages::Done>(from, message);
    case Kind::Saved:
      return as<messages::Saved>(from, message);
    case Kind::Failed:
      return as<messages::Failed>(from, message);
    case Kind::Figures:
      return as<messages::Figures>(from, message);
    case Kind::Replaced:
      return as<messages::Replaced>(from, message);
    case Kind::Event:
      return as<messages::Event>(from, message);
    default:
      return fail(Errc::Corrupt, "the coordinator does not understand {} from {}",
                  name(messages::kind(message)), to_string(from));
  }
}

}  // namespace desa2va::coordinator
