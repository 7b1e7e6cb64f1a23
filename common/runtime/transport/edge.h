#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "common/base/ids.h"
#include "common/base/result.h"
#include "common/runtime/transport/endpoint.h"

// Which services are joined, and where they meet.
namespace desa2va::transport {

// One arrow of the flow between two ranks. `from` is the end upstream (for control edges the
// coordinator); messages travel both ways. `from` binds, `to` connects.
struct Edge {
  Rank from;
  Rank to;
  auto operator<=>(const Edge&) const = default;
};
// "mllm_to_decoupler", as in configuration keys and schema files; "control" if one end is the
// coordinator.
std::string edge_name(const Edge& edge);
// "mllm-0->decoupler-0".
std::string to_string(const Edge& edge);

// transport.<edge name>.*; each direction has both windows.
struct EdgeOptions {
  std::uint64_t budget_bytes = std::uint64_t{256} << 20;
  std::uint64_t reply_budget_bytes = std::uint64_t{256} << 20;
};

// Refuses, naming the keys, a budget below one largest message, or a reply budget below
// `in_flight` largest replies. Sizes are charged_bytes.
Result<void> check_budgets(const Edge& edge, const EdgeOptions& options,
                           std::uint64_t largest_message, std::uint64_t largest_reply,
                           std::uint64_t in_flight);

enum class LinkKind : std::uint8_t { Ipc, Tcp };

struct DirectoryOptions {
  std::string socket_dir;  // short: an ipc path ends at 107 bytes
  LinkKind default_kind = LinkKind::Ipc;
  std::map<std::string, LinkKind> kinds = {};  // by edge name
  std::map<Rank, std::string> hosts = {};      // a rank not named is on 127.0.0.1
  std::map<std::string, std::uint16_t> port_bases =
      {};  // tcp, by edge name: the i-th edge of that
           // name meets at transport.<name>.port_base + i
};

// From an edge to the address where its two ends meet: a function of the job's list of edges, the
// same in every process. Immutable.
class Directory {
 public:
  Directory(std::vector<Edge> edges, DirectoryOptions options);

  // "ipc:///run/user/0/d2-3f/m0-d0.sock" or "tcp://127.0.0.1:7003". NotFound for an edge not in
  // the list, InvalidArgument for a path or port that cannot be.
  Result<std::string> url(const Edge& edge) const;
  const std::vector<Edge>& edges() const { return edges_; }
  std::vector<Edge> edges_of(Rank rank) const;

 private:
  std::vector<Edge> edges_;
  DirectoryOptions options_;
};

// Every edge of a job with these replica counts: data to each mllm and sam2, each mllm to each
// decoupler, each decoupler to each sam2, the coordinator to all. In a fixed order.
std::vector<Edge> all_edges(const std::map<Role, int>& replicas);

// Opens ends of edges. `LoopbackNetwork` joins services of one process, `ZmqNetwork` processes.
class Network {
 public:
  virtual ~Network() = default;
  // The end of `edge` that belongs to `self`, which is one of its two. Does not wait for the other.
  virtual Result<std::unique_ptr<Endpoint>> open(const Edge& edge, Rank self,
                                                 const EdgeOptions& options) = 0;
};

}  // namespace desa2va::transport
