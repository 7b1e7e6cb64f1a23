#include "services/inference/evaluation.h"

#include <algorithm>
#include <filesystem>
#include <fstream>

#include <ATen/core/Tensor.h>
#include <ATen/ops/upsample_bilinear2d.h>
#include <nlohmann/json.hpp>

#include "common/config/run_files.h"
#include "common/preprocess/image/encode.h"
#include "common/preprocess/text/tokenizer.h"
#include "common/preprocess/video/encode.h"
#include "common/storage/checkpoint/catalog.h"
#include "common/tensor/guarded.h"
#include "services/inference/draw.h"
#include "services/inference/held_out.h"
#include "services/inference/model.h"

namespace desa2va::inference {
namespace {

namespace fs = std::filesystem;
using Scores = std::map<std::string, Score>;

constexpr int kDrawScale = 2;

// One branch's masks at the size of the ground truth.
at::Tensor at_full_size(const at::Tensor& logits, int height, int width) {
  return at::upsample_bilinear2d(logits.unsqueeze(1), {height, width}, false)
      .squeeze(1)
      .gt(0)
      .to(at::kByte)
      .contiguous();
}

Mask mask_of(const at::Tensor& masks, std::int64_t entry) {
  const at::Tensor one = masks[entry];
  const auto* data = one.const_data_ptr<std::uint8_t>();
  return {data, data + one.numel()};
}

bool visible(const Mask& mask) {
  return std::any_of(mask.begin(), mask.end(), [](std::uint8_t v) { return v != 0; });
}

// Each (sentence, frame) in which the named object is to be seen.
template <class F>
void each_case(const Question& question, F&& f) {
  const auto rows = static_cast<std::int64_t>(question.texts.size());
  for (std::size_t frame = 0; frame < question.objects.size(); ++frame) {
    for (std::int64_t row = 0; row < rows; ++row) {
      const std::size_t named = question.named[static_cast<std::size_t>(row)];
      if (visible(question.objects[frame][named]))
        f(frame, static_cast<std::size_t>(row), named,
          static_cast<std::int64_t>(frame) * rows + row);
    }
  }
}

void add_branch(const Question& question, const at::Tensor& logits, Score& score) {
  if (!logits.defined()) return;
  const at::Tensor masks = at_full_size(logits, question.height, question.width);
  each_case(question,
            [&](std::size_t frame, std::size_t row, std::size_t named, std::int64_t entry) {
              score.add(mask_of(masks, entry), question.objects[frame], named, question.needs[row]);
            });
}

void add_model(const Question& question, const models::Prediction& prediction, Scores& scores) {
  add_branch(question, prediction.visual, scores["visual"]);
  add_branch(question, prediction.text, scores["text"]);
  add_branch(question, prediction.fused, scores["fused"]);
  add_branch(question, prediction.reprompted, scores["reprompted"]);
}

// Answers that look at no text.
void add_baselines(const Question& question, Scores& scores) {
  each_case(question, [&](std::size_t frame, std::size_t row, std::size_t named, std::int64_t) {
    const auto& objects = question.objects[frame];
    const auto area = [](const Mask& mask) { return std::count(mask.begin(), mask.end(), 1); };
    const auto largest =
        std::max_element(objects.begin(), objects.end(),
                         [&](const Mask& a, const Mask& b) { return area(a) < area(b); });
    scores["largest"].add(*largest, objects, named, question.needs[row]);
    scores["everything"].add(Mask(objects[0].size(), 1), objects, named, question.needs[row]);
  });
}

const char* main_branch(const Scores& scores) {
  const auto fused = scores.find("fused");
  return fused != scores.end() && fused->second.count > 0 ? "fused" : "visual";
}

nlohmann::json to_json(const Score& score) {
  nlohmann::json out = {{"miou", score.miou()}, {"right_object", score.right_object()}};
  if (score.right_by_colour() >= 0) out["right_object_colour"] = score.right_by_colour();
  if (score.right_beyond_colour() >= 0)
    out["right_object_beyond_colour"] = score.right_beyond_colour();
  return out;
}

preprocess::Image frame_of(const Question& question, std::size_t frame) {
  const auto& tensor = question.frames.frames;
  const auto size = static_cast<std::size_t>(tensor.dim(2));
  preprocess::Image image =
      preprocess::Image::allocate(static_cast<int>(size), static_cast<int>(size));
  const auto in = tensor.values<std::uint8_t>().subspan(frame * 3 * size * size, 3 * size * size);
  auto out = image.mutable_pixels();
  for (std::size_t i = 0; i < size * size; ++i)
    for (std::size_t k = 0; k < 3; ++k) out[3 * i + k] = in[k * size * size + i];
  return image;
}

Result<void> write_file(const fs::path& path, const Buffer& bytes) {
  std::ofstream out(path, std::ios::binary);
  out.write(reinterpret_cast<const char*>(bytes.data()),
            static_cast<std::streamsize>(bytes.size()));
  if (!out.flush())
    return fail(Errc::Overloaded, "cannot write {}", path.string()).with_exit(ExitCode::Storage);
  return {};
}

// The first sentence of a question on every frame: a PNG of the first, an MP4 of all.
Result<void> draw(const Pen& pen, const fs::path& folder, int number, const Question& question,
                  const at::Tensor& logits) {
  const at::Tensor masks = at_full_size(logits, question.height, question.width);
  const auto rows = static_cast<std::int64_t>(question.texts.size());
  std::vector<preprocess::Image> pictures;
  for (std::size_t frame = 0; frame < question.objects.size(); ++frame) {
    const Mask predicted = mask_of(masks, static_cast<std::int64_t>(frame) * rows);
    const Mask& truth = question.objects[frame][question.named[0]];
    pictures.push_back(panels(pen, frame_of(question, frame), truth, predicted, question.width,
                              question.height, question.texts[0],
                              fmt::format("IoU {:.2f}", iou(predicted, truth)), kDrawScale));
  }
  DESA2VA_ASSIGN(const Buffer png, preprocess::encode_png(pictures[0]));
  DESA2VA_TRY(write_file(folder / fmt::format("{:02}.png", number), png));
  if (pictures.size() == 1) return {};
  DESA2VA_ASSIGN(const Buffer mp4, preprocess::encode_mp4(pictures, {{3, 1}}));
  return write_file(folder / fmt::format("{:02}.mp4", number), mp4);
}

// Whether nothing that is scored was trained on.
bool is_held_out(const config::Config& config) {
  return std::ranges::none_of(config.eval.mixture, [&](const config::DatasetConfig& scored) {
    return std::ranges::any_of(config.data.mixture, [&](const config::DatasetConfig& trained) {
      return trained.name == scored.name && trained.split == scored.split;
    });
  });
}

Result<void> put_into_report(const std::string& run_dir, const nlohmann::json& eval) {
  const std::string path = config::report_file(run_dir);
  nlohmann::json report = nlohmann::json::object();
  if (std::ifstream in(path); in) {
    auto parsed = nlohmann::json::parse(in, nullptr, false);
    if (parsed.is_object()) report = std::move(parsed);
  }
  report["eval"] = eval;
  const std::string text = report.dump(2) + "\n";
  DESA2VA_TRY(write_file(path + ".new", Buffer::copy_of(as_bytes(text))));
  std::error_code error;
  fs::rename(path + ".new", path, error);
  if (error) return fail(Errc::Unavailable, "{}: {}", path, error.message());
  return {};
}

}  // namespace

Result<void> evaluate(const config::Config& config, const EvaluationRequest& request) {
  const std::string folder =
      config.data.tokenizer.empty() ? config.data.shards + "/tokenizer" : config.data.tokenizer;
  DESA2VA_ASSIGN(const text::Tokenizer tokenizer, text::Tokenizer::load(folder));
  const std::string store = config::checkpoint_dir(request.run_dir);
  DESA2VA_ASSIGN(const auto catalog, checkpoint::Catalog::open_read_only(store));
  DESA2VA_ASSIGN(const auto last, catalog.last_step());
  if (!request.step && !last)
    return fail(Errc::NotFound, "{} has no checkpoint yet", request.run_dir)
        .with_exit(ExitCode::Usage);
  DESA2VA_ASSIGN(auto manifest, catalog.load(request.step ? *request.step : *last));
  const std::uint64_t step = manifest.step;
  DESA2VA_ASSIGN(const auto reader, checkpoint::CheckpointReader::open(store, std::move(manifest)));

  const auto make_model = [&] {
    return tensor::guarded([&] {
      tensor::set_threads(static_cast<int>(config.service(Role::Sam2).threads));
      return std::make_unique<Model>(config, tokenizer.special().img_context,
                                     tokenizer.special().seg);
    });
  };
  DESA2VA_ASSIGN(const auto untrained, make_model());
  DESA2VA_ASSIGN(const auto trained, make_model());
  DESA2VA_TRY(tensor::guarded([&] { trained->load(reader); }).in("load the checkpoint"));

  const fs::path drawings = fs::path(request.run_dir) / "eval";
  if (request.draw) fs::create_directories(drawings);
  const Pen pen;
  Scores scores;
  Scores first;
  Scores baselines;
  int drawn = 0;
  std::int64_t count = 0;
  DESA2VA_TRY(each_question(
      config, request.samples.value_or(config.eval.samples),
      [&](const Question& question) -> Result<void> {
        DESA2VA_ASSIGN(const auto prediction, tensor::guarded([&] {
                         return trained->predict(question.batch, question.frames);
                       }));
        DESA2VA_ASSIGN(const auto before, tensor::guarded([&] {
                         return untrained->predict(question.batch, question.frames);
                       }));
        DESA2VA_TRY(tensor::guarded([&] {
          add_model(question, prediction, scores);
          add_model(question, before, first);
        }));
        add_baselines(question, baselines);
        ++count;
        if (!request.draw || drawn >= config.eval.drawings) return {};
        const at::Tensor& shown = prediction.fused.defined() ? prediction.fused : prediction.visual;
        return draw(pen, drawings, drawn++, question, shown);
      }));

  nlohmann::json eval = to_json(scores[main_branch(scores)]);
  eval["step"] = step;
  eval["samples"] = count;
  eval["held_out"] = is_held_out(config);
  for (const auto& [name, score] : scores)
    if (score.count > 0) eval["branches"][name] = to_json(score);
  eval["untrained"] = to_json(first[main_branch(first)]);
  for (const auto& [name, score] : baselines) eval["baselines"][name] = to_json(score);
  return put_into_report(request.run_dir, eval);
}

}  // namespace desa2va::inference
