# Compiler, linker, cache and output folders: the same for every target.
set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bin)
set(CMAKE_ARCHIVE_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/lib)

find_program(DESA2VA_CCACHE ccache)
if(DESA2VA_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  # ccache may share objects between build folders and understands precompiled headers.
  set(CMAKE_CXX_COMPILER_LAUNCHER
      ${CMAKE_COMMAND} -E env
      CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime
      CCACHE_BASEDIR=${CMAKE_SOURCE_DIR} ${DESA2VA_CCACHE})
  set(CMAKE_CUDA_COMPILER_LAUNCHER ${DESA2VA_CCACHE})
endif()
find_program(DESA2VA_MOLD mold)
if(DESA2VA_MOLD)
  add_link_options(-fuse-ld=mold)
endif()

# Files that include LibTorch need about 1 GiB each: never more than four at once.
set_property(GLOBAL PROPERTY JOB_POOLS torch=4)
