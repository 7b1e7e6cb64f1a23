// Multiple choice: SEED-Bench (pictures) as seed_bench/SEED-Bench.json with seed_bench/
// SEED-Bench-image/<data_id>, and Video-MME as video_mme/videomme.json or .jsonl with
// video_mme/data/<videoID>.mp4. One sample is one question; its answer is the letter.
#include <array>
#include <fstream>

#include <fmt/format.h>

#include "common/datasets/choice_questions.h"
#include "common/datasets/importers/importers.h"
#include "common/datasets/sample_work.h"

namespace desa2va::datasets {

namespace {

constexpr const char* kSeedFile = "seed_bench/SEED-Bench.json";
constexpr const char* kSeedImages = "seed_bench/SEED-Bench-image";
constexpr std::array kVideoMmeFiles = {"video_mme/videomme.json", "video_mme/videomme.jsonl"};
constexpr const char* kVideoMmeVideos = "video_mme/data";

// The first of some endings with which the file is there; the first of all if none is.
std::string with_ending(const DataTree& tree, const std::string& path,
                        std::span<const char* const> endings) {
  for (const char* ending : endings)
    if (tree.has(path + ending)) return path + ending;
  return path + endings[0];
}

Sample choice_sample(const ChoiceQuestion& question, std::string_view dataset,
                     std::string_view split, SampleKind kind) {
  Sample sample;
  sample.dataset = dataset;
  sample.split = split;
  sample.id = question.id;
  sample.kind = kind;
  const std::string place = kind == SampleKind::ImageQa ? "<image>\n" : "";
  sample.turns = {{place + choice_prompt(question), std::string(1, question.answer)}};
  nlohmann::json options = nlohmann::json::object();
  for (const auto& [letter, text] : question.options) options[std::string(1, letter)] = text;
  sample.source =
      nlohmann::json{{"question_id", question.id}, {"question", question.text},
                     {"options", options},         {"answer", std::string(1, question.answer)},
                     {"groups", question.groups},  {"media", question.media}}
          .dump();
  return sample;
}

Result<std::vector<ChoiceQuestion>> questions_in(const DataTree& tree, const std::string& path) {
  std::vector<ChoiceQuestion> questions;
  if (path.ends_with(".jsonl")) {
    DESA2VA_ASSIGN(const std::filesystem::path full, tree.below(path));
    std::ifstream file(full);
    std::string line;
    for (std::size_t number = 1; std::getline(file, line); ++number) {
      if (line.find_first_not_of(" \t\r") == std::string::npos) continue;
      DESA2VA_TRY(with_json_errors(fmt::format("{}:{}", path, number), [&] {
        return read_choice_questions(Json::parse(line), questions);
      }));
    }
    return questions;
  }
  DESA2VA_ASSIGN(const Json document, read_json(tree, path));
  DESA2VA_TRY(with_json_errors(path, [&] { return read_choice_questions(document, questions); }));
  return questions;
}

std::vector<std::string> seed_splits(const std::filesystem::path& root) {
  if (DataTree(root).has(kSeedFile)) return {"image"};
  return {};
}

Result<void> import_seed(const ImportRequest& request, ImportSink& sink) {
  const DataTree tree(request.root);
  if (!tree.has(kSeedFile) || !wants(request, "image")) return {};
  static constexpr std::array kEndings = {"", ".jpg", ".png"};
  sink.expect(weight_of(tree, kSeedFile));
  DESA2VA_ASSIGN(const auto questions, questions_in(tree, kSeedFile));
  SplitInfo info{"seed", "image", 0, 0, ""};
  std::uint64_t videos = 0;
  SampleWork work(tree, request, sink);
  for (const ChoiceQuestion& question : questions) {
    if (question.data_type != "image" && !question.data_type.empty()) {
      ++videos;  // the questions about videos are another benchmark's
      continue;
    }
    DESA2VA_TRY(work.add(question.text.size(), [&](MediaLoader& loader) -> Result<Sample> {
      Sample sample = choice_sample(question, "seed", "image", SampleKind::ImageQa);
      const std::string path = fmt::format("{}/{}", kSeedImages, question.media);
      DESA2VA_ASSIGN(const LoadedMedia media, loader.image(with_ending(tree, path, kEndings)));
      add_media(sample, media);
      return sample;
    }));
  }
  info.source = nlohmann::json{{"annotation_file", kSeedFile}, {"video_questions", videos}}.dump();
  return work.split_done(info);
}

std::string videomme_file(const DataTree& tree) {
  for (const char* file : kVideoMmeFiles)
    if (tree.has(file)) return file;
  return "";
}

std::vector<std::string> videomme_splits(const std::filesystem::path& root) {
  if (!videomme_file(DataTree(root)).empty()) return {"test"};
  return {};
}

Result<void> import_videomme(const ImportRequest& request, ImportSink& sink) {
  const DataTree tree(request.root);
  const std::string annotations = videomme_file(tree);
  if (annotations.empty() || !wants(request, "test")) return {};
  static constexpr std::array kEndings = {".mp4", ".mkv", ".webm"};
  sink.expect(weight_of(tree, annotations));
  DESA2VA_ASSIGN(const auto questions, questions_in(tree, annotations));
  SplitInfo info{"videomme", "test", 0, 0, ""};
  SampleWork work(tree, request, sink);
  for (const ChoiceQuestion& question : questions) {
    DESA2VA_TRY(work.add(question.text.size(), [&](MediaLoader& loader) -> Result<Sample> {
      Sample sample = choice_sample(question, "videomme", "test", SampleKind::VideoQa);
      const std::string path = fmt::format("{}/{}", kVideoMmeVideos, question.media);
      DESA2VA_ASSIGN(const LoadedMedia media, loader.video(with_ending(tree, path, kEndings)));
      add_media(sample, media);
      return sample;
    }));
  }
  info.source = nlohmann::json{{"annotation_file", annotations}}.dump();
  return work.split_done(info);
}

}  // namespace

Importer seed_importer() {
  return {"seed", "SEED-Bench: multiple choice about pictures", seed_splits, import_seed};
}

Importer videomme_importer() {
  return {"videomme", "Video-MME: multiple choice about videos", videomme_splits, import_videomme};
}

}  // namespace desa2va::datasets
