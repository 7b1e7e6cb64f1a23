#include "common/runtime/transport/zmq/session.h"

#include <unistd.h>

#include <string_view>

#include "common/base/checksum.h"

namespace desa2va::transport {
namespace {

constexpr int kReconnectMs = 20;
constexpr int kReconnectMaxMs = 500;
constexpr int kLingerMs = 2000;
// Who has said goodbye may have left: nothing of ours is waited for there, and a socket that finds
// nobody would keep the process for all of kLingerMs.
constexpr int kLingerAfterByeMs = 50;
constexpr int kHeartbeatMs = 500;
constexpr int kHeartbeatTimeoutMs = 1500;
// Between the news that a connection broke and the verdict: what it delivered is read first.
constexpr std::int64_t kGraceNs = 50'000'000;
constexpr std::int64_t kMeetBeforeByeNs = 1'000'000'000;
// Smaller frames are copied: handing over a reference costs more.
constexpr std::size_t kZeroCopyBytes = 4096;
constexpr std::size_t kFrameSlack = std::size_t{1} << 20U;

constexpr std::string_view kIpc = "ipc://";

bool is_remote(const std::string& url) {
  return url.starts_with("tcp://") && !url.starts_with("tcp://127.") &&
         !url.starts_with("tcp://localhost:");
}

void release_buffer(void*, void* hint) {
  delete static_cast<Buffer*>(hint);
}

}  // namespace

Session::Session(zmq::context_t& context, std::shared_ptr<Link> link, const Clock& clock)
    : link_(std::move(link)),
      clock_(&clock),
      monitor_(context, zmq::socket_type::pair),
      socket_(context, zmq::socket_type::pair) {
  socket_.set(zmq::sockopt::sndhwm, 0);  // credit bounds what is in flight, not the socket
  socket_.set(zmq::sockopt::rcvhwm, 0);
  socket_.set(zmq::sockopt::linger, 0);
  socket_.set(zmq::sockopt::reconnect_ivl, kReconnectMs);
  socket_.set(zmq::sockopt::reconnect_ivl_max, kReconnectMaxMs);
  socket_.set(
      zmq::sockopt::maxmsgsize,
      static_cast<std::int64_t>(
          std::max(link_->options.budget_bytes, link_->options.reply_budget_bytes) + kFrameSlack));
  if (is_remote(link_->url)) {
    socket_.set(zmq::sockopt::heartbeat_ivl, kHeartbeatMs);
    socket_.set(zmq::sockopt::heartbeat_timeout, kHeartbeatTimeoutMs);
  }
}

Session::~Session() {
  close_sockets();
}

Result<void> Session::start() {
  const std::string events = fmt::format("inproc://monitor-{:x}", link_->session);
  if (zmq_socket_monitor(socket_.handle(), events.c_str(), ZMQ_EVENT_DISCONNECTED) != 0)
    return fail(Errc::Internal, "{}: monitor: {}", link_->describe(), zmq_strerror(zmq_errno()));
  monitor_.connect(events);
  try {
    if (!link_->binds()) {
      socket_.connect(link_->url);
      send_frame(own_hello());
      return {};
    }
    socket_.bind(link_->url);
    return {};
  } catch (const zmq::error_t& error) {
    if (error.num() == EADDRINUSE) {
      return fail(Errc::InvalidArgument,
                  "{}: the address is in use by another process; stop it or set "
                  "transport.{}.port_base to a free port",
                  link_->describe(), edge_name(link_->edge))
          .with_exit(ExitCode::Usage);
    }
    return fail(Errc::InvalidArgument, "{}: cannot {}: {}", link_->describe(),
                link_->binds() ? "bind" : "connect", error.what())
        .with_exit(ExitCode::Usage);
  }
}

void Session::add_poll_items(std::vector<zmq::pollitem_t>& items) {
  items.push_back({socket_.handle(), 0, static_cast<short>(over_ ? 0 : ZMQ_POLLIN), 0});
  items.push_back({monitor_.handle(), 0, ZMQ_POLLIN, 0});
}

int Session::patience_ms() const {
  if (suspect_ns_) return 10;
  return gone_ && !finished_ ? 50 : -1;
}

void Session::abandon() {
  link_->fail_with(fail(Errc::Unavailable, "the network of this process was closed"));
  link_->with([](Link::State& state) { state.gone_here = true; });
}

void Session::turn() {
  read_events();
  if (!over_) flush();
  if (!over_) read_messages();
  if (!over_) check_suspicion();
  check_end();
}

void Session::read_events() {
  zmq::message_t event;
  while (monitor_.recv(event, zmq::recv_flags::dontwait)) {
    if (event.more()) continue;  // The number; the address that follows is the last part.
    if (peer_session_) {
      if (!suspect_ns_) suspect_ns_ = clock_->now_ns();
    } else if (!link_->binds() && !over_) {
      // We had not met: ZeroMQ connects again, and our greeting may have been lost on the way.
      send_frame(own_hello());
    }
  }
}

void Session::read_messages() {
  zmq::message_t frame;
  while (!over_ && socket_.recv(frame, zmq::recv_flags::dontwait)) {
    const bool more = frame.more();
    frames_.push_back(std::move(frame));
    frame = zmq::message_t();
    if (more) continue;
    const auto taken = take(frames_);
    frames_.clear();
    if (!taken) {
      link_->fail_with(Error(taken.error()));
      over_ = true;
    }
  }
}

Result<void> Session::take(std::vector<zmq::message_t>& frames) {
  const auto bytes = [](const zmq::message_t& frame) {
    return ByteSpan(static_cast<const std::byte*>(frame.data()), frame.size());
  };
  DESA2VA_ASSIGN(const Frame first, decode_frame(bytes(frames.front())));
  if (const auto* hello = std::get_if<HelloFrame>(&first)) return take_hello(*hello);
  if (!peer_session_) return fail(Errc::Corrupt, "something was said before hello");
  if (const auto* message = std::get_if<MessageFrame>(&first))
    return take_message(*message, frames);
  if (const auto* credit = std::get_if<CreditFrame>(&first)) {
    take_credit(*credit);
    return {};
  }
  link_->arrived([](Link::State& state) { return state.peer_said_bye = true; });
  return {};
}

Result<void> Session::take_hello(const HelloFrame& hello) {
  if (hello.version != kProtocolVersion) {
    return fail(Errc::InvalidArgument,
                "{} speaks version {} of the transport, we speak {}: start all processes from one "
                "build",
                hello.rank, hello.version, kProtocolVersion)
        .with_exit(ExitCode::Usage);
  }
  if (hello.edge != to_string(link_->edge) || hello.rank != to_string(link_->peer)) {
    return fail(Errc::InvalidArgument, "{} of {} is at this address, {} was expected", hello.rank,
                hello.edge, to_string(link_->peer))
        .with_exit(ExitCode::Usage);
  }
  if (peer_session_) {
    if (*peer_session_ == hello.session) return {};  // said twice, see read_events
    return fail(Errc::Unavailable, "{} was replaced by another process", hello.rank);
  }
  peer_session_ = hello.session;
  if (link_->binds()) send_frame(own_hello());
  link_->arrived([&](Link::State& state) {
    state.windows.grant(hello.budget_bytes, hello.reply_budget_bytes);
    return true;
  });
  return {};
}

Result<void> Session::take_message(const MessageFrame& frame, std::vector<zmq::message_t>& frames) {
  const auto context = [&] { return fmt::format("message {}", frame.envelope.edge_sequence); };
  if (frames.size() != frame.payloads.size() + 2) {
    return fail(Errc::Corrupt, "{}: {} frames for {} payloads", context(), frames.size(),
                frame.payloads.size());
  }
  // Payloads land where tensors can use them; the checksum is of what landed.
  const auto land = [](const zmq::message_t& from) {
    return Buffer::copy_of({static_cast<const std::byte*>(from.data()), from.size()});
  };
  Message message;
  message.envelope = frame.envelope;
  message.header = land(frames[1]);
  if (checksum64(message.header.bytes()) != frame.header_checksum)
    return fail(Errc::Corrupt, "{}: header of {} bytes: checksum differs", context(),
                message.header.size());
  for (std::size_t i = 0; i < frame.payloads.size(); ++i) {
    Buffer payload = land(frames[i + 2]);
    frames[i + 2] = zmq::message_t();
    if (payload.size() != frame.payloads[i].size) {
      return fail(Errc::Corrupt, "{}: payload {} of {} has {} bytes instead of {}", context(), i,
                  frame.payloads.size(), payload.size(), frame.payloads[i].size);
    }
    if (checksum64(payload.bytes()) != frame.payloads[i].checksum) {
      return fail(Errc::Corrupt, "{}: payload {} of {} ({} bytes): checksum differs", context(), i,
                  frame.payloads.size(), payload.size());
    }
    message.payloads.push_back(std::move(payload));
  }
  const std::uint64_t bytes = charged_bytes(message);
  const bool reply = message.envelope.reply;
  const std::uint64_t granted =
      reply ? link_->options.reply_budget_bytes : link_->options.budget_bytes;
  Result<void> taken;
  link_->arrived([&](Link::State& state) {
    if (bytes > granted - std::min(granted, state.occupied[reply])) {
      taken = fail(Errc::Corrupt, "{} overruns the window of {}", context(), format_bytes(granted));
      return false;
    }
    state.occupied[reply] += bytes;
    if (state.gone_here) {
      state.occupied[reply] -= bytes;
    } else {
      state.inbound.push_back(std::move(message));
    }
    return true;
  });
  return taken;
}

void Session::take_credit(const CreditFrame& credit) {
  if (credit.bytes == 0 && credit.reply_bytes == 0) return;  // asks only whether we are there
  link_->arrived([&](Link::State& state) {
    state.windows.give_back(credit.bytes, false);
    state.windows.give_back(credit.reply_bytes, true);
    return true;
  });
}

void Session::flush() {
  std::deque<Message> outbound;
  CreditFrame credit;
  bool closed = false;
  link_->with([&](Link::State& state) {
    outbound.swap(state.outbound);
    credit = {std::exchange(state.credit_due[0], 0), std::exchange(state.credit_due[1], 0)};
    closed = state.closed_here;
  });
  for (Message& message : outbound) send_message(std::move(message));
  if (credit.bytes + credit.reply_bytes > 0) send_frame(credit);
  if (closed && peer_session_ && !said_bye_) {
    send_frame(ByeFrame{});
    said_bye_ = true;
  }
}

void Session::send_message(Message&& message) {
  MessageFrame frame;
  frame.envelope = message.envelope;
  frame.header_checksum =
      message.header_checksum ? *message.header_checksum : checksum64(message.header.bytes());
  for (std::size_t i = 0; i < message.payloads.size(); ++i) {
    const Buffer& payload = message.payloads[i];
    frame.payloads.push_back({payload.size(), i < message.checksums.size()
                                                  ? message.checksums[i]
                                                  : checksum64(payload.bytes())});
  }
  if (!send_frame(frame, true)) return;  // The peer is gone: its end is on its way to us.
  if (!send_bytes(message.header, !message.payloads.empty())) return;
  for (std::size_t i = 0; i < message.payloads.size(); ++i)
    if (!send_bytes(message.payloads[i], i + 1 < message.payloads.size())) return;
}

bool Session::send_frame(const Frame& frame, bool more) {
  return send_bytes(encode_frame(frame), more);
}

bool Session::send_bytes(const Buffer& bytes, bool more) {
  zmq::message_t message;
  if (bytes.size() >= kZeroCopyBytes) {
    message.rebuild(const_cast<std::byte*>(bytes.data()), bytes.size(), release_buffer,
                    new Buffer(bytes));
  } else if (!bytes.empty()) {
    message.rebuild(bytes.data(), bytes.size());
  }
  const auto flags =
      zmq::send_flags::dontwait | (more ? zmq::send_flags::sndmore : zmq::send_flags::none);
  return socket_.send(message, flags).has_value();
}

void Session::check_suspicion() {
  if (!suspect_ns_ || clock_->now_ns() - *suspect_ns_ < kGraceNs) return;
  suspect_ns_.reset();
  // A binding socket hears of every stranger that leaves; only without the peer's own connection
  // does it refuse to send.
  if (link_->binds() && send_frame(CreditFrame{})) return;
  over_ = true;
  const bool said_bye = link_->with([](Link::State& state) { return state.peer_said_bye; });
  if (!said_bye) {
    link_->fail_with(
        fail(Errc::Unavailable, "{} vanished without a goodbye", to_string(link_->peer)));
  }
}

void Session::check_end() {
  bool closed = false;
  link_->with([&](Link::State& state) {
    closed = state.closed_here;
    gone_ = state.gone_here;
  });
  if (!gone_) return;
  if (!gone_ns_) gone_ns_ = clock_->now_ns();
  // Who leaves before the peer came waits a moment, to say goodbye rather than vanish.
  if (closed && !said_bye_ && !over_ && clock_->now_ns() - *gone_ns_ < kMeetBeforeByeNs) return;
  // A good end may take its time to leave the process; a death must look like one.
  const bool both = link_->with([](Link::State& state) { return state.peer_said_bye; });
  socket_.set(zmq::sockopt::linger, !said_bye_ ? 0 : both ? kLingerAfterByeMs : kLingerMs);
  close_sockets();
  if (link_->binds() && link_->url.starts_with(kIpc)) unlink(link_->url.c_str() + kIpc.size());
  finished_ = true;
}

void Session::close_sockets() {
  if (!socket_) return;
  // libzmq loses the memory of an event that finds no listener.
  zmq_socket_monitor(socket_.handle(), nullptr, 0);
  socket_.close();
  monitor_.close();
}

HelloFrame Session::own_hello() const {
  return {kProtocolVersion, to_string(link_->self),      to_string(link_->edge),
          link_->session,   link_->options.budget_bytes, link_->options.reply_budget_bytes};
}

}  // namespace desa2va::transport
