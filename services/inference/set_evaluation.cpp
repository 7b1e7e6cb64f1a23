#include "services/inference/set_evaluation.h"

#include <algorithm>
#include <filesystem>
#include <numeric>
#include <thread>

#include <ATen/ops/cat.h>

#include "common/config/load.h"
#include "common/evaluation/sets/predictions.h"
#include "common/evaluation/sets/record_files.h"
#include "common/tensor/guarded.h"
#include "services/inference/draw_case.h"
#include "services/inference/frame_masks.h"
#include "services/inference/open_model.h"
#include "services/inference/phrases.h"
#include "services/inference/reply.h"
#include "services/inference/set_files.h"
#include "services/inference/set_samples.h"
#include "services/inference/tracking.h"

namespace desa2va::inference {
namespace {

namespace fs = std::filesystem;
using datasets::Sample;
using evaluation::EvaluationSet;
using evaluation::Query;
using models::MaskBranch;
using preprocess::Image;

constexpr std::uint32_t kFramesAtOnce = 16;  // of a video, decoded in one go

struct NamedBranch {
  const char* name;
  MaskBranch branch;
};

std::vector<NamedBranch> branches_of(const config::Config& config) {
  std::vector<NamedBranch> all = {{"visual", MaskBranch::Visual}};
  if (!config::has_decoupling(config.preset)) return all;
  all.push_back({"text", MaskBranch::Text});
  all.push_back({"fused", MaskBranch::Fused});
  if (config.model.decoupler.reprompt_enabled)
    all.push_back({"reprompted", MaskBranch::Reprompted});
  return all;
}

// Those followed through videos; the one that counts is last.
Result<std::vector<NamedBranch>> followed(const SetRequest& request, const config::Config& config) {
  std::vector<NamedBranch> all = branches_of(config);
  if (request.branch.empty()) {
    if (!request.all_branches) all.erase(all.begin(), all.end() - 1);
    return all;
  }
  const auto named = std::find_if(all.begin(), all.end(), [&](const NamedBranch& branch) {
    return branch.name == request.branch;
  });
  if (named == all.end()) {
    std::string allowed;
    for (const NamedBranch& branch : all)
      allowed += std::string(allowed.empty() ? "" : ", ") + branch.name;
    return fail(Errc::InvalidArgument, "--branch={}: this model has {}", request.branch, allowed)
        .with_exit(ExitCode::Usage);
  }
  std::rotate(named, named + 1, all.end());
  if (!request.all_branches) all.erase(all.begin(), all.end() - 1);
  return all;
}

// The samples that this replica takes.
Result<void> each_of_part(const SetRequest& request, SetSamples& samples,
                          const std::function<Result<void>(const Sample&)>& take) {
  return samples.each([&](std::uint64_t number, const Sample& sample) -> Result<void> {
    const auto parts = static_cast<std::uint64_t>(request.parts);
    if (number % parts != static_cast<std::uint64_t>(request.part)) return {};
    if (request.samples && number >= static_cast<std::uint64_t>(*request.samples)) return {};
    return take(sample);
  });
}

Result<std::size_t> count_queries(const SetRequest& request, const EvaluationSet& set,
                                  SetSamples& samples) {
  std::size_t total = 0;
  DESA2VA_TRY(each_of_part(request, samples, [&](const Sample& sample) -> Result<void> {
    DESA2VA_ASSIGN(const auto queries, evaluation::queries_of(set, sample));
    total += queries.size();
    return {};
  }));
  return total;
}

// A query with its answer in words; which rows of the states are its [SEG].
struct Asked {
  Query query;
  evaluation::Answer answer;
  std::size_t first_row = 0;
  std::size_t rows = 0;
};

class SetEvaluation {
 public:
  SetEvaluation(const SetRequest& request, const EvaluationSet& set, OpenedModel& opened,
                SetSamples& samples, std::vector<NamedBranch> branches,
                const std::function<bool()>& stopped)
      : request_(request),
        set_(set),
        opened_(opened),
        samples_(samples),
        branches_(std::move(branches)),
        stopped_(stopped),
        phrases_(opened.tokenizer,
                 [&opened](const std::vector<std::int64_t>& ids) {
                   return tensor::guarded([&] { return opened.model->mean_embedding(ids); });
                 }),
        worst_(request.out, static_cast<std::size_t>(std::max<std::int64_t>(request.worst, 0))) {}

  Result<void> run() {
    const fs::path out = request_.out;
    DESA2VA_ASSIGN(done_, evaluation::read_record_ids(out));
    DESA2VA_ASSIGN(auto records,
                   evaluation::LineWriter::open(evaluation::records_file(out, request_.part)));
    DESA2VA_ASSIGN(auto predictions,
                   evaluation::LineWriter::open(evaluation::predictions_file(out, request_.part)));
    records_ = std::make_unique<evaluation::LineWriter>(std::move(records));
    predictions_ = std::make_unique<evaluation::LineWriter>(std::move(predictions));
    return each_of_part(request_, samples_, [&](const Sample& sample) { return evaluate(sample); });
  }

