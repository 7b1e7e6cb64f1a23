desa2va_test(process_peer_death_zmq_test peer_death_test.cpp
  LINK desa2va_transport desa2va_transport_zmq LABELS process TIMEOUT 60)
