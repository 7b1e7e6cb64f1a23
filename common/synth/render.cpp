#include "common/synth/render.h"

#include <algorithm>
#include <cmath>

#include "common/synth/draws.h"

namespace desa2va::synth {

namespace {

using preprocess::Image;
using preprocess::Mask;

// dx, dy: from the centre, in pixels.
bool inside(const std::string& kind, double dx, double dy, double r) {
  const double square = dx * dx + dy * dy;
  if (kind == "disc") return square <= r * r;
  if (kind == "ring") return square <= r * r && square >= 0.3025 * r * r;  // hole 0.55 r
  if (kind == "square") return std::max(std::abs(dx), std::abs(dy)) <= 0.89 * r;
  if (kind == "cross") {
    return std::max(std::abs(dx), std::abs(dy)) <= r &&
           std::min(std::abs(dx), std::abs(dy)) <= 0.33 * r;
  }
  // A triangle with its point up, of about the area of the disc.
  return dy <= 0.75 * r && dy >= -1.1 * r && std::abs(dx) <= (dy + 1.1 * r) * 0.62;
}

double shade(const Paint& paint, double strength, double dx, double dy) {
  if (paint.texture == 1) {
    return 1 + (std::sin((dx + dy) * 0.8 + paint.phase) < 0 ? -strength : strength);
  }
  if (paint.texture == 2) {
    return 1 + strength * std::sin(dx * 0.9 + paint.phase) * std::sin(dy * 0.9);
  }
  return 1;
}

// Which object is seen at each pixel at time t, -1: none.
std::vector<int> owners(const SynthRecipe& recipe, const Scene& scene, double t) {
  const int size = recipe.image_size;
  std::vector<int> owner(static_cast<std::size_t>(size) * static_cast<std::size_t>(size), -1);
  for (std::size_t i = 0; i < scene.objects.size(); ++i) {
    const Object& object = scene.objects[i];
    const double cx = object.x_at(t);
    const double cy = object.y_at(t);
    const double reach = 1.2 * object.radius;
    const auto bound = [&](double v) { return std::clamp(static_cast<int>(v), 0, size); };
    for (int y = bound(cy - reach); y < bound(cy + reach + 2); ++y) {
      for (int x = bound(cx - reach); x < bound(cx + reach + 2); ++x) {
        if (inside(object.kind, x + 0.5 - cx, y + 0.5 - cy, object.radius)) {
          owner[static_cast<std::size_t>(y) * static_cast<std::size_t>(size) +
                static_cast<std::size_t>(x)] = static_cast<int>(i);
        }
      }
    }
  }
  return owner;
}

std::vector<float> paint_background(const SynthRecipe& recipe, const Background& back) {
  const int size = recipe.image_size;
  std::vector<float> out;
  out.reserve(static_cast<std::size_t>(size) * static_cast<std::size_t>(size) * 3);
  for (int y = 0; y < size; ++y) {
    for (int x = 0; x < size; ++x) {
      const double u = (x + 0.5) / size - 0.5;
      const double v = (y + 0.5) / size - 0.5;
      const int cell = y * 8 / size * 8 + x * 8 / size;
      const double patch = back.patches[static_cast<std::size_t>(cell)];
      const double light = back.level +
                           2 * back.slope * (std::cos(back.angle) * u + std::sin(back.angle) * v) +
                           patch;
      for (const double tint : back.tint) out.push_back(static_cast<float>(light + tint));
    }
  }
  return out;
}

// One field of noise a scene; every frame takes another place of it, which costs a copy instead of
// a normal number for every channel.
struct Noise {
  static constexpr std::size_t kExtra = 4096;
  std::vector<float> field;

  Noise(const SynthRecipe& recipe, const std::string& id) {
    const auto side = static_cast<std::size_t>(recipe.image_size);
    field.resize(side * side * 3 + kExtra);
    Random(recipe.seed, "synth", id + "/noise").fill_normal(field);
    for (float& value : field) value *= static_cast<float>(recipe.noise);
  }
};

}  // namespace

std::vector<Image> render(const SynthRecipe& recipe, const Scene& scene) {
  const int size = recipe.image_size;
  const std::vector<float> background = paint_background(recipe, scene.background);
  const Noise noise(recipe, scene.id);
  Draws draws(recipe.seed, scene.id + "/frames");
  std::vector<Image> frames;
  const int count = kFramesPerAnnotation * (scene.frames - 1) + 1;
  for (int f = 0; f < count; ++f) {
    const double t = static_cast<double>(f) / kFramesPerAnnotation;
    const std::vector<int> owner = owners(recipe, scene, t);
    const float* grain = noise.field.data() + draws.below(Noise::kExtra);
    Image frame = Image::allocate(size, size);
    const std::span<std::uint8_t> out = frame.mutable_pixels();
    for (std::size_t p = 0; p < owner.size(); ++p) {
      const Object* object =
          owner[p] < 0 ? nullptr : &scene.objects[static_cast<std::size_t>(owner[p])];
      double light = 1;
      if (object != nullptr) {
        const std::size_t x = p % static_cast<std::size_t>(size);
        const std::size_t y = p / static_cast<std::size_t>(size);
        const double dx = static_cast<double>(x) + 0.5 - object->x_at(t);
        const double dy = static_cast<double>(y) + 0.5 - object->y_at(t);
        light = shade(object->paint, recipe.texture, dx, dy);
      }
      for (std::size_t c = 0; c < 3; ++c) {
        const double value =
            object == nullptr ? background[3 * p + c] : object->paint.rgb[c] * light;
        out[3 * p + c] =
            static_cast<std::uint8_t>(std::clamp(value + grain[3 * p + c], 0.0, 255.0));
      }
    }
    frames.push_back(std::move(frame));
  }
  return frames;
}

std::vector<Mask> masks(const SynthRecipe& recipe, const Scene& scene, int t) {
  const std::vector<int> owner = owners(recipe, scene, t);
  std::vector<Mask> out(scene.objects.size(), Mask::zeros(recipe.image_size, recipe.image_size));
  for (std::size_t p = 0; p < owner.size(); ++p) {
    if (owner[p] >= 0) out[static_cast<std::size_t>(owner[p])].pixels[p] = 1;
  }
  return out;
}

}  // namespace desa2va::synth
