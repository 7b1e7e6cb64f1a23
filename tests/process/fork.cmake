if(DESA2VA_TORCH)
  desa2va_test(process_fork_test fork_test.cpp LINK desa2va_base
    LABELS process slow TIMEOUT 1500)
  add_dependencies(process_fork_test desa2va desa2va-data desa2va-mllm desa2va-decoupler
    desa2va-sam2 desa2va-coordinator desa2va-monolith desa2va-inference)
endif()
