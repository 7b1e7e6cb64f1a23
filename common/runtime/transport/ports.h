#pragma once

#include <cstdint>
#include <string>

#include "common/base/result.h"

namespace desa2va::transport {

// The first of `count` neighbouring TCP ports that are free on this host now; for
// transport.<edge>.port_base = 0. Somebody else may take them before they are bound.
Result<std::uint16_t> find_free_ports(std::size_t count);

// A new directory for this run's ipc sockets: under $XDG_RUNTIME_DIR if it is set, there and short
// enough, else under /tmp; readable by us alone. Whoever starts the run removes it at the end.
Result<std::string> make_socket_dir(const std::string& xdg_runtime_dir);

}  // namespace desa2va::transport
