#include "common/protocol/budgets.h"

#include <algorithm>

namespace desa2va::protocol {
namespace {

constexpr std::uint64_t kFloat = 4;
constexpr std::uint64_t kInt64 = 8;

std::uint64_t of(std::int64_t number) {
  return static_cast<std::uint64_t>(std::max<std::int64_t>(number, 0));
}

// [SEG] rows of a microbatch of B and C.
std::uint64_t rows(const config::Config& config) {
  return of(config.data.batch) * of(config.data.objects_per_sample);
}

std::uint64_t batch_bytes(const config::Config& config) {
  const auto& vit = config.model.vit;
  const std::uint64_t picture =
      of(vit.max_tiles) + (vit.use_thumbnail && vit.max_tiles > 1 ? 1 : 0);
  const std::uint64_t tiles = std::max(picture, of(config.data.frames_per_sample));
  const std::uint64_t side = of(vit.image_size);
  const std::uint64_t length =
      std::min(of(config.model.llm.max_length), tiles * of(vit.tokens_per_tile()));
  return of(config.data.batch) * (tiles * 3 * side * side + 2 * length * kInt64);
}

std::uint64_t frames_bytes(const config::Config& config) {
  const std::uint64_t joint = of(config.data.batch) * of(config.data.frames_per_sample);
  const std::uint64_t phase_a = config::has_phase_a(config.preset) ? of(config.phase_a.images) : 0;
  const std::uint64_t side = of(config.model.sam2.image_size);
  return std::max(joint, phase_a) * 3 * side * side;
}

Result<void> check(const config::Config& config, config::Edge edge) {
  const std::uint64_t budget = of(config.edge(edge).budget_bytes);
  const EdgeNeed need = need_of(config, edge);
  const auto refuse = [&](std::uint64_t bytes, std::string what) {
    return fail(Errc::InvalidArgument,
                "transport.{}.budget_bytes: {} is too small: {} {} bytes; allowed: {} and more. "
                "Raise "
                "it, or lower data.batch",
                config::name(edge), budget, what, bytes, bytes)
        .with_exit(ExitCode::Usage);
  };
  if (need.message > budget) return refuse(need.message, "one microbatch takes at least");
  const std::uint64_t open = of(config.service(Role::Mllm).in_flight);
  if (need.reply * open > budget)
    return refuse(need.reply * open, fmt::format("the gradients of services.mllm.in_flight = {} "
                                                 "microbatches take",
                                                 open));
  return {};
}

}  // namespace

EdgeNeed need_of(const config::Config& config, config::Edge edge) {
  const std::uint64_t wide = rows(config) * of(config.model.llm.hidden_size) * kFloat;
  const std::uint64_t narrow = rows(config) * of(config.model.sam2.dim) * kFloat;
  switch (edge) {
    case config::Edge::DataToMllm:
      return {batch_bytes(config), 0};
    case config::Edge::DataToSam2:
      return {frames_bytes(config), 0};
    case config::Edge::MllmToDecoupler:
      return {2 * wide, wide};  // hidden and real text; gradients of hidden
    case config::Edge::DecouplerToSam2:
      return {3 * narrow, 3 * narrow};  // h_t, h_v, h_r; gradients of the two, and v*
    case config::Edge::Control:
      return {};
  }
  return {};
}

Result<void> check_budgets(const config::Config& config) {
  for (const config::Edge edge : config::kEdges) DESA2VA_TRY(check(config, edge));
  return {};
}

}  // namespace desa2va::protocol
