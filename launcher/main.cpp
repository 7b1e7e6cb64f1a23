#include <cstdio>
#include <cstdlib>

#include "launcher/commands/command.h"

namespace {

using namespace desa2va;

int exit_code_of(const Error& error) {
  if (error.exit_code() != 0) return error.exit_code();
  switch (error.code()) {
    case Errc::InvalidArgument:
    case Errc::NotFound:
      return static_cast<int>(ExitCode::Usage);
    case Errc::Corrupt:
      return static_cast<int>(ExitCode::Data);
    case Errc::Unavailable:
    case Errc::Timeout:
      return static_cast<int>(ExitCode::Service);
    case Errc::Overloaded:
      return static_cast<int>(ExitCode::Storage);
    case Errc::Cancelled:
      return static_cast<int>(ExitCode::Interrupted);
    case Errc::Internal:
      break;
  }
  return static_cast<int>(ExitCode::Bug);
}

// Of the programs started from here: their operators' threads sleep between operators instead of
// spinning, since several of these programs share the processors of a host. Read when a program's
// OpenMP library is loaded, so it must be in its environment; what the user set is left alone.
void let_waiting_threads_sleep() {
  ::setenv("OMP_WAIT_POLICY", "passive", /*overwrite=*/0);
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("DeSa2VA: train, watch and evaluate reasoning video segmentation.", "desa2va");
  app.require_subcommand(1);
  app.set_version_flag("--version", DESA2VA_VERSION);
  launcher::Chosen chosen;
  launcher::add_run(app, chosen);
  launcher::add_demo(app, chosen);
  launcher::add_segment(app, chosen);
  launcher::add_eval(app, chosen);
  launcher::add_shards(app, chosen);
  launcher::add_ckpt(app, chosen);
  launcher::add_trace(app, chosen);
  launcher::add_doctor(app, chosen);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    const int code = app.exit(error, std::cout, std::cerr);
    return code == 0 ? 0 : static_cast<int>(ExitCode::Usage);
  }
  let_waiting_threads_sleep();
  const Result<ExitCode> result = chosen.action();
  if (result) return static_cast<int>(*result);
  std::fprintf(stderr, "desa2va: %s\n", result.error().message().c_str());
  return exit_code_of(result.error());
}
