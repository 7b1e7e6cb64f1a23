#pragma once

#include <functional>
#include <string>
#include <vector>

#include <torch/csrc/distributed/c10d/Backend.hpp>

#include "common/training/collectives/collective.h"

namespace desa2va::training {

// A replica's end of a group of any c10d backend. For the files of this folder that include c10d.
class C10dEnd final : public Collective {
 public:
  C10dEnd(c10::intrusive_ptr<c10d::Backend> group, std::function<void()> wake)
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

  c10::intrusive_ptr<c10d::Backend> group_;
  std::function<void()> wake_;
  std::vector<c10::intrusive_ptr<c10d::Work>> works_;
  std::size_t next_ = 0;
};

}  // namespace desa2va::training
