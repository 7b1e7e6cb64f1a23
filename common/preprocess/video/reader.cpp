#include "common/preprocess/video/reader.h"

#include <algorithm>
#include <map>

#include "common/base/checksum.h"
#include "common/preprocess/video/ffmpeg.h"

namespace desa2va::preprocess {

struct VideoReader::State {
  Container container;
  Decoder decoder;
  FrameConverter converter;

  const Clock* clock = nullptr;
  std::int64_t deadline_ns = 0;
  std::uint64_t packets_decoded = 0;

  // The decoder stands after `next_packet - 1`, having started at some start; nothing is fed
  // behind the end.
  std::uint32_t next_packet = 0;
  bool ended = true;
  // Packets [from, to) that were, or may be predicted from, damaged ones: up to the next start.
  std::vector<std::pair<std::uint32_t, std::uint32_t>> damage;

  State(Container c, Decoder d) : container(std::move(c)), decoder(std::move(d)) {}

  std::uint32_t packet_count() const {
    return static_cast<std::uint32_t>(container.packets.size());
  }
  bool is_start(std::uint32_t packet) const {
    return (container.packets[packet]->flags & AV_PKT_FLAG_KEY) != 0;
  }
  std::vector<std::uint32_t> claimed_starts() const {
    std::vector<std::uint32_t> starts;
    for (std::uint32_t p = 0; p < packet_count(); ++p)
      if (is_start(p)) starts.push_back(p);
    return starts;
  }
  Result<void> check_deadline() const {
    if (clock != nullptr && clock->now_ns() > deadline_ns)
      return fail(Errc::Timeout, "the deadline passed while decoding, after {} packets",
                  packets_decoded);
    return {};
  }

  void start_at(std::uint32_t packet) {
    decoder.restart();
    next_packet = packet;
    ended = false;
    damage.clear();
  }

  void note_damage(std::uint32_t packet) {
    if (!damage.empty() && packet >= damage.back().first && packet < damage.back().second) return;
    std::uint32_t to = packet + 1;
    while (to < packet_count() && !is_start(to)) ++to;
    damage.emplace_back(packet, to);
  }
  // Frames shown before the next start hang on the damage too, though they follow it in the file.
  bool is_damaged(std::uint32_t packet) const {
    return std::any_of(damage.begin(), damage.end(), [&](const auto& range) {
      if (packet < range.first) return false;
      return packet < range.second || container.pts(packet) < container.pts(range.second);
    });
  }

  // Feeds one packet (or the end) and hands on every frame that comes of it. `first_error` keeps
  // what the decoder complained about first.
  Result<void> advance(std::string& first_error,
                       const std::function<Result<void>(const AVFrame&, bool damaged)>& deliver);
};

namespace {

constexpr int kMaxFailuresAtEnd = 64;  // no decoder holds more frames back

bool has_errors(const AVFrame& frame) {
  return frame.decode_error_flags != 0 || (frame.flags & AV_FRAME_FLAG_CORRUPT) != 0;
}

class DecodedFrame final : public Frame {
 public:
  DecodedFrame(const AVFrame& frame, FrameConverter& converter, int rotation, std::uint32_t number,
               const FrameEntry& entry)
      : frame_(frame), converter_(converter), rotation_(rotation), number_(number), entry_(entry) {}

  std::uint32_t number() const override { return number_; }
  const FrameEntry& entry() const override { return entry_; }
  bool interlaced() const override { return frame_.interlaced_frame != 0; }
  Result<std::vector<std::uint8_t>> planes() const override {
    return FrameConverter::to_planes(frame_);
  }
  Result<Image> rgb() const override { return converter_.to_rgb(frame_, rotation_); }

