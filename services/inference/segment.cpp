#include "services/inference/segment.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <thread>

#include <ATen/ops/cat.h>
#include <ATen/ops/sigmoid.h>
#include <fmt/format.h>

#include "common/tensor/guarded.h"
#include "services/inference/answer.h"
#include "services/inference/ask.h"
#include "services/inference/frame_masks.h"
#include "services/inference/open_model.h"
#include "services/inference/progress.h"
#include "services/inference/reply.h"
#include "services/inference/results.h"
#include "services/inference/tracking.h"

namespace desa2va::inference {
namespace {

namespace fs = std::filesystem;
using models::MaskBranch;

Result<MaskBranch> branch_of(const SegmentRequest& request, const config::Config& config) {
  const bool both = config::has_decoupling(config.preset);
  const std::string name = request.branch.empty() ? (both ? "fused" : "visual") : request.branch;
  if (!both && name != "visual")
    return fail(Errc::InvalidArgument,
                "--branch={}: this model (preset of the baseline) has the visual branch only", name)
        .with_exit(ExitCode::Usage);
  if (name == "visual") return MaskBranch::Visual;
  if (name == "text") return MaskBranch::Text;
  if (name != "fused")
    return fail(Errc::InvalidArgument, "--branch={}: allowed are fused, visual, text", name)
        .with_exit(ExitCode::Usage);
  return request.reprompt.value_or(config.model.decoupler.reprompt_enabled) ? MaskBranch::Reprompted
                                                                            : MaskBranch::Fused;
}

const char* name_of(MaskBranch branch) {
  switch (branch) {
    case MaskBranch::Visual:
      return "visual";
    case MaskBranch::Text:
      return "text";
    case MaskBranch::Fused:
      return "fused";
    case MaskBranch::Reprompted:
      break;
  }
  return "reprompted";
}

// The pictures that the language model sees. `ahead` holds what was read of the stream for them.
Result<std::vector<preprocess::Image>> shown_to_mllm(Media& media, Lookahead& ahead,
                                                     const config::Config& config) {
  const auto prompted = static_cast<std::size_t>(models::kPromptedFrames);
  if (media.kind() == MediaKind::Video && config.infer.mllm_frames == "uniform5") {
    DESA2VA_ASSIGN(const std::int64_t count, media.count());
    return media.pick(models::uniform_frames(count));
  }
  std::vector<preprocess::Image> images;
  for (std::size_t i = 0; i < std::min(prompted, ahead.waiting().size()); ++i)
    images.push_back(ahead.waiting()[i].image);
  return images;
}

// Absolute, without a slash at the end.
fs::path media_path(const SegmentRequest& request) {
  const fs::path media =
      fs::absolute(request.image.empty() ? request.video : request.image).lexically_normal();
  return media.filename().empty() ? media.parent_path() : media;
}

std::string media_name(const fs::path& media) {
  const std::string name = (fs::is_directory(media) ? media.filename() : media.stem()).string();
  return name.empty() ? "media" : name;
}

class Segmentation {
 public:
  Segmentation(const SegmentRequest& request, const std::function<bool()>& stopped,
               OpenedModel& opened, Media& media, Lookahead& ahead)
      : request_(request), stopped_(stopped), opened_(opened), media_(media), ahead_(ahead) {}

  Result<void> run(MaskBranch branch);

 private:
  Result<void> answer_all();
  Result<void> answer(const std::string& text, const std::vector<preprocess::Image>& shown);
  Result<void> write_frames(ResultWriter& writer);
  Result<void> start_tracking(MaskBranch branch);
  Result<void> report(const ResultFiles& files, double seconds);

