// Prometheus text and OpenMetrics.
#include "admin/exposition.h"

#include <gtest/gtest.h>

#include "admin/process_usage.h"

namespace meridian::admin {
namespace {

using Format = Exposition::Format;

TEST(Exposition, GroupsOneNameFromSeveralRuns) {
  Exposition sink(Format::kPrometheus);
  sink.Count("a_total", "First.", {{"x", "1"}}, 1);
  sink.Gauge("b", "Second.", {}, 2.5);
  sink.Count("a_total", "First.", {{"x", "2"}}, 3);
  EXPECT_EQ(sink.Text(),
            "# HELP a_total First.\n# TYPE a_total counter\n"
            "a_total{x=\"1\"} 1\na_total{x=\"2\"} 3\n"
            "# HELP b Second.\n# TYPE b gauge\nb 2.5\n");
}

TEST(Exposition, EscapesLabelValuesAndHelp) {
  Exposition sink(Format::kPrometheus);
  sink.Gauge("a", "A \\ and\na line.", {{"x", "quote \" back \\ line \n"}, {"y", ""}}, 1);
  EXPECT_EQ(sink.Text(),
            "# HELP a A \\\\ and\\na line.\n# TYPE a gauge\n"
            "a{x=\"quote \\\" back \\\\ line \\n\",y=\"\"} 1\n");
}

TEST(Exposition, OpenMetricsNamesCountersWithoutSuffixAndEnds) {
  Exposition sink(Format::kOpenMetrics);
  sink.Count("a_total", "First.", {}, 1);
  sink.Count("odd", "Not named by the rules.", {}, 1);
  EXPECT_EQ(sink.Text(),
            "# HELP a First.\n# TYPE a counter\na_total 1\n"
            "# HELP odd Not named by the rules.\n# TYPE odd unknown\nodd 1\n# EOF\n");
}

TEST(Exposition, DistributionIsCumulativeAndEndsWithInfinity) {
  Histogram histogram;
  histogram.Observe(1000);               // below 64 µs
  histogram.Observe(100'000);            // below 128 µs
  histogram.Observe(3'600'000'000'000);  // an hour
  Histogram::Values values;
  histogram.AddTo(values);
  Exposition sink(Format::kPrometheus);
  sink.Distribution("d_seconds", "Time.", {{"x", "1"}}, values);
  const std::string text = sink.Text();
  EXPECT_NE(text.find("d_seconds_bucket{x=\"1\",le=\"6.4e-05\"} 1\n"), std::string::npos) << text;
  EXPECT_NE(text.find("d_seconds_bucket{x=\"1\",le=\"0.000128\"} 2\n"), std::string::npos) << text;
  EXPECT_NE(text.find("d_seconds_bucket{x=\"1\",le=\"+Inf\"} 3\n"), std::string::npos) << text;
  EXPECT_NE(text.find("d_seconds_sum{x=\"1\"} 3600.000101\n"), std::string::npos) << text;
  EXPECT_NE(text.find("d_seconds_count{x=\"1\"} 3\n"), std::string::npos) << text;
}

TEST(Exposition, FormatIsChosenByAccept) {
  EXPECT_EQ(Exposition::Choose(""), Format::kPrometheus);
  EXPECT_EQ(Exposition::Choose("text/plain;version=0.0.4"), Format::kPrometheus);
  EXPECT_EQ(Exposition::Choose("application/openmetrics-text; version=1.0.0, text/plain;q=0.5"),
            Format::kOpenMetrics);
}

TEST(ProcessUsage, IsThatOfARunningProcess) {
  const ProcessUsage usage = ProcessUsage::Read();
  EXPECT_GT(usage.resident_bytes, 100'000u);
  EXPECT_GE(usage.virtual_bytes, usage.resident_bytes);
  EXPECT_GE(usage.open_descriptors, 3u);
  EXPECT_GE(usage.max_descriptors, usage.open_descriptors);
  EXPECT_GE(usage.threads, 1u);
  EXPECT_GT(usage.start_time_seconds, 1.6e9);
}

}  // namespace
}  // namespace meridian::admin
