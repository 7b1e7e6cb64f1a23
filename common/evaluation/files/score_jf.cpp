#include <algorithm>
#include <map>
#include <optional>

#include <fmt/format.h>

#include "common/base/parallel.h"
#include "common/evaluation/files/mask_source.h"
#include "common/evaluation/files/report.h"
#include "common/evaluation/video/sequence.h"

namespace desa2va::evaluation {

namespace {

using Sequence = MaskSource::Sequence;

// A sequence of the truth, where its predictions are, and what has been scored of it.
struct Job {
  const Sequence* truth = nullptr;
  const Sequence* predicted = nullptr;    // nullptr: there is none
  std::vector<std::ptrdiff_t> positions;  // per frame of the truth: that of its prediction, or -1
  std::vector<FrameScore> frames;
};

// By name where both sides have names, else by position.
std::vector<std::ptrdiff_t> match_frames(const Sequence& truth, const Sequence& predicted) {
  std::vector<std::ptrdiff_t> out(truth.frames.size(), -1);
  const auto named = [](const Sequence& s) { return !s.frames.empty() && !s.frames[0].empty(); };
  for (std::size_t i = 0; i < truth.frames.size(); ++i) {
    if (!named(truth) || !named(predicted)) {
      if (i < predicted.frames.size()) out[i] = static_cast<std::ptrdiff_t>(i);
      continue;
    }
    const auto found =
        std::lower_bound(predicted.frames.begin(), predicted.frames.end(), truth.frames[i]);
    if (found != predicted.frames.end() && *found == truth.frames[i])
      out[i] = found - predicted.frames.begin();
  }
  return out;
}

class JfScorer {
 public:
  JfScorer(const ScoreRequest& request, const MaskSource& truth, const MaskSource& predictions)
      : request_(request), truth_(truth), predictions_(predictions) {}

  Result<ScoreReport> run() {
    DESA2VA_TRY(plan());
    DESA2VA_TRY(for_each_parallel(
        items_.size(), request_.threads,
        [&](std::uint64_t i) { return score(items_[i].first, items_[i].second); },
        request_.progress));
    return report();
  }

 private:
  Result<void> plan() {
    std::size_t matched = 0;
    for (const Sequence& sequence : truth_.sequences()) {
      Job job;
      job.truth = &sequence;
      job.predicted = predictions_.find(sequence.name);
      job.frames.resize(sequence.frames.size());
      job.positions.assign(sequence.frames.size(), -1);
      if (job.predicted == nullptr) {
        warnings_.push_back(
            fmt::format("sequence {}: no predictions, counted as empty", sequence.name));
      } else {
        ++matched;
        job.positions = match_frames(sequence, *job.predicted);
        const auto missing = std::count(job.positions.begin(), job.positions.end(), -1);
        if (missing > 0)
          warnings_.push_back(
              fmt::format("sequence {}: {} of {} frames have no prediction, counted as empty",
                          sequence.name, missing, job.positions.size()));
        const auto used = static_cast<std::ptrdiff_t>(job.positions.size()) - missing;
        const auto extra = static_cast<std::ptrdiff_t>(job.predicted->frames.size()) - used;
        if (extra > 0)
          warnings_.push_back(
              fmt::format("sequence {}: {} predicted frames are not in the truth, ignored",
                          sequence.name, extra));
      }
      for (std::size_t frame = 0; frame < job.frames.size(); ++frame)
        items_.emplace_back(jobs_.size(), frame);
      jobs_.push_back(std::move(job));
    }
    if (matched == 0)
      return fail(
          Errc::NotFound,
          "no sequence of {} is among the predictions in {}: the truth has '{}' and {} more, "
          "the predictions '{}' and {} more",
          request_.truth.string(), request_.predictions.string(), truth_.sequences()[0].name,
          truth_.sequences().size() - 1, predictions_.sequences()[0].name,
          predictions_.sequences().size() - 1);
    for (const Sequence& sequence : predictions_.sequences())
      if (truth_.find(sequence.name) == nullptr)
        warnings_.push_back(fmt::format("sequence {}: not in the truth, ignored", sequence.name));
    return {};
  }

  Result<void> score(std::size_t number, std::size_t frame) {
    Job& job = jobs_[number];
    DESA2VA_ASSIGN(const IndexedImage truth, truth_.frame(*job.truth, frame));
    std::optional<IndexedImage> predicted;
    const std::ptrdiff_t position = job.positions[frame];
    if (position >= 0) {
      DESA2VA_ASSIGN(predicted,
                     predictions_.frame(*job.predicted, static_cast<std::size_t>(position)));
    }
    auto result = score_frame(truth, predicted);
    if (!result)
      return fail(Errc::Corrupt, "{} against {}: {}",
                  predictions_.describe(*job.predicted, static_cast<std::size_t>(position)),
                  truth_.describe(*job.truth, frame), result.error().message());
    job.frames[frame] = std::move(*result);
    return {};
  }

