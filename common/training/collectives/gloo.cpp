#include "common/training/collectives/gloo.h"

#include <torch/csrc/distributed/c10d/FileStore.hpp>
#include <torch/csrc/distributed/c10d/ProcessGroupGloo.hpp>

namespace desa2va::training {
namespace {

class GlooEnd final : public Collective {
 public:
  GlooEnd(c10::intrusive_ptr<c10d::ProcessGroupGloo> group, std::function<void()> wake)
      : group_(std::move(group)), wake_(std::move(wake)) {}

  int rank() const override { return group_->getRank(); }
  int size() const override { return group_->getSize(); }

  Result<void> start_sum(std::vector<at::Tensor> tensors) override {
    try {
      for (at::Tensor& tensor : tensors) {
        std::vector<at::Tensor> one = {tensor};
        works_.push_back(group_->allreduce(one));
      }
      if (!works_.empty())
        works_.back()->getFuture()->addCallback([wake = wake_](c10::ivalue::Future&) { wake(); });
      return {};
    } catch (const std::exception& error) {
      return failed(error);
    }
  }

  Result<bool> poll() override {
    try {
      for (; next_ < works_.size(); ++next_) {
        // The future and not the work: its callback, which woke us, runs before the work is marked.
        if (!works_[next_]->getFuture()->completed()) return false;
        works_[next_]->wait();  // as good as complete: throws what went wrong
      }
      works_.clear();
      next_ = 0;
      return true;
    } catch (const std::exception& error) {
      return failed(error);
    }
  }

 private:
  Error failed(const std::exception& error) const {
    const std::string what = error.what();
    return fail(Errc::Unavailable, "sum over {} replicas: {}", size(),
                what.substr(0, what.find('\n')));
  }

  c10::intrusive_ptr<c10d::ProcessGroupGloo> group_;
  std::function<void()> wake_;
  std::vector<c10::intrusive_ptr<c10d::Work>> works_;
  std::size_t next_ = 0;
};

}  // namespace

Result<std::unique_ptr<Collective>> open_gloo(const std::string& store_file, int rank, int size,
                                              std::chrono::milliseconds timeout,
                                              std::function<void()> wake) {
  try {
    auto store = c10::make_intrusive<c10d::FileStore>(store_file, size);
    store->setTimeout(timeout);
    auto options = c10d::ProcessGroupGloo::Options::create(timeout);
    options->devices.push_back(c10d::ProcessGroupGloo::createDeviceForHostname("127.0.0.1"));
    options->threads = 1;
    auto group = c10::make_intrusive<c10d::ProcessGroupGloo>(store, rank, size, options);
    return std::unique_ptr<Collective>(
        std::make_unique<GlooEnd>(std::move(group), std::move(wake)));
  } catch (const std::exception& error) {
    const std::string what = error.what();
    return fail(Errc::Timeout, "replica {} of {} met no group at {}: {}", rank, size, store_file,
                what.substr(0, what.find('\n')));
  }
}

}  // namespace desa2va::training
