#include "common/synth/pickle_writer.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace desa2va::synth {
namespace {

using nlohmann::json;

TEST(PickleWriter, WritesTheOpcodesOfProtocolTwo) {
  EXPECT_EQ(to_pickle(json::array({1, "a", true, nullptr})),
            std::string("\x80\x02](J\x01\x00\x00\x00X\x01\x00\x00\x00"
                        "a\x88Ne.",
                        19));
  EXPECT_EQ(to_pickle(json{{"k", false}}), std::string("\x80\x02}(X\x01\x00\x00\x00k\x89u.", 13));
}

TEST(PickleWriter, NumbersKeepTheirSignAndFraction) {
  EXPECT_EQ(to_pickle(json(-2)), std::string("\x80\x02J\xFE\xFF\xFF\xFF.", 8));
  EXPECT_EQ(to_pickle(json(1.5)), std::string("\x80\x02G\x3F\xF8\0\0\0\0\0\0.", 12));
}

}  // namespace
}  // namespace desa2va::synth
