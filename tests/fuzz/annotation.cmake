desa2va_fuzz(annotation annotation_fuzz.cpp LINK desa2va_datasets)