  Result<ScoreReport> report() {
    ScoreReport out;
    auto& sequences = out.document["sequences"] = nlohmann::ordered_json::object();
    out.table.push_back({"sequence", "objects", "frames", "J", "F", "J&F"});
    double j_sum = 0;
    double f_sum = 0;
    std::size_t objects = 0;
    std::size_t frames = 0;
    for (const Job& job : jobs_) {
      const SequenceScore score = score_sequence(job.frames);
      if (!score.unknown.empty() && !truth_.one_object())
        warnings_.push_back(fmt::format(
            "sequence {}: {} predicted objects are not in the truth, ignored: {}", job.truth->name,
            score.unknown.size(), nlohmann::json(score.unknown).dump()));
      warn_absent(job, score);
      // An expression whose object is never to be seen still counts: nothing should be predicted.
      const bool absent = score.objects.empty() && truth_.one_object();
      if (score.objects.empty() && !absent)
        warnings_.push_back(
            fmt::format("sequence {}: the truth shows no object, not scored", job.truth->name));
      const SequenceScore shown = absent ? without_truth(job) : score;
      sequences[job.truth->name] = {
          {"objects", shown.objects}, {"J", shown.j},           {"F", shown.f},
          {"J_mean", shown.j_mean},   {"F_mean", shown.f_mean}, {"JF", shown.jf()}};
      out.table.push_back(
          {job.truth->name, std::to_string(shown.objects.size()), std::to_string(job.frames.size()),
           fmt::format("{:.2f}", 100 * shown.j_mean), fmt::format("{:.2f}", 100 * shown.f_mean),
           fmt::format("{:.2f}", 100 * shown.jf())});
      for (std::size_t i = 0; i < shown.objects.size(); ++i) {
        j_sum += shown.j_of_object[i];
        f_sum += shown.f_of_object[i];
      }
      objects += shown.objects.size();
      frames += job.frames.size();
    }
    const double j = objects == 0 ? 0 : j_sum / static_cast<double>(objects);
    const double f = objects == 0 ? 0 : f_sum / static_cast<double>(objects);
    out.document["J_mean"] = j;
    out.document["F_mean"] = f;
    out.document["JF"] = (j + f) / 2;
    out.document["objects"] = objects;
    out.document["frames"] = frames;
    out.table.push_back({"all", std::to_string(objects), std::to_string(frames),
                         fmt::format("{:.2f}", 100 * j), fmt::format("{:.2f}", 100 * f),
                         fmt::format("{:.2f}", 50 * (j + f))});
    finish_warnings(out, warnings_);
    return out;
  }

  void warn_absent(const Job& job, const SequenceScore& score) {
    if (job.predicted == nullptr) return;
    for (const int object : score.objects) {
      const bool predicted =
          std::any_of(job.frames.begin(), job.frames.end(), [&](const FrameScore& frame) {
            const auto found = frame.objects.find(object);
            return found != frame.objects.end() && found->second.predicted;
          });
      if (!predicted)
        warnings_.push_back(
            fmt::format("sequence {}: object {} is nowhere predicted, counted as empty",
                        job.truth->name, object));
    }
  }

  static SequenceScore without_truth(const Job& job) {
    std::vector<FrameScore> frames = job.frames;
    for (FrameScore& frame : frames) {
      const auto found = frame.objects.find(1);
      FrameScore::Object one =
          found == frame.objects.end() ? FrameScore::Object{{1, 1}} : found->second;
      one.in_truth = true;
      frame.objects = {{1, one}};
    }
    return score_sequence(frames);
  }

  const ScoreRequest& request_;
  const MaskSource& truth_;
  const MaskSource& predictions_;
  std::vector<Job> jobs_;
  std::vector<std::pair<std::size_t, std::size_t>> items_;  // job, frame
  std::vector<std::string> warnings_;
};

}  // namespace

Result<ScoreReport> score_jf(const ScoreRequest& request) {
  DESA2VA_ASSIGN(const auto truth, open_masks(request.truth));
  DESA2VA_ASSIGN(const auto predictions, open_masks(request.predictions));
  return JfScorer(request, *truth, *predictions).run();
}

}  // namespace desa2va::evaluation