 private:
  const AVFrame& frame_;
  FrameConverter& converter_;
  int rotation_;
  std::uint32_t number_;
  const FrameEntry& entry_;
};

Result<std::uint64_t> content_of(const AVFrame& frame) {
  DESA2VA_ASSIGN(const auto planes, FrameConverter::to_planes(frame));
  return checksum64(std::as_bytes(std::span(planes)));
}

}  // namespace

Result<void> VideoReader::State::advance(
    std::string& first_error,
    const std::function<Result<void>(const AVFrame&, bool damaged)>& deliver) {
  DESA2VA_TRY(check_deadline());
  const auto note = [&](const Error& error) {
    if (first_error.empty()) first_error = error.message();
    if (next_packet > 0) note_damage(next_packet - 1);
  };
  if (next_packet < packet_count()) {
    const std::uint32_t number = next_packet++;
    ++packets_decoded;
    if (auto sent = decoder.send(*container.packets[number], number); !sent) note(sent.error());
  } else {
    ended = true;
    if (auto sent = decoder.send_end(); !sent) note(sent.error());
  }
  for (int failures = 0;;) {
    auto received = decoder.receive();
    if (!received) {
      note(received.error());
      // At the end the decoder may still hold good frames behind a bad one.
      if (!ended || ++failures > kMaxFailuresAtEnd) return {};
      continue;
    }
    if (*received == nullptr) return {};
    const AVFrame& frame = **received;
    const std::uint32_t packet = Decoder::packet_of(frame);
    if (has_errors(frame)) note_damage(packet);
    DESA2VA_TRY(deliver(frame, is_damaged(packet)));
  }
}

VideoReader::VideoReader(std::unique_ptr<State> state) : state_(std::move(state)) {}
VideoReader::VideoReader(VideoReader&&) noexcept = default;
VideoReader& VideoReader::operator=(VideoReader&&) noexcept = default;
VideoReader::~VideoReader() = default;

const VideoInfo& VideoReader::info() const {
  return state_->container.info;
}
std::uint64_t VideoReader::packets_decoded() const {
  return state_->packets_decoded;
}

void VideoReader::set_deadline(const Clock& clock, std::int64_t deadline_ns) {
  state_->clock = &clock;
  state_->deadline_ns = deadline_ns;
}

Result<VideoReader> VideoReader::open(Buffer bytes) {
  DESA2VA_ASSIGN(Container container, read_container(std::move(bytes), true));
  if (container.codec == nullptr)
    return fail(Errc::Corrupt, "no video stream: the file holds {} other streams",
                container.info.streams.size());
  if (container.packets.empty()) return fail(Errc::Corrupt, "no packets: the video is empty");
  DESA2VA_ASSIGN(Decoder decoder, Decoder::open(*container.codec->value));
  return VideoReader(std::make_unique<State>(std::move(container), std::move(decoder)));
}

Result<VideoIndex> VideoReader::scan(const FrameVisitor& visit) {
  State& state = *state_;
  VideoIndex index;
  index.packets = state.packet_count();
  index.starts = state.claimed_starts();
  state.start_at(0);
  while (!state.ended) {
    DESA2VA_TRY(
        state.advance(index.decode_error, [&](const AVFrame& frame, bool damaged) -> Result<void> {
          FrameEntry entry;
          entry.packet = Decoder::packet_of(frame);
          entry.pts = state.container.pts(entry.packet);
          entry.keyframe = frame.key_frame != 0;
          entry.type = av_get_picture_type_char(frame.pict_type);
          entry.damaged = damaged;
          DESA2VA_ASSIGN(entry.content, content_of(frame));
          index.frames.push_back(entry);
          if (!visit) return {};
          return visit(DecodedFrame(frame, state.converter, info().rotation,
                                    static_cast<std::uint32_t>(index.frames.size() - 1),
                                    index.frames.back()));
        }));
  }
  return index;
}

Result<void> VideoReader::confirm_starts(VideoIndex& index) {
  State& state = *state_;
  std::map<std::uint32_t, const FrameEntry*> by_packet;
  for (const FrameEntry& entry : index.frames) by_packet[entry.packet] = &entry;
  std::vector<std::uint32_t> good;
  for (std::size_t i = 0; i < index.starts.size(); ++i) {
    const std::uint32_t start = index.starts[i];
    const std::uint32_t end =
        i + 1 < index.starts.size() ? index.starts[i + 1] : state.packet_count();
    std::size_t wanted = 0;  // frames to come: those shown not before the start itself
    for (auto it = by_packet.lower_bound(start); it != by_packet.lower_bound(end); ++it)
      wanted += it->second->pts >= state.container.pts(start) ? 1 : 0;
    bool same = true;
    std::string ignored;
    for (state.start_at(start); same && wanted > 0 && !state.ended;) {
      DESA2VA_TRY(state.advance(ignored, [&](const AVFrame& frame, bool) -> Result<void> {
        const std::uint32_t packet = Decoder::packet_of(frame);
        const auto known = by_packet.find(packet);
        if (packet >= end || known == by_packet.end() ||
            known->second->pts < state.container.pts(start))
          return {};
        --wanted;
        DESA2VA_ASSIGN(const std::uint64_t content, content_of(frame));
        same = same && content == known->second->content;
        return {};
      }));
    }
    if (same && wanted == 0) good.push_back(start);
  }
  index.starts = std::move(good);
  return {};
}

Result<VideoIndex> VideoReader::index_from(std::span<const std::int64_t> pts,
                                           std::span<const std::uint8_t> keyframes) const {
  if (pts.size() != keyframes.size())
    return fail(Errc::InvalidArgument, "{} time stamps with {} key frame flags", pts.size(),
                keyframes.size());
  const State& state = *state_;
  std::map<std::int64_t, std::uint32_t> packet_at;
  for (std::uint32_t p = 0; p < state.packet_count(); ++p)
    packet_at.emplace(state.container.pts(p), p);
  VideoIndex index;
  index.packets = state.packet_count();
  for (std::size_t i = 0; i < pts.size(); ++i) {
    const auto found = packet_at.find(pts[i]);
    if (found == packet_at.end())
      return fail(Errc::Corrupt, "frame {} of the index has pts {}: the video has no such packet",
                  i, pts[i]);
    FrameEntry entry;
    entry.pts = pts[i];
    entry.packet = found->second;
    entry.keyframe = keyframes[i] != 0;
    index.frames.push_back(entry);
  }
  index.starts = state.claimed_starts();
  return index;
}

Result<void> VideoReader::visit_frames(const VideoIndex& index,
                                       std::span<const std::uint32_t> numbers,
                                       const FrameVisitor& visit) {
  State& state = *state_;
  std::vector<std::uint32_t> wanted(numbers.begin(), numbers.end());
  std::sort(wanted.begin(), wanted.end());
  wanted.erase(std::unique(wanted.begin(), wanted.end()), wanted.end());
  if (!wanted.empty() && wanted.back() >= index.frames.size())
    return fail(Errc::InvalidArgument, "frame {} asked of a video of {} frames", wanted.back(),
                index.frames.size());

  std::map<std::uint32_t, std::uint32_t> frame_of;  // packet -> number
  for (const std::uint32_t number : wanted) frame_of[index.frames[number].packet] = number;
  // Starts from which this frame comes whole: not behind it in the file, nor in the show.
  const auto start_for = [&](const FrameEntry& entry) {
    auto it = std::upper_bound(index.starts.begin(), index.starts.end(), entry.packet);
    while (it != index.starts.begin()) {
      --it;
      if (state.container.pts(*it) <= entry.pts) return *it;
    }
    return std::uint32_t{0};
  };

  std::string first_error;
  std::size_t done = 0;
  state.ended = true;  // a call begins anew: what it delivers is a function of its arguments
  while (done < wanted.size()) {
    const FrameEntry& entry = index.frames[wanted[done]];
    const std::uint32_t start = start_for(entry);
    if (state.ended || start > state.next_packet) state.start_at(start);
    while (done < wanted.size()) {
      const std::uint32_t target = wanted[done];
      if (start_for(index.frames[target]) > state.next_packet) break;  // a jump is shorter
      if (state.ended)
        return fail(Errc::Corrupt, "frame {} (packet {}) does not come out of the decoder{}{}",
                    target, index.frames[target].packet, first_error.empty() ? "" : ": ",
                    first_error);
      DESA2VA_TRY(
          state.advance(first_error, [&](const AVFrame& frame, bool damaged) -> Result<void> {
            if (done == wanted.size()) return {};
            const auto found = frame_of.find(Decoder::packet_of(frame));
            if (found == frame_of.end() || found->second != wanted[done]) return {};
            FrameEntry delivered = index.frames[wanted[done]];
            delivered.damaged = delivered.damaged || damaged;
            delivered.type = av_get_picture_type_char(frame.pict_type);
            const std::uint32_t number = wanted[done++];
            return visit(DecodedFrame(frame, state.converter, info().rotation, number, delivered));
          }));
    }
  }
  return {};
}

Result<std::vector<Image>> VideoReader::frames(const VideoIndex& index,
                                               std::span<const std::uint32_t> numbers,
                                               std::vector<bool>* damaged) {
  std::map<std::uint32_t, std::pair<Image, bool>> decoded;
  DESA2VA_TRY(visit_frames(index, numbers, [&](const Frame& frame) -> Result<void> {
    DESA2VA_ASSIGN(Image image, frame.rgb());
    decoded[frame.number()] = {std::move(image), frame.entry().damaged};
    return {};
  }));
  std::vector<Image> images;
  if (damaged != nullptr) damaged->clear();
  for (const std::uint32_t number : numbers) {
    images.push_back(decoded[number].first);
    if (damaged != nullptr) damaged->push_back(decoded[number].second);
  }
  return images;
}

}  // namespace desa2va::preprocess
