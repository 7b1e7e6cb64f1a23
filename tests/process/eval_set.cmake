if(DESA2VA_TORCH)
  desa2va_test(process_eval_set_test eval_set_test.cpp
    LINK desa2va_base desa2va_image desa2va_masks nlohmann_json::nlohmann_json
    LABELS process slow TIMEOUT 600)
  add_dependencies(process_eval_set_test desa2va desa2va-data desa2va-mllm desa2va-decoupler
    desa2va-sam2 desa2va-coordinator desa2va-inference)
endif()
