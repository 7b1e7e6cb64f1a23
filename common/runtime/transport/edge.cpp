#include "common/runtime/transport/edge.h"

#include <algorithm>

#include "common/base/bytes.h"

namespace desa2va::transport {
namespace {

// sockaddr_un.sun_path has 108 bytes with the terminator.
constexpr std::size_t kLongestIpcPath = 107;

}  // namespace

std::string edge_name(const Edge& edge) {
  if (edge.from.role == Role::Coordinator || edge.to.role == Role::Coordinator) return "control";
  return fmt::format("{}_to_{}", name(edge.from.role), name(edge.to.role));
}

std::string to_string(const Edge& edge) {
  return to_string(edge.from) + "->" + to_string(edge.to);
}

Result<void> check_budgets(const Edge& edge, const EdgeOptions& options,
                           std::uint64_t largest_message, std::uint64_t largest_reply,
                           std::uint64_t in_flight) {
  const std::string key = "transport." + edge_name(edge) + ".budget_bytes";
  if (options.budget_bytes < largest_message) {
    return fail(
        Errc::InvalidArgument, "{} is {}, but one message on {} can take {}; set it to at least {}",
        key, options.budget_bytes, to_string(edge), format_bytes(largest_message), largest_message);
  }
  if (options.reply_budget_bytes < largest_reply * in_flight) {
    return fail(Errc::InvalidArgument,
                "{} is {}, but {} open replies on {} of {} each can take {}; set it to at least {}",
                key, options.reply_budget_bytes, in_flight, to_string(edge),
                format_bytes(largest_reply), format_bytes(largest_reply * in_flight),
                largest_reply * in_flight);
  }
  return {};
}

Directory::Directory(std::vector<Edge> edges, DirectoryOptions options)
    : edges_(std::move(edges)), options_(std::move(options)) {}

Result<std::string> Directory::url(const Edge& edge) const {
  if (std::find(edges_.begin(), edges_.end(), edge) == edges_.end())
    return fail(Errc::NotFound, "{} is not an edge of this job", to_string(edge));
  const std::string name = edge_name(edge);
  const auto kind = options_.kinds.find(name);
  if ((kind == options_.kinds.end() ? options_.default_kind : kind->second) == LinkKind::Ipc) {
    const std::string path =
        fmt::format("{}/{}_{}", options_.socket_dir, to_string(edge.from), to_string(edge.to));
    if (path.size() > kLongestIpcPath) {
      return fail(Errc::InvalidArgument,
                  "socket path {} has {} bytes and may have {}: point XDG_RUNTIME_DIR to a shorter "
                  "directory",
                  path, path.size(), kLongestIpcPath)
          .with_exit(ExitCode::Usage);
    }
    return "ipc://" + path;
  }
  std::size_t number = 0;
  for (const Edge& other : edges_) {
    if (other == edge) break;
    if (edge_name(other) == name) ++number;
  }
  const auto base = options_.port_bases.find(name);
  const std::size_t port = (base == options_.port_bases.end() ? 0 : base->second) + number;
  if (base == options_.port_bases.end() || base->second == 0 || port > 65535) {
    return fail(Errc::InvalidArgument,
                "transport.{}.port_base + {} is {}, which is no port (1..65535)", name, number,
                port)
        .with_exit(ExitCode::Usage);
  }
  const auto host = options_.hosts.find(edge.from);
  return fmt::format("tcp://{}:{}", host == options_.hosts.end() ? "127.0.0.1" : host->second,
                     port);
}

std::vector<Edge> Directory::edges_of(Rank rank) const {
  std::vector<Edge> own;
  for (const Edge& edge : edges_)
    if (edge.from == rank || edge.to == rank) own.push_back(edge);
  return own;
}

std::vector<Edge> all_edges(const std::map<Role, int>& replicas) {
  const auto count = [&](Role role) {
    const auto found = replicas.find(role);
    return found == replicas.end() ? 0 : found->second;
  };
  std::vector<Edge> edges;
  const auto join = [&](Role from, Role to) {
    for (int i = 0; i < count(from); ++i)
      for (int j = 0; j < count(to); ++j) edges.push_back({{from, i}, {to, j}});
  };
  join(Role::Data, Role::Mllm);
  join(Role::Data, Role::Sam2);
  join(Role::Mllm, Role::Decoupler);
  join(Role::Decoupler, Role::Sam2);
  for (const Role role : {Role::Data, Role::Mllm, Role::Decoupler, Role::Sam2})
    join(Role::Coordinator, role);
  return edges;
}

}  // namespace desa2va::transport
