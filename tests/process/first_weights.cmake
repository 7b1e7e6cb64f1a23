if(DESA2VA_TORCH)
  desa2va_test(process_first_weights_test first_weights_test.cpp LINK desa2va_checkpoint
    LABELS process slow TIMEOUT 900)
  add_dependencies(process_first_weights_test desa2va desa2va-data desa2va-mllm desa2va-decoupler
    desa2va-sam2 desa2va-coordinator desa2va-monolith)
endif()
