#include "common/runtime/transport/zmq/link.h"

#include <random>

#include "common/runtime/exec/thread.h"

namespace desa2va::transport {
namespace {

std::uint64_t new_session() {
  std::random_device device;
  return (std::uint64_t{device()} << 32U) | device();
}

// The receiver's side of the window: what is released goes back with the next credit frame.
class LinkCredit final : public CreditSink {
 public:
  explicit LinkCredit(std::shared_ptr<Link> link) : link_(std::move(link)) {}
  void give_back(std::uint64_t bytes, bool reply) noexcept override {
    link_->with([&](Link::State& state) {
      state.occupied[reply] -= bytes;
      state.credit_due[reply] += bytes;
    });
    link_->transport_waker->wake();
  }

 private:
  const std::shared_ptr<Link> link_;
};

class ZmqEndpoint final : public Endpoint {
 public:
  explicit ZmqEndpoint(std::shared_ptr<Link> link)
      : link_(std::move(link)), credit_(std::make_shared<LinkCredit>(link_)) {}

  ~ZmqEndpoint() override {
    link_->with([](Link::State& state) {
      state.gone_here = true;
      state.waker.reset();
      state.inbound.clear();
    });
    link_->transport_waker->wake();
  }

  Result<void> try_send(Message& message) override {
    thread_.assert_here();
    const std::uint64_t bytes = charged_bytes(message);
    Credit forwarded;  // Released after the lock: it may be this very link's.
    auto sent = link_->with([&](Link::State& state) -> Result<void> {
      if (state.failure) return Error(*state.failure);
      if (state.closed_here) return fail(Errc::Unavailable, "{}: closed at this end", describe());
      if (state.peer_said_bye)
        return fail(Errc::Unavailable, "{}: {} said goodbye", describe(), to_string(link_->peer));
      DESA2VA_TRY(state.windows.take(bytes, message.envelope.reply, link_->edge));
      forwarded = std::move(message.credit);
      message.envelope.edge_sequence = ++state.sent_messages;
      state.sent_bytes += bytes;
      state.outbound.push_back(std::move(message));
      return {};
    });
    if (sent) link_->transport_waker->wake();
    return sent;
  }

  Result<std::optional<Message>> try_receive() override {
    thread_.assert_here();
    return link_->with([&](Link::State& state) -> Result<std::optional<Message>> {
      if (state.inbound.empty()) {
        if (state.failure) return Error(*state.failure);
        return std::optional<Message>();
      }
      Message message = std::move(state.inbound.front());
      state.inbound.pop_front();
      const std::uint64_t bytes = charged_bytes(message);
      ++state.received_messages;
      state.received_bytes += bytes;
      message.credit = Credit(credit_, bytes, message.envelope.reply);
      return std::optional<Message>(std::move(message));
    });
  }

  bool closed() const override {
    return link_->with([](Link::State& state) {
      return state.peer_said_bye && state.inbound.empty() && !state.failure;
    });
  }

  void close() override {
    thread_.assert_here();
    link_->with([](Link::State& state) { state.closed_here = true; });
    link_->transport_waker->wake();
  }

  std::uint64_t free_bytes(bool reply) const override {
    return link_->with([&](Link::State& state) { return state.windows.free_bytes(reply); });
  }

  std::string describe() const override { return link_->describe(); }

  EdgeStats stats() const override {
    return link_->with([](Link::State& state) {
      EdgeStats stats;
      stats.sent_messages = state.sent_messages;
      stats.sent_bytes = state.sent_bytes;
      stats.received_messages = state.received_messages;
      stats.received_bytes = state.received_bytes;
      state.windows.add_to(stats);
      return stats;
    });
  }

  void set_waker(std::shared_ptr<exec::EventFd> waker) override {
    // What arrived before anybody could be woken is found by the first look.
    link_->with([&](Link::State& state) { state.waker = std::move(waker); });
  }

 private:
  const std::shared_ptr<Link> link_;
  const std::shared_ptr<LinkCredit> credit_;
  exec::ThreadChecker thread_;
};

}  // namespace

Link::Link(const Edge& e, Rank s, std::string u, const EdgeOptions& o,
           std::shared_ptr<exec::EventFd> waker)
    : edge(e),
      self(s),
      peer(s == e.from ? e.to : e.from),
      url(std::move(u)),
      options(o),
      session(new_session()),
      transport_waker(std::move(waker)),
      state_(o) {}

void Link::fail_with(Error error) {
  arrived([&](State& state) {
    if (!state.failure) state.failure = std::move(error).in(describe());
    return true;
  });
}

std::unique_ptr<Endpoint> make_zmq_endpoint(std::shared_ptr<Link> link) {
  return std::make_unique<ZmqEndpoint>(std::move(link));
}

}  // namespace desa2va::transport
