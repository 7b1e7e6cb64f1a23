if(DESA2VA_TORCH)
  desa2va_test(process_bad_input_test bad_input_test.cpp LINK desa2va_base
    LABELS process slow TIMEOUT 900)
  add_dependencies(process_bad_input_test desa2va desa2va-data desa2va-mllm desa2va-decoupler
    desa2va-sam2 desa2va-coordinator)
endif()
