#include "services/inference/results.h"

#include <cerrno>
#include <cstring>

#include <nlohmann/json.hpp>

#include "common/preprocess/image/encode.h"

namespace desa2va::inference {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

std::string dump(const json& value) {
  return value.dump(-1, ' ', false, json::error_handler_t::replace);
}

Error cannot_write(const fs::path& path) {
  const int why = errno;
  const bool full = why == ENOSPC || why == EDQUOT;
  return fail(full ? Errc::Overloaded : Errc::Unavailable, "cannot write {}: {}", path.string(),
              why != 0 ? std::strerror(why) : "the write failed")
      .with_exit(full ? ExitCode::Storage : ExitCode::Usage);
}

Result<void> write_file(const fs::path& path, const Buffer& bytes) {
  errno = 0;
  std::ofstream out(path, std::ios::binary | std::ios::trunc);
  out.write(reinterpret_cast<const char*>(bytes.data()),
            static_cast<std::streamsize>(bytes.size()));
  out.close();
  if (!out) return cannot_write(path);
  return {};
}

Result<void> make_folder(const fs::path& folder) {
  std::error_code error;
  fs::create_directories(folder, error);
  if (error || !fs::is_directory(folder))
    return fail(Errc::InvalidArgument, "--out: {} cannot be made: {}", folder.string(),
                error ? error.message() : "there is a file of that name")
        .with_exit(ExitCode::Usage);
  return {};
}

json answer_json(const Answer& answer) {
  return {{"text", answer.text},     {"question", answer.question}, {"answer", answer.answer},
          {"tokens", answer.tokens}, {"complete", answer.complete}, {"objects", answer.objects}};
}

json object_json(const Object& object) {
  const auto colour = drawing_color(object.number);
  return {{"id", object.number},
          {"text", object.text},
          {"phrase", object.phrase},
          {"color", {colour.r, colour.g, colour.b}}};
}

}  // namespace

ResultFiles result_files(const fs::path& folder, const std::string& name, MediaKind kind) {
  return {folder / (name + (kind == MediaKind::Image ? ".png" : ".mp4")), folder / (name + ".json"),
          folder / "masks" / name};
}

Result<void> check_apart(const ResultFiles& files, const fs::path& media) {
  for (const fs::path& file : {files.overlay, files.json, files.masks}) {
    std::error_code ignored;
    if (!file.empty() && fs::equivalent(file, media, ignored))
      return fail(Errc::InvalidArgument,
                  "--out: {} would be overwritten by its own result; choose another folder",
                  media.string())
          .with_exit(ExitCode::Usage);
  }
  return {};
}

std::vector<LegendEntry> legend_of(const Header& header) {
  std::vector<LegendEntry> legend;
  for (const Object& object : header.objects) legend.push_back({object.number, object.phrase});
  for (const Answer& answer : header.answers) {
    if (answer.objects.empty()) legend.push_back({0, answer.text + ": no object found"});
  }
  return legend;
}

struct ResultWriter::State {
  Header header;
  preprocess::Rational rate;
  bool with_overlay = true;
  ResultFiles files;
  fs::path unfinished_json, unfinished_video;
  std::ofstream json_out;
  std::optional<Overlay> overlay;
  std::optional<preprocess::Mp4Encoder> video;
  std::int64_t frames = 0;
  bool first_mask = true;

  Result<void> start();
  Result<void> draw(const MediaFrame& frame, const PictureMasks& masks);
};

ResultWriter::ResultWriter(std::unique_ptr<State> state) : state_(std::move(state)) {}
ResultWriter::ResultWriter(ResultWriter&&) noexcept = default;
ResultWriter::~ResultWriter() {
  if (state_ == nullptr) return;
  state_->json_out.close();
  state_->video.reset();
  std::error_code ignored;
  if (!state_->unfinished_json.empty()) fs::remove(state_->unfinished_json, ignored);
  if (!state_->unfinished_video.empty()) fs::remove(state_->unfinished_video, ignored);
}

Result<ResultWriter> ResultWriter::create(const fs::path& folder, Header header,
                                          preprocess::Rational rate, bool overlay) {
  auto state = std::make_unique<State>();
  const std::string name = header.name;
  state->rate = rate;
  state->with_overlay = overlay;
  state->files = result_files(folder, name, header.kind);
  if (!overlay) state->files.overlay.clear();
  state->header = std::move(header);
  DESA2VA_TRY(state->start());
  return ResultWriter(std::move(state));
}

