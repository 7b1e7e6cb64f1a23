#pragma once

#include <optional>
#include <type_traits>
#include <utility>

#include <capnp/serialize.h>

#include "common/base/bytes.h"
#include "common/base/result.h"

// Cap'n Proto bytes <-> Buffer: the one place that knows limits, alignment and exceptions.
namespace desa2va::transport {

// Limits of every message that is read: 8 Mi words (64 MiB) walked, 32 levels deep.
capnp::ReaderOptions reader_options();

// The message as one flat block of whole words.
Buffer to_buffer(capnp::MessageBuilder& builder);

// read_capnp<schema::Envelope>(bytes, [](schema::Envelope::Reader r) -> Result<X> {...})
// Bytes of any alignment; what Cap'n Proto throws becomes Corrupt. `read` must copy what it keeps.
Result<void> read_capnp_bytes(ByteSpan bytes, void* context,
                              void (*read)(void* context, capnp::MessageReader& reader));

template <class Schema, class F>
auto read_capnp(ByteSpan bytes, F&& read) -> std::invoke_result_t<F, typename Schema::Reader> {
  using R = std::invoke_result_t<F, typename Schema::Reader>;
  struct Context {
    F& read;
    std::optional<R> result;
  } context{read, std::nullopt};
  DESA2VA_TRY(read_capnp_bytes(bytes, &context, [](void* c, capnp::MessageReader& reader) {
    auto& self = *static_cast<Context*>(c);
    self.result.emplace(self.read(reader.template getRoot<Schema>()));
  }));
  return std::move(*context.result);
}

}  // namespace desa2va::transport
