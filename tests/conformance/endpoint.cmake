# One suite, every transport. The ZeroMQ half is a program of its own since libzmq gives false races
# under the thread sanitizer (the tsan preset leaves out tests with "zmq" in their names).
desa2va_test(conformance_loopback_test endpoint_suite.cpp loopback_suite.cpp LINK desa2va_transport)
desa2va_test(conformance_zmq_test endpoint_suite.cpp zmq_suite.cpp
  LINK desa2va_transport desa2va_transport_zmq)
