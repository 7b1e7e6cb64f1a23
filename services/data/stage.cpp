#include "services/data/stage.h"

#include <mutex>
#include <numeric>
#include <optional>
#include <set>

#include "common/base/random.h"
#include "services/data/assemble.h"
#include "services/data/collate.h"
#include "services/data/draws.h"
#include "services/data/sources.h"

namespace desa2va::data {

namespace {

constexpr std::size_t kCacheBytes = 64U << 20U;
constexpr std::uint64_t kSubstitutes = 16;  // tried for one sample
constexpr int kTries = 2;                   // of the sample itself, before it is replaced

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
  switch (config.data.grouping) {
    case config::DataGrouping::Reference:
      grouping.by = GroupBy::Class;
      break;
    case config::DataGrouping::Cost:
      grouping.by = GroupBy::Work;
      break;
    case config::DataGrouping::None:
      grouping.by = GroupBy::Nothing;
      break;
  }
  grouping.heaviest_first = config.data.step_order == config::StepOrder::Cost;
  return grouping;
}

std::size_t bytes_of(std::initializer_list<const HostTensor*> tensors) {
  std::size_t bytes = 0;
  for (const HostTensor* tensor : tensors) bytes += tensor->data.size();
  return bytes;
}

}  // namespace

std::size_t Microbatch::bytes() const {
  std::size_t all = bytes_of({&batch.ids, &batch.labels, &batch.lengths, &batch.tiles_per_sample,
                              &batch.tiles, &batch.seg_counts, &batch.real_text_ids,
                              &batch.real_text_lengths, &batch.regions_per_sample, &batch.regions,
                              &frames.frames, &frames.frames_per_sample, &frames.object_counts,
                              &frames.samples, &frames.object_frame, &frames.object_text});
  for (const messages::Masks& masks : frames.masks) all += masks.bits.data.size();
  return all;
}

std::uint64_t Microbatch::tokens() const {
  const HostTensor& lengths = batch.lengths.numel() > 0 ? batch.lengths : batch.real_text_lengths;
  const auto values = lengths.values<std::int64_t>();
  return static_cast<std::uint64_t>(std::accumulate(values.begin(), values.end(), std::int64_t{0}));
}

struct DataStage::Impl {
  const config::Config config;
  const text::Tokenizer tokenizer;
  const text::PromptTemplate form;
  const Clock* const clock;
  tracing::Tracer off;
  tracing::Tracer* const tracer;
  std::vector<Source> sources;
  std::optional<Order> order;    // of B and C
  std::optional<Order> order_a;  // over the members with masks; absent: no such member
  std::optional<OrderReader> reader;
  mutable MediaCache media;
  const Assembler assembler;
  mutable std::mutex avoided_lock;
  std::set<messages::SampleName> avoided;

  Impl(const config::Config& c, text::Tokenizer t, text::PromptTemplate f, const Clock* k,
       tracing::Tracer* traced)
      : config(c),
        tokenizer(std::move(t)),
        form(std::move(f)),
        clock(k),
        tracer(traced != nullptr ? traced : &off),
        media(kCacheBytes, clock, config.data.timeout_ms, tracer),
        assembler(config, tokenizer, form, media) {}

  Result<void> open() {
    DESA2VA_ASSIGN(sources, open_sources(config, config.data.mixture));
    std::vector<MixtureMember> all, masked;
    for (const Source& source : sources) {
      all.push_back(source.member);
      masked.push_back(source.member);
      if (!source.has_masks()) masked.back().items = 0;
    }
    auto made = Order::make(all, seed(), "BC", grouping_of(config));
    if (!made) return std::move(made.error()).in("data.mixture").with_exit(ExitCode::Usage);
    order = std::move(*made);
    reader.emplace(*order);
    if (auto made_a = Order::make(masked, seed(), "A", grouping_of(config)))
      order_a = std::move(*made_a);
    return {};
  }

  std::uint64_t seed() const { return static_cast<std::uint64_t>(config.run.seed); }

