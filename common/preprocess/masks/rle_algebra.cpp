#include <algorithm>

#include "common/preprocess/masks/rle.h"

namespace desa2va::preprocess {

namespace {

// Walks one mask run by run; foreign codes may hold empty runs.
class RunWalker {
 public:
  explicit RunWalker(const Rle& rle) : runs_(rle.runs) { skip_empty(); }

  bool done() const { return next_ == runs_.size(); }
  bool value() const { return next_ % 2 == 1; }
  std::uint32_t left() const { return runs_[next_] - used_; }
  void advance(std::uint32_t by) {
    used_ += by;
    skip_empty();
  }

 private:
  void skip_empty() {
    while (next_ < runs_.size() && used_ == runs_[next_]) {
      ++next_;
      used_ = 0;
    }
  }

  const std::vector<std::uint32_t>& runs_;
  std::size_t next_ = 0;
  std::uint32_t used_ = 0;
};

template <class Combine>
Rle combine_two(const Rle& a, const Rle& b, Combine combine) {
  Rle out{a.width, a.height, {}};
  RunWalker walk_a(a);
  RunWalker walk_b(b);
  bool value = false;
  std::uint32_t run = 0;
  while (!walk_a.done() && !walk_b.done()) {
    const std::uint32_t step = std::min(walk_a.left(), walk_b.left());
    if (const bool next = combine(walk_a.value(), walk_b.value()); next != value) {
      out.runs.push_back(run);
      run = 0;
      value = next;
    }
    run += step;
    walk_a.advance(step);
    walk_b.advance(step);
  }
  out.runs.push_back(run);
  return out;
}

template <class Combine>
Result<Rle> combine_all(std::span<const Rle> masks, Combine combine) {
  if (masks.empty()) return fail(Errc::InvalidArgument, "no mask given: at least one is needed");
  // With itself first, so that one mask comes out in the same normal form as several.
  Rle out = combine_two(masks[0], masks[0], combine);
  for (const Rle& mask : masks.subspan(1)) {
    if (mask.width != out.width || mask.height != out.height)
      return fail(Errc::InvalidArgument, "masks of {}x{} and {}x{} pixels cannot be joined",
                  out.width, out.height, mask.width, mask.height);
    out = combine_two(out, mask, combine);
  }
  return out;
}

}  // namespace

Result<Rle> unite(std::span<const Rle> masks) {
  return combine_all(masks, [](bool a, bool b) { return a || b; });
}

Result<Rle> intersect(std::span<const Rle> masks) {
  return combine_all(masks, [](bool a, bool b) { return a && b; });
}

Result<double> mask_iou(const Rle& a, const Rle& b, bool crowd) {
  const std::array<Rle, 2> both = {a, b};
  DESA2VA_ASSIGN(const Rle common, intersect(both));
  const std::int64_t intersection = area(common);
  if (intersection == 0) return 0.0;
  const std::int64_t whole = crowd ? area(a) : area(a) + area(b) - intersection;
  return static_cast<double>(intersection) / static_cast<double>(whole);
}

}  // namespace desa2va::preprocess
