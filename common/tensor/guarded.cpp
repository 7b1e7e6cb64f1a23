#include "common/tensor/guarded.h"

#include <algorithm>
#include <cstdlib>
#include <exception>
#include <new>
#include <string>

#include <malloc.h>

#include <ATen/Parallel.h>
#include <ATen/Version.h>
#include <c10/util/Exception.h>
#include <torch/headeronly/version.h>

namespace desa2va::tensor {
namespace {

std::string first_line(std::string text) {
  text.resize(std::min(text.find('\n'), text.size()));
  return text;
}

bool says_out_of_memory(const std::string& text) {
  return text.find("can't allocate memory") != std::string::npos ||
         text.find("not enough memory") != std::string::npos ||
         text.find("out of memory") != std::string::npos;
}

Error out_of_memory(const std::string& what) {
  return fail(Errc::Internal,
              "out of memory: {}; give the process more, or use fewer microbatches in flight "
              "(services.<role>.in_flight) or shorter samples",
              what);
}

}  // namespace

Error current_exception_as_error() {
  try {
    throw;
  } catch (const c10::OutOfMemoryError& error) {
    return out_of_memory(first_line(error.what_without_backtrace()));
  } catch (const c10::Error& error) {
    const auto text = first_line(error.what_without_backtrace());
    return says_out_of_memory(text) ? out_of_memory(text) : Error(Errc::Internal, text);
  } catch (const std::bad_alloc&) {
    return out_of_memory("the allocator refused");
  } catch (const std::exception& error) {
    return Error(Errc::Internal, first_line(error.what()));
  } catch (...) {
    return Error(Errc::Internal, "an exception of unknown type");
  }
}

void set_threads(int count) {
  TORCH_CHECK(count >= 1, "threads must be >= 1, not ", count);
  if (at::get_num_threads() != count) at::set_num_threads(count);
}

void settle_memory() {
  ::setenv("THP_MEM_ALLOC_ENABLE", "1", /*overwrite=*/0);
#ifdef __GLIBC__
  constexpr int kKeptTensorBytes = 64 << 20;
  if (std::getenv("MALLOC_TRIM_THRESHOLD_") != nullptr ||
      std::getenv("MALLOC_MMAP_THRESHOLD_") != nullptr)
    return;
  ::mallopt(M_TRIM_THRESHOLD, -1);  // never
  ::mallopt(M_MMAP_THRESHOLD, kKeptTensorBytes);
#endif
}

std::vector<std::pair<std::string, std::string>> library_facts() {
  return {{"libtorch", TORCH_VERSION}, {"cpu_capability", at::get_cpu_capability()}};
}

}  // namespace desa2va::tensor
