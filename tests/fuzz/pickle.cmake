desa2va_fuzz(pickle pickle_fuzz.cpp LINK desa2va_datasets)
