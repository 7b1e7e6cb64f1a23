#include "common/runtime/tracing/predict.h"

#include <algorithm>
#include <limits>
#include <map>

#include "common/runtime/tracing/categories.h"
#include "common/runtime/tracing/tracer.h"

namespace desa2va::tracing {
namespace {

constexpr int kPlayed = 8;  // steps
constexpr int kWarmUp = 3;  // of them
constexpr double kNever = std::numeric_limits<double>::infinity();

struct Mean {
  double seconds = 0;
  std::uint64_t count = 0;
  double value() const { return count == 0 ? 0 : seconds / static_cast<double>(count); }
};

// One process: what it could do next, and when it is free.
class Player {
 public:
  Player(const StageTimes& times, const StepShape& shape)
      : times_(times), shape_(shape), total_(kPlayed * shape.microbatches) {
    data_.assign(size(), kNever);
    std::vector<double> free(static_cast<std::size_t>(shape.data_replicas), 0.0);
    for (std::int64_t m = 0; m < total_; ++m) {
      double& own = free[static_cast<std::size_t>(m % shape.data_replicas)];
      own += times.data;
      data_[at(m)] = own;
    }
    for (auto* events : {&forward_, &prompts_, &masks_, &answers_, &backward_, &encoded_})
      events->assign(size(), kNever);
    sam2_free_.assign(static_cast<std::size_t>(shape.sam2_replicas), 0.0);
    next_encode_.resize(sam2_free_.size());
    next_decode_.resize(sam2_free_.size());
    for (std::size_t r = 0; r < sam2_free_.size(); ++r)
      next_encode_[r] = next_decode_[r] = static_cast<std::int64_t>(r);
  }

  // Ends of the steps.
  std::vector<double> play() {
    std::vector<double> ends;
    double start = 0;
    for (std::int64_t step = 0; step < kPlayed; ++step) {
      open_ = (step + 1) * shape_.microbatches;
      begin_ = start;
      double last = start;
      while (advance()) {
      }
      for (std::int64_t m = step * shape_.microbatches; m < open_; ++m)
        last = std::max({last, backward_[at(m)], answers_[at(m)], masks_[at(m)]});
      start = last + times_.commit;
      ends.push_back(start);
    }
    return ends;
  }

 private:
  std::size_t size() const { return static_cast<std::size_t>(total_); }
  static std::size_t at(std::int64_t m) { return static_cast<std::size_t>(m); }

  struct Call {
    double start = kNever;
    int priority = 0;  // of two that could start at the same time, the lower
    int what = -1;
    std::int64_t microbatch = 0;
    std::size_t replica = 0;
  };

  // Does the call that can start first, of all processes. False when nothing is left to do.
  bool advance() {
    Call best;
    const auto offer = [&](double start, int priority, int what, std::int64_t m,
                           std::size_t replica) {
      if (start == kNever) return;
      if (start < best.start || (start == best.start && priority < best.priority))
        best = {start, priority, what, m, replica};
    };
    if (next_backward_ < open_)
      offer(std::max(mllm_free_, answers_[at(next_backward_)]), 0, 0, next_backward_, 0);
    if (next_forward_ < open_ && next_forward_ - next_backward_ < shape_.mllm_in_flight)
      offer(std::max({mllm_free_, begin_, data_[at(next_forward_)]}), 1, 1, next_forward_, 0);
    if (next_prompt_ < open_)
      offer(std::max(decoupler_free_, forward_[at(next_prompt_)]), 0, 2, next_prompt_, 0);
    if (next_answer_ < open_)
      offer(std::max(decoupler_free_, masks_[at(next_answer_)]), 1, 3, next_answer_, 0);
    for (std::size_t r = 0; r < sam2_free_.size(); ++r) {
      const std::int64_t decode = next_decode_[r];
      if (decode < open_)
        offer(std::max({sam2_free_[r], prompts_[at(decode)], encoded_[at(decode)]}), 0, 4, decode,
              r);
      const std::int64_t encode = next_encode_[r];
      const std::int64_t ahead = (encode - decode) / shape_.sam2_replicas;
      if (encode < total_ && ahead < shape_.sam2_ahead)
        offer(std::max(sam2_free_[r], data_[at(encode)]), 1, 5, encode, r);
    }
    if (best.what < 0) return false;
    // What runs ahead into the next step does not hold up the end of this one.
    if (best.what == 5 && best.microbatch >= open_ && next_backward_ >= open_) return false;
    perform(best);
    return true;
  }

