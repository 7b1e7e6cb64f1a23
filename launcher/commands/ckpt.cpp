#include <cstdio>
#include <memory>
#include <string>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include "common/storage/checkpoint/catalog.h"
#include "common/storage/checkpoint/compare.h"
#include "launcher/commands/command.h"
#include "launcher/commands/weights.h"

namespace desa2va::launcher {
namespace {

using Json = nlohmann::ordered_json;

struct CkptOptions {
  std::string a;
  std::string b;
  bool json = false;
};

// A damaged checkpoint ends with the storage's exit code, not the data's.
template <class T>
Result<T> as_storage(Result<T> result) {
  if (!result && result.error().code() == Errc::Corrupt) {
    return std::move(result.error()).with_exit(ExitCode::Storage);
  }
  return result;
}

void print_document(const Json& document) {
  fmt::print("{}\n", document.dump(1, ' ', false, Json::error_handler_t::replace));
}

std::string phase_text(Phase phase) {
  return {letter(phase)};
}

Result<ExitCode> list_checkpoints(const CkptOptions& options) {
  DESA2VA_ASSIGN(const auto address, checkpoint::parse_address(options.a));
  DESA2VA_ASSIGN(const auto catalog,
                 as_storage(checkpoint::Catalog::open_read_only(address.store)));
  DESA2VA_ASSIGN(const auto list, as_storage(catalog.list()));
  if (options.json) {
    Json document = {{"store", address.store.string()}, {"checkpoints", Json::array()}};
    for (const auto& one : list) {
      document["checkpoints"].push_back({{"step", one.step},
                                         {"phase", phase_text(one.phase)},
                                         {"position", one.position},
                                         {"tensors", one.tensors},
                                         {"bytes", one.bytes}});
    }
    print_document(document);
    return ExitCode::Done;
  }
  fmt::print("{:>10}  {:5}  {:>12}  {:>8}  {:>12}\n", "step", "phase", "microbatches", "tensors",
             "state");
  for (const auto& one : list) {
    fmt::print("{:>10}  {:5}  {:>12}  {:>8}  {:>12}\n", one.step, letter(one.phase), one.position,
               one.tensors, format_bytes(one.bytes));
  }
  return ExitCode::Done;
}

Json tensor_json(const checkpoint::TensorRecord& tensor) {
  return {{"name", tensor.name},           {"dtype", std::string(name(tensor.dtype))},
          {"shape", tensor.shape},         {"hash", tensor.hash().hex()},
          {"owner", tensor.owner},         {"bytes", tensor.bytes()},
          {"chunks", tensor.chunks.size()}};
}

Result<ExitCode> show_checkpoint(const CkptOptions& options) {
  DESA2VA_ASSIGN(const auto address, checkpoint::parse_address(options.a));
  DESA2VA_ASSIGN(const auto manifest, as_storage(checkpoint::load(address)));
  if (options.json) {
    Json document = {{"step", manifest.step},         {"phase", phase_text(manifest.phase)},
                     {"position", manifest.position}, {"facts", manifest.facts},
                     {"config", manifest.config},     {"tensors", Json::array()},
                     {"blobs", Json::array()}};
    for (const auto& tensor : manifest.tensors) document["tensors"].push_back(tensor_json(tensor));
    for (const auto& [name, bytes] : manifest.blobs) {
      document["blobs"].push_back(
          {{"name", name}, {"bytes", bytes.size()}, {"hash", content_hash(as_bytes(bytes)).hex()}});
    }
    print_document(document);
    return ExitCode::Done;
  }
  fmt::print("step {}, phase {}, {} microbatches into it\n", manifest.step, letter(manifest.phase),
             manifest.position);
  for (const auto& [name, text] : manifest.facts) fmt::print("{}: {}\n", name, text);
  for (const auto& tensor : manifest.tensors) {
    fmt::print("{:32}  {:4}  {:24}  {:12}  {}\n", tensor.hash().hex(), name(tensor.dtype),
               fmt::format("[{}]", fmt::join(tensor.shape, ", ")), tensor.owner, tensor.name);
  }
  for (const auto& [name, bytes] : manifest.blobs) {
    fmt::print("{:32}  {} bytes  {}\n", content_hash(as_bytes(bytes)).hex(), bytes.size(), name);
  }
  return ExitCode::Done;
}

Json differences_json(const std::vector<checkpoint::Difference>& list) {
  Json json = Json::array();
  for (const auto& one : list) json.push_back({{"name", one.name}, {"what", one.what}});
  return json;
}

Result<ExitCode> compare_checkpoints(const CkptOptions& options) {
  DESA2VA_ASSIGN(const auto first, checkpoint::parse_address(options.a));
  DESA2VA_ASSIGN(const auto second, checkpoint::parse_address(options.b));
  DESA2VA_ASSIGN(const auto a, as_storage(checkpoint::load(first)));
  DESA2VA_ASSIGN(const auto b, as_storage(checkpoint::load(second)));
  const auto report = checkpoint::diff(a, b);
  const bool identical = report.differences.empty();
  if (options.json) {
    print_document({{"identical", identical},
                    {"compared", report.compared},
                    {"steps", {a.step, b.step}},
                    {"differences", differences_json(report.differences)},
                    {"notes", differences_json(report.notes)}});
  } else {
    for (const auto& one : report.differences) fmt::print("{}: {}\n", one.name, one.what);
    for (const auto& one : report.notes) fmt::print(stderr, "note: {}: {}\n", one.name, one.what);
    fmt::print("{} of {} tensors and states differ\n", report.differences.size(), report.compared);
  }
  return identical ? ExitCode::Done : ExitCode::Different;
}

Result<ExitCode> verify_checkpoints(const CkptOptions& options) {
  DESA2VA_ASSIGN(const auto address, checkpoint::parse_address(options.a));
  DESA2VA_ASSIGN(const auto report, checkpoint::verify(address.store, address.step));
  if (options.json) {
    Json document = {{"store", address.store.string()},   {"ok", report.defects.empty()},
                     {"checkpoints", report.checkpoints}, {"tensors", report.tensors},
                     {"chunks", report.chunks},           {"bytes", report.bytes},
                     {"defects", Json::array()}};
    for (const auto& one : report.defects) {
      document["defects"].push_back({{"step", one.step},
                                     {"tensor", one.tensor},
                                     {"chunk", one.chunk},
                                     {"part", one.part},
                                     {"what", one.what}});
    }
    print_document(document);
  } else {
    for (const auto& one : report.defects) {
      fmt::print("step {}: tensor '{}': chunk {} in {}: {}\n", one.step, one.tensor, one.chunk,
                 one.part, one.what);
    }
    fmt::print("{} checkpoints, {} tensors, {} chunks, {}: {}\n", report.checkpoints,
               report.tensors, report.chunks, format_bytes(report.bytes),
               report.defects.empty() ? std::string("intact")
                                      : fmt::format("{} damaged", report.defects.size()));
  }
  return report.defects.empty() ? ExitCode::Done : ExitCode::Different;
}

using CkptAction = Result<ExitCode> (*)(const CkptOptions&);

CLI::App* add_ckpt_command(CLI::App& group, Chosen& chosen, const std::string& name,
                           const std::string& about, CkptAction action,
                           const std::shared_ptr<CkptOptions>& options) {
  auto* command = group.add_subcommand(name, about);
  command->add_flag("--json", options->json, "one JSON document on standard output");
  command->callback([&chosen, options, action] {
    chosen.action = [options, action] { return action(*options); };
  });
  return command;
}

}  // namespace

void add_ckpt(CLI::App& app, Chosen& chosen) {
  auto* group = app.add_subcommand(
      "ckpt", "list, show, compare, verify, fork, import and export checkpoints");
  group->require_subcommand(1);
  const std::string address = "run directory or store, with @STEP for another than the last step";
  const auto add = [&](const std::string& name, const std::string& about, CkptAction action) {
    auto options = std::make_shared<CkptOptions>();
    auto* command = add_ckpt_command(*group, chosen, name, about, action, options);
    const bool two = name == "diff";
    command->add_option(two ? "a" : "run", options->a, address)->required();
    if (two) command->add_option("b", options->b, address)->required();
  };
  add("ls", "the steps that a run can resume from", &list_checkpoints);
  add("show", "one checkpoint: position, facts, and every tensor with the hash of its content",
      &show_checkpoint);
  add("diff", "compare two by content, optimizer state included: exit 0 identical, 1 not",
      &compare_checkpoints);
  add("verify", "read every chunk and check its hash: exit 0 intact, 1 damaged (named)",
      &verify_checkpoints);
  add_ckpt_fork(*group, chosen);
  add_import(*group, chosen);
  add_export(*group, chosen);
}

}  // namespace desa2va::launcher
