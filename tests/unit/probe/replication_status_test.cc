// What an answer to a replication check says.
#include <gtest/gtest.h>
#include <meridian/probe/replication_status.h>

namespace meridian::probe {
namespace {

using failover::ReplicationStatus;
using failover::Role;

ParsedStatus Parse(std::string_view json, const topology::StatusPointers& pointers = {}) {
  return ParseReplicationStatus(json, pointers);
}

TEST(ReplicationStatus, ReadsEveryValue) {
  const ParsedStatus parsed = Parse(
      R"({"role": "standby", "lag_seconds": 1.5, "backlog_bytes": 4096, "epoch": 7,
          "reconciled": true, "source_connected": false, "position_bytes": 9000, "more": [1]})");
  EXPECT_EQ(parsed.quality, StatusQuality::kComplete);
  ReplicationStatus expected;
  expected.role = Role::kStandby;
  expected.lag = std::chrono::milliseconds(1500);
  expected.backlog_bytes = 4096;
  expected.epoch = 7;
  expected.reconciled = true;
  expected.source_connected = false;
  expected.position_bytes = 9000;
  EXPECT_EQ(parsed.status, expected);
}

TEST(ReplicationStatus, APrimaryNeedsNoLag) {
  const ParsedStatus parsed = Parse(R"({"role": "primary"})");
  EXPECT_EQ(parsed.quality, StatusQuality::kComplete);
  EXPECT_EQ(parsed.status.role, Role::kPrimary);
  EXPECT_FALSE(parsed.status.lag.has_value());
}

TEST(ReplicationStatus, KnowsTheUsualNamesOfRoles) {
  for (const char* const name : {"primary", "master", "leader"}) {
    EXPECT_EQ(Parse(std::string("{\"role\":\"") + name + "\"}").status.role, Role::kPrimary);
  }
  for (const char* const name : {"standby", "replica", "secondary", "follower"}) {
    EXPECT_EQ(Parse(std::string("{\"role\":\"") + name + "\"}").status.role, Role::kStandby);
  }
  EXPECT_EQ(Parse(R"({"role":"Primary"})").status.role, Role::kUnknown);
}

TEST(ReplicationStatus, WhatIsMissingOrOfTheWrongKindIsUnknown) {
  for (const char* const json :
       {"{}", "[]", "7", "null", R"({"role":"standby"})",
        R"({"role":"standby","lag_seconds":null})", R"({"role":"standby","lag_seconds":"0"})",
        R"({"role":"standby","lag_seconds":-1})", R"({"role":"standby","lag_seconds":1e300})",
        R"({"lag_seconds":0})"}) {
    const ParsedStatus parsed = Parse(json);
    EXPECT_EQ(parsed.quality, StatusQuality::kIncomplete) << json;
    EXPECT_TRUE(!parsed.status.lag || parsed.status.role == Role::kUnknown) << json;
  }
  const ParsedStatus parsed = Parse(
      R"({"role":"primary","epoch":-3,"backlog_bytes":1.5,"reconciled":"yes","source_connected":1})");
  EXPECT_EQ(parsed.quality, StatusQuality::kIncomplete);
  ReplicationStatus expected;
  expected.role = Role::kPrimary;
  EXPECT_EQ(parsed.status, expected);
}

TEST(ReplicationStatus, AnythingButOneJsonDocumentIsMalformed) {
  for (const char* const json : {"", "{", "{\"role\":\"standby\"} {}", "role: standby", "\xff"}) {
    const ParsedStatus parsed = Parse(json);
    EXPECT_EQ(parsed.quality, StatusQuality::kMalformed) << json;
    EXPECT_EQ(parsed.status, ReplicationStatus{}) << json;
  }
}

TEST(ReplicationStatus, FollowsJsonPointers) {
  topology::StatusPointers pointers;
  pointers.role = "/members/1/role";
  pointers.lag_seconds = "/a~1b/~0";
  pointers.epoch = "/members/01/epoch";
  const ParsedStatus parsed = Parse(
      R"({"members": [{"role": "primary", "epoch": 1}, {"role": "standby", "epoch": 2}],
          "a/b": {"~": 3}})",
      pointers);
  EXPECT_EQ(parsed.status.role, Role::kStandby);
  EXPECT_EQ(parsed.status.lag, std::chrono::seconds(3));
  EXPECT_FALSE(parsed.status.epoch.has_value()) << "RFC 6901: no leading zeros";
  pointers.role = "/members/9999999/role";
  EXPECT_EQ(Parse("{\"members\": []}", pointers).status.role, Role::kUnknown);
}

}  // namespace
}  // namespace meridian::probe
