#include "common/preprocess/video/reader_state.h"

#include <algorithm>

namespace desa2va::preprocess {

namespace {

constexpr int kMaxFailuresAtEnd = 64;  // no decoder holds more frames back

bool has_errors(const AVFrame& frame) {
  return frame.decode_error_flags != 0 || (frame.flags & AV_FRAME_FLAG_CORRUPT) != 0;
}

PacketSyntax syntax_of(AVCodecID codec) {
  switch (codec) {
    case AV_CODEC_ID_H264:
      return PacketSyntax::H264;
    case AV_CODEC_ID_HEVC:
      return PacketSyntax::Hevc;
    case AV_CODEC_ID_MPEG4:
      return PacketSyntax::Mpeg4Part2;
    case AV_CODEC_ID_MPEG1VIDEO:
    case AV_CODEC_ID_MPEG2VIDEO:
      return PacketSyntax::Mpeg1or2;
    default:
      return PacketSyntax::Unknown;  // in VP9 and AV1 every picture may change what follows
  }
}

}  // namespace

VideoReader::State::State(Container opened, DecoderPool* decoders)
    : container(std::move(opened)), pool(decoders) {
  const AVCodecParameters& codec = *container.codec->value;
  const ByteSpan extradata{reinterpret_cast<const std::byte*>(codec.extradata),
                           static_cast<std::size_t>(codec.extradata_size)};
  syntax = PacketReader(syntax_of(codec.codec_id), extradata);
}

std::vector<std::uint32_t> VideoReader::State::claimed_starts() const {
  std::vector<std::uint32_t> starts;
  for (std::uint32_t p = 0; p < packet_count(); ++p)
    if (is_start(p)) starts.push_back(p);
  return starts;
}

void VideoReader::State::start_at(std::uint32_t packet, bool show_all) {
  decoder->restart(show_all);
  next_packet = packet;
  ended = false;
  damage.clear();
  ++counts.starts;
}

void VideoReader::State::note_damage(std::uint32_t packet) {
  if (!damage.empty() && packet >= damage.back().first && packet < damage.back().second) return;
  std::uint32_t to = packet + 1;
  while (to < packet_count() && !is_start(to)) ++to;
  damage.emplace_back(packet, to);
}

bool VideoReader::State::is_damaged(std::uint32_t packet) const {
  return std::any_of(damage.begin(), damage.end(), [&](const auto& range) {
    if (packet < range.first) return false;
    return packet < range.second ||
           (range.second < packet_count() && pts(packet) < pts(range.second));
  });
}

Result<void> VideoReader::State::advance(std::string& first_error, const Deliver& deliver,
                                         bool end) {
  if (deadline.passed()) {
    spoilt = true;
    return fail(Errc::Timeout, "the deadline passed while decoding, after {} packets",
                counts.packets);
  }
  const auto note = [&](const Error& error) {
    spoilt = true;
    if (first_error.empty()) first_error = error.message();
    if (next_packet > 0) note_damage(next_packet - 1);
  };
  if (!end && next_packet < packet_count()) {
    const std::uint32_t number = next_packet++;
    const Packet& packet = container.packets[number];
    ++counts.packets;
    if (pool != nullptr && !spoilt) spoilt = syntax.traits(packet.bytes).parameters;
    if (auto sent = decoder->send(packet, number); !sent) note(sent.error());
  } else {
    ended = true;
    if (auto sent = decoder->send_end(); !sent) note(sent.error());
  }
  for (int failures = 0;;) {
    auto received = decoder->receive();
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

}  // namespace desa2va::preprocess