  void perform(const Call& call) {
    const std::size_t m = at(call.microbatch);
    const auto finish = [&](double& free, double seconds) { return free = call.start + seconds; };
    switch (call.what) {
      case 0:
        backward_[m] = finish(mllm_free_, times_.mllm_backward);
        ++next_backward_;
        return;
      case 1:
        forward_[m] = finish(mllm_free_, times_.mllm_forward);
        ++next_forward_;
        return;
      case 2:
        prompts_[m] = finish(decoupler_free_, times_.decoupler_forward);
        ++next_prompt_;
        return;
      case 3:
        answers_[m] = finish(decoupler_free_, times_.decoupler_backward);
        ++next_answer_;
        return;
      case 4:
        masks_[m] = finish(sam2_free_[call.replica], times_.sam2_decode);
        next_decode_[call.replica] += shape_.sam2_replicas;
        return;
      default:
        encoded_[m] = finish(sam2_free_[call.replica], times_.sam2_encode);
        next_encode_[call.replica] += shape_.sam2_replicas;
    }
  }

  const StageTimes& times_;
  const StepShape& shape_;
  const std::int64_t total_;
  std::int64_t open_ = 0;  // microbatches before this one belong to open or past steps
  double begin_ = 0;       // of the open step
  std::vector<double> data_, forward_, prompts_, masks_, answers_, backward_, encoded_;  // ends
  double mllm_free_ = 0, decoupler_free_ = 0;
  std::vector<double> sam2_free_;
  std::int64_t next_forward_ = 0, next_backward_ = 0, next_prompt_ = 0, next_answer_ = 0;
  std::vector<std::int64_t> next_encode_, next_decode_;
};

const TimedSpan* first_forward(const std::vector<Timeline>& timelines, const Window& window) {
  const TimedSpan* first = nullptr;
  for (const Timeline& timeline : timelines) {
    for (const TimedSpan& span : timeline.spans) {
      if (span.name != info(Span::MllmForward).name || span.end_ns < window.begin_ns) continue;
      if (first == nullptr || span.microbatch < first->microbatch) first = &span;
    }
  }
  return first;
}

}  // namespace

Window joint_part(const std::vector<Timeline>& timelines, const Window& window) {
  const TimedSpan* first = first_forward(timelines, window);
  return {first == nullptr ? window.begin_ns : std::max(window.begin_ns, first->begin_ns),
          window.end_ns};
}

std::optional<StageTimes> stage_times(const std::vector<Timeline>& timelines,
                                      const Window& window) {
  const TimedSpan* joint = first_forward(timelines, window);
  const std::int64_t begin_ns = joint_part(timelines, window).begin_ns;
  // By number, where there is one: data and the encoder run ahead of the phase.
  const auto counts = [&](const TimedSpan& span) {
    if (span.waits() || span.end_ns > window.end_ns) return false;
    const bool by_number = joint != nullptr && span.microbatch != kNoMicrobatch;
    return by_number ? span.microbatch >= joint->microbatch : span.end_ns >= begin_ns;
  };
  std::map<std::string_view, Mean> means;
  double commit = 0;
  for (const Timeline& timeline : timelines) {
    double own_commit = 0;
    std::uint64_t steps = 0;
    for (const TimedSpan& span : timeline.spans) {
      if (!counts(span)) continue;
      const double seconds = static_cast<double>(span.end_ns - span.begin_ns) * 1e-9;
      Mean& mean = means[span.name];
      mean.seconds += seconds;
      ++mean.count;
      if (span.name == info(Span::OptimizerStep).name) ++steps;
      for (const Span part :
           {Span::Prepare, Span::Reduce, Span::OptimizerStep, Span::Adversaries, Span::Club}) {
        if (span.name == info(part).name) own_commit += seconds;
      }
    }
    if (steps > 0) commit = std::max(commit, own_commit / static_cast<double>(steps));
  }
  const auto of = [&](Span span) { return means[info(span).name].value(); };
  const StageTimes times{of(Span::Pack),
                         joint ? of(Span::MllmForward) : of(Span::MllmText),
                         of(Span::MllmBackward),
                         of(Span::DecouplerForward),
                         of(Span::DecouplerBackward),
                         of(Span::Sam2Encode),
                         of(Span::Sam2Decode),
                         commit};
  const bool complete = times.data > 0 && times.mllm_forward > 0 && times.decoupler_forward > 0 &&
                        times.sam2_decode > 0 && commit > 0;
  return complete ? std::optional(times) : std::nullopt;
}

double predict_step(const StageTimes& times, const StepShape& shape) {
  const std::vector<double> ends = Player(times, shape).play();
  return (ends.back() - ends[kWarmUp - 1]) / (kPlayed - kWarmUp);
}

}  // namespace desa2va::tracing
