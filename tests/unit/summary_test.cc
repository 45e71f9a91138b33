#include "restructure/summary.h"

#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "gtest/gtest.h"

namespace restructure {
namespace {

Summary FullSummary() {
  Summary summary;
  summary.job = 12;
  summary.kind = "set";
  summary.name = "public.s";
  summary.rows = 2000000;
  summary.phases["connect"] = absl::Milliseconds(12345);
  summary.phases["build"] = absl::Microseconds(12600);
  summary.locks.push_back(
      {"public.t", "SHARE ROW EXCLUSIVE", {absl::Microseconds(1234), absl::Milliseconds(3)}, 2});
  summary.wal_bytes = 5000000000;
  summary.batches = 400;
  summary.retries = 1;
  summary.verified_rows = 2000000;
  summary.differences = 3;
  summary.reasons["replica lag"] = absl::Seconds(2);
  summary.reasons["full speed"] = absl::Milliseconds(9500);
  return summary;
}

constexpr char kFullSummaryJson[] =
    R"({"job":12,"kind":"set","name":"public.s","rows":2000000,)"
    R"("phases":{"build":{"seconds":0.013},"connect":{"seconds":12.345}},)"
    R"("locks":[{"relation":"public.t","mode":"SHARE ROW EXCLUSIVE","held_ms":1.234,)"
    R"("waited_ms":3.0,"attempts":2}],"wal_bytes":5000000000,"batches":400,"retries":1,)"
    R"("verified_rows":2000000,"differences":3,)"
    R"("reasons":{"full speed":{"seconds":9.5},"replica lag":{"seconds":2.0}}})";

TEST(SummaryJsonTest, IsOneLineAsDocumented) { EXPECT_EQ(ToJson(FullSummary()), kFullSummaryJson); }

TEST(SummaryJsonTest, ReadsWhatItWrote) {
  const absl::StatusOr<Summary> read = SummaryFromJson(kFullSummaryJson);
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(ToJson(*read), kFullSummaryJson);
}

TEST(SummaryJsonTest, AnEmptySummaryKeepsItsLists) {
  EXPECT_EQ(ToJson(Summary()),
            R"({"job":0,"kind":"","name":"","rows":0,"phases":{},"locks":[],"wal_bytes":0,)"
            R"("batches":0,"retries":0,"verified_rows":0,"differences":0,"reasons":{}})");
}

TEST(SummaryJsonTest, AnEmptyObjectIsAnEmptySummary) {
  const absl::StatusOr<Summary> read = SummaryFromJson("{}");
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(ToJson(*read), ToJson(Summary()));
}

TEST(SummaryJsonTest, RefusesWhatIsNoSummary) {
  const auto refusal = [](const char* text) {
    return std::string(SummaryFromJson(text).status().ToString());
  };
  EXPECT_EQ(refusal("nonsense"), "INVALID_ARGUMENT: summary is not JSON");
  EXPECT_EQ(refusal("12"), "INVALID_ARGUMENT: summary is not a JSON object");
  EXPECT_EQ(refusal(R"({"job":"1"})"), "INVALID_ARGUMENT: summary: job is not a whole number");
  EXPECT_EQ(refusal(R"({"phases":[]})"), "INVALID_ARGUMENT: summary: phases is not an object");
  EXPECT_EQ(refusal(R"({"phases":{"build":1}})"),
            "INVALID_ARGUMENT: summary: phase build is not an object");
  EXPECT_EQ(refusal(R"({"phases":{"build":{"seconds":"x"}}})"),
            "INVALID_ARGUMENT: summary: phase build: seconds is not a number");
  EXPECT_EQ(refusal(R"({"reasons":[]})"), "INVALID_ARGUMENT: summary: reasons is not an object");
  EXPECT_EQ(refusal(R"({"locks":{}})"), "INVALID_ARGUMENT: summary: locks is not an array");
  EXPECT_EQ(refusal(R"({"locks":[1]})"), "INVALID_ARGUMENT: summary: a lock is not an object");
  EXPECT_EQ(refusal(R"({"locks":[{"attempts":true}]})"),
            "INVALID_ARGUMENT: summary: a lock: attempts is not a whole number");
}

}  // namespace
}  // namespace restructure
