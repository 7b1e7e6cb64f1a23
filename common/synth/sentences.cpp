#include <algorithm>
#include <set>

#include "common/synth/draws.h"
#include "common/synth/scene.h"

namespace desa2va::synth {

namespace {

// What a sentence says of its object.
struct Said {
  bool colour = false, kind = false, size = false, motion = false;
  int zone = -1;  // -1: nothing about the place
};

bool fits(const Said& said, const Object& named, const Object& other) {
  const auto zone = static_cast<std::size_t>(said.zone);
  return (!said.colour || other.colour == named.colour) &&
         (!said.kind || other.kind == named.kind) && (!said.size || other.large == named.large) &&
         (said.zone < 0 || other.sometimes[zone]);
}

template <class Predicate>
bool no_other(const Scene& scene, std::size_t index, Predicate&& fits_too) {
  for (std::size_t i = 0; i < scene.objects.size(); ++i) {
    if (i != index && fits_too(scene.objects[i])) return false;
  }
  return true;
}

Need need_of(const Said& said, const Scene& scene, std::size_t index) {
  const Object& named = scene.objects[index];
  const auto alone = [&](const Said& part) {
    return no_other(scene, index, [&](const Object& other) { return fits(part, named, other); });
  };
  Said part;
  part.colour = said.colour;
  if (part.colour && alone(part)) return Need::Colour;
  if (said.kind) {
    Said with = part;
    with.kind = true;
    if (alone(with)) return Need::Kind;
  }
  if (said.size) {
    Said with = part;
    with.size = true;
    if (alone(with)) return Need::Size;
  }
  return said.zone >= 0 ? Need::Position : Need::Several;
}

std::string sentence(const Said& said, const Object& object) {
  std::string text = "the";
  if (said.size) text += object.large ? " large" : " small";
  if (said.colour) text += " " + object.colour;
  text += said.kind ? " " + object.kind : " shape";
  if (said.zone >= 0) text += " " + std::string(words(static_cast<Zone>(said.zone)));
  if (said.motion) text += " " + std::string(words(object.motion));
  return text;
}

}  // namespace

std::string_view name(Need need) {
  constexpr std::array<std::string_view, 5> kNames = {"colour", "kind", "size", "position",
                                                      "several"};
  return kNames[static_cast<std::size_t>(need)];
}

std::string_view words(Zone zone) {
  constexpr std::array<std::string_view, kZones> kWords = {
      "on the left", "on the right", "at the top", "at the bottom", "in the middle"};
  return kWords[static_cast<std::size_t>(zone)];
}

std::string_view words(Motion motion) {
  constexpr std::array<std::string_view, 5> kWords = {"standing still", "moving left",
                                                      "moving right", "moving up", "moving down"};
  return kWords[static_cast<std::size_t>(motion)];
}

// The sentence must be right without its motion: that is more said than needed, since a picture
// of the video alone does not show it.
std::vector<Sentence> describe_object(const SynthRecipe& recipe, const Scene& scene,
                                      std::size_t index, Draws& draws) {
  constexpr int kTries = 60;
  constexpr int kSayAll = 40;  // from here on everything is said
  const Object& object = scene.objects[index];
  std::vector<int> places;
  for (int z = 0; z < kZones; ++z) {
    if (object.always[static_cast<std::size_t>(z)]) places.push_back(z);
  }
  std::vector<Sentence> sentences;
  std::set<std::string> seen;
  for (int attempt = 0; attempt < kTries; ++attempt) {
    const bool all = attempt >= kSayAll;
    Said said;
    said.colour = draws.chance(recipe.say_colour) || all;
    said.kind = draws.chance(recipe.say_kind) || all;
    said.size = draws.chance(recipe.say_size) || all;
    const bool place = draws.chance(recipe.say_position) || all;
    const bool motion = draws.chance(recipe.say_motion);
    if (place && !places.empty()) said.zone = draws.pick(places);
    said.motion = scene.frames > 1 && motion && said.zone < 0;
    if (!no_other(scene, index, [&](const Object& q) { return fits(said, object, q); })) continue;
    std::string text = sentence(said, object);
    if (!seen.insert(text).second) continue;
    sentences.push_back({std::move(text), need_of(said, scene, index)});
    if (sentences.size() == static_cast<std::size_t>(recipe.expressions_per_object)) break;
  }
  return sentences;
}

}  // namespace desa2va::synth
