# The few functions all CMakeLists.txt use, so that a folder's file is a list of names.

add_library(desa2va_options INTERFACE)
target_compile_options(desa2va_options INTERFACE -Wall -Wextra -Wpedantic $<$<BOOL:${DESA2VA_WERROR}>:-Werror>)
target_include_directories(desa2va_options INTERFACE ${CMAKE_SOURCE_DIR})

# desa2va_library(NAME sources... LINK libs...): a static library; includes start at the root.
function(desa2va_library name)
  cmake_parse_arguments(arg "" "" "LINK" ${ARGN})
  add_library(${name} STATIC ${arg_UNPARSED_ARGUMENTS})
  target_link_libraries(${name} PUBLIC desa2va_options ${arg_LINK})
endfunction()

# desa2va_program(NAME sources... LINK libs...): a program in build/<preset>/bin.
function(desa2va_program name)
  cmake_parse_arguments(arg "" "" "LINK" ${ARGN})
  add_executable(${name} ${arg_UNPARSED_ARGUMENTS})
  target_link_libraries(${name} PRIVATE desa2va_options ${arg_LINK})
endfunction()

# desa2va_test(NAME sources... LINK libs... LABELS labels... TIMEOUT seconds): one GoogleTest
# program, one ctest entry. Labels: fast (default), slow, process, golden, gpu.
function(desa2va_test name)
  cmake_parse_arguments(arg "" "TIMEOUT" "LINK;LABELS" ${ARGN})
  add_executable(${name} ${arg_UNPARSED_ARGUMENTS})
  target_link_libraries(${name} PRIVATE desa2va_options ${arg_LINK} GTest::gmock GTest::gtest_main)
  if(NOT arg_LABELS)
    set(arg_LABELS fast)
  endif()
  if(NOT arg_TIMEOUT)
    set(arg_TIMEOUT 300)
  endif()
  add_test(NAME ${name} COMMAND ${name})
  set_tests_properties(${name} PROPERTIES LABELS "${arg_LABELS}" TIMEOUT ${arg_TIMEOUT}
    ENVIRONMENT "DESA2VA_SOURCE_DIR=${CMAKE_SOURCE_DIR}")
endfunction()

# desa2va_schema(NAME file.capnp...): a library of the code generated from Cap'n Proto files.
function(desa2va_schema name)
  set(CAPNPC_SRC_PREFIX ${CMAKE_SOURCE_DIR})
  set(CAPNPC_OUTPUT_DIR ${CMAKE_BINARY_DIR}/generated)
  set(CAPNPC_IMPORT_DIRS ${CMAKE_SOURCE_DIR})
  file(MAKE_DIRECTORY ${CAPNPC_OUTPUT_DIR})
  capnp_generate_cpp(sources headers ${ARGN})
  add_library(${name} STATIC ${sources} ${headers})
  target_include_directories(${name} SYSTEM PUBLIC ${CAPNPC_OUTPUT_DIR})
  target_link_libraries(${name} PUBLIC CapnProto::capnp)
endfunction()
