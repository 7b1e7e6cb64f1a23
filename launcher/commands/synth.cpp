#include <unistd.h>

#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "common/synth/synth.h"
#include "launcher/commands/command.h"

namespace desa2va::launcher {
namespace {

struct SynthOptions {
  std::string out;
  std::vector<std::string> fields;  // name=value
  bool json = false;
};

Result<synth::SynthRecipe> recipe_of(const SynthOptions& options) {
  synth::SynthRecipe recipe;
  for (const auto& field : options.fields) {
    const auto equals = field.find('=');
    if (equals == std::string::npos) {
      return fail(Errc::InvalidArgument, "'{}': expected FIELD=VALUE, see --help", field);
    }
    DESA2VA_TRY(synth::set(recipe, field.substr(0, equals), field.substr(equals + 1)));
  }
  DESA2VA_TRY(synth::check(recipe));
  return recipe;
}

Result<ExitCode> make_synthetic(const SynthOptions& options) {
  DESA2VA_ASSIGN(const auto recipe, recipe_of(options));
  const bool terminal = ::isatty(STDERR_FILENO) != 0;
  synth::Progress progress;
  if (terminal) {
    progress = [](int done, int all) {
      fmt::print(stderr, "\r{} of {} scenes", done, all);
      return true;
    };
  }
  auto made = synth::make(recipe, options.out, progress);
  if (terminal) fmt::print(stderr, "\n");
  if (!made) return std::move(made.error());
  if (options.json) {
    const nlohmann::ordered_json document = {
        {"recipe", recipe.hash().hex()},           {"root", made->root.string()},
        {"train", made->train().string()},         {"heldout", made->heldout().string()},
        {"tokenizer", made->tokenizer().string()}, {"needs", made->needs().string()}};
    fmt::print("{}\n", document.dump(1));
  } else {
    fmt::print("{}: {} training and {} held-out scenes, recipe {}\n", made->root.string(),
               recipe.train_images + recipe.train_videos,
               recipe.heldout_images + recipe.heldout_videos, recipe.hash().hex());
    fmt::print("shards of it: desa2va shards import refcoco {} OUT (or refsav, llava)\n",
               made->train().string());
  }
  return ExitCode::Done;
}

}  // namespace

void add_synth(CLI::App& shards, Chosen& chosen) {
  auto options = std::make_shared<SynthOptions>();
  auto* command = shards.add_subcommand(
      "synth", "make images, videos, questions and a vocabulary of moving shapes, seeded");
  command->add_option("out", options->out, "folder to make; it must not exist")->required();
  command->add_option("field", options->fields, "FIELD=VALUE of the recipe, see below; repeatable");
  command->add_flag("--json", options->json, "one JSON document on standard output");
  const synth::SynthRecipe defaults;
  std::string about = "Fields of the recipe:";
  for (const auto& field : synth::recipe_fields()) {
    about += fmt::format("\n  {:24} {} ({})", field.name, field.meaning, field.allowed);
  }
  about += "\nDefaults:\n" + synth::describe(defaults);
  command->footer(about);
  command->callback(
      [&chosen, options] { chosen.action = [options] { return make_synthetic(*options); }; });
}

}  // namespace desa2va::launcher
