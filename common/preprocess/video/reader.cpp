#include "common/preprocess/video/reader.h"

#include <algorithm>
#include <map>

#include "common/preprocess/video/reader_state.h"

namespace desa2va::preprocess {

VideoReader::State::~State() {
  if (pool != nullptr && decoder != nullptr && !spoilt)
    pool->give(*container.codec->value, std::move(decoder));
}

VideoReader::VideoReader(std::unique_ptr<State> state) : state_(std::move(state)) {}
VideoReader::VideoReader(VideoReader&&) noexcept = default;
VideoReader& VideoReader::operator=(VideoReader&&) noexcept = default;
VideoReader::~VideoReader() = default;

const VideoInfo& VideoReader::info() const {
  return state_->container.info;
}
const DecodeCounts& VideoReader::counts() const {
  return state_->counts;
}

void VideoReader::set_deadline(const Clock& clock, std::int64_t deadline_ns) {
  state_->deadline = {&clock, deadline_ns};
}

Result<VideoReader> VideoReader::open(Buffer bytes, const VideoOptions& options) {
  const Deadline deadline{options.clock, options.deadline_ns};
  DESA2VA_ASSIGN(Container container,
                 read_container(std::move(bytes), ContainerPart::Packets, deadline, options.index));
  if (container.codec == nullptr)
    return fail(Errc::Corrupt, "no video stream: the file holds {} other streams",
                container.info.streams.size());
  if (container.packets.empty()) return fail(Errc::Corrupt, "no packets: the video is empty");
  if (options.index != nullptr && options.index->packets != container.packets.size())
    return fail(Errc::Corrupt, "the index is of another video: of {} packets, this one has {}",
                options.index->packets, container.packets.size());
  auto state = std::make_unique<State>(std::move(container), options.decoders);
  state->deadline = deadline;
  const AVCodecParameters& codec = *state->container.codec->value;
  if (options.decoders != nullptr) state->decoder = options.decoders->take(codec);
  if (state->decoder == nullptr) {
    DESA2VA_ASSIGN(state->decoder, Decoder::open(codec));
  }
  return VideoReader(std::move(state));
}

namespace {

// One pass over a run: takes frames as they come, hands them on in the order asked.
class RunVisit {
 public:
  RunVisit(const VideoIndex& index, const FramesByPacket& frames, const DecodeRun& run,
           std::size_t& done, bool trusting)
      : index_(index), frames_(frames), run_(run), done_(done), trusting_(trusting) {}

  // From here on the pass differs from the scan's, so what comes is compared.
  void begin_to_compare() { comparing_ = true; }

  // False once the next frame asked for came out different from what the index says.
  bool good() const { return good_; }

  // `hand_on(frame, number)` for each frame that is due.
  template <class HandOn>
  Result<void> take(const AVFrame& frame, HandOn&& hand_on) {
    if (!good_ || done_ == run_.frames.size()) return {};
    const std::uint32_t packet = Decoder::packet_of(frame);
    const std::uint32_t number = frames_.frame(packet, seen_[packet]++);
    if (!std::binary_search(run_.frames.begin() + static_cast<std::ptrdiff_t>(done_),
                            run_.frames.end(), number))
      return {};
    if (number != run_.frames[done_]) {  // ahead of its turn
      if (early_.size() < kMostEarly) early_[number].reset(av_frame_clone(&frame));
      return {};
    }
    DESA2VA_TRY(hand_on_checked(frame, number, hand_on));
    for (auto next = early_.find(due()); good_ && next != early_.end(); next = early_.find(due())) {
      const FramePtr held = std::move(next->second);
      early_.erase(next);
      DESA2VA_TRY(hand_on_checked(*held, due(), hand_on));
    }
    return {};
  }

 private:
  static constexpr std::size_t kMostEarly = 32;

  std::uint32_t due() const {
    return done_ < run_.frames.size() ? run_.frames[done_] : FramesByPacket::kNone;
  }

  template <class HandOn>
  Result<void> hand_on_checked(const AVFrame& frame, std::uint32_t number, HandOn&& hand_on) {
    const std::uint64_t expected = index_.frames[number].content;
    const bool as_it_comes = trusting_ && index_.frames[number].damaged;
    if (expected != 0 && comparing_ && !as_it_comes) {
      DESA2VA_ASSIGN(const std::uint64_t content, FrameConverter::content(frame));
      good_ = content == expected;
      if (!good_) return {};
    }
    ++done_;
    return hand_on(frame, number);
  }