  bool avoids(const Source& source, const datasets::Sample& sample) const {
    const std::lock_guard held(avoided_lock);
    return !avoided.empty() && avoided.contains({source.name, describe(sample)});
  }

  // The sample made ready; what fails is tried once more, since a disk may have hiccups.
  template <class T, class F>
  Result<Assembled<T>> attempt(const Source& source, const datasets::Sample& sample,
                               const Place& place, F&& assemble) const {
    Assembled<T> made;
    for (int i = 0; i < kTries && !made.part; ++i) {
      DESA2VA_ASSIGN(made, assemble(source, sample, place));
    }
    return made;
  }

  // The sample of `pick`, or what takes its place: other samples of the same data set, drawn by the
  // name of the one that failed. Where nothing but samples on record is left, they are tried again:
  // a record may be of a bad hour, and must not end the run.
  template <class T, class F>
  Result<T> ready(const Pick& pick, std::uint64_t number, F&& assemble, Microbatch& out) const {
    const Source& source = sources[pick.member];
    DESA2VA_ASSIGN(const datasets::Sample sample, source.sample(pick.item));
    std::string reason;
    for (const bool obeying : {true, false}) {
      DESA2VA_ASSIGN(auto part, usable<T>(source, sample, pick.repeat, number, obeying, assemble,
                                          out, reason));
      if (part) return std::move(*part);
    }
    return fail(Errc::Corrupt,
                "data set '{}': sample {} cannot be used ({}), nor can {} others that were to take "
                "its place",
                source.name, describe(sample), reason, kSubstitutes)
        .with_exit(ExitCode::Data);
  }

  // Nothing if neither the sample nor a substitute can be used; `reason` is the sample's own. With
  // `obeying` those on record are not tried.
  template <class T, class F>
  Result<std::optional<T>> usable(const Source& source, datasets::Sample sample,
                                  std::uint64_t repeat, std::uint64_t number, bool obeying,
                                  F&& assemble, Microbatch& out, std::string& reason) const {
    using Why = messages::Replaced::Why;
    const auto microbatch = static_cast<std::uint32_t>(number);
    const Place place{seed(), repeat, microbatch};
    const std::string failed = describe(sample);
    const Random draw(seed(), "substitute", site_of(sample, repeat), microbatch);
    Why why = Why::Draw;
    for (std::uint64_t attempts = 0; attempts <= kSubstitutes; ++attempts) {
      const bool on_record = obeying && avoids(source, sample);
      Assembled<T> made;
      if (!on_record) {
        DESA2VA_ASSIGN(made, attempt<T>(source, sample, place, assemble));
      }
      if (made.part) {
        out.keys.push_back(fmt::format("{}: {}", source.name, describe(sample)));
        if (attempts > 0)
          out.replaced.push_back({{source.name, failed}, describe(sample), reason, why});
        return std::move(made.part);
      }
      if (attempts == 0) {
        reason = on_record ? "could not be read before" : made.unusable;
        why = on_record ? Why::OnRecord : made.unread ? Why::Reading : Why::Draw;
      }
      const auto items = static_cast<std::uint32_t>(source.numbers.size());
      DESA2VA_ASSIGN(sample, source.sample(draw.below(attempts, items)));
    }
    return std::optional<T>();
  }

  // Every sample of the plan made ready by `assemble` (source, sample, place) -> Assembled<T>.
  template <class T, class F>
  Result<std::vector<T>> parts_of(const Plan& plan, F&& assemble, Microbatch& out) const {
    std::vector<T> parts;
    parts.reserve(plan.picks.size());
    for (const Pick& pick : plan.picks) {
      auto span = tracer->span(tracing::Span::ReadSample, plan.number);
      DESA2VA_ASSIGN(T part, ready<T>(pick, plan.number, assemble, out));
      parts.push_back(std::move(part));
    }
    out.samples = static_cast<std::uint32_t>(parts.size());
    return parts;
  }

