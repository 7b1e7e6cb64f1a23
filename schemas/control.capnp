@0xb7d3158e4c92f06a;
# Between the coordinator and every rank. A rank says Hello first; the coordinator answers with a
# Generation once all are there; Ready ends the restore. Then, a step: Step, Losses..., Prepared,
# Commit or Skip, Done, Committed; between steps Save and Saved. Failed may come at any time; data
# learns of Unusable samples before its Generation and after steps.
using Cxx = import "/capnp/c++.capnp";
$Cxx.namespace("desa2va::schema");

struct NamedNumber { name @0 :Text; value @1 :Float64; }

# rank -> coordinator
struct Hello {
  role @0 :UInt8;
  index @1 :UInt16;
  pid @2 :UInt32;
  facts @3 :List(Fact);         # what equal bits depend on: threads, cpu capability, libtorch
}
struct Fact { name @0 :Text; value @1 :Text; }
struct Ready { step @0 :UInt64; }             # the step whose state the rank now holds
struct Losses { values @0 :List(NamedNumber); samples @1 :UInt32; }   # one microbatch, undivided
struct Prepared {
  norms @0 :List(NamedNumber);  # squared norm of each tensor this rank owns
  finite @1 :Bool;
  firstBad @2 :Text;            # name of the first tensor that is not finite
}
struct Done { metrics @0 :List(NamedNumber); }
struct Saved { receipt @0 :Data; }            # storage's PartReceipt
struct Failed { code @0 :UInt8; message @1 :Text; exitCode @2 :Int32; }
struct Figures { values @0 :List(NamedNumber); } # what a rank measured of itself in a step; times
struct Event { kind @0 :Text; json @1 :Text; }   # a line for events.jsonl
struct SampleName { dataset @0 :Text; key @1 :Text; }
struct Replaced {               # a sample that could not be used, in the microbatch of the stamp
  sample @0 :SampleName;
  substitute @1 :Text;          # the key that took its place
  reason @2 :Text;
  why @3 :UInt8;                # messages::Replaced::Why
}

# coordinator -> rank
struct Generation {
  restoreStep @0 :UInt64;       # 0: from the start
  lastStep @1 :UInt64;          # of the run, or `train.stop_after`
}
struct Step { learningRate @0 :Float64; progress @1 :Float64; }
struct Commit { scale @0 :Float64; }
struct Save { step @0 :UInt64; }
struct Stop { reason @0 :Text; }
struct Unusable { samples @0 :List(SampleName); } # to data: more samples to replace without a try