  const VideoIndex& index_;
  const FramesByPacket& frames_;
  const DecodeRun& run_;
  std::size_t& done_;
  bool trusting_;
  bool comparing_ = false;
  bool good_ = true;
  std::map<std::uint32_t, std::uint32_t> seen_;  // frames that came of each packet
  std::map<std::uint32_t, FramePtr> early_;
};

// The ways to decode a run, each only where the one before did not deliver what the index says:
// damaged pictures depend on what the decoder has seen before.
enum class Thoroughness : std::uint8_t {
  Planned,        // packets that nobody needs are left out
  EveryPacket,    // of the run
  FromBeginning,  // every packet of the file, as the scan did
  AsItComes,      // the same, for damaged frames that another version of the decoder guesses anew
};

}  // namespace

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
  if (index.packets != state.packet_count())
    return fail(Errc::InvalidArgument, "the index is of another video: of {} packets, not {}",
                index.packets, state.packet_count());

  const FramesByPacket frames(index);
  std::string first_error;
  for (const DecodeRun& run : plan_runs(index, frames, wanted, state)) {
    std::size_t done = 0;
    const auto decode = [&](Thoroughness how) -> Result<void> {
      const bool whole = how >= Thoroughness::FromBeginning;
      RunVisit due(index, frames, run, done, how == Thoroughness::AsItComes);
      const auto take = [&](const AVFrame& frame, bool damaged) -> Result<void> {
        return due.take(frame, [&](const AVFrame& good, std::uint32_t number) -> Result<void> {
          FrameEntry entry = index.frames[number];
          // A frame that is what the scan saw is as good as it was then.
          entry.damaged = entry.damaged || (entry.content == 0 && damaged);
          entry.type = av_get_picture_type_char(good.pict_type);
          return visit(DecodedFrame(good, state.converter, info().rotation, number, entry));
        });
      };
      NeededPackets needed(run, index, frames, state);
      // Frames are compared with the index, so those that the decoder doubts may come as well.
      const bool known = std::all_of(run.frames.begin(), run.frames.end(),
                                     [&](std::uint32_t n) { return index.frames[n].content != 0; });
      state.start_at(whole ? 0 : run.start, known && !whole);
      // What begins as the scan did is what the scan saw, until a packet is left out.
      if (whole || run.start != 0) due.begin_to_compare();
      while (done < run.frames.size() && due.good() && state.next_packet < run.end) {
        if (how == Thoroughness::Planned && !needed.needed(state.next_packet)) {
          due.begin_to_compare();
          ++state.next_packet;
          ++state.counts.left_out;
          continue;
        }
        DESA2VA_TRY(state.advance(first_error, take));
      }
      // What the decoder still holds back.
      if (done < run.frames.size() && due.good())
        DESA2VA_TRY(state.advance(first_error, take, true));
      return {};
    };
    const std::uint64_t left_out = state.counts.left_out;
    for (const auto how :
         {Thoroughness::Planned, Thoroughness::EveryPacket, Thoroughness::FromBeginning}) {
      // What would be the same again is not tried.
      if (how == Thoroughness::EveryPacket && state.counts.left_out == left_out) continue;
      if (how == Thoroughness::FromBeginning && run.start == 0) continue;
      DESA2VA_TRY(decode(how));
      if (done == run.frames.size()) break;
      ++state.counts.retries;
    }
    while (done < run.frames.size()) {
      const std::uint32_t number = run.frames[done];
      const FrameEntry& entry = index.frames[number];
      if (!entry.damaged)
        return fail(Errc::Corrupt,
                    "frame {} (packet {}) does not come out of the decoder as the "
                    "index says{}{}",
                    number, entry.packet, first_error.empty() ? "" : ": ", first_error);
      const std::size_t before = done;
      DESA2VA_TRY(decode(Thoroughness::AsItComes));
      if (done == before)
        return fail(Errc::Corrupt, "frame {} (packet {}) does not come out of the decoder{}{}",
                    number, entry.packet, first_error.empty() ? "" : ": ", first_error);
    }
  }
  state.ended = true;
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
