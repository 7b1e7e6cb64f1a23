#include "common/training/replica/replica.h"

#include "common/storage/checkpoint/catalog.h"
#include "common/storage/checkpoint/checkpoint_reader.h"
#include "common/tensor/guarded.h"

namespace desa2va::training {

Replica::Replica(Rank self, std::string store, int threads, TrainedStage& stage,
                 std::unique_ptr<Collective> collective, std::function<void()> wake)
    : self_(self),
      store_(store),
      threads_(threads),
      stage_(stage),
      collective_(std::move(collective)),
      saver_(std::move(store), to_string(self), std::move(wake)) {}

Result<void> Replica::restore(std::uint64_t step) {
  auto opened = checkpoint::Catalog::open_read_only(store_);
  if (step == 0) {  // the first weights: in the store, or those of the initialisation
    if (!opened && opened.error().code() == Errc::NotFound) return {};
    DESA2VA_ASSIGN(const auto steps,
                   opened ? opened->steps() : Result<std::vector<std::uint64_t>>(opened.error()));
    if (steps.empty() || steps.front() != 0) return {};
  }
  DESA2VA_ASSIGN(const auto catalog, std::move(opened));
  DESA2VA_ASSIGN(auto manifest, catalog.load(step));
  saver_.knows(manifest);
  DESA2VA_ASSIGN(auto reader, checkpoint::CheckpointReader::open(store_, manifest));
  const std::string mine = std::string(name(self_.role)) + "-";
  std::map<std::string, HostTensor> tensors;
  for (const auto& record : manifest.tensors) {
    if (!record.owner.starts_with(mine)) continue;
    DESA2VA_ASSIGN(tensors[record.name], reader.read(record.name));
  }
  return tensor::guarded([&] {
    tensor::set_threads(threads_);
    if (step == 0) return stage_.state().start_from(tensors);
    stage_.state().restore(manifest.phase, tensors);
    stage_.restore_extra(tensors, manifest.blobs);
  });
}

Result<void> Replica::begin_step(const protocol::OpenStep& step) {
  step_ = step;
  return tensor::guarded([&] {
    tensor::set_threads(threads_);
    stage_.state().enter(step.phase);
    stage_.state().begin_step();
    stage_.begin_step(step);
  });
}

Result<void> Replica::start_reduce() {
  if (collective_->size() == 1) return {};
  return collective_->start_sum(stage_.state().to_reduce());
}

Result<bool> Replica::reduced() {
  if (collective_->size() == 1) return true;
  return collective_->poll();
}

Result<messages::Prepared> Replica::prepare() {
  return tensor::guarded([&] {
    tensor::set_threads(threads_);
    stage_.state().finish();
    auto norms = stage_.state().norms(collective_->rank(), collective_->size());
    return messages::Prepared{std::move(norms.squared), norms.finite, std::move(norms.first_bad)};
  });
}

Result<messages::Done> Replica::commit(double scale) {
  return tensor::guarded([&] {
    tensor::set_threads(threads_);
    return messages::Done{stage_.commit(step_, scale)};
  });
}

Result<messages::Done> Replica::skip() {
  return tensor::guarded([&] {
    stage_.skip();
    return messages::Done{};
  });
}

Result<void> Replica::committed(const protocol::OpenStep& step) {
  return tensor::guarded([&] {
    tensor::set_threads(threads_);
    stage_.committed(step);
  });
}

// Each replica holds the same state and writes its share of the tensors.
Result<void> Replica::start_save(std::uint64_t step) {
  DESA2VA_ASSIGN(protocol::Snapshot all, tensor::guarded([&] {
                   protocol::Snapshot snapshot = stage_.extra();
                   auto state = stage_.state().snapshot();
                   snapshot.tensors.insert(snapshot.tensors.end(), state.begin(), state.end());
                   return snapshot;
                 }));
  protocol::Snapshot own;
  const auto size = static_cast<std::size_t>(collective_->size());
  for (std::size_t i = static_cast<std::size_t>(collective_->rank()); i < all.tensors.size();
       i += size)
    own.tensors.push_back(std::move(all.tensors[i]));
  if (collective_->rank() == 0) own.blobs = std::move(all.blobs);
  return saver_.start(step, std::move(own));
}

Result<std::optional<Buffer>> Replica::saved() {
  return saver_.poll();
}

}  // namespace desa2va::training
