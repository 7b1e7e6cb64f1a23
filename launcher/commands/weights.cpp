#include "launcher/commands/weights.h"

#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <memory>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include "common/base/clock.h"
#include "launcher/commands/interrupt.h"
#include "launcher/weights/export.h"
#include "launcher/weights/import.h"

namespace desa2va::launcher {
namespace {

using Json = nlohmann::ordered_json;

// "imported 1.2 GiB of 7.4 GiB" on standard error, every two seconds.
class ProgressLine {
 public:
  explicit ProgressLine(std::string verb) : verb_(std::move(verb)) {}
  void operator()(std::uint64_t done, std::uint64_t all) {
    const std::int64_t now = clock_.now_ns();
    if (now - said_ns_ < 2'000'000'000) return;
    if (said_ns_ != 0)
      fmt::print(stderr, "{} {} of {}\n", verb_, format_bytes(done), format_bytes(all));
    said_ns_ = now;
  }

 private:
  const std::string verb_;
  const SystemClock clock_;
  std::int64_t said_ns_ = 0;
};

struct ImportOptions {
  ImportRequest request;
  std::string dtype = "f32";
  bool json = false;
};

Result<ExitCode> import_command(const ImportOptions& options) {
  ImportRequest request = options.request;
  request.keep_dtype = options.dtype == "keep";
  auto progress = std::make_shared<ProgressLine>("imported");
  auto done = import_weights(
      request, [progress](std::uint64_t part, std::uint64_t all) { (*progress)(part, all); });
  if (!done) return std::move(done.error());
  for (const auto& note : done->notes) fmt::print(stderr, "note: {}\n", note);
  if (!done->skipped.empty())
    fmt::print(stderr, "note: {} tensors have no place in the model and were passed over: {}{}\n",
               done->skipped.size(), done->skipped.front(),
               done->skipped.size() > 1 ? ", ..." : "");
  if (options.json) {
    const Json document = {{"run", done->run_dir},
                           {"store", done->store},
                           {"step", 0},
                           {"tensors", done->tensors},
                           {"bytes", done->bytes},
                           {"imported", done->imported},
                           {"copied", done->copied},
                           {"initialised", done->initialised},
                           {"embedding_rows", {done->old_rows, done->rows}},
                           {"skipped", done->skipped},
                           {"notes", done->notes}};
    fmt::print("{}\n", document.dump(1, ' ', false, Json::error_handler_t::replace));
    return ExitCode::Done;
  }
  fmt::print(
      "{}: {} tensors, {}: {} from the files, {} copies, {} initialised; embedding {} -> {} rows\n"
      "train from it:  desa2va run CONFIG init.from={}\n",
      done->run_dir, done->tensors, format_bytes(done->bytes), done->imported, done->copied,
      done->initialised, done->old_rows, done->rows, done->run_dir);
  return ExitCode::Done;
}

struct ExportOptions {
  ExportRequest request;
  std::string format = "sa2va";
  std::string dtype;
  std::string shard_size = "5GB";
  bool json = false;
};

// "5GB", "200MB", "1GiB", "1000".
Result<std::uint64_t> bytes_from(const std::string& text) {
  std::size_t end = 0;
  double number = 0;
  try {
    number = std::stod(text, &end);
  } catch (const std::exception&) {
    end = 0;
  }
  const std::string unit = text.substr(end);
  static const std::map<std::string, double> kUnits = {
      {"", 1},     {"B", 1},        {"KB", 1e3},        {"MB", 1e6},
      {"GB", 1e9}, {"KiB", 1024.0}, {"MiB", 1048576.0}, {"GiB", 1073741824.0}};
  const auto found = kUnits.find(unit);
  if (end == 0 || found == kUnits.end() || !(number * found->second >= 1) ||
      number * found->second > 1e18)
    return fail(Errc::InvalidArgument,
                "--shard-size: '{}'; allowed: a size of at least 1 byte, such as 5GB or 200MiB",
                text);
  return static_cast<std::uint64_t>(number * found->second);
}

Result<ExitCode> export_command(const ExportOptions& options) {
  ExportRequest request = options.request;
  request.format = options.format == "sa2va"         ? ExportFormat::Sa2va
                   : options.format == "safetensors" ? ExportFormat::Safetensors
                                                     : ExportFormat::Peft;
  if (!options.dtype.empty() && options.dtype != "keep") {
    DESA2VA_ASSIGN(request.dtype, dtype_from(options.dtype));
  }
  DESA2VA_ASSIGN(request.shard_bytes, bytes_from(options.shard_size));
  const Interrupt interrupt;
  request.stop = interrupt.token();
  auto progress = std::make_shared<ProgressLine>("exported");
  auto done = export_weights(
      request, [progress](std::uint64_t part, std::uint64_t all) { (*progress)(part, all); });
  if (!done) {
    if (done.error().code() == Errc::Corrupt)
      return std::move(done.error()).with_exit(ExitCode::Storage);
    return std::move(done.error());
  }
  for (const auto& note : done->notes) fmt::print(stderr, "note: {}\n", note);
  if (options.json) {
    const Json document = {{"to", request.to},     {"format", options.format},
                           {"step", done->step},   {"tensors", done->tensors},
                           {"bytes", done->bytes}, {"files", done->files},
                           {"notes", done->notes}};
    fmt::print("{}\n", document.dump(1, ' ', false, Json::error_handler_t::replace));
    return ExitCode::Done;
  }
  fmt::print("{}: step {}, {} tensors, {}: {}\n", request.to, done->step, done->tensors,
             format_bytes(done->bytes), fmt::join(done->files, " "));
  return ExitCode::Done;
}

}  // namespace

void add_import(CLI::App& group, Chosen& chosen) {
  auto options = std::make_shared<ImportOptions>();
  auto& request = options->request;
  auto* command = group.add_subcommand(
      "import", "published weights into a run directory: InternVL2.5 and SAM-2, or a Sa2VA");
  command->add_option("--internvl", request.internvl,
                      "directory of an InternVL2.5 (config.json, tokenizer, safetensors)");
  command->add_option("--sam2", request.sam2, "SAM-2 weights: .pt or .safetensors");
  command->add_option("--sa2va", request.sa2va,
                      "directory of a published Sa2VA or of `ckpt export`; instead of the two");
  command->add_option("--checkpoint", request.checkpoint,
                      "reference training checkpoint (.pth), or a file or directory of "
                      "`ckpt export --format safetensors`; on top of the others");
  command->add_option("--to", request.to, "run directory or store that is made")->required();
  command->add_option("--config", request.config,
                      "YAML file with keys of the method (default: the defaults)");
  command->add_option("--tokenizer", request.tokenizer,
                      "directory of the tokenizer (default: that of the model)");
  command
      ->add_option("--dtype", options->dtype,
                   "element type in the store: f32 (default, as ranks hold it) or keep (as in the "
                   "files)")
      ->check(CLI::IsMember({"f32", "keep"}));
  command->add_flag("--skip-unexpected", request.skip_unexpected,
                    "pass over tensors that have no place in the model");
  command->add_flag("--ignore-checksums", request.ignore_checksums,
                    "take .pt files whose CRC-32 does not hold");
  command->add_flag("--replace", request.replace, "replace an earlier import in the directory");
  command->add_flag("--json", options->json, "one JSON document on standard output");
  command->add_option("KEY=VALUE", request.overrides, "configuration keys, over those of --config");
  command->callback(
      [&chosen, options] { chosen.action = [options] { return import_command(*options); }; });
}

void add_export(CLI::App& group, Chosen& chosen) {
  auto options = std::make_shared<ExportOptions>();
  auto& request = options->request;
  auto* command = group.add_subcommand(
      "export", "the weights of a run for other programs, LoRA merged where the format has none");
  command
      ->add_option("run", request.run,
                   "run directory or store, with @STEP for another than the last step")
      ->required();
  command
      ->add_option(
          "--format", options->format,
          "sa2va (default: published Hugging Face layout), safetensors (every tensor under "
          "its own name), peft (LoRA adapter)")
      ->check(CLI::IsMember({"sa2va", "safetensors", "peft"}));
  command->add_option("--to", request.to, "directory that is made")->required();
  command
      ->add_option("--dtype", options->dtype,
                   "bf16, f16, f32 or keep (default: sa2va bf16, peft f32, safetensors keep)")
      ->check(CLI::IsMember({"bf16", "f16", "f32", "keep"}));
  command->add_option("--shard-size", options->shard_size,
                      "largest file, in bytes or with a unit (default 5GB)");
  command->add_flag("--force", request.force,
                    "export what the format cannot hold in full (decoupler.stem: none)");
  command->add_flag("--replace", request.replace, "replace weights in the directory");
  command->add_flag("--json", options->json, "one JSON document on standard output");
  command->add_option("KEY=VALUE", request.overrides,
                      "configuration keys, such as export.force=true");
  command->callback(
      [&chosen, options] { chosen.action = [options] { return export_command(*options); }; });
}

}  // namespace desa2va::launcher
