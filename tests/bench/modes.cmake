if(DESA2VA_TORCH)
  desa2va_program(bench_modes bench_modes.cpp LINK desa2va_base GTest::gtest)
  add_dependencies(bench_modes desa2va)
endif()
