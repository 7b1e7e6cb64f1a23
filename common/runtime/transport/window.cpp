#include "common/runtime/transport/window.h"

#include "common/base/bytes.h"

namespace desa2va::transport {

Result<void> Windows::take(std::uint64_t bytes, bool reply, const Edge& edge) {
  const std::uint64_t budget = budget_[reply];
  if (bytes > budget) {
    return fail(Errc::InvalidArgument,
                "{}: a {} of {} ({} bytes) is larger than the whole window of {}; set "
                "transport.{}.budget_bytes to at least {}",
                to_string(edge), reply ? "reply" : "message", format_bytes(bytes), bytes,
                format_bytes(budget), edge_name(edge), bytes);
  }
  if (!granted_ || bytes > budget - in_flight_[reply]) {
    ++overloaded_;
    waiting_ = true;
    return granted_
               ? fail(Errc::Overloaded, "{}: {} wanted, {} of {} are in flight", to_string(edge),
                      format_bytes(bytes), format_bytes(in_flight_[reply]), format_bytes(budget))
               : fail(Errc::Overloaded, "{}: the peer has not come yet", to_string(edge));
  }
  waiting_ = false;
  in_flight_[reply] += bytes;
  peak_ = std::max(peak_, in_flight_[0] + in_flight_[1]);
  return {};
}

void Windows::add_to(EdgeStats& stats) const {
  stats.in_flight_bytes = in_flight_[0] + in_flight_[1];
  stats.peak_in_flight_bytes = peak_;
  stats.overloaded = overloaded_;
  stats.waiting_for_credit = waiting_;
}

}  // namespace desa2va::transport
