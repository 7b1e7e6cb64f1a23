#include "common/synth/synth.h"

#include <signal.h>
#include <unistd.h>

#include <cerrno>
#include <fstream>
#include <sstream>

#include "common/preprocess/text/templates.h"
#include "common/synth/bpe_trainer.h"
#include "common/synth/layouts.h"

namespace desa2va::synth {

namespace fs = std::filesystem;

namespace {

constexpr int kHeldoutNumber = 900'001;  // numbers of held-out scenes start here
constexpr std::string_view kMaking = ".making-";

std::string marker_text(const SynthRecipe& recipe) {
  return fmt::format("# synthetic data set {}\n{}", recipe.hash().hex(), describe(recipe));
}

std::string file_text(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream out;
  out << in.rdbuf();
  return out.str();
}

struct Counter {
  const Progress& progress;
  int done = 0, all = 0;
  Result<void> step() {
    ++done;
    if (progress && !progress(done, all))
      return fail(Errc::Cancelled, "stopped after {} of {} scenes", done, all);
    return {};
  }
};

Result<void> make_train(const SynthRecipe& recipe, const SynthPaths& paths, Counter& counter,
                        Record& record) {
  RefCocoLayout images(recipe, paths.train(), "train");
  LlavaLayout questions(recipe, paths.train());
  for (int i = 0; i < recipe.train_images; ++i) {
    const Scene scene = make_scene(recipe, fmt::format("train/image/{}", i), 1);
    DESA2VA_ASSIGN(const fs::path jpeg, images.add(scene, i + 1, record));
    if (i < recipe.qa_images) DESA2VA_TRY(questions.add(scene, i + 1, jpeg, record));
    DESA2VA_TRY(counter.step());
  }
  DESA2VA_TRY(images.finish());
  DESA2VA_TRY(questions.finish());
  RefSavLayout videos(recipe, paths.train());
  for (int i = 0; i < recipe.train_videos; ++i) {
    const Scene scene =
        make_scene(recipe, fmt::format("train/video/{}", i), recipe.annotated_frames);
    DESA2VA_TRY(videos.add(scene, i + 1, record));
    DESA2VA_TRY(counter.step());
  }
  return videos.finish();
}

Result<void> make_heldout(const SynthRecipe& recipe, const SynthPaths& paths, Counter& counter,
                          Record& record) {
  RefCocoLayout images(recipe, paths.heldout(), "val");
  for (int i = 0; i < recipe.heldout_images; ++i) {
    const Scene scene = make_scene(recipe, fmt::format("heldout/image/{}", i), 1, Use::Heldout);
    DESA2VA_TRY(images.add(scene, kHeldoutNumber + i, record));
    DESA2VA_TRY(counter.step());
  }
  DESA2VA_TRY(images.finish());
  RefSavLayout videos(recipe, paths.heldout());
  for (int i = 0; i < recipe.heldout_videos; ++i) {
    const Scene scene = make_scene(recipe, fmt::format("heldout/video/{}", i),
                                   recipe.annotated_frames, Use::Heldout);
    DESA2VA_TRY(videos.add(scene, kHeldoutNumber + i, record));
    DESA2VA_TRY(counter.step());
  }
  return videos.finish();
}

// The vocabulary learns from the training text and from the sentences that the templates put around
// it, each template as often as the next, so that their words become whole tokens.
Result<void> make_vocabulary(const SynthRecipe& recipe, const SynthPaths& paths,
                             const Record& record) {
  std::vector<std::string> texts = record.expressions;
  texts.insert(texts.end(), record.answers.begin(), record.answers.end());
  const auto questions = text::segmentation_questions();
  const auto answers = text::segmentation_answers();
  for (std::size_t i = 0; i < record.expressions.size(); ++i) {
    texts.push_back(text::fill(questions[i % questions.size()], record.expressions[i]));
    texts.push_back(text::fill(text::description_question(), record.expressions[i]));
    const std::string_view answer = answers[i % answers.size()];
    texts.emplace_back(answer.substr(0, answer.find('[')));  // without its added token
    texts.emplace_back("user\n");
    texts.emplace_back("assistant\n");
  }
  BpeTraining training;
  training.vocabulary = static_cast<std::size_t>(recipe.vocabulary);
  training.added = default_added_tokens();
  DESA2VA_ASSIGN(const text::Vocabulary vocabulary, train_bpe(texts, training));
  return text::write_vocabulary(vocabulary, paths.tokenizer());
}

Result<void> make_all(const SynthRecipe& recipe, const SynthPaths& paths,
                      const Progress& progress) {
  Counter counter{
      progress, 0,
      recipe.train_images + recipe.train_videos + recipe.heldout_images + recipe.heldout_videos};
  Record record;
  DESA2VA_TRY(make_train(recipe, paths, counter, record));
  DESA2VA_TRY(make_vocabulary(recipe, paths, record));  // sees no held-out text
  DESA2VA_TRY(make_heldout(recipe, paths, counter, record));
  DESA2VA_TRY(write_file(paths.needs(), record.needs.dump(1)));
  return write_file(paths.marker(), marker_text(recipe));
}

// What makers that no longer live left beside `folder`.
void remove_leftovers(const fs::path& folder) {
  std::error_code error;
  const std::string prefix = folder.filename().string() + std::string(kMaking);
  for (const auto& entry : fs::directory_iterator(folder.parent_path(), error)) {
    const std::string name = entry.path().filename().string();
    if (!name.starts_with(prefix)) continue;
    const int pid = std::atoi(name.c_str() + prefix.size());
    if (pid > 0 && kill(pid, 0) != 0 && errno == ESRCH) fs::remove_all(entry.path(), error);
  }
}

}  // namespace

Result<SynthPaths> make(const SynthRecipe& recipe, const fs::path& wanted,
                        const Progress& progress) {
  DESA2VA_TRY(check(recipe));
  const fs::path folder = fs::absolute(wanted).lexically_normal();
  if (fs::exists(folder)) {
    return fail(Errc::InvalidArgument, "{}: exists already; name a folder that does not",
                folder.string());
  }
  std::error_code error;
  fs::create_directories(folder.parent_path(), error);
  remove_leftovers(folder);
  const fs::path making = folder.string() + std::string(kMaking) + std::to_string(getpid());
  fs::remove_all(making, error);
  if (auto made = make_all(recipe, {making}, progress); !made) {
    fs::remove_all(making, error);
    return std::move(made.error()).in("making " + folder.string());
  }
  fs::rename(making, folder, error);
  if (error) {
    const std::string reason = error.message();
    fs::remove_all(making, error);
    if (file_text(SynthPaths{folder}.marker()) == marker_text(recipe)) return SynthPaths{folder};
    return fail(Errc::Unavailable, "{}: {}", folder.string(), reason);
  }
  return SynthPaths{folder};
}

Result<SynthPaths> ensure(const SynthRecipe& recipe, const fs::path& store,
                          const Progress& progress, const FileLock::Wait& wait) {
  const std::string name = "shapes-" + recipe.hash().hex().substr(0, 16);
  const fs::path folder = fs::absolute(store).lexically_normal() / name;
  const SynthPaths paths{folder};
  if (!fs::exists(folder)) {
    DESA2VA_ASSIGN(const auto lock,
                   FileLock::acquire(folder.parent_path() / ("." + name + ".lock"), wait));
    if (!fs::exists(folder)) return make(recipe, folder, progress);
  }
  if (file_text(paths.marker()) != marker_text(recipe)) {
    return fail(Errc::Corrupt, "{}: not what its name says (recipe.txt differs); remove it",
                folder.string());
  }
  return paths;
}

Result<Needs> Needs::load(const fs::path& file) {
  if (!fs::exists(file)) return fail(Errc::NotFound, "{}: not there", file.string());
  const auto root = nlohmann::json::parse(file_text(file), nullptr, false);
  Needs needs;
  if (!root.is_object()) return fail(Errc::Corrupt, "{}: not a JSON object", file.string());
  for (const auto& [dataset, samples] : root.items()) {
    for (const auto& [sample, texts] : samples.items()) {
      if (!texts.is_object()) {
        return fail(Errc::Corrupt, "{}: {}/{} is not an object", file.string(), dataset, sample);
      }
      for (const auto& [text, need] : texts.items()) {
        if (!need.is_string()) {
          return fail(Errc::Corrupt, "{}: \"{}\" has no word", file.string(), text);
        }
        needs.needs_[dataset + "\n" + sample + "\n" + text] = need.get<std::string>();
      }
    }
  }
  return needs;
}

std::optional<std::string> Needs::find(std::string_view dataset, std::string_view sample,
                                       std::string_view text) const {
  const auto found = needs_.find(fmt::format("{}\n{}\n{}", dataset, sample, text));
  if (found == needs_.end()) return std::nullopt;
  return found->second;
}

}  // namespace desa2va::synth