 private:
  static MediaKind kind_of(const Sample& sample) {
    return sample.kind == datasets::SampleKind::VideoRef ||
                   sample.kind == datasets::SampleKind::VideoQa
               ? MediaKind::Video
               : MediaKind::Image;
  }

  Result<void> evaluate(const Sample& sample) {
    DESA2VA_ASSIGN(const auto queries, evaluation::queries_of(set_, sample));
    std::vector<Asked> asked;
    std::vector<at::Tensor> states;
    std::size_t rows = 0;
    for (const Query& query : queries) {
      if (done_.contains(query.id)) continue;
      if (stopped_()) return interrupted();
      Asked& one = asked.emplace_back(Asked{query, {}, rows, 0});
      DESA2VA_ASSIGN(const at::Tensor found, ask(sample, query, one.answer.text).in(query.id));
      one.rows = std::min<std::size_t>(query.masks, static_cast<std::size_t>(found.size(0)));
      if (one.rows > 0) states.push_back(found.slice(0, 0, static_cast<std::int64_t>(one.rows)));
      rows += one.rows;
    }
    if (asked.empty()) return {};
    if (set_.kind != evaluation::SetKind::Choice)
      DESA2VA_TRY(segment(sample, asked, states).in(describe(sample)));
    for (const Asked& one : asked) DESA2VA_TRY(record(sample, one));
    return {};
  }

  // The states of the answer's [SEG] tokens.
  Result<at::Tensor> ask(const Sample& sample, const Query& query, std::string& text) {
    DESA2VA_ASSIGN(const std::vector<Image> shown, shown_to_mllm(sample, query));
    DESA2VA_ASSIGN(Reply reply, reply_to(
                                    opened_, kind_of(sample), shown, query.question,
                                    [](std::string_view) {}, stopped_));
    text = std::move(reply.text);
    return reply.seg_hidden;
  }

  Result<std::vector<Image>> shown_to_mllm(const Sample& sample, const Query& query) {
    if (kind_of(sample) == MediaKind::Image) return samples_.frames(sample, {0});
    const std::uint32_t count = sample.drawable_frames();
    const auto most = query.spread_frames > 0 ? static_cast<std::int64_t>(query.spread_frames)
                                              : models::kPromptedFrames;
    std::vector<std::uint32_t> numbers;
    if (query.spread_frames > 0 || opened_.config.infer.mllm_frames == "uniform5") {
      for (const std::int64_t number : models::uniform_frames(count, most))
        numbers.push_back(static_cast<std::uint32_t>(number));
    } else {
      numbers.resize(std::min<std::size_t>(count, static_cast<std::size_t>(most)));
      std::iota(numbers.begin(), numbers.end(), 0U);
    }
    return samples_.frames(sample, numbers);
  }

  // All queries of the sample at once: their objects share the encoding of each frame.
  Result<void> segment(const Sample& sample, std::vector<Asked>& asked,
                       const std::vector<at::Tensor>& states) {
    const MediaKind kind = kind_of(sample);
    const bool video = kind == MediaKind::Video;
    // A picture is one prompted frame, which shows every branch.
    const std::vector<NamedBranch> shown = video ? branches_ : branches_of(opened_.config);
    for (Asked& one : asked)
      for (const NamedBranch& branch : shown) one.answer.masks[branch.name].resize(one.rows);
    if (states.empty()) return {};
    const std::uint32_t count = video ? sample.drawable_frames() : 1;
    DESA2VA_ASSIGN(const auto prompts,
                   tensor::guarded([&] { return opened_.model->prompts(at::cat(states, 0)); }));
    std::vector<MaskBranch> tracked;
    tracked.reserve(shown.size());
    for (const NamedBranch& branch : shown) tracked.push_back(branch.branch);
    if (!video) tracked = {tracked.back()};
    const KeyframeSource keyframes = {
        [count]() -> Result<std::int64_t> { return count; },
        [&](const std::vector<std::int64_t>& numbers) {
          return samples_.frames(sample, {numbers.begin(), numbers.end()});
        }};
    DESA2VA_ASSIGN(Tracking tracking,
                   Tracking::start(opened_, kind, prompts, tracked, count, keyframes));
    for (std::uint32_t begin = 0; begin < count; begin += kFramesAtOnce) {
      std::vector<std::uint32_t> numbers(std::min(kFramesAtOnce, count - begin));
      std::iota(numbers.begin(), numbers.end(), begin);
      DESA2VA_ASSIGN(const std::vector<Image> images, samples_.frames(sample, numbers));
      for (const Image& image : images) {
        if (stopped_()) return interrupted();
        DESA2VA_TRY(tensor::guarded([&] { add_frame(image, video, tracking.next(image), asked); }));
      }
    }
    return {};
  }

