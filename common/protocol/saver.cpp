#include "common/protocol/saver.h"

#include <pthread.h>

namespace desa2va::protocol {
namespace {

Result<checkpoint::PartReceipt> write_part(const std::string& store, const std::string& rank,
                                           std::uint64_t step, checkpoint::KnownChunks known,
                                           const Snapshot& snapshot) {
  DESA2VA_ASSIGN(auto writer, checkpoint::PartWriter::create(store, rank, step, std::move(known)));
  for (const auto& [name, tensor] : snapshot.tensors) DESA2VA_TRY(writer.add(name, tensor));
  for (const auto& [name, bytes] : snapshot.blobs)
    DESA2VA_TRY(writer.add_blob(name, as_bytes(bytes)));
  return writer.finish();
}

}  // namespace

Saver::Saver(std::string store, std::string rank, std::function<void()> wake)
    : store_(std::move(store)), rank_(std::move(rank)), wake_(std::move(wake)) {}

Saver::~Saver() = default;

void Saver::knows(const checkpoint::Manifest& committed) {
  known_ = checkpoint::known_chunks(committed);
}

Result<void> Saver::start(std::uint64_t step, Snapshot snapshot) {
  if (written_.valid())
    return fail(Errc::Internal, "{} was asked to save step {} during another save", rank_, step);
  std::promise<Result<checkpoint::PartReceipt>> promise;
  written_ = promise.get_future();
  thread_ = std::jthread([this, step, snapshot = std::move(snapshot), known = known_,
                          promise = std::move(promise)]() mutable {
    pthread_setname_np(pthread_self(), "storage");
    promise.set_value(write_part(store_, rank_, step, std::move(known), snapshot));
    wake_();
  });
  return {};
}

Result<std::optional<Buffer>> Saver::poll() {
  if (!written_.valid() || written_.wait_for(std::chrono::seconds(0)) != std::future_status::ready)
    return std::optional<Buffer>();
  Result<checkpoint::PartReceipt> receipt = written_.get();
  if (!receipt) return std::move(receipt.error());
  // Known next time, and no more than that: what older saves had may be collected.
  known_.clear();
  for (const auto& tensor : receipt->tensors)
    for (const auto& chunk : tensor.chunks) known_.emplace(chunk.hash, chunk);
  return std::optional<Buffer>(checkpoint::encode(*receipt));
}

}  // namespace desa2va::protocol
