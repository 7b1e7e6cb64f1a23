#include "common/synth/recipe.h"

#include <algorithm>
#include <charconv>
#include <functional>
#include <variant>

namespace desa2va::synth {

namespace {

constexpr int kFormat = 2;  // raised when equal recipes no longer make equal annotations

using Words = std::vector<std::string>;
using Member = std::variant<int SynthRecipe::*, double SynthRecipe::*, Words SynthRecipe::*,
                            std::uint64_t SynthRecipe::*>;

struct Field {
  std::string_view name;
  Member member;
  double least, most;  // of numbers
  std::string_view meaning;
};

const std::vector<Field>& fields() {
  using R = SynthRecipe;
  static const std::vector<Field> table = {
      {"seed", &R::seed, 0, 0, "of everything"},
      {"train_images", &R::train_images, 1, 1e6, "training scenes that are images"},
      {"train_videos", &R::train_videos, 0, 1e6, "training scenes that are videos"},
      {"heldout_images", &R::heldout_images, 0, 1e6, "held-out images"},
      {"heldout_videos", &R::heldout_videos, 0, 1e6, "held-out videos"},
      {"qa_images", &R::qa_images, 0, 1e6, "training images that also have questions"},
      {"questions_per_scene", &R::questions_per_scene, 1, 8, "questions about each of those"},
      {"image_size", &R::image_size, 32, 1024, "pixels a side, a multiple of 16"},
      {"annotated_frames", &R::annotated_frames, 2, 64, "of a video; every 4th frame is annotated"},
      {"noise", &R::noise, 0, 64, "standard deviation of a channel, of 255"},
      {"background_min", &R::background_min, 0, 128, "brightness behind the objects, of 255"},
      {"background_max", &R::background_max, 0, 128, ""},
      {"gradient", &R::gradient, 0, 80, "largest brightness step of the background"},
      {"blotches", &R::blotches, 0, 40, "standard deviation of the background's patches"},
      {"texture", &R::texture, 0, 0.5, "strength of stripes and checks on objects"},
      {"jpeg_quality", &R::jpeg_quality, 1, 100, "of the images"},
      {"video_crf", &R::video_crf, 0, 51, "of the videos; 0 is lossless"},
      {"objects_min", &R::objects_min, 2, 8, "objects of a scene, at least"},
      {"objects_max", &R::objects_max, 2, 8, "and at most"},
      {"colours", &R::colours, 0, 0, "in use"},
      {"kinds", &R::kinds, 0, 0, "in use"},
      {"small_min", &R::small_min, 2, 512, "radius of small objects, pixels"},
      {"small_max", &R::small_max, 2, 512, ""},
      {"large_min", &R::large_min, 2, 512, "radius of large objects, pixels"},
      {"large_max", &R::large_max, 2, 512, ""},
      {"speed_min", &R::speed_min, 0, 64, "pixels an annotated frame"},
      {"speed_max", &R::speed_max, 0, 64, ""},
      {"still", &R::still, 0, 1, "share of a video's objects that stand still"},
      {"separation", &R::separation, 0.5, 2, "least centre distance / sum of radii"},
      {"pair", &R::pair, 0, 1, "chance that two objects share a colour"},
      {"twin", &R::twin, 0, 1, "of those: only the place tells them apart"},
      {"mono", &R::mono, 0, 1, "chance that all objects of a training scene share one colour"},
      {"expressions_per_object", &R::expressions_per_object, 1, 8, "at most"},
      {"say_colour", &R::say_colour, 0, 1, "chance that an expression has it"},
      {"say_kind", &R::say_kind, 0, 1, ""},
      {"say_size", &R::say_size, 0, 1, ""},
      {"say_position", &R::say_position, 0, 1, ""},
      {"say_motion", &R::say_motion, 0, 1, ""},
      {"vocabulary", &R::vocabulary, 256, 65536, "ordinary tokens of the vocabulary"}};
  return table;
}

std::string join(const Words& words) {
  std::string out;
  for (const std::string& word : words) out += (out.empty() ? "" : ",") + word;
  return out;
}

Words split(std::string_view text) {
  Words out;
  while (!text.empty()) {
    const auto comma = std::min(text.find(','), text.size());
    out.emplace_back(text.substr(0, comma));
    text.remove_prefix(std::min(comma + 1, text.size()));
  }
  return out;
}

const Words& known(std::string_view field) {
  return field == "colours" ? known_colours() : known_kinds();
}

std::string allowed(const Field& field) {
  if (std::holds_alternative<Words SynthRecipe::*>(field.member)) return join(known(field.name));
  if (std::holds_alternative<std::uint64_t SynthRecipe::*>(field.member)) return "0 .. 2^64 - 1";
  return fmt::format("{} .. {}", field.least, field.most);
}

template <class T>
Result<void> read_number(const Field& field, std::string_view value, T& out) {
  T number{};
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), number);
  bool good = error == std::errc() && end == value.data() + value.size() && !value.empty();
  if constexpr (!std::is_same_v<T, std::uint64_t>) {
    good = good && number >= field.least && number <= field.most;
  }
  if (!good) {
    return fail(Errc::InvalidArgument, "recipe: {}={}: allowed is {}", field.name, value,
                allowed(field));
  }
  out = number;
  return {};
}

