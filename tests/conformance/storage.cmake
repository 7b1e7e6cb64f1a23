# A dataset and a checkpoint store written by format version 1, the examples of docs/formats.md:
# whatever becomes of the writers, readers must go on reading them.
desa2va_test(conformance_storage_test storage_test.cpp LINK desa2va_shards desa2va_checkpoint)
