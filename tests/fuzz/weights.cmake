desa2va_fuzz(safetensors safetensors_fuzz.cpp LINK desa2va_weights)
desa2va_fuzz(pt pt_fuzz.cpp LINK desa2va_weights)
desa2va_fuzz(tokenizer tokenizer_fuzz.cpp LINK desa2va_text)
