#include "common/runtime/transport/zmq/zmq_network.h"

#include <future>
#include <list>
#include <optional>
#include <thread>

#include "common/base/clock.h"
#include "common/base/locked.h"
#include "common/runtime/exec/thread.h"
#include "common/runtime/transport/zmq/session.h"

namespace desa2va::transport {

namespace {

// How long goodbyes may take once the network is destroyed.
constexpr std::int64_t kLastWordsNs = 2'000'000'000;

}  // namespace

// The transport thread: the only one to touch sockets.
class ZmqNetwork::Transport {
 public:
  Transport() {
    thread_ = exec::start_thread("transport", [this](const std::stop_token& stop) { run(stop); });
  }
  ~Transport() {
    thread_.request_stop();
    waker_->wake();
    thread_.join();
  }

  Result<void> open(std::shared_ptr<Link> link) {
    auto opening = std::make_shared<Opening>();
    opening->link = std::move(link);
    auto opened = opening->result.get_future();
    const bool running = openings_.with([&](Openings& openings) {
      if (openings.ended) return false;
      openings.waiting.push_back(opening);
      return true;
    });
    if (!running) return fail(Errc::Internal, "the transport thread has ended");
    waker_->wake();
    return opened.get();
  }
  const std::shared_ptr<exec::EventFd>& waker() const { return waker_; }

 private:
  struct Opening {
    std::shared_ptr<Link> link;
    std::promise<Result<void>> result;
  };
  struct Openings {
    std::vector<std::shared_ptr<Opening>> waiting;
    bool ended = false;
  };

  void run(const std::stop_token& stop) {
    try {
      loop(stop);
    } catch (const std::exception& error) {
      // libzmq refuses only what is a bug of ours; nothing can be sent or received any more.
      for (Session& session : sessions_)
        session.link()->fail_with(fail(Errc::Internal, "transport thread: {}", error.what()));
    }
    sessions_.clear();
    const auto waiting = openings_.with([](Openings& openings) {
      openings.ended = true;
      return std::exchange(openings.waiting, {});
    });
    for (const auto& opening : waiting)
      opening->result.set_value(fail(Errc::Cancelled, "the transport thread ended"));
    context_.close();  // Waits for what lingers.
  }

  void loop(const std::stop_token& stop) {
    std::vector<zmq::pollitem_t> items;
    std::optional<std::int64_t> stop_ns;
    while (!stop_ns || (!sessions_.empty() && clock_.now_ns() - *stop_ns < kLastWordsNs)) {
      items.assign(1, {nullptr, waker_->fd(), ZMQ_POLLIN, 0});
      int patience_ms = -1;
      for (Session& session : sessions_) {
        session.add_poll_items(items);
        const int own = session.patience_ms();
        if (own >= 0) patience_ms = patience_ms < 0 ? own : std::min(patience_ms, own);
      }
      zmq::poll(items, std::chrono::milliseconds(patience_ms));
      waker_->lower();
      if (stop.stop_requested() && !stop_ns) {
        stop_ns = clock_.now_ns();
        for (Session& session : sessions_) session.abandon();
      }
      start_sessions();
      for (Session& session : sessions_) session.turn();
      sessions_.remove_if([](const Session& session) { return session.finished(); });
    }
  }

  void start_sessions() {
    const auto waiting =
        openings_.with([](Openings& openings) { return std::exchange(openings.waiting, {}); });
    for (const auto& opening : waiting) {
      Session session(context_, opening->link, clock_);
      Result<void> started = session.start();
      if (started) sessions_.push_back(std::move(session));
      opening->result.set_value(std::move(started));
    }
  }

  const std::shared_ptr<exec::EventFd> waker_ = std::make_shared<exec::EventFd>();
  const SystemClock clock_;
  Locked<Openings> openings_;
  // The transport thread's:
  zmq::context_t context_;
  std::list<Session> sessions_;
  std::jthread thread_;
};

ZmqNetwork::ZmqNetwork(Directory directory)
    : directory_(std::move(directory)), transport_(std::make_unique<Transport>()) {}
ZmqNetwork::~ZmqNetwork() = default;

Result<std::unique_ptr<Endpoint>> ZmqNetwork::open(const Edge& edge, Rank self,
                                                   const EdgeOptions& options) {
  if (self != edge.from && self != edge.to)
    return fail(Errc::InvalidArgument, "{} is no end of {}", to_string(self), to_string(edge));
  DESA2VA_ASSIGN(std::string url, directory_.url(edge));
  auto link = std::make_shared<Link>(edge, self, std::move(url), options, transport_->waker());
  DESA2VA_TRY(transport_->open(link));
  return make_zmq_endpoint(std::move(link));
}

}  // namespace desa2va::transport