  const SegmentRequest& request_;
  const std::function<bool()>& stopped_;
  OpenedModel& opened_;
  Media& media_;
  Lookahead& ahead_;
  Header header_;
  std::vector<at::Tensor> states_;  // of the [SEG] tokens, one a text
  std::int64_t dropped_ = 0;        // [SEG] beyond max_objects
  std::optional<Tracking> tracking_;
  std::int64_t frames_ = 0, damaged_ = 0;
};

Result<void> Segmentation::answer(const std::string& text,
                                  const std::vector<preprocess::Image>& shown) {
  Answer answer;
  answer.text = text;
  DESA2VA_ASSIGN(const Asking how, asking_from(request_.ask));
  answer.question = question_of(text, how);
  std::FILE* words = request_.json ? stderr : stdout;
  fmt::print(words, "> {}\n", printable(answer.question));
  const auto say = [words](std::string_view piece) {
    const std::string shown_piece = printable(piece);
    std::fwrite(shown_piece.data(), 1, shown_piece.size(), words);
    std::fflush(words);
  };
  auto made = reply_to(opened_, media_.kind(), shown, answer.question, say, stopped_);
  std::fputs("\n", words);
  std::fflush(words);
  if (!made) return std::move(made.error());
  answer.answer = std::move(made->text);
  answer.tokens = made->tokens;
  answer.complete = made->complete;

  const auto have = static_cast<std::int64_t>(header_.objects.size());
  const std::int64_t found = made->seg_hidden.size(0);
  const std::int64_t kept = std::min(found, std::max<std::int64_t>(0, request_.max_objects - have));
  dropped_ += found - kept;
  const auto phrases = phrases_of(answer.answer, static_cast<std::size_t>(kept), text);
  for (std::int64_t i = 0; i < kept; ++i) {
    const int number = static_cast<int>(have + i + 1);
    answer.objects.push_back(number);
    header_.objects.push_back({number, text, phrases[static_cast<std::size_t>(i)]});
  }
  if (kept > 0) states_.push_back(made->seg_hidden.slice(0, 0, kept));
  header_.answers.push_back(std::move(answer));
  return {};
}

Result<void> Segmentation::answer_all() {
  DESA2VA_ASSIGN(const auto shown, shown_to_mllm(media_, ahead_, opened_.config));
  for (const std::string& text : request_.texts) DESA2VA_TRY(answer(text, shown));
  for (const Answer& answer : header_.answers) {
    if (!answer.complete)
      fmt::print(stderr,
                 "note: the answer to \"{}\" was cut after {} tokens (infer.max_new_tokens, "
                 "llm.max_length)\n",
                 printable(answer.text.substr(0, 60)), answer.tokens);
    if (answer.objects.empty())
      fmt::print(stderr,
                 "no object found for \"{}\": the answer has no [SEG], its masks are empty\n",
                 printable(answer.text.substr(0, 60)));
  }
  if (dropped_ > 0)
    fmt::print(stderr, "note: {} more [SEG] than --max-objects={} were left out\n", dropped_,
               request_.max_objects);
  return {};
}

Result<void> Segmentation::start_tracking(MaskBranch branch) {
  if (states_.empty()) return {};
  DESA2VA_ASSIGN(const auto prompts,
                 tensor::guarded([&] { return opened_.model->prompts(at::cat(states_, 0)); }));
  const KeyframeSource keyframes = {[this] { return media_.count(); },
                                    [this](const auto& numbers) { return media_.pick(numbers); }};
  const auto frames = static_cast<std::int64_t>(ahead_.waiting().size());
  DESA2VA_ASSIGN(tracking_,
                 Tracking::start(opened_, media_.kind(), prompts, {branch}, frames, keyframes));
  return {};
}

Result<void> Segmentation::write_frames(ResultWriter& writer) {
  FrameProgress progress(media_.kind() == MediaKind::Video);
  const auto image_size = opened_.config.model.sam2.image_size;
  for (;;) {
    DESA2VA_ASSIGN(const auto frame, ahead_.next());
    if (!frame) break;
    if (stopped_()) return interrupted();
    std::vector<double> scores;
    DESA2VA_ASSIGN(const PictureMasks masks,
                   tensor::guarded([&] {
                     models::FrameMasks found;
                     if (tracking_) {
                       found = std::move(tracking_->next(frame->image).front());
                       const auto probability =
                           at::sigmoid(found.object_score).to(at::kDouble).cpu().contiguous();
                       const auto* values = probability.const_data_ptr<double>();
                       scores.assign(values, values + probability.numel());
                     }
                     return to_picture(found.final, image_size, frame->image.width,
                                       frame->image.height);
                   }).in(fmt::format("frame {}", frames_)));
    DESA2VA_TRY(writer.add(*frame, masks, scores));
    ++frames_;
    damaged_ += frame->damaged ? 1 : 0;
    progress.at(frames_);
  }
  progress.end(frames_);
  if (media_.announced() > frames_)
    fmt::print(stderr, "note: the file announces {} frames, {} could be decoded\n",
               media_.announced(), frames_);
  if (damaged_ > 0)
    fmt::print(stderr,
               "note: {} of {} frames are damaged in the file; their masks are of what the decoder "
               "guessed\n",
               damaged_, frames_);
  return {};
}

Result<void> Segmentation::report(const ResultFiles& files, double seconds) {
  if (media_.kind() == MediaKind::Image) fmt::print(stderr, "{:.1f} s\n", seconds);
  if (!files.overlay.empty()) fmt::print(stderr, "drawing: {}\n", files.overlay.string());
  fmt::print(stderr, "masks:   {}\nall:     {}\n", files.masks.string(), files.json.string());
  return {};
}

Result<void> Segmentation::run(MaskBranch branch) {
  const auto start = std::chrono::steady_clock::now();
  const auto& first = ahead_.waiting().front().image;
  const fs::path media = media_path(request_);
  header_.model = request_.model;
  header_.step = opened_.step;
  header_.media = media.string();
  header_.name = media_name(media);
  header_.kind = media_.kind();
  header_.width = first.width;
  header_.height = first.height;
  header_.branch = name_of(branch);
  DESA2VA_TRY(answer_all());
  DESA2VA_TRY(start_tracking(branch));
  DESA2VA_ASSIGN(auto writer,
                 ResultWriter::create(request_.out, header_, media_.rate(), request_.overlay));
  DESA2VA_TRY(write_frames(writer));
  const double seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  std::string document;
  DESA2VA_ASSIGN(const ResultFiles files,
                 writer.finish(damaged_, seconds, request_.json ? &document : nullptr));
  DESA2VA_TRY(report(files, seconds));
  std::fwrite(document.data(), 1, document.size(), stdout);
  if (std::fflush(stdout) != 0)
    return fail(Errc::Overloaded, "cannot write to standard output").with_exit(ExitCode::Storage);
  return {};
}

}  // namespace

Result<void> segment(const SegmentRequest& request, const std::function<bool()>& stopped) {
  // What is cheap to refuse comes before the model is read.
  DESA2VA_ASSIGN(const auto media,
                 request.image.empty() ? open_video(request.video) : open_picture(request.image));
  Lookahead ahead(*media);
  DESA2VA_TRY(ahead.fill(static_cast<std::size_t>(models::kFramesAhead)));
  if (ahead.waiting().empty())
    return fail(Errc::Corrupt, "{}: no frame can be decoded", request.video)
        .with_exit(ExitCode::Data);
  DESA2VA_TRY(asking_from(request.ask));
  const fs::path source = media_path(request);
  DESA2VA_TRY(check_apart(result_files(request.out, media_name(source), media->kind()), source));
  tensor::set_threads(static_cast<int>(
      request.threads > 0 ? request.threads : std::max(1U, std::thread::hardware_concurrency())));
  DESA2VA_ASSIGN(OpenedModel opened, open_model(request.model, request.step));
  for (const std::string& text : request.texts) DESA2VA_TRY(check_text(text, opened.tokenizer));
  DESA2VA_TRY(config::apply(request.how, opened.config));
  DESA2VA_ASSIGN(const MaskBranch branch, branch_of(request, opened.config));
  if (is_consistent(media->kind(), opened.config))
    DESA2VA_TRY(load_original(opened, request.model, opened.config.infer.sam2_original));
  if (stopped()) return interrupted();
  return Segmentation(request, stopped, opened, *media, ahead).run(branch);
}

}  // namespace desa2va::inference
