#include "services/data/stage.h"

#include <algorithm>

#include "common/base/random.h"
#include "services/data/collate.h"
#include "services/data/draws.h"
#include "services/data/order.h"

namespace desa2va::data {

namespace {

constexpr std::size_t kCacheBytes = 64U << 20U;
constexpr std::uint64_t kSubstitutes = 16;  // tried for one sample

std::string tokenizer_folder(const config::DataConfig& data) {
  return data.tokenizer.empty() ? data.shards + "/tokenizer" : data.tokenizer;
}

Result<text::Tokenizer> open_tokenizer(const config::Config& config) {
  auto tokenizer = text::Tokenizer::load(tokenizer_folder(config.data));
  if (!tokenizer)
    return std::move(tokenizer.error()).in("data.tokenizer").with_exit(ExitCode::Usage);
  if (tokenizer->size() > config.model.llm.vocab_size) {
    return fail(Errc::InvalidArgument,
                "llm.vocab_size={} is below the {} ids of the tokenizer in {}: raise it",
                config.model.llm.vocab_size, tokenizer->size(), tokenizer_folder(config.data))
        .with_exit(ExitCode::Usage);
  }
  return tokenizer;
}

// Two quirks of the reference that this stream cannot have; saying so beats ignoring the key.
Result<void> check_quirks(const config::DataConfig& data) {
  if (data.video_short == config::VideoShort::Reference) {
    return fail(
               Errc::InvalidArgument,
               "data.video_short=reference: frame blocks without a frame have no picture tokens to "
               "take; use repeat")
        .with_exit(ExitCode::Usage);
  }
  if (!data.clamp_masks) {
    return fail(Errc::InvalidArgument,
                "data.clamp_masks=false: a mask has one bit a pixel, so polygons that overlap "
                "cannot "
                "count twice; use true")
        .with_exit(ExitCode::Usage);
  }
  return {};
}

Grouping grouping_of(const config::Config& config) {
  Grouping grouping;
  grouping.batch = static_cast<std::uint64_t>(config.data.batch);
  grouping.accumulation = static_cast<std::uint64_t>(config.train.accumulation);
  grouping.micro_batches = static_cast<std::uint64_t>(config.train.micro_batches);
  grouping.world = static_cast<std::uint64_t>(config.group_world());
  grouping.reference_repeats = config.data.sampler_reference_repeats;
  return grouping;
}

}  // namespace

struct DataStage::Impl {
  config::Config config;
  text::Tokenizer tokenizer;
  text::PromptTemplate form;
  std::vector<Source> sources;
  Order order;                   // of B and C
  std::optional<Order> order_a;  // over the members with masks; absent: no such member
  MediaCache media;
  Assembler assembler;

  Impl(config::Config c, text::Tokenizer t, text::PromptTemplate f, std::vector<Source> s, Order o,
       std::optional<Order> a, const Clock* clock)
      : config(std::move(c)),
        tokenizer(std::move(t)),
        form(std::move(f)),
        sources(std::move(s)),
        order(std::move(o)),
        order_a(std::move(a)),
        media(kCacheBytes, clock, config.data.timeout_ms),
        assembler(config, tokenizer, form, media) {}

  std::uint64_t seed() const { return static_cast<std::uint64_t>(config.run.seed); }

  // The sample of `pick`, or what takes its place: other samples of the same data set, drawn by the
  // name of the one that failed.
  template <class T, class F>
  Result<T> ready(const Pick& pick, std::uint32_t microbatch, F&& assemble, Microbatch& out) const {
    const Source& source = sources[pick.member];
    DESA2VA_ASSIGN(datasets::Sample sample, source.sample(pick.item));
    const std::string failed = describe(sample);
    const Random draw(seed(), "substitute", site_of(sample, pick.repeat), microbatch);
    std::string reason;
    for (std::uint64_t attempt = 0; attempt <= kSubstitutes; ++attempt) {
      const Place place{seed(), pick.repeat, microbatch};
      DESA2VA_ASSIGN(Assembled<T> made, assemble(source, sample, place));
      if (made.part) {
        out.keys.push_back(fmt::format("{}: {}", source.name, describe(sample)));
        if (attempt > 0) {
          out.substitutions.push_back({source.name, failed, reason, describe(sample)});
        }
        return std::move(*made.part);
      }
      if (attempt == 0) reason = made.unusable;
      const auto items = static_cast<std::uint32_t>(source.numbers.size());
      DESA2VA_ASSIGN(sample, source.sample(draw.below(attempt, items)));
    }
    return fail(Errc::Corrupt,
                "data set '{}': sample {} cannot be used ({}), nor can {} others that were to take "
                "its "
                "place",
                source.name, failed, reason, kSubstitutes)
        .with_exit(ExitCode::Data);
  }

