#include <cstdio>
#include <string_view>

#include "common/config/load.h"
#include "common/runtime/supervision/run_loop.h"
#include "common/tensor/guarded.h"
#include "services/inference/arguments.h"
#include "services/inference/evaluation.h"
#include "services/inference/segment.h"
#include "services/inference/set_evaluation.h"

// desa2va-inference VERB --name=value ...: what `desa2va eval` and `desa2va segment` start; the
// launcher itself never links LibTorch.
namespace {

using namespace desa2va;

// What `eval --set` and `segment` both take: which model, and how it answers.
template <class Request>
void model_options(inference::Words::Option& option, Request& request) {
  option.text("--model", request.model);
  option.number("--step", request.step);
  option.text("--branch", request.branch);
  option.text("--video-mode", request.how.video_mode);
  option.text("--mllm-frames", request.how.mllm_frames);
  option.text("--sam2-original", request.how.sam2_original);
  option.number("--max-new-tokens", request.how.max_new_tokens);
  option.number("--threads", request.threads);
}

int eval_run(const inference::Words& words) {
  inference::EvaluationRequest request;
  bool plain = false;
  int ready_fd = -1;
  const auto parsed = words.each("eval", [&](inference::Words::Option& option) {
    option.flag("--no-drawings", plain);
    option.text("--run", request.run_dir);
    option.number("--step", request.step);
    option.number("--samples", request.samples);
    option.number("--ready-fd", ready_fd);
  });
  request.draw = !plain;
  supervision::Readiness readiness(ready_fd);
  if (!parsed) return supervision::report_failure(parsed.error(), readiness);
  const auto config = config::load_run(request.run_dir);
  if (!config) return supervision::report_failure(config.error(), readiness);
  readiness.announce();
  const auto done = inference::evaluate(*config, request);
  return done ? 0 : supervision::report_failure(done.error(), readiness);
}

// One replica of an evaluation of a whole set.
int eval_set(const inference::Words& words) {
  inference::SetRequest request;
  int ready_fd = -1;
  const auto parsed = words.each("eval", [&](inference::Words::Option& option) {
    model_options(option, request);
    option.text("--set", request.set);
    option.text("--split", request.split);
    option.text("--shards", request.shards);
    option.text("--out", request.out);
    option.flag("--all-branches", request.all_branches);
    option.number("--samples", request.samples);
    option.text("--text-sim", request.text_sim);
    option.number("--worst", request.worst);
    option.number("--part", request.part);
    option.number("--parts", request.parts);
    option.number("--ready-fd", ready_fd);
  });
  supervision::Readiness readiness(ready_fd);
  if (!parsed) return supervision::report_failure(parsed.error(), readiness);
  readiness.announce();
  supervision::StopSignals signals;
  const auto done = inference::evaluate_set(request, [&] { return signals.requested(); });
  return done ? 0 : supervision::report_failure(done.error(), readiness);
}

// In the place of `desa2va` itself, which has become this program: its words, its exit code.
int segment(const inference::Words& words) {
  inference::SegmentRequest request;
  bool no_overlay = false;
  std::string reprompt;
  auto done = words.each("segment", [&](inference::Words::Option& option) {
    model_options(option, request);
    option.text("--image", request.image);
    option.text("--video", request.video);
    option.texts("--text", request.texts);
    option.text("--out", request.out);
    option.text("--ask", request.ask);
    option.text("--reprompt", reprompt);
    option.number("--max-objects", request.max_objects);
    option.flag("--no-overlay", no_overlay);
    option.flag("--json", request.json);
  });
  request.overlay = !no_overlay;
  if (!reprompt.empty()) request.reprompt = reprompt == "on";
  supervision::StopSignals signals;
  if (done) done = inference::segment(request, [&] { return signals.requested(); });
  if (done) return 0;
  std::fflush(stdout);
  fmt::print(stderr, "desa2va: {}\n", done.error().message());
  return supervision::exit_code_for(done.error());
}

}  // namespace

int main(int argc, char** argv) {
  desa2va::tensor::settle_memory();
  const std::string_view verb = argc > 1 ? argv[1] : "";
  const inference::Words words(argc, argv);
  if (verb == "eval") return eval_run(words);
  if (verb == "eval-set") return eval_set(words);
  if (verb == "segment") return segment(words);
  fmt::print(stderr, "desa2va-inference is started by `desa2va eval` and `desa2va segment`\n");
  return static_cast<int>(ExitCode::Usage);
}
