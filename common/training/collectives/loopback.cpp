#include "common/training/collectives/loopback.h"

#include <ATen/ops/add.h>

#include "common/tensor/guarded.h"

namespace desa2va::training {

struct LoopbackGroup::Shared {
  explicit Shared(int size) : waiting(static_cast<std::size_t>(size)) {}
  // Per rank what it brought; all present: the sum is formed and handed to everyone.
  std::vector<std::vector<at::Tensor>> waiting;
  int arrived = 0;
  std::uint64_t rounds = 0;  // sums completed
};

namespace {

template <class Shared>
class LoopbackEnd final : public Collective {
 public:
  LoopbackEnd(std::shared_ptr<Shared> shared, int rank) : shared_(std::move(shared)), rank_(rank) {}

  int rank() const override { return rank_; }
  int size() const override { return static_cast<int>(shared_->waiting.size()); }

  Result<void> start_sum(std::vector<at::Tensor> tensors) override {
    if (wanted_ > shared_->rounds)
      return fail(Errc::Internal, "rank {} started a sum before its last one ended", rank_);
    shared_->waiting[static_cast<std::size_t>(rank_)] = std::move(tensors);
    wanted_ = shared_->rounds + 1;
    if (++shared_->arrived < size()) return {};
    return tensor::guarded([&] { add_all(); });
  }

  Result<bool> poll() override { return shared_->rounds >= wanted_; }

 private:
  void add_all() {
    auto& waiting = shared_->waiting;
    for (std::size_t i = 0; i < waiting[0].size(); ++i) {
      at::Tensor sum = waiting[0][i];
      for (std::size_t r = 1; r < waiting.size(); ++r) sum.add_(waiting[r][i]);
      for (std::size_t r = 1; r < waiting.size(); ++r) waiting[r][i].copy_(sum);
    }
    for (auto& tensors : waiting) tensors.clear();
    shared_->arrived = 0;
    ++shared_->rounds;
  }

  std::shared_ptr<Shared> shared_;
  const int rank_;
  std::uint64_t wanted_ = 0;
};

}  // namespace

LoopbackGroup::LoopbackGroup(int size) : shared_(std::make_shared<Shared>(size)) {}

std::unique_ptr<Collective> LoopbackGroup::end(int rank) {
  return std::make_unique<LoopbackEnd<Shared>>(shared_, rank);
}

}  // namespace desa2va::training
