// HMAC-SHA256 against the published vectors of RFC 4231, and key files.
#include <meridian/tls/hmac.h>

#include <gtest/gtest.h>

#include "testing/allocations.h"

#include <cstdio>
#include <filesystem>
#include <fstream>

namespace meridian::tls {
namespace {

std::string Hex(const Digest& digest) {
  std::string text;
  for (const uint8_t byte : digest) {
    char pair[3];
    std::snprintf(pair, sizeof pair, "%02x", byte);
    text += pair;
  }
  return text;
}

std::string Bytes(size_t count, char value) {
  return std::string(count, value);
}

std::string_view View(const Digest& digest, size_t count = 32) {
  return {reinterpret_cast<const char*>(digest.data()), count};
}

class KeyFile {
 public:
  explicit KeyFile(std::string_view content)
      : path_(testing::TempDir() + testing::UnitTest::GetInstance()->current_test_info()->name() +
              ".key") {
    std::ofstream(path_, std::ios::binary) << content;
  }
  ~KeyFile() { std::filesystem::remove(path_); }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

TEST(HmacKey, SignsTheVectorsOfRfc4231) {
  EXPECT_EQ(Hex(HmacKey(Bytes(20, 0x0b)).Sign("Hi There")),
            "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
  EXPECT_EQ(Hex(HmacKey("Jefe").Sign("what do ya want for nothing?")),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
  EXPECT_EQ(Hex(HmacKey(Bytes(20, '\xaa')).Sign(Bytes(50, '\xdd'))),
            "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe");
  std::string counting;
  for (char c = 1; c <= 25; ++c) counting += c;
  EXPECT_EQ(Hex(HmacKey(counting).Sign(Bytes(50, '\xcd'))),
            "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b");
  EXPECT_EQ(Hex(HmacKey(Bytes(131, '\xaa'))
                    .Sign("Test Using Larger Than Block-Size Key - Hash Key First")),
            "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
  EXPECT_EQ(Hex(HmacKey(Bytes(131, '\xaa'))
                    .Sign("This is a test using a larger than block-size key and a larger than "
                          "block-size data. "
                          "The key needs to be hashed before being used by the HMAC algorithm.")),
            "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2");
}

TEST(HmacKey, SignsMoreThanOnceWithOneKey) {
  const HmacKey key("Jefe");
  const Digest first = key.Sign("message");
  key.Sign("another");
  EXPECT_EQ(key.Sign("message"), first);
  const HmacKey copy = key;
  EXPECT_EQ(copy.Sign("message"), first);
}

TEST(HmacKey, VerifiesWholeAndShortenedDigestsAndNothingElse) {
  const HmacKey key("a secret of some length");
  Digest digest = key.Sign("message");
  EXPECT_TRUE(key.Verify("message", View(digest)));
  EXPECT_TRUE(key.Verify("message", View(digest, 16)));
  EXPECT_FALSE(key.Verify("message", View(digest, 15)));
  EXPECT_FALSE(key.Verify("message", ""));
  EXPECT_FALSE(key.Verify("message", std::string(View(digest)) + "x"));
  EXPECT_FALSE(key.Verify("massage", View(digest)));
  EXPECT_FALSE(HmacKey("another secret").Verify("message", View(digest)));
  for (size_t i = 0; i < digest.size(); ++i) {
    digest[i] ^= 1;
    EXPECT_FALSE(key.Verify("message", View(digest))) << i;
    digest[i] ^= 1;
  }
}

TEST(HmacKey, AllocatesNothingToSignOrVerify) {
  const HmacKey key("a secret of some length");
  const fakes::Allocations allocations;
  const Digest digest = key.Sign("message");
  const bool good = key.Verify("message", View(digest, 16));
  EXPECT_EQ(allocations.count(), 0u);
  EXPECT_TRUE(good);
}

TEST(HmacKey, IsDifferentEachTimeItIsEphemeral) {
  EXPECT_NE(HmacKey::Ephemeral().Sign("x"), HmacKey::Ephemeral().Sign("x"));
}

TEST(HmacKeys, AreOneOrTwoLinesOfAFile) {
  const std::string first = "0123456789abcdef", second = "fedcba9876543210 and more";
  for (const char* end : {"", "\n", "\r\n", "\r\n\n"}) {
    const KeyFile one(first + end);
    const Result<HmacKeys> keys = HmacKeys::FromFile(one.path());
    ASSERT_TRUE(keys.has_value());
    EXPECT_EQ(keys->signs.Sign("x"), HmacKey(first).Sign("x"));
    EXPECT_FALSE(keys->accepts.has_value());
    for (const char* between : {"\n", "\r\n"}) {
      const KeyFile two(first + between + second + end);
      const Result<HmacKeys> both = HmacKeys::FromFile(two.path());
      ASSERT_TRUE(both.has_value());
      EXPECT_EQ(both->signs.Sign("x"), HmacKey(first).Sign("x"));
      ASSERT_TRUE(both->accepts.has_value());
      EXPECT_EQ(both->accepts->Sign("x"), HmacKey(second).Sign("x"));
    }
  }
}

TEST(HmacKeys, RefuseWhatIsShortBinaryOrTooMany) {
  const std::string good(16, 'k');
  const std::pair<std::string, const char*> cases[] = {
      {"", "session key of less than 16 bytes"},
      {"\n\n", "session key of less than 16 bytes"},
      {"0123456789abcde\n", "session key of less than 16 bytes"},
      {good + "\nshort\n", "session key of less than 16 bytes"},
      {good + "\n\n" + good, "session key of less than 16 bytes"},
      {"\n" + good, "session key of less than 16 bytes"},
      {good + "\n" + good + "\n" + good, "more than two session keys, one a line"},
      {good + std::string(1, '\0') + "\n", "session key that is not a line of text"},
      {good + "\x7f", "session key that is not a line of text"},
      {good + "\n\t" + good, "session key that is not a line of text"},
  };
  for (const auto& [text, why] : cases) {
    const KeyFile file(text);
    const Result<HmacKeys> keys = HmacKeys::FromFile(file.path());
    ASSERT_FALSE(keys.has_value()) << text;
    EXPECT_EQ(keys.error().code, ErrorCode::kInvalid) << text;
    EXPECT_STREQ(keys.error().context, why) << text;
  }
}

TEST(HmacKeys, RefuseAFileThatIsTooLong) {
  const KeyFile file(Bytes(64 * 1024 + 1, 'k'));
  const Result<HmacKeys> keys = HmacKeys::FromFile(file.path());
  ASSERT_FALSE(keys.has_value());
  EXPECT_EQ(keys.error().code, ErrorCode::kTooLarge);
}

TEST(HmacKeys, RefuseAFileThatIsNotThereOrIsAFolder) {
  const Result<HmacKeys> absent = HmacKeys::FromFile(testing::TempDir() + "no-such.key");
  ASSERT_FALSE(absent.has_value());
  EXPECT_EQ(absent.error().code, ErrorCode::kIo);
  EXPECT_FALSE(HmacKeys::FromFile(testing::TempDir()).has_value());
}

}  // namespace
}  // namespace meridian::tls
