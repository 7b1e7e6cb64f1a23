#include "common/datasets/pickle.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace desa2va::datasets {
namespace {

// pickle/: one list of refs and one mask dictionary as every dialect writes them, their values as
// JSON, and dangerous.p, which asks to call os.system.
std::string pickle_file(const std::string& name) {
  const char* source = std::getenv("DESA2VA_SOURCE_DIR");
  const std::filesystem::path folder(source != nullptr ? source : ".");
  std::ifstream file(folder / "tests/unit/datasets/pickle" / name, std::ios::binary);
  return std::string((std::istreambuf_iterator<char>(file)), {});
}

struct Dialect {
  const char* file;
  const char* value;
  int protocol;
};
void PrintTo(const Dialect& dialect, std::ostream* out) {
  *out << dialect.file;
}

class PickleDialect : public testing::TestWithParam<Dialect> {};

TEST_P(PickleDialect, GivesTheSameValue) {
  const auto pickle = read_pickle(as_bytes(pickle_file(GetParam().file)));
  ASSERT_TRUE(pickle.has_value()) << pickle.error().message();
  EXPECT_EQ(pickle->value, nlohmann::json::parse(pickle_file(GetParam().value)));
  EXPECT_EQ(pickle->protocol, GetParam().protocol);
}

TEST_P(PickleDialect, EveryPrefixIsCorruptAndNothingWorse) {
  const std::string file = pickle_file(GetParam().file);
  for (std::size_t size = 0; size + 1 < file.size(); ++size) {
    const auto pickle = read_pickle(as_bytes(std::string_view(file).substr(0, size)));
    ASSERT_FALSE(pickle.has_value()) << size;
  }
}

INSTANTIATE_TEST_SUITE_P(
    All, PickleDialect,
    testing::Values(Dialect{"refs_python2_protocol0.p", "refs.json", 0},
                    Dialect{"refs_python2_protocol1.p", "refs.json", 1},
                    Dialect{"refs_python2_protocol2.p", "refs.json", 2},
                    Dialect{"refs_python3_protocol0.p", "refs.json", 0},
                    Dialect{"refs_python3_protocol1.p", "refs.json", 1},
                    Dialect{"refs_python3_protocol2.p", "refs.json", 2},
                    Dialect{"refs_python3_protocol3.p", "refs.json", 3},
                    Dialect{"refs_python3_protocol4.p", "refs.json", 4},
                    Dialect{"refs_python3_protocol5.p", "refs.json", 5},
                    Dialect{"mask_dict_python3_protocol0_bytes.pkl", "mask_dict.json", 0},
                    Dialect{"mask_dict_python3_protocol1_bytes.pkl", "mask_dict.json", 1},
                    Dialect{"mask_dict_python3_protocol2_bytes.pkl", "mask_dict.json", 2},
                    Dialect{"mask_dict_python3_protocol3_bytes.pkl", "mask_dict.json", 3},
                    Dialect{"mask_dict_python3_protocol4_bytes.pkl", "mask_dict.json", 4},
                    Dialect{"mask_dict_python3_protocol5_bytes.pkl", "mask_dict.json", 5}));

TEST(Pickle, AskingForAFunctionIsRefusedByName) {
  const auto pickle = read_pickle(as_bytes(pickle_file("dangerous.p")));
  ASSERT_FALSE(pickle.has_value());
  EXPECT_EQ(pickle.error().code(), Errc::InvalidArgument);
  EXPECT_THAT(pickle.error().message(), testing::HasSubstr("os.system"));
}

TEST(Pickle, TheWritingOfBytesMayNotBeAskedForAnythingElse) {
  // _codecs.encode("a", "utf-7")
  const auto pickle = read_pickle(as_bytes("c_codecs\nencode\n(Va\nVutf-7\ntR."));
  ASSERT_FALSE(pickle.has_value());
  EXPECT_EQ(pickle.error().code(), Errc::InvalidArgument);
}

TEST(Pickle, OpcodesThatBuildObjectsAreRefused) {
  for (const char* program : {"]b.", "(c_codecs\nencode\no.", "Pid\n.", "N\x81."}) {
    const auto pickle = read_pickle(as_bytes(program));
    ASSERT_FALSE(pickle.has_value()) << program;
  }
}

TEST(Pickle, ANewerProtocolIsRefused) {
  EXPECT_EQ(read_pickle(as_bytes("\x80\x06N.")).error().code(), Errc::InvalidArgument);
}

TEST(Pickle, SignedNumbersOfAllSizesAreRead) {
  const auto value = [](std::string_view program) {
    return read_pickle(as_bytes(program))->value.get<std::int64_t>();
  };
  EXPECT_EQ(value("I-7\n."), -7);
  EXPECT_EQ(value("L900001L\n."), 900001);
  EXPECT_EQ(value(std::string_view("J\xff\xff\xff\xff.", 6)), -1);
  EXPECT_EQ(value(std::string_view("\x8a\x02\x00\x80.", 5)), -32768);
  EXPECT_EQ(value(std::string_view("\x8a\x00.", 3)), 0);
}

TEST(Pickle, ListsWithinThemselvesAreCorrupt) {
  // l = []; l.append(l)
  const auto pickle = read_pickle(as_bytes(std::string_view("]q\0h\0a.", 7)));
  ASSERT_FALSE(pickle.has_value());
  EXPECT_EQ(pickle.error().code(), Errc::Corrupt);
}

TEST(Pickle, AMillionLevelsAreCorruptAndNothingWorse) {
  std::string program(1'000'000, ']');
  program += std::string(999'999, 'a') + ".";
  EXPECT_EQ(read_pickle(as_bytes(program)).error().code(), Errc::Corrupt);
}

std::string unicode(const std::string& text) {
  const auto size = static_cast<std::uint32_t>(text.size());
  return "X" + std::string(reinterpret_cast<const char*>(&size), sizeof size) + text;
}

TEST(Pickle, AFewBytesThatNameOneListAgainAndAgainAreCorrupt) {
  std::string program = "(Nlq" + std::string(1, 0);
  for (char level = 1; level <= 12; ++level) {  // each holds the one below ten times
    program += '(';
    for (int i = 0; i < 10; ++i) program += {'h', static_cast<char>(level - 1)};
    program += {'l', 'q', level};
  }
  const auto pickle = read_pickle(as_bytes(program + "."));
  ASSERT_FALSE(pickle.has_value());
  EXPECT_EQ(pickle.error().code(), Errc::Corrupt);
}

TEST(Pickle, ATextNamedAgainAndAgainIsCorruptAndMayBeNamedAFewTimes) {
  const std::string text = "(" + unicode(std::string(100'000, 'x')) + "q\x01";
  const auto named = [&](int times) {
    std::string program = text;
    for (int i = 0; i < times; ++i) program += "h\x01";
    return read_pickle(as_bytes(program + "l."));
  };
  EXPECT_TRUE(named(10).has_value());
  ASSERT_FALSE(named(1000).has_value());
  EXPECT_EQ(named(1000).error().code(), Errc::Corrupt);
}

TEST(Pickle, ATextWrittenAsBytesAgainAndAgainIsCorrupt) {
  std::string program = "c_codecs\nencode\nq\x01(" + unicode(std::string(100'000, 'x')) +
                        unicode("latin1") + "tq\x02";
  for (int i = 0; i < 1000; ++i) program += "h\x01h\x02R0";
  const auto pickle = read_pickle(as_bytes(program + "N."));
  ASSERT_FALSE(pickle.has_value());
  EXPECT_EQ(pickle.error().code(), Errc::Corrupt);
}

TEST(Pickle, ByteStringsThatAreNoUtf8AreLatin1) {
  const auto pickle =
      read_pickle(as_bytes(std::string_view("U\x04"
                                            "caf\xe9.",
                                            7)));
  EXPECT_EQ(pickle->value, "caf\xc3\xa9");
}

TEST(Pickle, SurrogatePairsAreOneCharacter) {
  EXPECT_EQ(read_pickle(as_bytes("V\\ud83d\\ude00\n."))->value, "\xf0\x9f\x98\x80");
}

}  // namespace
}  // namespace desa2va::datasets
