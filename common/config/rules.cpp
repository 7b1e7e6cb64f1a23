#include "common/config/rules.h"

#include <algorithm>
#include <cctype>
#include <cmath>
#include <numeric>

#include "common/config/keys.h"
#include "common/config/layers.h"
#include "common/config/parse.h"

namespace desa2va::config {
namespace {

// "configs/tiny.yaml:14: " where the value was given, "" for a default.
std::string where(const Loaded& loaded, std::string_view key) {
  const auto found = loaded.origin.find(key);
  return found == loaded.origin.end() ? std::string() : found->second + ": ";
}

template <class... Args>
Error broken(const Loaded& loaded, std::string_view key, fmt::format_string<Args...> format,
             Args&&... args) {
  return fail(Errc::InvalidArgument, "{}{}: {}", where(loaded, key), key,
              fmt::format(format, std::forward<Args>(args)...))
      .with_exit(ExitCode::Usage);
}

Result<void> multiple(const Loaded& loaded, std::string_view key, std::int64_t value,
                      std::string_view of_key, std::int64_t of) {
  if (value % of == 0) return {};
  return broken(loaded, key, "{} must be a multiple of {}{}", value, of_key,
                of_key.empty() ? std::to_string(of) : fmt::format(" = {}", of));
}

Result<void> check_model(const Loaded& loaded) {
  const VitConfig& vit = loaded.config.model.vit;
  DESA2VA_TRY(multiple(loaded, "vit.image_size", vit.image_size, "", 2 * vit.patch_size));
  DESA2VA_TRY(multiple(loaded, "vit.hidden_size", vit.hidden_size, "vit.num_attention_heads",
                       vit.num_attention_heads));
  if (vit.min_tiles > vit.max_tiles)
    return broken(loaded, "vit.min_tiles", "{} is more than vit.max_tiles = {}", vit.min_tiles,
                  vit.max_tiles);

  const LlmConfig& llm = loaded.config.model.llm;
  DESA2VA_TRY(multiple(loaded, "llm.hidden_size", llm.hidden_size, "llm.num_attention_heads",
                       llm.num_attention_heads));
  DESA2VA_TRY(multiple(loaded, "llm.num_attention_heads", llm.num_attention_heads,
                       "llm.num_key_value_heads", llm.num_key_value_heads));
  DESA2VA_TRY(multiple(loaded, "llm.hidden_size", llm.hidden_size, "",
                       2 * llm.num_attention_heads));  // rotary pairs

  const SamConfig& sam = loaded.config.model.sam2;
  DESA2VA_TRY(multiple(loaded, "sam2.image_size", sam.image_size, "", 32));
  DESA2VA_TRY(multiple(loaded, "sam2.dim", sam.dim, "", 8));
  if ((sam.dim / 2) % sam.decoder_heads != 0)
    return broken(loaded, "sam2.decoder_heads", "{} must divide sam2.dim / 2 = {}",
                  sam.decoder_heads, sam.dim / 2);
  DESA2VA_TRY(multiple(loaded, "sam2.mask_in_chans", sam.mask_in_chans, "", 4));

  const HieraConfig& hiera = sam.hiera;
  DESA2VA_TRY(multiple(loaded, "sam2.hiera.embed_dim", hiera.embed_dim, "sam2.hiera.num_heads",
                       hiera.num_heads));
  if (hiera.stages.size() != 4)
    return broken(loaded, "sam2.hiera.stages", "{} stages, must be 4", hiera.stages.size());
  if (hiera.window_spec.size() != 4)
    return broken(loaded, "sam2.hiera.window_spec", "{} windows, must be 4",
                  hiera.window_spec.size());
  const auto blocks = std::accumulate(hiera.stages.begin(), hiera.stages.end(), std::int64_t{0});
  for (const std::int64_t block : hiera.global_att_blocks) {
    if (block >= blocks)
      return broken(loaded, "sam2.hiera.global_att_blocks", "{} is no block: there are {}", block,
                    blocks);
  }
  return {};
}

// A named variant and other sizes contradict each other.
Result<void> check_variant(const Loaded& loaded) {
  const SamConfig& sam = loaded.config.model.sam2;
  if (sam.variant == "custom") return {};
  Loaded reference;
  DESA2VA_TRY(apply_yaml(variant_layer(sam.variant), Layer{"variant"}, reference));
  Config given = loaded.config;
  const auto expected = all_keys(reference.config);
  const auto keys = all_keys(given);
  for (const Key& key : keys) {
    if (!key.path.starts_with("sam2.hiera.")) continue;
    const auto same = std::find_if(expected.begin(), expected.end(),
                                   [&](const Key& k) { return k.path == key.path; });
    if (value_text(*same) != value_text(key))
      return broken(loaded, key.path, "{} is not {}'s {}; for other sizes set sam2.variant: custom",
                    value_text(key), sam.variant, value_text(*same));
  }
  return {};
}

Result<void> check_method(const Loaded& loaded) {
  const Config& config = loaded.config;
  const DecouplerConfig& decoupler = config.model.decoupler;
  if (!has_decoupling(config.preset) && decoupler.fusion_mode != "visual")
    return broken(loaded, "fusion.mode", "must be visual with a baseline preset, not {}",
                  decoupler.fusion_mode);
  if (!has_decoupling(config.preset) && decoupler.reprompt_enabled)
    return broken(loaded, "reprompt.enabled", "must be false with a baseline preset");
  if (decoupler.real_text_source == "llm_answer" && has_phase_a(config.preset))
    return broken(loaded, "real_text.source",
                  "llm_answer reads the states of answers, and phase A runs texts alone; take "
                  "llm_text, embed_mean, or a preset without phase A (desa2va_no_pretrain)");
  const auto& mllm = config.service(Role::Mllm);
  if (decoupler.adv.order == "before" &&
      mllm.in_flight * mllm.replicas < config.train.micro_batches)
    return broken(loaded, "adv.order",
                  "`before` returns no gradient until every microbatch of a step went forward: "
                  "services.mllm.in_flight must be at least {} ({} microbatches on {} replicas), "
                  "not {}",
                  (config.train.micro_batches + mllm.replicas - 1) / mllm.replicas,
                  config.train.micro_batches, mllm.replicas, mllm.in_flight);
  return {};
}

Result<void> check_training(const Loaded& loaded) {
  const Config& config = loaded.config;
  if (config.data.vocabulary != 0 && config.data.vocabulary < 256)
    return broken(loaded, "data.vocabulary", "{}: at least 256, one token for each byte, or 0",
                  config.data.vocabulary);
  const TrainConfig& train = config.train;
  DESA2VA_TRY(multiple(loaded, "train.micro_batches", train.micro_batches, "train.accumulation",
                       train.accumulation));
  if (config.data.group_world && train.micro_batches % *config.data.group_world != 0)
    return broken(loaded, "data.group_world", "{} must divide train.micro_batches = {}",
                  *config.data.group_world, train.micro_batches);
  if (train.steps) {
    const auto steps = static_cast<double>(*train.steps);
    const auto part = [](double fraction, double of) {
      return fraction > 0 ? std::max(1.0, std::nearbyint(fraction * of)) : 0.0;
    };
    const double a = has_phase_a(config.preset) ? part(config.phase_a.frac, steps) : 0;
    const double b = has_decoupling(config.preset) ? part(config.phase_b.frac, steps - a) : 0;
    if (steps - a - b < 1)
      return broken(loaded, "train.steps", "{} leaves no step for phase C: A takes {}, B {}",
                    *train.steps, a, b);
  }
  return {};
}

bool is_device(std::string_view device) {
  if (device == "cpu" || device == "cuda") return true;
  if (!device.starts_with("cuda:") || device.size() == 5) return false;
  return std::all_of(device.begin() + 5, device.end(),
                     [](unsigned char c) { return std::isdigit(c) != 0; });
}

Result<void> check_places(const Loaded& loaded) {
  const Config& config = loaded.config;
  for (const auto& [role, service] : config.services) {
    const std::string prefix = "services." + std::string(name(role));
    if (!is_device(service.device))
      return broken(loaded, prefix + ".device", "\"{}\" is not cpu, cuda or cuda:N",
                    service.device);
    const bool may_have_more = role == Role::Data || role == Role::Sam2;
    if (service.replicas != 1 && !may_have_more)
      return broken(loaded, prefix + ".replicas", "{}: this role has one replica so far",
                    service.replicas);
  }
  for (const auto& [edge, settings] : config.transport) {
    if (settings.kind == EdgeKind::Loopback && config.run.mode == RunMode::Processes)
      return broken(loaded, "transport." + std::string(name(edge)) + ".kind",
                    "loopback needs run.mode=monolith");
    if (settings.kind == EdgeKind::Tcp && settings.port_base == 0)
      return broken(loaded, "transport." + std::string(name(edge)) + ".kind",
                    "tcp needs the first port: transport.{}.port_base", name(edge));
  }
  return {};
}

}  // namespace

Result<void> apply_rules(Loaded& loaded) {
  Config& config = loaded.config;
  if (config.model.decoupler.fusion_mode == "visual" && config.model.loss.w_fused != 0) {
    config.model.loss.w_fused = 0;
    loaded.origin["loss.w_fused"] = "fusion.mode=visual";
  }
  DESA2VA_TRY(check_training(loaded));
  DESA2VA_TRY(check_method(loaded));
  DESA2VA_TRY(check_model(loaded));
  DESA2VA_TRY(check_variant(loaded));
  return check_places(loaded);
}

}  // namespace desa2va::config
