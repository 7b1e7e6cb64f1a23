#include <filesystem>
#include <map>
#include <optional>

#include "common/storage/checkpoint/compare.h"
#include "tests/support/temp_dir.h"
#include "tests/unit/storage/checkpoint/store.h"

// Any history of saves, crashes, restarts and garbage collections leaves exactly the checkpoints
// that were committed, each with exactly its content: a store against a map.
namespace desa2va::checkpoint {
namespace {

using desa2va::test::TempDir;
using test::must;
using test::Tensors;

class History {
 public:
  explicit History(std::uint32_t seed) : random_(seed, "test", "history") { restart(); }

  void run(int operations) {
    for (int i = 0; i < operations; ++i) {
      const auto operation = below(8);
      SCOPED_TRACE(::testing::Message() << "operation " << i << ": " << operation);
      switch (operation) {
        case 0:
        case 1:
          change();
          save(Crash::None);
          break;
        case 2:
          save(Crash::WhileWriting);
          break;
        case 3:
          save(Crash::BeforeCommit);
          break;
        case 4:
          collect();
          break;
        case 5:
          restart();
          break;
        case 6:
          go_back();
          break;
        default:
          change();
      }
      check();
      if (::testing::Test::HasFatalFailure()) return;
    }
  }

 private:
  enum class Crash { None, WhileWriting, BeforeCommit };

  std::uint32_t below(std::uint32_t n) { return random_.below(draw_++, n); }
  const std::filesystem::path& store() const { return folders_.back()->path(); }

  // The process ends and another one opens the store; work since the last checkpoint is lost.
  void restart() {
    catalog_.reset();
    if (folders_.empty()) folders_.push_back(std::make_unique<TempDir>());
    catalog_ = must(Catalog::open(store()));
    step_ = committed_.empty() ? 0 : committed_.rbegin()->first;
    tensors_ = committed_.empty() ? Tensors{} : committed_.rbegin()->second;
  }

  // The process is killed now: what is on disk goes on in a copy, the open files do not.
  void crash() {
    catalog_.reset();
    auto next = std::make_unique<TempDir>();
    std::filesystem::copy(store(), next->path(), std::filesystem::copy_options::recursive);
    folders_.push_back(std::move(next));
  }

  void change() {
    const auto name = "t" + std::to_string(below(6));
    if (below(5) == 0) {
      tensors_.erase(name);
      return;
    }
    const std::vector<std::vector<std::int64_t>> shapes = {{}, {7}, {0}, {3, 400000}, {2, 1300000}};
    tensors_[name] = test::random_tensor(shapes[below(5)], below(4));
  }

  void save(Crash crash_point) {
    ++step_;
    KnownChunks known;
    if (!committed_.empty()) known = known_chunks(must(catalog_->load(committed_.rbegin()->first)));
    Manifest manifest;
    manifest.step = step_;
    manifest.blobs["counters"] = std::to_string(step_);
    for (const auto* rank : {"mllm-0", "sam2-1"}) {
      auto writer = must(PartWriter::create(store(), rank, step_, known));
      for (const auto& [name, tensor] : tensors_) {
        const bool mine = (name.back() % 2 == 0) == (rank[0] == 'm');
        if (mine) must(writer.add(name, tensor));
        if (crash_point == Crash::WhileWriting && rank[0] == 's' && below(2) == 0) break;
      }
      if (crash_point == Crash::WhileWriting && rank[0] == 's') {
        crash();  // with the writer alive: its file is torn
        break;
      }
      must(manifest.add(must(writer.finish())));
    }
    if (crash_point == Crash::BeforeCommit) crash();
    if (crash_point != Crash::None) return restart();
    must(catalog_->commit(manifest));
    committed_[step_] = tensors_;
    if (below(4) == 0) {
      crash();
      restart();
    }
  }

  void collect() {
    const auto keep = 1 + below(3);
    must(catalog_->gc(keep));
    while (committed_.size() > keep) committed_.erase(committed_.begin());
  }

  void go_back() {
    if (committed_.size() < 2) return;
    committed_.erase(std::prev(committed_.end()));
    must(catalog_->drop_after(committed_.rbegin()->first));
    restart();
  }

  void check() {
    std::vector<std::uint64_t> steps;
    for (const auto& [step, tensors] : committed_) steps.push_back(step);
    ASSERT_EQ(must(catalog_->steps()), steps);
    for (const auto& [step, tensors] : committed_) {
      const auto reader = must(CheckpointReader::open(store(), must(catalog_->load(step))));
      ASSERT_EQ(reader.manifest().tensors.size(), tensors.size());
      ASSERT_EQ(reader.manifest().blobs.at("counters"), std::to_string(step));
      for (const auto& [name, tensor] : tensors) {
        ASSERT_TRUE(test::same(must(reader.read(name)), tensor)) << "step " << step << " " << name;
      }
    }
    ASSERT_TRUE(must(verify(store())).defects.empty());
  }

  Random random_;
  std::uint64_t draw_ = 0;
  std::vector<std::unique_ptr<TempDir>> folders_;
  std::optional<Catalog> catalog_;
  std::uint64_t step_ = 0;
  Tensors tensors_;                             // of the running process
  std::map<std::uint64_t, Tensors> committed_;  // the model
};

class CheckpointHistory : public ::testing::TestWithParam<std::uint32_t> {};

TEST_P(CheckpointHistory, LeavesExactlyWhatWasCommitted) {
  History(GetParam()).run(40);
}

INSTANTIATE_TEST_SUITE_P(Seeds, CheckpointHistory, ::testing::Values(1, 2, 3));

}  // namespace
}  // namespace desa2va::checkpoint
