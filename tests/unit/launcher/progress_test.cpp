#include "launcher/run/progress.h"

#include <gtest/gtest.h>

namespace desa2va::launcher {
namespace {

TEST(SpeedTest, RatesAreOverTheWindow) {
  Speed speed(10'000'000'000);
  EXPECT_FALSE(speed.samples_per_second());
  for (int i = 0; i <= 100; ++i)
    speed.add({.step = static_cast<std::uint64_t>(i + 1), .loss = {}, .samples = i < 50 ? 1U : 8U},
              i * std::int64_t{1'000'000'000});
  EXPECT_NEAR(*speed.samples_per_second(), 8, 0.01);
  EXPECT_NEAR(*speed.seconds_for(30), 30, 0.01);
}

TEST(ProgressLine, ShowsWhatIsKnown) {
  Progress progress;
  progress.state = "starting";
  EXPECT_EQ(format_line(progress), "starting");
  progress.state.clear();
  progress.last = StepLine{412, 'C', 1.2345, 8, false};
  progress.total_steps = 1000;
  progress.samples_per_second = 15.23;
  progress.seconds_left = 192;
  progress.busy = {{Role::Data, 0.12}, {Role::Sam2, 0.9}};
  EXPECT_EQ(format_line(progress),
            "C  step 412/1000  loss 1.234  15.2 samples/s  3m12s left  busy data 12% sam2 90%");
}

TEST(ProgressLine, SecondsForPeople) {
  EXPECT_EQ(format_seconds(0), "0s");
  EXPECT_EQ(format_seconds(59.6), "1m00s");
  EXPECT_EQ(format_seconds(3661), "1h01m");
}

}  // namespace
}  // namespace desa2va::launcher
