desa2va_test(process_import_test import_test.cpp
  LINK desa2va_datasets desa2va_image LABELS process TIMEOUT 600)
add_dependencies(process_import_test desa2va)