Result<void> ResultWriter::State::start() {
  DESA2VA_TRY(make_folder(files.masks));
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(files.masks, error)) {
    if (entry.path().extension() == ".png") fs::remove(entry.path(), error);
  }
  unfinished_json = files.json.string() + ".unfinished";
  errno = 0;
  json_out.open(unfinished_json, std::ios::trunc);
  if (!json_out) return cannot_write(unfinished_json);
  json texts = json::array();
  for (const Answer& answer : header.answers) texts.push_back(answer_json(answer));
  json objects = json::array();
  for (const Object& object : header.objects) objects.push_back(object_json(object));
  const json head = {{"model", header.model},
                     {"step", header.step},
                     {"media", header.media},
                     {"name", header.name},
                     {"kind", header.kind == MediaKind::Image ? "image" : "video"},
                     {"width", header.width},
                     {"height", header.height},
                     {"branch", header.branch},
                     {"texts", std::move(texts)},
                     {"objects", std::move(objects)}};
  std::string opening = dump(head);
  opening.pop_back();  // its "}" comes at the end
  json_out << opening << ",\"masks\":[";
  return {};
}

Result<void> ResultWriter::State::draw(const MediaFrame& frame, const PictureMasks& masks) {
  if (!overlay) overlay.emplace(frame.image.width, frame.image.height, legend_of(header));
  const preprocess::Image drawn = overlay->draw(frame.image, masks.numbers);
  if (header.kind == MediaKind::Image) {
    DESA2VA_ASSIGN(const Buffer png, preprocess::encode_png(drawn));
    return write_file(files.overlay, png);
  }
  if (!video) {
    unfinished_video = files.overlay.string() + ".unfinished";
    preprocess::Mp4Options options;
    options.rate = rate;
    options.preset = "veryfast";
    DESA2VA_ASSIGN(video, preprocess::Mp4Encoder::create(unfinished_video, overlay->width(),
                                                         overlay->height(), options));
  }
  return video->add(drawn).in(files.overlay.string());
}

Result<void> ResultWriter::add(const MediaFrame& frame, const PictureMasks& masks,
                               const std::vector<double>& scores) {
  State& self = *state_;
  preprocess::IndexedImage indices{masks.width, masks.height, masks.numbers};
  DESA2VA_ASSIGN(const Buffer png, preprocess::encode_png(indices));
  DESA2VA_TRY(write_file(self.files.masks / (frame.name + ".png"), png));
  for (std::size_t i = 0; i < masks.objects.size(); ++i) {
    const auto& rle = masks.objects[i];
    const json mask = {
        {"frame", self.frames},
        {"name", frame.name},
        {"object", self.header.objects[i].number},
        {"score", scores[i]},
        {"area", preprocess::area(rle)},
        {"segmentation",
         {{"size", {rle.height, rle.width}}, {"counts", preprocess::rle_to_string(rle)}}}};
    self.json_out << (std::exchange(self.first_mask, false) ? "\n" : ",\n") << dump(mask);
  }
  ++self.frames;
  if (!self.json_out) return cannot_write(self.unfinished_json);
  return self.with_overlay ? self.draw(frame, masks) : Result<void>();
}

Result<ResultFiles> ResultWriter::finish(std::int64_t damaged, double seconds,
                                         std::string* json_text) {
  State& self = *state_;
  const json files = {{"overlay", self.files.overlay.string()},
                      {"masks", self.files.masks.string()},
                      {"json", self.files.json.string()}};
  const json timing = {
      {"seconds", seconds},
      {"frames_per_second", seconds > 0 ? static_cast<double>(self.frames) / seconds : 0}};
  self.json_out << "],\"frames\":" << self.frames << ",\"damaged_frames\":" << damaged
                << ",\"files\":" << dump(files) << ",\"time\":" << dump(timing) << "}\n";
  self.json_out.close();
  if (!self.json_out) return cannot_write(self.unfinished_json);
  std::error_code error;
  if (self.video) {
    DESA2VA_TRY(self.video->finish().in(self.files.overlay.string()));
    self.video.reset();
    fs::rename(self.unfinished_video, self.files.overlay, error);
    if (error)
      return fail(Errc::Unavailable, "{}: {}", self.files.overlay.string(), error.message());
    self.unfinished_video.clear();
  }
  fs::rename(self.unfinished_json, self.files.json, error);
  if (error) return fail(Errc::Unavailable, "{}: {}", self.files.json.string(), error.message());
  self.unfinished_json.clear();
  if (json_text != nullptr) {
    std::ifstream in(self.files.json, std::ios::binary);
    json_text->assign(std::istreambuf_iterator<char>(in), {});
  }
  return self.files;
}

}  // namespace desa2va::inference
