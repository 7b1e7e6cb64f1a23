@0xe1b0a4c6d2f79385;
# What the transport itself says on an edge: the first frame of every multipart message.
#
# Both ends send `hello` when they meet (the connecting end first, the binding end in answer); it
# grants the window that the other may fill. Then either sends `message` (followed by a header frame
# and the payload frames) while its account allows, and `credit` as messages are released. `bye` is
# the last word of a good end; a connection that breaks without it is a death. Nothing is repeated;
# a process that restarts opens new edges in a new generation.
#
# On the wire a frame is 8 bytes XXH3-64 (little-endian) of the rest, then this struct as one flat
# segment.
using Cxx = import "/capnp/c++.capnp";
$Cxx.namespace("desa2va::schema");

struct Frame {
  union {
    hello @0 :Hello;
    message @1 :Envelope;
    credit @2 :Credit;
    bye @3 :Void;
  }
}

struct Hello {
  version @0 :UInt16;           # of this file; ends that differ refuse each other
  rank @1 :Text;                # who speaks: "sam2-1"
  edge @2 :Text;                # "decoupler-0->sam2-1"
  session @3 :UInt64;           # a number of this end, new each time it is opened
  budgetBytes @4 :UInt64;       # window granted for messages
  replyBudgetBytes @5 :UInt64;  # window granted for replies
}

struct Envelope {
  kind @0 :UInt16;              # message type, by the arrow's own schema
  reply @1 :Bool;               # counts against the reply window
  phase @2 :UInt8;              # 0 A, 1 B, 2 C
  generation @3 :UInt32;
  runId @4 :UInt64;
  step @5 :UInt64;              # 1, 2, ...; 0 outside steps
  microbatch @6 :UInt64;        # global number, counted over the run
  edgeSequence @7 :UInt64;      # 1, 2, ... per direction
  traceId @8 :UInt64;
  headerChecksum @9 :UInt64;    # XXH3-64 of the header frame
  payloads @10 :List(Payload);  # one per payload frame, in order
}

struct Payload {
  size @0 :UInt64;              # bytes
  checksum @1 :UInt64;          # XXH3-64
}

struct Credit {
  bytes @0 :UInt64;             # released, of the message window
  replyBytes @1 :UInt64;        # released, of the reply window
}