  Result<Microbatch> phase_a(const Plan& plan) const {
    Microbatch out;
    const auto assemble = [this](const Source& source, const datasets::Sample& sample,
                                 const Place& place) {
      return assembler.frame(source, sample, place);
    };
    DESA2VA_ASSIGN(const auto parts, parts_of<FramePart>(plan, assemble, out));
    auto span = tracer->span(tracing::Span::Pack, plan.number);
    PhaseAMessages messages = collate_phase_a(config, tokenizer, parts);
    out.batch = std::move(messages.batch);
    out.frames = std::move(messages.frames);
    return out;
  }

  Result<Microbatch> phase_bc(const Plan& plan) const {
    Microbatch out;
    const auto assemble = [this](const Source& source, const datasets::Sample& sample,
                                 const Place& place) {
      return assembler.part(source, sample, place);
    };
    DESA2VA_ASSIGN(const auto parts, parts_of<Part>(plan, assemble, out));
    auto span = tracer->span(tracing::Span::Pack, plan.number);
    out.batch = collate_batch(config, tokenizer, parts);
    out.frames = collate_frames(config, parts);
    const Random draw(seed(), "reprompt", "data", static_cast<std::uint32_t>(plan.number));
    const auto& decoupler = config.model.decoupler;
    out.frames.reprompt = plan.phase == Phase::C && decoupler.reprompt_enabled &&
                          draw.uniform(0) < decoupler.reprompt_train_prob;
    return out;
  }
};

Result<DataStage> DataStage::open(const config::Config& config, const Clock* clock,
                                  tracing::Tracer* tracer) {
  DESA2VA_TRY(check_quirks(config.data));
  DESA2VA_ASSIGN(text::Tokenizer tokenizer, open_tokenizer(config));
  DESA2VA_ASSIGN(text::PromptTemplate form, text::prompt_template(config.prompt.template_name));
  auto impl = std::make_unique<Impl>(config, std::move(tokenizer), std::move(form), clock, tracer);
  DESA2VA_TRY(impl->open());
  return DataStage(std::move(impl));
}

DataStage::DataStage(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
DataStage::DataStage(DataStage&&) noexcept = default;
DataStage& DataStage::operator=(DataStage&&) noexcept = default;
DataStage::~DataStage() = default;

Result<Plan> DataStage::plan(Phase phase, std::uint64_t index, std::uint64_t number) {
  Plan plan{phase, index, number, {}};
  if (phase != Phase::A) {
    plan.picks = impl_->reader->microbatch(index);
    return plan;
  }
  if (!impl_->order_a) {
    return fail(Errc::InvalidArgument,
                "data.mixture has no data set with masks: phase A has nothing to train on")
        .with_exit(ExitCode::Usage);
  }
  const auto images = static_cast<std::uint64_t>(impl_->config.phase_a.images);
  for (std::uint64_t b = 0; b < images; ++b) {
    plan.picks.push_back(impl_->order_a->flat(index * images + b));
  }
  return plan;
}

Result<Microbatch> DataStage::assemble(const Plan& plan) const {
  auto made = plan.phase == Phase::A ? impl_->phase_a(plan) : impl_->phase_bc(plan);
  if (!made) {
    return std::move(made.error())
        .in(fmt::format("microbatch {} of phase {}", plan.index, letter(plan.phase)));
  }
  return std::move(*made);
}

Result<Microbatch> DataStage::make(Phase phase, std::uint64_t index, std::uint64_t number) {
  auto planned = plan(phase, index, number);
  if (!planned) return std::move(planned.error());
  return assemble(*planned);
}

void DataStage::avoid(const std::vector<messages::SampleName>& samples) {
  const std::lock_guard held(impl_->avoided_lock);
  impl_->avoided.insert(samples.begin(), samples.end());
}

MediaFigures DataStage::media() const {
  return impl_->media.figures();
}
std::uint64_t DataStage::epoch_size() const {
  return impl_->order->size();
}

}  // namespace desa2va::data
