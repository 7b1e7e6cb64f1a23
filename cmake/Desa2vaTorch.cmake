# LibTorch from the unpacked PyPI wheels. Its own CMake package insists on CUDA, so the targets
# are ours: desa2va::torch for the CPU, desa2va::torch_cuda where DESA2VA_CUDA is on.
if(NOT EXISTS ${DESA2VA_TORCH_ROOT}/torch/lib/libtorch_cpu.so)
  message(FATAL_ERROR "LibTorch is not at '${DESA2VA_TORCH_ROOT}/torch'. Run ./dev setup, or pass "
    "-DDESA2VA_TORCH_ROOT=<folder with torch/ and nvidia/>, or -DDESA2VA_TORCH=OFF.")
endif()
set(torch_dir ${DESA2VA_TORCH_ROOT}/torch)
add_library(desa2va_torch INTERFACE)
add_library(desa2va::torch ALIAS desa2va_torch)
# -idirafter: the wheel carries its own fmt and protobuf headers; the system's must win.
target_compile_options(desa2va_torch INTERFACE
  "SHELL:-idirafter ${torch_dir}/include" "SHELL:-idirafter ${torch_dir}/include/torch/csrc/api/include")
target_compile_definitions(desa2va_torch INTERFACE USE_C10D_GLOO AT_PER_OPERATOR_HEADERS)
target_link_options(desa2va_torch INTERFACE -Wl,--allow-shlib-undefined -Wl,-rpath,${torch_dir}/lib)
target_link_libraries(desa2va_torch INTERFACE
  -Wl,--no-as-needed ${torch_dir}/lib/libtorch_cpu.so ${torch_dir}/lib/libc10.so -Wl,--as-needed
  Threads::Threads)

# desa2va_torch_sources(TARGET): heavy files wait in the pool; unity batches in full builds.
function(desa2va_torch_sources target)
  set_target_properties(${target} PROPERTIES JOB_POOL_COMPILE torch)
  if(DESA2VA_UNITY)
    set_target_properties(${target} PROPERTIES UNITY_BUILD ON UNITY_BUILD_BATCH_SIZE 8)
  endif()
endfunction()

include(Desa2vaCuda)
