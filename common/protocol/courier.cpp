#include "common/protocol/courier.h"

namespace desa2va::protocol {

Courier::Courier(Rank self, std::uint64_t run_id, transport::Inbox& inbox, tracing::Tracer& tracer)
    : self_(self), run_id_(run_id), inbox_(inbox), tracer_(tracer) {}

Result<std::optional<Courier::Arrival>> Courier::next() {
  DESA2VA_ASSIGN(std::optional<transport::Inbox::Arrival> arrival, inbox_.next());
  if (!arrival) return std::optional<Arrival>();
  if (arrival->message.envelope.run_id != run_id_)
    return fail(Errc::Corrupt, "{} sent {} of run {:x}; this is run {:x}",
                to_string(inbox_.peer(arrival->source)), name(messages::kind(arrival->message)),
                arrival->message.envelope.run_id, run_id_);
  return std::optional<Arrival>(Arrival{inbox_.peer(arrival->source), std::move(arrival->message)});
}

Result<void> Courier::post(Rank to, transport::Message message, const Stamp& stamp) {
  const auto source = inbox_.find(to);
  if (!source) return fail(Errc::Internal, "{} has no edge to {}", to_string(self_), to_string(to));
  auto& envelope = message.envelope;
  envelope.run_id = run_id_;
  envelope.phase = stamp.phase;
  envelope.step = stamp.step;
  envelope.microbatch = stamp.microbatch;
  envelope.trace_id = stamp.microbatch + 1;
  envelope.reply = stamp.reply;
  if (!waits(to)) {
    auto sent = inbox_.endpoint(*source).try_send(message);
    if (sent) return {};
    if (sent.error().code() != Errc::Overloaded)
      return std::move(sent).in(
          fmt::format("send {} to {}", name(messages::kind(message)), to_string(to)));
  }
  waiting_[to].push_back(std::move(message));
  return {};
}

Result<bool> Courier::flush() {
  bool moved = false;
  for (auto peer = waiting_.begin(); peer != waiting_.end();) {
    auto& queue = peer->second;
    transport::Endpoint& endpoint = inbox_.endpoint(*inbox_.find(peer->first));
    while (!queue.empty()) {
      auto sent = endpoint.try_send(queue.front());
      if (!sent && sent.error().code() == Errc::Overloaded) break;
      if (!sent)
        return std::move(sent.error()).in(fmt::format("send to {}", to_string(peer->first)));
      queue.pop_front();
      moved = true;
    }
    peer = queue.empty() ? waiting_.erase(peer) : std::next(peer);
  }
  return moved;
}

bool Courier::waits(Rank to) const {
  return waiting_.contains(to);
}

}  // namespace desa2va::protocol
