#include <cstdlib>

#include "common/datasets/pickle.h"

// Any bytes are either plain data or refused; nothing is ever called.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto read = desa2va::datasets::read_pickle(std::as_bytes(std::span(data, size)));
  if (!read) {
    const auto code = read.error().code();
    if (code != desa2va::Errc::Corrupt && code != desa2va::Errc::InvalidArgument) std::abort();
    return 0;
  }
  if (read->protocol < 0 || read->protocol > 5) std::abort();
  return 0;
}
