#include <cstdio>

#include "tests/property/storage/checkpoint_kill.h"

// Saves one checkpoint after another, going on from the last, and says on standard output what it
// is about to do and what is done, until it is killed.
namespace {

void say(const char* what, std::uint64_t step) {
  std::printf("%s %llu\n", what, static_cast<unsigned long long>(step));
  std::fflush(stdout);
}

}  // namespace

int main(int argc, char** argv) {
  using namespace desa2va::checkpoint;
  if (argc != 2) return 2;
  auto catalog = test::must(Catalog::open(argv[1]));
  for (std::uint64_t step = test::must(catalog.last_step()).value_or(0) + 1;; ++step) {
    KnownChunks known;
    if (step > 1) known = known_chunks(test::must(catalog.load(step - 1)));
    Manifest manifest;
    manifest.step = step;
    for (const auto* rank : {"mllm-0", "sam2-0"}) {
      say("part", step);
      auto writer = test::must(PartWriter::create(argv[1], rank, step, known));
      for (const auto& [name, tensor] : test::state_at(step)) {
        test::must(writer.add(std::string(rank) + "/" + name, tensor));
      }
      say("seal", step);
      test::must(manifest.add(test::must(writer.finish())));
    }
    say("committing", step);
    test::must(catalog.commit(manifest));
    say("committed", step);
    test::must(catalog.gc(test::kKeep));
  }
}
