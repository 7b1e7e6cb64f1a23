#include "common/runtime/transport/inbox.h"

#include <algorithm>

namespace desa2va::transport {
namespace {

Result<void> check_sequence(const std::string& edge, std::uint64_t expected, std::uint64_t found) {
  if (found == expected) return {};
  if (found < expected) {
    return fail(Errc::Corrupt, "{}: message {} arrived again after {}", edge, found, expected - 1);
  }
  return fail(Errc::Corrupt, "{}: message {} arrived after {}: {} lost", edge, found, expected - 1,
              found - expected);
}

}  // namespace

Inbox::Inbox() : waker_(std::make_shared<exec::EventFd>()) {}

Inbox::Source Inbox::add(Rank peer, std::unique_ptr<Endpoint> endpoint) {
  endpoint->set_waker(waker_);
  edges_.push_back({peer, std::move(endpoint), 0, std::nullopt});
  return edges_.size() - 1;
}

std::optional<Inbox::Source> Inbox::find(Rank peer) const {
  for (Source source = 0; source < edges_.size(); ++source)
    if (edges_[source].peer == peer) return source;
  return std::nullopt;
}

Result<std::optional<Inbox::Arrival>> Inbox::next() {
  const Entry* failed = nullptr;
  for (std::size_t i = 0; i < edges_.size(); ++i) {
    const Source source = (cursor_ + i) % edges_.size();
    Entry& entry = edges_[source];
    if (!entry.failure) {
      Result<std::optional<Message>> got = entry.endpoint->try_receive();
      if (got && !*got) continue;
      if (got) {
        Message& message = **got;
        const auto in_order = check_sequence(entry.endpoint->describe(), entry.last_sequence + 1,
                                             message.envelope.edge_sequence);
        if (in_order) {
          entry.last_sequence = message.envelope.edge_sequence;
          cursor_ = (source + 1) % edges_.size();
          return Arrival{source, std::move(message)};
        }
        entry.failure = in_order.error();
      } else {
        entry.failure = got.error();
      }
    }
    if (failed == nullptr) failed = &entry;
  }
  if (failed != nullptr) return Error(*failed->failure);
  return std::optional<Arrival>();
}

bool Inbox::all_closed() const {
  return std::all_of(edges_.begin(), edges_.end(),
                     [](const Entry& entry) { return entry.endpoint->closed(); });
}

bool Inbox::waiting_for_credit() const {
  return std::any_of(edges_.begin(), edges_.end(),
                     [](const Entry& entry) { return entry.endpoint->stats().waiting_for_credit; });
}

bool Inbox::wait(int timeout_ms, int other_fd) {
  return waker_->wait(timeout_ms, other_fd);
}

void Inbox::close_all() {
  for (Entry& entry : edges_) entry.endpoint->close();
}

}  // namespace desa2va::transport
