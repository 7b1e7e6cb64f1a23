#include <algorithm>

#include "common/synth/draws.h"
#include "common/synth/layouts.h"

namespace desa2va::synth {

namespace fs = std::filesystem;

namespace {

struct Qa {
  std::string question, answer;
};

std::string capital(std::string text) {
  text[0] = static_cast<char>(text[0] - 'a' + 'A');
  return text;
}

// Everything that can be asked about a scene with a sure answer.
std::vector<Qa> questions(const SynthRecipe& recipe, const Scene& scene, Draws& draws) {
  constexpr std::array<std::string_view, 9> kNumbers = {"no",   "one", "two",   "three", "four",
                                                        "five", "six", "seven", "eight"};
  std::vector<Qa> out;
  const auto count = [&](auto&& predicate) {
    return std::count_if(scene.objects.begin(), scene.objects.end(), predicate);
  };
  const auto number = [&](auto n) { return std::string(kNumbers[static_cast<std::size_t>(n)]); };
  out.push_back({"How many shapes are there?", capital(number(scene.objects.size())) + "."});

  for (const Object& object : scene.objects) {
    const auto same_kind = [&](const Object& q) { return q.kind == object.kind; };
    const auto same_colour = [&](const Object& q) { return q.colour == object.colour; };
    if (count(same_kind) == 1) {
      out.push_back(
          {fmt::format("What colour is the {}?", object.kind), capital(object.colour) + "."});
      out.push_back({fmt::format("Is the {} small or large?", object.kind),
                     object.large ? "Large." : "Small."});
    }
    if (count(same_colour) == 1) {
      out.push_back(
          {fmt::format("What is the {} shape?", object.colour), fmt::format("A {}.", object.kind)});
    }
  }
  for (int z = 0; z < kZones; ++z) {
    const auto here = [&](const Object& q) { return q.always[static_cast<std::size_t>(z)]; };
    if (count(here) != 1) continue;
    const Object& object = *std::find_if(scene.objects.begin(), scene.objects.end(), here);
    out.push_back(
        {fmt::format("What is {}?", words(static_cast<Zone>(z))),
         fmt::format("A {} {} {}.", object.large ? "large" : "small", object.colour, object.kind)});
  }
  const std::string& colour = draws.pick(recipe.colours);
  const bool there = count([&](const Object& q) { return q.colour == colour; }) > 0;
  out.push_back({fmt::format("Is there a {} shape?", colour), there ? "Yes." : "No."});
  return out;
}

}  // namespace

LlavaLayout::LlavaLayout(const SynthRecipe& recipe, const fs::path& root)
    : recipe_(recipe), folder_(root / "llava_data") {}

Result<void> LlavaLayout::add(const Scene& scene, int number, const fs::path& jpeg,
                              Record& record) {
  const std::string image = fmt::format("coco/train2017/{:012}.jpg", number);
  const fs::path path = folder_ / "llava_images" / image;
  std::error_code error;
  fs::create_directories(path.parent_path(), error);
  fs::copy_file(jpeg, path, error);
  if (error) return fail(Errc::Overloaded, "{}: {}", path.string(), error.message());

  Draws draws(recipe_.seed, scene.id + "/questions");
  std::vector<Qa> asked = questions(recipe_, scene, draws);
  draws.shuffle(asked);
  asked.resize(std::min(asked.size(), static_cast<std::size_t>(recipe_.questions_per_scene)));
  nlohmann::json turns = nlohmann::json::array();
  for (const Qa& qa : asked) {
    turns.push_back(
        {{"from", "human"}, {"value", (turns.empty() ? "<image>\n" : "") + qa.question}});
    turns.push_back({{"from", "gpt"}, {"value", qa.answer}});
    record.answers.push_back(qa.question);
    record.answers.push_back(qa.answer);
  }
  entries_.push_back(
      {{"id", fmt::format("{:012}", number)}, {"image", image}, {"conversations", turns}});
  return {};
}

Result<void> LlavaLayout::finish() {
  return write_file(folder_ / "LLaVA-Instruct-150K" / "llava_v1_5_mix665k.json", entries_.dump());
}

}  // namespace desa2va::synth
