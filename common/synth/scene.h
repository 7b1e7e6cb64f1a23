#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "common/synth/recipe.h"

// What is in a scene, before it is drawn: a function of (recipe, name).
namespace desa2va::synth {

enum class Motion : std::uint8_t { Still, Left, Right, Up, Down };

// Where a centre is; an object may be in several zones at once, or in none.
enum class Zone : std::uint8_t { Left, Right, Top, Bottom, Middle };
inline constexpr int kZones = 5;

struct Paint {
  std::array<double, 3> rgb{};
  int texture = 0;  // 0 plain, 1 stripes, 2 checks
  double phase = 0;
};

struct Object {
  std::string colour;
  std::string kind;
  bool large = false;
  double radius = 0;  // pixels
  Motion motion = Motion::Still;
  double speed = 0;     // pixels an annotated frame
  double x = 0, y = 0;  // centre in annotated frame 0; x right, y down
  Paint paint;
  std::array<bool, kZones> always{};     // in this zone in every annotated frame
  std::array<bool, kZones> sometimes{};  // in at least one

  double x_at(double t) const;  // t in annotated frames
  double y_at(double t) const;
};

// Why an expression finds its object: the one attribute that tells it from those that share the
// colour that was said.
enum class Need : std::uint8_t { Colour, Kind, Size, Position, Several };
std::string_view name(Need need);

struct Sentence {
  std::string text;  // "the small red ring on the left"
  Need need = Need::Colour;
};

struct Background {
  double level = 0, angle = 0, slope = 0;
  std::array<double, 3> tint{};
  std::vector<double> patches;  // 8 x 8
};

struct Scene {
  std::string id;               // "train/video/17"
  int frames = 1;               // annotated ones; 1: an image
  std::vector<Object> objects;  // later ones are in front
  Background background;
  std::vector<std::vector<Sentence>> sentences;  // of each object, at least one each
};

// Only training scenes may be of one colour throughout (recipe.mono): what is held out keeps the
// natural mix.
enum class Use : std::uint8_t { Train, Heldout };

// Draws scenes until every object can be told from the others in words and all are in view.
Scene make_scene(const SynthRecipe& recipe, const std::string& id, int frames,
                 Use use = Use::Train);

// Up to recipe.expressions_per_object sentences that fit object `index` and no other.
std::vector<Sentence> describe_object(const SynthRecipe& recipe, const Scene& scene,
                                      std::size_t index, class Draws& draws);

// "on the left", "moving up", ...
std::string_view words(Zone zone);
std::string_view words(Motion motion);

}  // namespace desa2va::synth
