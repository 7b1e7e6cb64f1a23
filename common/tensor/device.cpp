#include "common/tensor/device.h"

#include <charconv>

#include <ATen/Context.h>
#include <ATen/detail/CUDAHooksInterface.h>

namespace desa2va::tensor {
namespace {

#ifdef DESA2VA_WITH_CUDA
constexpr bool kWithCuda = true;
#else
constexpr bool kWithCuda = false;
#endif

// "cuda:3" -> 3, "cuda" -> the replica's number; -1: neither.
int cuda_index(const std::string& wanted, int replica) {
  if (wanted == "cuda") return replica;
  constexpr std::string_view kPrefix = "cuda:";
  if (!wanted.starts_with(kPrefix)) return -1;
  int index = -1;
  const char* const end = wanted.data() + wanted.size();
  const auto [rest, error] = std::from_chars(wanted.data() + kPrefix.size(), end, index);
  return error == std::errc() && rest == end ? index : -1;
}

std::string what_there_is(int count) {
  if (!kWithCuda)
    return "this build knows the CPU only; allowed: cpu (cmake --preset cuda builds the other)";
  if (count == 0) return "no CUDA device is visible on this machine; allowed: cpu";
  return count == 1
             ? std::string("this machine has one CUDA device; allowed: cpu, cuda:0")
             : fmt::format("this machine has {} CUDA devices; allowed: cpu, cuda:0 to cuda:{}",
                           count, count - 1);
}

}  // namespace

int cuda_devices() {
  return at::globalContext().hasCUDA() ? at::detail::getCUDAHooks().getNumGPUs() : 0;
}

Result<std::string> find_device(const std::string& wanted, int replica) {
  if (wanted == "cpu") return std::string("cpu");
  const int index = cuda_index(wanted, replica);
  const int count = cuda_devices();
  if (index < 0 || index >= count)
    return fail(Errc::InvalidArgument, "{}{}: {}", wanted,
                wanted == "cuda" && count > 0 ? fmt::format(" for replica {}", replica) : "",
                what_there_is(count))
        .with_exit(ExitCode::Usage);
  at::globalContext().setFloat32Precision(at::Float32Backend::CUDA, at::Float32Op::ALL,
                                          at::Float32Precision::IEEE);
  return fmt::format("cuda:{}", index);
}

Result<std::string> open_device(Rank self, const std::string& wanted) {
  auto device = find_device(wanted, self.index);
  if (!device)
    return std::move(device.error()).in(fmt::format("services.{}.device", name(self.role)));
  return device;
}

}  // namespace desa2va::tensor
