#include <charconv>
#include <cstdio>

#include "common/config/load.h"
#include "common/runtime/supervision/run_loop.h"
#include "services/inference/evaluation.h"

// desa2va-inference eval --run=DIR [--step=N] [--samples=N] [--no-drawings] [--ready-fd=N]: what
// `desa2va eval` starts; the launcher itself never links LibTorch.
namespace {

using namespace desa2va;

struct Arguments {
  inference::EvaluationRequest request;
  int ready_fd = -1;
};

Result<Arguments> parse(int argc, char** argv) {
  Arguments out;
  const auto number = [](std::string_view text, auto& into) {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), into);
    return error == std::errc() && end == text.data() + text.size();
  };
  for (int i = 1; i < argc; ++i) {
    const std::string_view word = argv[i];
    bool good = i == 1 && word == "eval";
    if (word == "--no-drawings") {
      out.request.draw = false;
      good = true;
    } else if (word.starts_with("--run=")) {
      out.request.run_dir = word.substr(6);
      good = true;
    } else if (word.starts_with("--step=")) {
      good = number(word.substr(7), out.request.step.emplace());
    } else if (word.starts_with("--samples=")) {
      good = number(word.substr(10), out.request.samples.emplace()) && *out.request.samples > 0;
    } else if (word.starts_with("--ready-fd=")) {
      good = number(word.substr(11), out.ready_fd);
    }
    if (!good)
      return fail(Errc::InvalidArgument, "'{}' is not understood; use `desa2va eval RUN`", word)
          .with_exit(ExitCode::Usage);
  }
  return out;
}

}  // namespace

int main(int argc, char** argv) {
  const auto arguments = parse(argc, argv);
  supervision::Readiness readiness(arguments ? arguments->ready_fd : -1);
  if (!arguments) return supervision::report_failure(arguments.error(), readiness);
  const auto config = config::load_run(arguments->request.run_dir);
  if (!config) return supervision::report_failure(config.error(), readiness);
  readiness.announce();
  const auto done = inference::evaluate(*config, arguments->request);
  return done ? 0 : supervision::report_failure(done.error(), readiness);
}
