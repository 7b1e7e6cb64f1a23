# CUDA and NCCL. Compiling needs the toolkit's headers (and nccl.h); linking with them, in the `cuda`
# preset, needs the libraries that LibTorch's wheel names in its metadata as well.
find_path(DESA2VA_CUDA_INCLUDE cuda_runtime_api.h
  HINTS $ENV{CUDA_HOME}/include /usr/local/cuda/include NO_DEFAULT_PATH)
find_path(DESA2VA_NCCL_INCLUDE nccl.h HINTS ${DESA2VA_CUDA_INCLUDE} $ENV{NCCL_HOME}/include)

# desa2va_cuda_found(OUT): whether the files that see CUDA can be compiled here.
function(desa2va_cuda_found out)
  if(DESA2VA_CUDA_INCLUDE AND DESA2VA_NCCL_INCLUDE)
    set(${out} ON PARENT_SCOPE)
  else()
    set(${out} OFF PARENT_SCOPE)
  endif()
endfunction()

desa2va_cuda_found(found)
if(DESA2VA_CUDA AND NOT found)
  message(FATAL_ERROR "DESA2VA_CUDA is on, but cuda_runtime_api.h or nccl.h is not in "
    "$CUDA_HOME/include or /usr/local/cuda/include. Install the CUDA 13.0 toolkit and NCCL, set "
    "CUDA_HOME, or configure without -DDESA2VA_CUDA=ON.")
endif()

if(found)
  add_library(desa2va_torch_cuda_headers INTERFACE)
  target_link_libraries(desa2va_torch_cuda_headers INTERFACE desa2va_torch)
  target_include_directories(desa2va_torch_cuda_headers SYSTEM INTERFACE
    ${DESA2VA_CUDA_INCLUDE} ${DESA2VA_NCCL_INCLUDE})
  target_compile_definitions(desa2va_torch_cuda_headers INTERFACE USE_C10D_NCCL)
endif()
if(DESA2VA_CUDA)
  set(torch_lib ${DESA2VA_TORCH_ROOT}/torch/lib)
  add_library(desa2va_torch_cuda INTERFACE)
  add_library(desa2va::torch_cuda ALIAS desa2va_torch_cuda)
  target_link_libraries(desa2va_torch_cuda INTERFACE desa2va_torch_cuda_headers
    -Wl,--no-as-needed ${torch_lib}/libtorch_cuda.so ${torch_lib}/libc10_cuda.so -Wl,--as-needed)
endif()