  Result<Microbatch> phase_a(std::uint64_t index) const {
    if (!order_a) {
      return fail(Errc::InvalidArgument,
                  "data.mixture has no data set with masks: phase A has nothing to train on")
          .with_exit(ExitCode::Usage);
    }
    Microbatch out;
    std::vector<FramePart> parts;
    const auto images = static_cast<std::uint64_t>(config.phase_a.images);
    for (std::uint64_t b = 0; b < images; ++b) {
      const auto assemble = [&](const Source& source, const datasets::Sample& sample,
                                const Place& place) {
        return assembler.frame(source, sample, place);
      };
      DESA2VA_ASSIGN(FramePart part,
                     ready<FramePart>(order_a->flat(index * images + b),
                                      static_cast<std::uint32_t>(index), assemble, out));
      parts.push_back(std::move(part));
    }
    PhaseAMessages messages = collate_phase_a(config, tokenizer, parts);
    out.batch = std::move(messages.batch);
    out.frames = std::move(messages.frames);
    out.samples = static_cast<std::uint32_t>(parts.size());
    return out;
  }

  Result<Microbatch> phase_bc(Phase phase, std::uint64_t index) const {
    Microbatch out;
    std::vector<Part> parts;
    for (const Pick& pick : order.microbatch(index)) {
      const auto assemble = [&](const Source& source, const datasets::Sample& sample,
                                const Place& place) {
        return assembler.part(source, sample, place);
      };
      DESA2VA_ASSIGN(Part part,
                     ready<Part>(pick, static_cast<std::uint32_t>(index), assemble, out));
      parts.push_back(std::move(part));
    }
    out.batch = collate_batch(config, tokenizer, parts);
    out.frames = collate_frames(config, parts);
    const Random draw(seed(), "reprompt", "data", static_cast<std::uint32_t>(index));
    const auto& decoupler = config.model.decoupler;
    out.frames.reprompt = phase == Phase::C && decoupler.reprompt_enabled &&
                          draw.uniform(0) < decoupler.reprompt_train_prob;
    out.samples = static_cast<std::uint32_t>(parts.size());
    return out;
  }
};

Result<DataStage> DataStage::open(const config::Config& config, const Clock* clock) {
  DESA2VA_TRY(check_quirks(config.data));
  DESA2VA_ASSIGN(text::Tokenizer tokenizer, open_tokenizer(config));
  DESA2VA_ASSIGN(text::PromptTemplate form, text::prompt_template(config.prompt.template_name));
  DESA2VA_ASSIGN(std::vector<Source> sources,
                 open_sources(config.data.shards, config.data.mixture));
  std::vector<MixtureMember> all, masked;
  for (const Source& source : sources) {
    all.push_back(source.member);
    masked.push_back(source.member);
    if (!source.has_masks()) masked.back().items = 0;
  }
  const auto seed = static_cast<std::uint64_t>(config.run.seed);
  auto order = Order::make(all, seed, "BC", grouping_of(config));
  if (!order) return std::move(order.error()).in("data.mixture").with_exit(ExitCode::Usage);
  auto order_a = Order::make(masked, seed, "A", grouping_of(config));
  return DataStage(std::make_unique<Impl>(
      config, std::move(tokenizer), std::move(form), std::move(sources), std::move(*order),
      order_a ? std::optional(std::move(*order_a)) : std::nullopt, clock));
}

DataStage::DataStage(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
DataStage::DataStage(DataStage&&) noexcept = default;
DataStage& DataStage::operator=(DataStage&&) noexcept = default;
DataStage::~DataStage() = default;

Result<Microbatch> DataStage::make(Phase phase, std::uint64_t index) {
  auto made = phase == Phase::A ? impl_->phase_a(index) : impl_->phase_bc(phase, index);
  if (!made) {
    return std::move(made.error())
        .in(fmt::format("microbatch {} of phase {}", index, letter(phase)));
  }
  return std::move(*made);
}

}  // namespace desa2va::data
