// Messages of one payload from one thread to another, by size, and a round trip; and what a span
// costs. Bytes per second are of payload; the processor time is this thread's alone.
#include <benchmark/benchmark.h>

#include <filesystem>
#include <stdexcept>
#include <thread>

#include "common/runtime/exec/thread.h"
#include "common/runtime/tracing/tracer.h"
#include "common/runtime/transport/inbox.h"
#include "common/runtime/transport/loopback/loopback.h"
#include "common/runtime/transport/ports.h"
#include "common/runtime/transport/zmq/zmq_network.h"

namespace desa2va::transport {
namespace {

constexpr Rank kMllm{Role::Mllm, 0};
constexpr Rank kDecoupler{Role::Decoupler, 0};
constexpr Edge kEdge{kMllm, kDecoupler};

enum World { Loopback, Ipc, Tcp };

template <class T>
T must(Result<T> result) {
  if (!result) throw std::runtime_error(result.error().message());
  return std::move(*result);
}

// Two inboxes joined by one edge.
struct Joined {
  explicit Joined(World world) {
    if (world == Loopback) {
      auto [up, down] = loopback_pair(kEdge, {});
      near.add(kDecoupler, std::move(up));
      far.add(kMllm, std::move(down));
      return;
    }
    DirectoryOptions options;
    socket_dir = options.socket_dir = must(make_socket_dir(""));
    options.default_kind = world == Ipc ? LinkKind::Ipc : LinkKind::Tcp;
    options.port_bases["mllm_to_decoupler"] = must(find_free_ports(1));
    for (auto& network : networks)
      network = std::make_unique<ZmqNetwork>(Directory({kEdge}, options));
    near.add(kDecoupler, must(networks[0]->open(kEdge, kMllm, {})));
    far.add(kMllm, must(networks[1]->open(kEdge, kDecoupler, {})));
    while (near.endpoint(0).free_bytes(false) == 0) near.wait(-1);
  }
  ~Joined() {
    near = Inbox();
    far = Inbox();
    for (auto& network : networks) network.reset();
    if (!socket_dir.empty()) std::filesystem::remove_all(socket_dir);
  }

  std::string socket_dir;
  std::unique_ptr<ZmqNetwork> networks[2];
  Inbox near;
  Inbox far;
};

void send(Inbox& inbox, const Buffer& payload) {
  Message message;
  message.payloads = {payload};
  while (!inbox.endpoint(0).try_send(message)) inbox.wait(-1);
}

// Until the peer says goodbye.
template <class F>
void read_all(Inbox& inbox, F&& f) {
  while (!inbox.all_closed()) {
    auto next = must(inbox.next());
    if (next) {
      f(std::move(next->message));
    } else if (!inbox.all_closed()) {
      inbox.wait(-1);
    }
  }
}

void throughput(benchmark::State& state) {
  Joined joined(static_cast<World>(state.range(0)));
  const auto size = static_cast<std::size_t>(state.range(1));
  Buffer payload = Buffer::allocate(size);
  std::fill(payload.mutable_bytes().begin(), payload.mutable_bytes().end(), std::byte{1});
  auto reader = exec::start_thread("reader", [&](const std::stop_token&) {
    read_all(joined.far,
             [](Message message) { benchmark::DoNotOptimize(message.payloads[0].data()); });
    joined.far.close_all();
  });
  for (auto _ : state) send(joined.near, payload);
  joined.near.close_all();
  reader.join();
  state.SetBytesProcessed(static_cast<std::int64_t>(size) * state.iterations());
}

void round_trip(benchmark::State& state) {
  Joined joined(static_cast<World>(state.range(0)));
  const Buffer payload = Buffer::allocate(64);
  auto echo = exec::start_thread("echo", [&](const std::stop_token&) {
    read_all(joined.far, [&](Message message) { send(joined.far, message.payloads[0]); });
    joined.far.close_all();
  });
  for (auto _ : state) {
    send(joined.near, payload);
    while (!must(joined.near.next())) joined.near.wait(-1);
  }
  joined.near.close_all();
  echo.join();
}

void one_span(benchmark::State& state) {
  const std::string path = (std::filesystem::temp_directory_path() / "bench-span.ring").string();
  const SystemClock clock;
  {
    tracing::Tracer tracer =
        state.range(0) ? must(tracing::Tracer::open(path, kMllm, clock)) : tracing::Tracer();
    for (auto _ : state) auto span = tracer.span(tracing::Span::MllmForward, 7, 8);
  }
  std::filesystem::remove(path);
}

BENCHMARK(throughput)
    ->ArgNames({"world", "bytes"})
    ->ArgsProduct({{Loopback, Ipc, Tcp}, {1 << 10, 64 << 10, 1 << 20, 16 << 20}})
    ->UseRealTime();
BENCHMARK(round_trip)->ArgName("world")->Arg(Loopback)->Arg(Ipc)->Arg(Tcp)->UseRealTime();
BENCHMARK(one_span)->ArgName("tracing")->Arg(0)->Arg(1);

}  // namespace
}  // namespace desa2va::transport
