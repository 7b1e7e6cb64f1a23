#include "services/data/memory.h"

#include <malloc.h>

namespace desa2va::data {

namespace {
constexpr int kLargeBytes = 1 << 20;
}  // namespace

void keep_memory_flat() {
  // Setting the threshold also ends its adjustment.
  ::mallopt(M_MMAP_THRESHOLD, kLargeBytes);
  ::mallopt(M_TRIM_THRESHOLD, 2 * kLargeBytes);
}

}  // namespace desa2va::data
