#include "common/synth/scene.h"

#include <algorithm>
#include <map>

#include "common/synth/draws.h"

namespace desa2va::synth {

namespace {

constexpr int kTries = 1000;

std::array<double, 2> direction(Motion motion) {
  switch (motion) {
    case Motion::Left:
      return {-1, 0};
    case Motion::Right:
      return {1, 0};
    case Motion::Up:
      return {0, -1};
    case Motion::Down:
      return {0, 1};
    case Motion::Still:
      break;
  }
  return {0, 0};
}

// All brighter than the background: edges then show in every channel mixture, and a small encoder
// learns kinds in half the time.
std::array<double, 3> rgb_of(const std::string& colour) {
  static const std::map<std::string, std::array<double, 3>> table = {
      {"red", {235, 60, 50}},     {"green", {60, 200, 70}},   {"blue", {80, 120, 255}},
      {"yellow", {240, 225, 60}}, {"purple", {190, 80, 230}}, {"orange", {250, 150, 40}},
      {"cyan", {60, 220, 225}},   {"white", {240, 240, 240}}};
  return table.at(colour);
}

// The outer 38 % of a side, or the 24 % between them in both directions.
std::array<bool, kZones> zones(double x, double y, double size) {
  const double low = 0.38 * size;
  const double high = 0.62 * size;
  return {x<low, x> high, y<low, y> high, x >= low && x <= high && y >= low && y <= high};
}

// Colours, kinds and sizes: a scene of distractors, where two may share what others have alone.
void draw_looks(const SynthRecipe& recipe, Use use, Draws& draws, std::vector<Object>& objects) {
  std::vector<std::string> colours = recipe.colours;
  draws.shuffle(colours);
  for (std::size_t i = 0; i < objects.size(); ++i) {
    objects[i].colour = colours[i];
    objects[i].kind = draws.pick(recipe.kinds);
    objects[i].large = draws.chance(0.5);
  }
  Object& first = objects[0];
  Object& second = objects[1];
  if (draws.chance(recipe.pair)) {
    second.colour = first.colour;
    if (draws.chance(recipe.twin)) {
      second.kind = first.kind;
      second.large = first.large;
    } else if (draws.chance(0.4)) {
      while (second.kind == first.kind) second.kind = draws.pick(recipe.kinds);
    } else {
      second.large = !first.large;
    }
  }
  if (use == Use::Train && draws.chance(recipe.mono)) {
    for (Object& object : objects) object.colour = first.colour;
  }
}

void draw_places(const SynthRecipe& recipe, int frames, Draws& draws,
                 std::vector<Object>& objects) {
  for (Object& object : objects) {
    object.radius = object.large ? draws.uniform(recipe.large_min, recipe.large_max)
                                 : draws.uniform(recipe.small_min, recipe.small_max);
    if (frames > 1 && !draws.chance(recipe.still)) {
      object.motion = static_cast<Motion>(1 + draws.below(4));
      object.speed = draws.uniform(recipe.speed_min, recipe.speed_max);
    }
    const auto [dx, dy] = direction(object.motion);
    const double way = object.speed * (frames - 1);
    const double margin = object.radius + 1;
    const auto place = [&](double step) {
      const double least = margin + std::max(0.0, -step * way);
      const double most = recipe.image_size - margin - std::max(0.0, step * way);
      return draws.uniform(least, most);
    };
    object.x = place(dx);
    object.y = place(dy);
  }
}

bool apart(const SynthRecipe& recipe, int frames, const std::vector<Object>& objects) {
  for (int t = 0; t < frames; ++t) {
    for (std::size_t i = 0; i < objects.size(); ++i) {
      for (std::size_t j = 0; j < i; ++j) {
        const Object& a = objects[i];
        const Object& b = objects[j];
        const double dx = a.x_at(t) - b.x_at(t);
        const double dy = a.y_at(t) - b.y_at(t);
        const double least = recipe.separation * (a.radius + b.radius);
        if (dx * dx + dy * dy < least * least) return false;
      }
    }
  }
  return true;
}

void find_zones(const SynthRecipe& recipe, int frames, Object& object) {
  object.always.fill(true);
  for (int t = 0; t < frames; ++t) {
    const auto now = zones(object.x_at(t), object.y_at(t), recipe.image_size);
    for (std::size_t z = 0; z < now.size(); ++z) {
      object.always[z] = object.always[z] && now[z];
      object.sometimes[z] = object.sometimes[z] || now[z];
    }
  }
}

void draw_paint(Draws& draws, Scene& scene, const SynthRecipe& recipe) {
  Background& back = scene.background;
  back.level = draws.uniform(recipe.background_min, recipe.background_max);
  back.angle = draws.uniform(0, 6.283185307179586);
  back.slope = draws.uniform(0, recipe.gradient);
  for (double& channel : back.tint) channel = draws.uniform(-10, 10);
  back.patches.resize(64);
  for (double& patch : back.patches) patch = draws.normal(recipe.blotches);
  for (Object& object : scene.objects) {
    object.paint.rgb = rgb_of(object.colour);
    for (double& channel : object.paint.rgb) channel += draws.normal(8);
    object.paint.texture = static_cast<int>(draws.below(3));
    object.paint.phase = draws.uniform(0, 6.283185307179586);
  }
}

}  // namespace

double Object::x_at(double t) const {
  return x + direction(motion)[0] * speed * t;
}
double Object::y_at(double t) const {
  return y + direction(motion)[1] * speed * t;
}

Scene make_scene(const SynthRecipe& recipe, const std::string& id, int frames, Use use) {
  Draws draws(recipe.seed, id);
  Scene scene;
  scene.id = id;
  scene.frames = frames;
  for (int attempt = 0; attempt < kTries; ++attempt) {
    const auto least = static_cast<std::size_t>(recipe.objects_min);
    const auto most = static_cast<std::size_t>(recipe.objects_max);
    scene.objects.assign(least + draws.below(most - least + 1), {});
    draw_looks(recipe, use, draws, scene.objects);
    draw_places(recipe, frames, draws, scene.objects);
    if (!apart(recipe, frames, scene.objects)) continue;
    for (Object& object : scene.objects) find_zones(recipe, frames, object);
    scene.sentences.clear();
    for (std::size_t i = 0; i < scene.objects.size(); ++i) {
      scene.sentences.push_back(describe_object(recipe, scene, i, draws));
    }
    const bool all_named = std::none_of(scene.sentences.begin(), scene.sentences.end(),
                                        [](const auto& list) { return list.empty(); });
    if (all_named) break;
  }
  draw_paint(draws, scene, recipe);
  return scene;
}

}  // namespace desa2va::synth
