#include "common/base/result.h"

namespace desa2va {

std::string_view name(Errc code) {
  switch (code) {
    case Errc::InvalidArgument:
      return "invalid argument";
    case Errc::NotFound:
      return "not found";
    case Errc::Unavailable:
      return "unavailable";
    case Errc::Overloaded:
      return "overloaded";
    case Errc::Timeout:
      return "timeout";
    case Errc::Cancelled:
      return "cancelled";
    case Errc::Corrupt:
      return "corrupt";
    case Errc::Internal:
      return "internal";
  }
  return "unknown";
}

}  // namespace desa2va
