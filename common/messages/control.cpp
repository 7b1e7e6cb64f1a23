#include "common/messages/control.h"

#include <array>

#include <capnp/message.h>

#include "common/messages/codec.h"
#include "common/runtime/transport/capnp.h"
#include "schemas/control.capnp.h"

// What the coordinator and the ranks say to each other.
namespace desa2va::messages {
namespace {

template <class Schema, class Fill>
transport::Message encode_control(Kind kind, Fill fill) {
  capnp::MallocMessageBuilder builder;
  fill(builder.initRoot<Schema>());
  transport::Message message;
  message.envelope.kind = static_cast<std::uint16_t>(kind);
  message.header = transport::to_buffer(builder);
  return message;
}

transport::Message encode_empty(Kind kind) {
  transport::Message message;
  message.envelope.kind = static_cast<std::uint16_t>(kind);
  return message;
}

template <class Schema, class Read>
auto decode_control(const transport::Message& message, Read read) {
  return transport::read_capnp<Schema>(message.header.bytes(), read);
}

template <class Init>
void put_numbers(const NamedNumbers& numbers, Init init) {
  auto list = init(static_cast<unsigned>(numbers.size()));
  for (unsigned i = 0; i < numbers.size(); ++i) {
    list[i].setName(numbers[i].first);
    list[i].setValue(numbers[i].second);
  }
}

NamedNumbers get_numbers(capnp::List<schema::NamedNumber>::Reader list) {
  NamedNumbers numbers;
  numbers.reserve(list.size());
  for (auto item : list) numbers.emplace_back(item.getName().cStr(), item.getValue());
  return numbers;
}

void put_sample(const SampleName& sample, schema::SampleName::Builder out) {
  out.setDataset(sample.dataset);
  out.setKey(sample.key);
}

SampleName get_sample(schema::SampleName::Reader in) {
  return {in.getDataset().cStr(), in.getKey().cStr()};
}

}  // namespace

std::string name(Kind kind) {
  switch (kind) {
    case Kind::Batch:
      return "Batch";
    case Kind::Frames:
      return "Frames";
    case Kind::SegStates:
      return "SegStates";
    case Kind::SegGradients:
      return "SegGradients";
    case Kind::Prompts:
      return "Prompts";
    case Kind::PromptGradients:
      return "PromptGradients";
    case Kind::Hello:
      return "Hello";
    case Kind::Ready:
      return "Ready";
    case Kind::Losses:
      return "Losses";
    case Kind::Prepared:
      return "Prepared";
    case Kind::Done:
      return "Done";
    case Kind::Saved:
      return "Saved";
    case Kind::Failed:
      return "Failed";
    case Kind::Event:
      return "Event";
    case Kind::Figures:
      return "Figures";
    case Kind::Replaced:
      return "Replaced";
    case Kind::Generation:
      return "Generation";
    case Kind::Step:
      return "Step";
    case Kind::Commit:
      return "Commit";
    case Kind::Skip:
      return "Skip";
    case Kind::Committed:
      return "Committed";
    case Kind::Save:
      return "Save";
    case Kind::Stop:
      return "Stop";
    case Kind::Unusable:
      return "Unusable";
  }
  return fmt::format("kind {}", static_cast<int>(kind));
}

template <>
transport::Message encode(const Hello& value) {
  return encode_control<schema::Hello>(Kind::Hello, [&](schema::Hello::Builder root) {
    root.setRole(static_cast<std::uint8_t>(value.rank.role));
    root.setIndex(static_cast<std::uint16_t>(value.rank.index));
    root.setPid(value.pid);
    auto facts = root.initFacts(static_cast<unsigned>(value.facts.size()));
    for (unsigned i = 0; i < value.facts.size(); ++i) {
      facts[i].setName(value.facts[i].first);
      facts[i].setValue(value.facts[i].second);
    }
  });
}
template <>
Result<Hello> decode(const transport::Message& message) {
  return decode_control<schema::Hello>(message, [](schema::Hello::Reader root) -> Result<Hello> {
    if (root.getRole() >= kRoles.size())
      return fail(Errc::Corrupt, "Hello message: field 'role': {} is no role", root.getRole());
    Hello value{{static_cast<Role>(root.getRole()), root.getIndex()}, root.getPid(), {}};
    for (auto fact : root.getFacts())
      value.facts.emplace_back(fact.getName().cStr(), fact.getValue().cStr());
    return value;
  });
}

template <>
transport::Message encode(const Ready& value) {
  return encode_control<schema::Ready>(Kind::Ready, [&](auto root) { root.setStep(value.step); });
}
template <>
Result<Ready> decode(const transport::Message& message) {
  return decode_control<schema::Ready>(
      message, [](auto root) -> Result<Ready> { return Ready{root.getStep()}; });
}

template <>
transport::Message encode(const Losses& value) {
  return encode_control<schema::Losses>(Kind::Losses, [&](auto root) {
    put_numbers(value.values, [&](unsigned n) { return root.initValues(n); });
    root.setSamples(value.samples);
  });
}
template <>
Result<Losses> decode(const transport::Message& message) {
  return decode_control<schema::Losses>(message, [](auto root) -> Result<Losses> {
    return Losses{get_numbers(root.getValues()), root.getSamples()};
  });
}

template <>
transport::Message encode(const Prepared& value) {
  return encode_control<schema::Prepared>(Kind::Prepared, [&](auto root) {
    put_numbers(value.norms, [&](unsigned n) { return root.initNorms(n); });
    root.setFinite(value.finite);
    root.setFirstBad(value.first_bad);
  });
}
template <>
Result<Prepared> decode(const transport::Message& message) {
  return decode_control<schema::Prepared>(message, [](auto root) -> Result<Prepared> {
    return Prepared{get_numbers(root.getNorms()), root.getFinite(), root.getFirstBad().cStr()};
  });
}

template <>
transport::Message encode(const Done& value) {
  return encode_control<schema::Done>(Kind::Done, [&](auto root) {
    put_numbers(value.metrics, [&](unsigned n) { return root.initMetrics(n); });
  });
}
template <>
Result<Done> decode(const transport::Message& message) {
  return decode_control<schema::Done>(
      message, [](auto root) -> Result<Done> { return Done{get_numbers(root.getMetrics())}; });
}

template <>
transport::Message encode(const Saved& value) {
  return encode_control<schema::Saved>(Kind::Saved, [&](auto root) {
    root.setReceipt(kj::arrayPtr(reinterpret_cast<const kj::byte*>(value.receipt.data()),
                                 value.receipt.size()));
  });
}
template <>
Result<Saved> decode(const transport::Message& message) {
  return decode_control<schema::Saved>(message, [](auto root) -> Result<Saved> {
    const auto data = root.getReceipt();
    return Saved{Buffer::copy_of({reinterpret_cast<const std::byte*>(data.begin()), data.size()})};
  });
}

template <>
transport::Message encode(const Failed& value) {
  return encode_control<schema::Failed>(Kind::Failed, [&](auto root) {
    root.setCode(static_cast<std::uint8_t>(value.code));
    root.setMessage(value.message);
    root.setExitCode(value.exit_code);
  });
}
template <>
Result<Failed> decode(const transport::Message& message) {
  return decode_control<schema::Failed>(message, [](auto root) -> Result<Failed> {
    if (root.getCode() > static_cast<std::uint8_t>(Errc::Internal))
      return fail(Errc::Corrupt, "Failed message: field 'code': {} is no error", root.getCode());
    return Failed{static_cast<Errc>(root.getCode()), root.getMessage().cStr(), root.getExitCode()};
  });
}

template <>
transport::Message encode(const Figures& value) {
  return encode_control<schema::Figures>(Kind::Figures, [&](auto root) {
    put_numbers(value.values, [&](unsigned n) { return root.initValues(n); });
  });
}
template <>
Result<Figures> decode(const transport::Message& message) {
  return decode_control<schema::Figures>(
      message, [](auto root) -> Result<Figures> { return Figures{get_numbers(root.getValues())}; });
}

template <>
transport::Message encode(const Event& value) {
  return encode_control<schema::Event>(Kind::Event, [&](auto root) {
    root.setKind(value.kind);
    root.setJson(value.json);
  });
}
template <>
Result<Event> decode(const transport::Message& message) {
  return decode_control<schema::Event>(message, [](auto root) -> Result<Event> {
    return Event{root.getKind().cStr(), root.getJson().cStr()};
  });
}

template <>
transport::Message encode(const Replaced& value) {
  return encode_control<schema::Replaced>(Kind::Replaced, [&](auto root) {
    put_sample(value.sample, root.initSample());
    root.setSubstitute(value.substitute);
    root.setReason(value.reason);
    root.setWhy(static_cast<std::uint8_t>(value.why));
  });
}
template <>
Result<Replaced> decode(const transport::Message& message) {
  return decode_control<schema::Replaced>(message, [](auto root) -> Result<Replaced> {
    if (root.getWhy() > static_cast<std::uint8_t>(Replaced::Why::OnRecord))
      return fail(Errc::Corrupt, "Replaced message: field 'why': {} is no reason", root.getWhy());
    return Replaced{get_sample(root.getSample()), root.getSubstitute().cStr(),
                    root.getReason().cStr(), static_cast<Replaced::Why>(root.getWhy())};
  });
}

template <>
transport::Message encode(const Generation& value) {
  return encode_control<schema::Generation>(Kind::Generation, [&](auto root) {
    root.setRestoreStep(value.restore_step);
    root.setLastStep(value.last_step);
  });
}
template <>
Result<Generation> decode(const transport::Message& message) {
  return decode_control<schema::Generation>(message, [](auto root) -> Result<Generation> {
    return Generation{root.getRestoreStep(), root.getLastStep()};
  });
}

template <>
transport::Message encode(const Step& value) {
  return encode_control<schema::Step>(Kind::Step, [&](auto root) {
    root.setLearningRate(value.learning_rate);
    root.setProgress(value.progress);
  });
}
template <>
Result<Step> decode(const transport::Message& message) {
  return decode_control<schema::Step>(message, [](auto root) -> Result<Step> {
    return Step{root.getLearningRate(), root.getProgress()};
  });
}

template <>
transport::Message encode(const Commit& value) {
  return encode_control<schema::Commit>(Kind::Commit,
                                        [&](auto root) { root.setScale(value.scale); });
}
template <>
Result<Commit> decode(const transport::Message& message) {
  return decode_control<schema::Commit>(
      message, [](auto root) -> Result<Commit> { return Commit{root.getScale()}; });
}

template <>
transport::Message encode(const Skip&) {
  return encode_empty(Kind::Skip);
}
template <>
transport::Message encode(const Committed&) {
  return encode_empty(Kind::Committed);
}

template <>
transport::Message encode(const Save& value) {
  return encode_control<schema::Save>(Kind::Save, [&](auto root) { root.setStep(value.step); });
}
template <>
Result<Save> decode(const transport::Message& message) {
  return decode_control<schema::Save>(
      message, [](auto root) -> Result<Save> { return Save{root.getStep()}; });
}

template <>
transport::Message encode(const Stop& value) {
  return encode_control<schema::Stop>(Kind::Stop, [&](auto root) { root.setReason(value.reason); });
}
template <>
Result<Stop> decode(const transport::Message& message) {
  return decode_control<schema::Stop>(
      message, [](auto root) -> Result<Stop> { return Stop{root.getReason().cStr()}; });
}

template <>
transport::Message encode(const Unusable& value) {
  return encode_control<schema::Unusable>(Kind::Unusable, [&](auto root) {
    auto list = root.initSamples(static_cast<unsigned>(value.samples.size()));
    for (unsigned i = 0; i < value.samples.size(); ++i) put_sample(value.samples[i], list[i]);
  });
}
template <>
Result<Unusable> decode(const transport::Message& message) {
  return decode_control<schema::Unusable>(message, [](auto root) -> Result<Unusable> {
    Unusable value;
    for (auto sample : root.getSamples()) value.samples.push_back(get_sample(sample));
    return value;
  });
}

}  // namespace desa2va::messages
