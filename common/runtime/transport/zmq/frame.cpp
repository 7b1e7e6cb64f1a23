#include "common/runtime/transport/zmq/frame.h"

#include <cstring>

#include <capnp/message.h>

#include "common/base/checksum.h"
#include "common/runtime/transport/capnp.h"
#include "schemas/common.capnp.h"

namespace desa2va::transport {
namespace {

constexpr std::size_t kChecksumBytes = sizeof(std::uint64_t);

void write(const HelloFrame& hello, schema::Frame::Builder out) {
  auto builder = out.initHello();
  builder.setVersion(hello.version);
  builder.setRank(hello.rank);
  builder.setEdge(hello.edge);
  builder.setSession(hello.session);
  builder.setBudgetBytes(hello.budget_bytes);
  builder.setReplyBudgetBytes(hello.reply_budget_bytes);
}

void write(const MessageFrame& message, schema::Frame::Builder out) {
  auto builder = out.initMessage();
  const Envelope& envelope = message.envelope;
  builder.setKind(envelope.kind);
  builder.setReply(envelope.reply);
  builder.setPhase(static_cast<std::uint8_t>(envelope.phase));
  builder.setGeneration(envelope.generation);
  builder.setRunId(envelope.run_id);
  builder.setStep(envelope.step);
  builder.setMicrobatch(envelope.microbatch);
  builder.setEdgeSequence(envelope.edge_sequence);
  builder.setTraceId(envelope.trace_id);
  builder.setHeaderChecksum(message.header_checksum);
  auto payloads = builder.initPayloads(static_cast<unsigned>(message.payloads.size()));
  for (unsigned i = 0; i < payloads.size(); ++i) {
    payloads[i].setSize(message.payloads[i].size);
    payloads[i].setChecksum(message.payloads[i].checksum);
  }
}

void write(const CreditFrame& credit, schema::Frame::Builder out) {
  auto builder = out.initCredit();
  builder.setBytes(credit.bytes);
  builder.setReplyBytes(credit.reply_bytes);
}

void write(const ByeFrame&, schema::Frame::Builder out) {
  out.setBye();
}

Result<Frame> read_message(schema::Envelope::Reader in) {
  if (in.getPhase() > static_cast<std::uint8_t>(Phase::C))
    return fail(Errc::Corrupt, "an envelope with phase {} (0..2)", in.getPhase());
  MessageFrame message;
  Envelope& envelope = message.envelope;
  envelope.kind = in.getKind();
  envelope.reply = in.getReply();
  envelope.phase = static_cast<Phase>(in.getPhase());
  envelope.generation = in.getGeneration();
  envelope.run_id = in.getRunId();
  envelope.step = in.getStep();
  envelope.microbatch = in.getMicrobatch();
  envelope.edge_sequence = in.getEdgeSequence();
  envelope.trace_id = in.getTraceId();
  message.header_checksum = in.getHeaderChecksum();
  for (const auto payload : in.getPayloads())
    message.payloads.push_back({payload.getSize(), payload.getChecksum()});
  return Frame(std::move(message));
}

Result<Frame> read(schema::Frame::Reader in) {
  switch (in.which()) {
    case schema::Frame::HELLO: {
      const auto hello = in.getHello();
      return Frame(HelloFrame{hello.getVersion(), hello.getRank(), hello.getEdge(),
                              hello.getSession(), hello.getBudgetBytes(),
                              hello.getReplyBudgetBytes()});
    }
    case schema::Frame::MESSAGE:
      return read_message(in.getMessage());
    case schema::Frame::CREDIT:
      return Frame(CreditFrame{in.getCredit().getBytes(), in.getCredit().getReplyBytes()});
    case schema::Frame::BYE:
      return Frame(ByeFrame{});
  }
  return fail(Errc::Corrupt, "a frame of an unknown kind ({})", static_cast<int>(in.which()));
}

}  // namespace

Buffer encode_frame(const Frame& frame) {
  capnp::MallocMessageBuilder builder;
  auto root = builder.initRoot<schema::Frame>();
  std::visit([&](const auto& value) { write(value, root); }, frame);
  const Buffer body = to_buffer(builder);
  Buffer bytes = Buffer::allocate(kChecksumBytes + body.size());
  const std::uint64_t checksum = checksum64(body.bytes());
  std::memcpy(bytes.mutable_bytes().data(), &checksum, kChecksumBytes);
  std::memcpy(bytes.mutable_bytes().data() + kChecksumBytes, body.data(), body.size());
  return bytes;
}

Result<Frame> decode_frame(ByteSpan bytes) {
  if (bytes.size() < kChecksumBytes)
    return fail(Errc::Corrupt, "a frame of {} bytes", bytes.size());
  std::uint64_t checksum = 0;
  std::memcpy(&checksum, bytes.data(), kChecksumBytes);
  const ByteSpan body = bytes.subspan(kChecksumBytes);
  if (checksum64(body) != checksum)
    return fail(Errc::Corrupt, "a frame of {} bytes: checksum differs", bytes.size());
  return read_capnp<schema::Frame>(body, [](schema::Frame::Reader in) { return read(in); });
}

}  // namespace desa2va::transport
