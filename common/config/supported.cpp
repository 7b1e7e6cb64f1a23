#include "common/config/supported.h"

#include <string_view>

namespace desa2va::config {
namespace {

Result<void> refuse_unless(bool supported, const Loaded& loaded, std::string_view key,
                           std::string_view value, std::string_view works) {
  if (supported) return {};
  const auto origin = loaded.origin.find(key);
  return fail(Errc::InvalidArgument, "{}{}: {} is not built yet; allowed in this version: {}",
              origin == loaded.origin.end() ? std::string() : origin->second + ": ", key, value, works)
      .with_exit(ExitCode::Usage);
}

}  // namespace

Result<void> check_supported(const Loaded& loaded) {
  const Config& c = loaded.config;
  const DecouplerConfig& decoupler = c.model.decoupler;
  DESA2VA_TRY(refuse_unless(c.train.steps.has_value(), loaded, "train.steps",
                            "a length in epochs", "a number of optimizer updates, as train.steps=1000"));
  DESA2VA_TRY(refuse_unless(c.train.precision == Precision::Fp32, loaded, "train.precision",
                            "bf16_master_fp32", "fp32"));
  DESA2VA_TRY(refuse_unless(!c.train.activation_checkpointing, loaded,
                            "train.activation_checkpointing", "true", "false"));
  DESA2VA_TRY(refuse_unless(c.optim.missing_grad == MissingGrad::Skip, loaded, "optim.missing_grad",
                            "zero", "skip"));
  DESA2VA_TRY(refuse_unless(decoupler.adv.order == "after", loaded, "adv.order", decoupler.adv.order,
                            "after"));
  DESA2VA_TRY(refuse_unless(decoupler.real_text_source != "llm_answer", loaded, "real_text.source",
                            decoupler.real_text_source, "llm_text | embed_mean"));
  DESA2VA_TRY(refuse_unless(c.model.embed_init == "normal", loaded, "embed.init",
                            c.model.embed_init, "normal"));
  for (const auto& [role, service] : c.services) {
    const std::string prefix = fmt::format("services.{}.", name(role));
    DESA2VA_TRY(refuse_unless(service.hosts.empty(), loaded, prefix + "hosts", "a list of hosts",
                              "none (one host)"));
    DESA2VA_TRY(refuse_unless(service.device == "cpu", loaded, prefix + "device", service.device, "cpu"));
  }
  return {};
}

}  // namespace desa2va::config
