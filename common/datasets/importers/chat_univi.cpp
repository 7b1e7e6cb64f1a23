// ChatUniVi video chat: video_datas/chat_univi/video_chat.json, a list of conversations about
// videos in Activity_Videos/. Some are listed as mkv and lie there as mp4.
#include <algorithm>

#include <fmt/format.h>

#include "common/datasets/conversation.h"
#include "common/datasets/importers/importers.h"
#include "common/datasets/media_loader.h"
#include "common/datasets/sample_work.h"
#include "common/datasets/text_tools.h"

namespace desa2va::datasets {

namespace {

constexpr const char* kChatFile = "video_datas/chat_univi/video_chat.json";
constexpr const char* kChatVideos = "video_datas/chat_univi/Activity_Videos";
constexpr std::uint64_t kChatFrames = 5;  // one drawn from each of five segments

std::vector<std::string> chat_splits(const std::filesystem::path& root) {
  if (DataTree(root).has(kChatFile)) return {"train"};
  return {};
}

// Segment i is [floor(i n / 5), floor((i + 1) n / 5)); a video of at most 5 frames gives all.
nlohmann::json segments_of(std::uint64_t frames) {
  const std::uint64_t count = std::min(frames, kChatFrames);
  nlohmann::json bounds = nlohmann::json::array();
  for (std::uint64_t i = 0; i <= count; ++i) bounds.push_back(i * frames / count);
  return bounds;
}

Result<Sample> chat_sample(MediaLoader& loader, std::uint64_t index, const Json& entry) {
  Sample sample;
  sample.dataset = "chat_univi";
  sample.split = "train";
  sample.id = std::to_string(index);
  sample.kind = SampleKind::VideoQa;
  const auto video = entry.at("video").get<std::string>();
  nlohmann::json source = {
      {"index", index}, {"id", entry.contains("id") ? text_of(entry["id"]) : ""}, {"video", video}};
  std::string file = video;
  if (!loader.tree().has(fmt::format("{}/{}", kChatVideos, file))) {
    const std::string other = replace_all(file, "mkv", "mp4");
    if (other != file && loader.tree().has(fmt::format("{}/{}", kChatVideos, other))) {
      file = other;
      source["resolved"] = file;
    }
  }
  DESA2VA_ASSIGN(const LoadedMedia media, loader.video(fmt::format("{}/{}", kChatVideos, file)));
  add_media(sample, media);
  if (media.usable()) {
    source["segments"] = segments_of(media.ref.frames);
    source["frames_taken"] = std::min<std::uint64_t>(media.ref.frames, kChatFrames);
  }
  sample.turns = read_conversation(entry.at("conversations"), false);
  // The frames precede the first question, wherever the marker stands.
  for (Turn& turn : sample.turns)
    turn.question = replace_all(std::move(turn.question), "<image>", "");
  if (sample.turns.empty()) sample.mark_broken("no question with an answer");
  sample.source = source.dump();
  return sample;
}

Result<void> import_chat(const ImportRequest& request, ImportSink& sink) {
  const DataTree tree(request.root);
  if (!tree.has(kChatFile) || !wants(request, "train")) return {};
  sink.expect(weight_of(tree, kChatFile));
  const SampleWork::MakeOfElement make = &chat_sample;
  SampleWork work(tree, request, sink);
  DESA2VA_TRY(work.add_elements(kChatFile, make));
  return work.split_done(
      {"chat_univi", "train", 0, 0, nlohmann::json{{"root", kChatVideos}}.dump()});
}

}  // namespace

Importer chat_univi_importer() {
  return {"chat_univi", "conversations about videos", chat_splits, import_chat};
}

}  // namespace desa2va::datasets
