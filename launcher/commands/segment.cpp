#include <cerrno>
#include <cstring>
#include <filesystem>

#include "launcher/commands/answering.h"
#include "launcher/commands/become.h"
#include "launcher/commands/command.h"
#include "launcher/run/topology.h"

namespace desa2va::launcher {
namespace fs = std::filesystem;
namespace {

struct SegmentOptions {
  std::string model, image, video;
  std::vector<std::string> texts;
  std::string out = "segment";
  std::optional<std::uint64_t> step;
  std::string ask = "auto", branch, reprompt;
  config::Overrides how;
  std::int64_t max_objects = 255;
  std::int64_t threads = 0;
  bool no_overlay = false;
  bool json = false;
};

std::vector<std::string> words_of(const SegmentOptions& options) {
  std::vector<std::string> words = {program_folder() + "/desa2va-inference", "segment"};
  const auto add = [&](const char* name, const std::string& value) {
    if (!value.empty()) words.push_back(fmt::format("--{}={}", name, value));
  };
  std::string model = fs::absolute(options.model).lexically_normal().string();
  if (model.size() > 1 && model.ends_with('/')) model.pop_back();
  add("model", model);
  add("image", options.image);
  add("video", options.video);
  for (const std::string& text : options.texts) words.push_back("--text=" + text);
  add("out", options.out);
  if (options.step) add("step", std::to_string(*options.step));
  add("ask", options.ask);
  add("branch", options.branch);
  add("reprompt", options.reprompt);
  append_words(options.how, words);
  add("max-objects", std::to_string(options.max_objects));
  add("threads", std::to_string(options.threads));
  if (options.no_overlay) words.emplace_back("--no-overlay");
  if (options.json) words.emplace_back("--json");
  return words;
}

// Becomes that program: its words appear as they come, Ctrl-C reaches it, its exit code is ours.
Result<ExitCode> segment(const SegmentOptions& options) {
  if (options.image.empty() == options.video.empty())
    return fail(Errc::InvalidArgument, "give --image FILE or --video FILE_OR_FOLDER, one of them")
        .with_exit(ExitCode::Usage);
  const auto words = words_of(options);
  supervision::ProcessSpec spec;
  spec.argv = words;
  DESA2VA_TRY(check_programs({spec}));
  become(words[0], words);
  return fail(Errc::Unavailable, "{}: {}", words[0], std::strerror(errno))
      .with_exit(ExitCode::Usage);
}

}  // namespace

void add_segment(CLI::App& app, Chosen& chosen) {
  auto options = std::make_shared<SegmentOptions>();
  auto* command = app.add_subcommand(
      "segment", "ask a model about an image or a video; its answer in words and masks");
  command
      ->add_option("--model", options->model, "run directory, or what `desa2va ckpt import` made")
      ->required();
  command->add_option("--image", options->image, "JPEG, PNG or GIF");
  command->add_option("--video", options->video, "video file, or folder of frames in name order");
  command
      ->add_option("--text", options->texts,
                   "what to look for, or a question; may be repeated, each is asked by itself")
      ->required()
      ->expected(1)
      ->allow_extra_args(false)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  command->add_option(
      "--out", options->out,
      "folder for NAME.png or NAME.mp4, masks/NAME/FRAME.png, NAME.json (default: segment)");
  command
      ->add_option("--ask", options->ask,
                   "auto: a question or request as it is, a phrase as \"Please segment PHRASE.\"; "
                   "verbatim; segment (default: auto)")
      ->check(CLI::IsMember({"auto", "verbatim", "segment"}));
  command
      ->add_option("--branch", options->branch,
                   "which masks: fused, visual, text (default: fused, visual for baselines)")
      ->check(CLI::IsMember({"fused", "visual", "text"}));
  command
      ->add_option(
          "--reprompt", options->reprompt,
          "feed the fused mask back once: on, off (default: reprompt.enabled of the model)")
      ->check(CLI::IsMember({"on", "off"}));
  add_answering(*command, options->how);
  command->add_option("--step", options->step, "checkpoint to use (default: the newest)");
  command
      ->add_option("--max-objects", options->max_objects,
                   "masks of all answers together (default: 255)")
      ->check(CLI::Range(1, 255));
  command->add_option("--threads", options->threads, "of one operator (default: 0, all cores)")
      ->check(CLI::Range(0, 1024));
  command->add_flag("--no-overlay", options->no_overlay, "masks only (default: draw too)");
  command->add_flag("--json", options->json,
                    "NAME.json on standard output too; the answer then goes to standard error");
  command->callback(
      [&chosen, options] { chosen.action = [options] { return segment(*options); }; });
}

}  // namespace desa2va::launcher
