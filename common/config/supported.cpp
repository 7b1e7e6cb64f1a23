#include "common/config/supported.h"

#include <string_view>

namespace desa2va::config {
namespace {

Result<void> refuse_unless(bool supported, const Loaded& loaded, std::string_view key,
                           std::string_view value, std::string_view works) {
  if (supported) return {};
  const auto origin = loaded.origin.find(key);
  return fail(Errc::InvalidArgument, "{}{}: {} is not built yet; allowed in this version: {}",
              origin == loaded.origin.end() ? std::string() : origin->second + ": ", key, value,
              works)
      .with_exit(ExitCode::Usage);
}

}  // namespace

Result<void> check_supported(const Loaded& loaded) {
  const Config& c = loaded.config;
  for (const auto& [role, service] : c.services) {
    const std::string prefix = fmt::format("services.{}.", name(role));
    DESA2VA_TRY(refuse_unless(service.hosts.empty(), loaded, prefix + "hosts", "a list of hosts",
                              "none (one host)"));
    const bool has_model = role != Role::Data && role != Role::Coordinator;
    DESA2VA_TRY(refuse_unless(service.device == "cpu" || has_model, loaded, prefix + "device",
                              service.device, "cpu (this role holds no model)"));
  }
  return {};
}

}  // namespace desa2va::config
