#pragma once

#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "common/base/result.h"

// The gate between model code, which throws, and everything else, which returns Result<T>.
namespace desa2va::tensor {

// The exception being handled as an Error; call it in a catch block only. c10::Error and any other
// exception become Internal with the first line of their message; memory that ran out is named.
Error current_exception_as_error();

// Runs `f` and returns what it returns, or the exception it threw as an Error. Called by a
// service around its stage and nowhere else in a service.
template <class F>
auto guarded(F&& f) -> Result<std::invoke_result_t<F>> {
  using Value = std::invoke_result_t<F>;
  try {
    if constexpr (std::is_void_v<Value>) {
      std::forward<F>(f)();
      return Result<void>();
    } else {
      return Result<Value>(std::forward<F>(f)());
    }
  } catch (...) {
    return current_exception_as_error();
  }
}

// Threads that one operator may use in this process, >= 1. The bits of some operators depend on
// it, so the monolith sets it before each stage; cheap when nothing changes. Call from the compute
// thread only. Operators never run beside each other (inter-op threads are never used).
void set_threads(int count);

// Settles how this process gets memory for tensors. Large ones come in huge pages: 2 MiB are mapped
// at a time, which LibTorch knows how to ask for (THP_MEM_ALLOC_ENABLE) but does not by default.
// And what one step frees stays for the next, up to 64 MiB a tensor: glibc would hand it back to
// the kernel, which clears every page it gives out again. Changes no bit. Call first in `main`,
// before any tensor and thread; an environment that says otherwise (also by MALLOC_TRIM_THRESHOLD_,
// MALLOC_MMAP_THRESHOLD_) is left alone.
void settle_memory();

// What the bits of operators depend on besides thread counts: ("libtorch", "2.11.0"),
// ("cpu_capability", "AVX512").
std::vector<std::pair<std::string, std::string>> library_facts();

}  // namespace desa2va::tensor