Result<void> read_words(const Field& field, std::string_view value, Words& out) {
  Words words = split(value);
  for (const std::string& word : words) {
    if (std::count(known(field.name).begin(), known(field.name).end(), word) == 0 ||
        std::count(words.begin(), words.end(), word) > 1) {
      return fail(Errc::InvalidArgument, "recipe: {}={}: \"{}\" is not one of {}, each once",
                  field.name, value, word, allowed(field));
    }
  }
  if (words.empty()) {
    return fail(Errc::InvalidArgument, "recipe: {} is empty: allowed are {}", field.name,
                allowed(field));
  }
  out = std::move(words);
  return {};
}

}  // namespace

const Words& known_colours() {
  static const Words words = {"red",    "green",  "blue", "yellow",
                              "purple", "orange", "cyan", "white"};
  return words;
}

const Words& known_kinds() {
  static const Words words = {"disc", "square", "triangle", "ring", "cross"};
  return words;
}

std::vector<RecipeField> recipe_fields() {
  static const std::vector<std::string> ranges = [] {
    std::vector<std::string> out;
    for (const Field& field : fields()) out.push_back(allowed(field));
    return out;
  }();
  std::vector<RecipeField> out;
  for (std::size_t i = 0; i < fields().size(); ++i) {
    out.push_back({fields()[i].name, ranges[i], fields()[i].meaning});
  }
  return out;
}

std::string describe(const SynthRecipe& recipe) {
  std::string out;
  for (const Field& field : fields()) {
    const std::string value = std::visit(
        [&](auto member) {
          if constexpr (std::is_same_v<decltype(member), Words SynthRecipe::*>) {
            return join(recipe.*member);
          } else {
            return fmt::format("{}", recipe.*member);
          }
        },
        field.member);
    out += fmt::format("{} = {}\n", field.name, value);
  }
  return out;
}

ContentHash SynthRecipe::hash() const {
  return content_hash(as_bytes(fmt::format("format {}\n{}", kFormat, describe(*this))));
}

Result<void> set(SynthRecipe& recipe, std::string_view name, std::string_view value) {
  for (const Field& field : fields()) {
    if (field.name != name) continue;
    return std::visit(
        [&](auto member) -> Result<void> {
          if constexpr (std::is_same_v<decltype(member), Words SynthRecipe::*>) {
            return read_words(field, value, recipe.*member);
          } else {
            return read_number(field, value, recipe.*member);
          }
        },
        field.member);
  }
  Words names;
  for (const Field& field : fields()) names.emplace_back(field.name);
  return fail(Errc::InvalidArgument, "recipe: no field {}: there are {}", name, join(names));
}

Result<void> check(const SynthRecipe& r) {
  const auto ordered = [](std::string_view name, double least, double most) -> Result<void> {
    if (least <= most) return {};
    return fail(Errc::InvalidArgument, "recipe: {}_min={} is above {}_max={}", name, least, name,
                most);
  };
  DESA2VA_TRY(ordered("background", r.background_min, r.background_max));
  DESA2VA_TRY(ordered("objects", r.objects_min, r.objects_max));
  DESA2VA_TRY(ordered("small", r.small_min, r.small_max));
  DESA2VA_TRY(ordered("large", r.large_min, r.large_max));
  DESA2VA_TRY(ordered("speed", r.speed_min, r.speed_max));
  if (r.image_size % 16 != 0) {
    return fail(Errc::InvalidArgument, "recipe: image_size={}: must be a multiple of 16",
                r.image_size);
  }
  if (r.small_max >= r.large_min) {
    return fail(Errc::InvalidArgument, "recipe: small_max={} must stay below large_min={}",
                r.small_max, r.large_min);
  }
  if (r.colours.size() < static_cast<std::size_t>(r.objects_max)) {
    return fail(Errc::InvalidArgument, "recipe: {} colours are too few for objects_max={}",
                r.colours.size(), r.objects_max);
  }
  if (r.kinds.size() < 2) {
    return fail(Errc::InvalidArgument, "recipe: kinds={}: at least two", join(r.kinds));
  }
  const double way = r.speed_max * (r.annotated_frames - 1);
  if (2 * (r.large_max + 1) + way >= r.image_size) {
    return fail(Errc::InvalidArgument,
                "recipe: an object of radius {} that moves {} pixels leaves a picture of {}: lower "
                "large_max, speed_max or annotated_frames",
                r.large_max, way, r.image_size);
  }
  if (r.qa_images > r.train_images) {
    return fail(Errc::InvalidArgument, "recipe: qa_images={} is more than train_images={}",
                r.qa_images, r.train_images);
  }
  return {};
}

}  // namespace desa2va::synth