  void add_frame(const Image& image, bool video, const std::vector<models::FrameMasks>& found,
                 std::vector<Asked>& asked) {
    if (video) {
      for (std::size_t i = 0; i < found.size(); ++i)
        add_masks(branches_[i].name, found[i].final, image, asked);
      return;
    }
    const models::Prediction& made = found.front().branches;
    for (const auto& [name, logits] : {std::pair{"visual", made.visual},
                                       {"text", made.text},
                                       {"fused", made.fused},
                                       {"reprompted", made.reprompted}})
      if (logits.defined()) add_masks(name, logits, image, asked);
  }

  void add_masks(const char* branch, const at::Tensor& logits, const Image& image,
                 std::vector<Asked>& asked) {
    auto masks =
        to_picture(logits, opened_.config.model.sam2.image_size, image.width, image.height);
    for (Asked& one : asked) {
      const auto entry = one.answer.masks.find(branch);
      if (entry == one.answer.masks.end()) continue;
      for (std::size_t i = 0; i < one.rows; ++i)
        entry->second[i].push_back(masks.objects[one.first_row + i]);
    }
  }

  Result<void> record(const Sample& sample, const Asked& one) {
    const std::string branch = branches_.back().name;
    auto made = evaluation::record_of(
        set_, sample, one.query, one.answer,
        request_.text_sim == "words"
            ? evaluation::PhraseSimilarity(evaluation::word_similarity)
            : [this](std::string_view a, std::string_view b) { return phrases_.of(a, b); });
    if (!made) return std::move(made.error()).with_exit(ExitCode::Data);
    DESA2VA_TRY(
        predictions_->add(evaluation::prediction_of(set_, sample, one.query, one.answer, branch)));
    if (set_.kind == evaluation::SetKind::Video && !made->value("has_truth", true))
      DESA2VA_TRY(write_for_server(
          request_.out, sample.id, evaluation::expression_name(sample, one.query),
          evaluation::frame_names(sample), evaluation::video_masks(sample, one.answer, branch)));
    DESA2VA_TRY(draw_if_bad(sample, one, *made));
    return records_->add(*made);
  }

  Result<void> draw_if_bad(const Sample& sample, const Asked& one,
                           const evaluation::Record& record) {
    const std::string branch = branches_.back().name;
    const auto score = evaluation::quality(record, branch);
    if (!score || !worst_.wants(*score, one.query.id)) return {};
    DESA2VA_ASSIGN(const std::uint32_t number,
                   telling_frame(set_, sample, one.query, one.answer, branch));
    DESA2VA_ASSIGN(const auto images, samples_.frames(sample, {number}));
    DESA2VA_ASSIGN(const Image drawing, draw_case(pen_, set_, sample, one.query, one.answer, branch,
                                                  *score, number, images.at(0)));
    return worst_.keep(*score, one.query.id, drawing);
  }

  const SetRequest& request_;
  const EvaluationSet& set_;
  OpenedModel& opened_;
  SetSamples& samples_;
  const std::vector<NamedBranch> branches_;
  const std::function<bool()>& stopped_;
  const Pen pen_;
  std::set<std::string> done_;
  std::unique_ptr<evaluation::LineWriter> records_, predictions_;
  PhraseSimilarities phrases_;
  WorstCases worst_;
};

}  // namespace

Result<void> evaluate_set(const SetRequest& request, const std::function<bool()>& stopped) {
  auto set = evaluation::find_set(request.set);
  if (!set) return std::move(set.error()).with_exit(ExitCode::Usage);
  // What can be refused is refused before the weights are read.
  DESA2VA_ASSIGN(config::Config config, config::load_run(request.model));
  DESA2VA_TRY(config::apply(request.how, config));
  DESA2VA_ASSIGN(auto branches, followed(request, config));
  const std::string split = request.split.empty() ? std::string((*set)->split) : request.split;
  const std::string shards = request.shards.empty() ? config.data.shards : request.shards;
  DESA2VA_ASSIGN(auto samples, SetSamples::open(**set, split, shards));
  DESA2VA_ASSIGN(const std::size_t total, count_queries(request, **set, samples));
  std::error_code error;
  fs::create_directories(request.out, error);
  if (error)
    return fail(Errc::InvalidArgument, "{}: {}", request.out, error.message())
        .with_exit(ExitCode::Usage);
  DESA2VA_TRY(evaluation::write_query_count(request.out, request.part, total));
  tensor::set_threads(static_cast<int>(
      request.threads > 0 ? request.threads : std::max(1U, std::thread::hardware_concurrency())));
  DESA2VA_ASSIGN(OpenedModel opened, open_model(request.model, request.step));
  DESA2VA_TRY(config::apply(request.how, opened.config));
  if ((*set)->kind == evaluation::SetKind::Video && is_consistent(MediaKind::Video, opened.config))
    DESA2VA_TRY(load_original(opened, request.model, opened.config.infer.sam2_original));
  return SetEvaluation(request, **set, opened, samples, std::move(branches), stopped).run();
}

}  // namespace desa2va::inference
