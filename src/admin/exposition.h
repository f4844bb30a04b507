// Numbers as Prometheus text (version 0.0.4) or OpenMetrics (1.0.0). Each name gets one HELP and
// one
// TYPE, its samples together, however many runs reported it. A sink for one scrape.
//
//   # HELP meridian_requests_total Requests by what they ended with.
//   # TYPE meridian_requests_total counter
//   meridian_requests_total{service="web",code="2xx"} 1204
#pragma once

#include <meridian/base/metrics.h>

#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace meridian::admin {

class Exposition final : public MetricSink {
 public:
  enum class Format : uint8_t { kPrometheus, kOpenMetrics };

  explicit Exposition(Format format) : format_(format) {}

  void Count(std::string_view name, std::string_view help, Labels labels, uint64_t value) override;
  void Gauge(std::string_view name, std::string_view help, Labels labels, double value) override;
  void Distribution(std::string_view name, std::string_view help, Labels labels,
                    const Histogram::Values& values) override;

  // All of it. Once.
  std::string Text() const;
  static std::string_view ContentType(Format format);
  // By what a request accepts.
  static Format Choose(std::string_view accept);

 private:
  enum class Type : uint8_t { kCounter, kGauge, kHistogram };
  struct Family {
    std::string name, help;
    Type type;
    std::string samples;
  };

  Family& Of(std::string_view name, std::string_view help, Type type);
  void Declare(const Family& family, std::string& out) const;

  const Format format_;
  std::vector<Family> families_;  // in order of first report
  std::unordered_map<std::string, size_t> index_;
};

}  // namespace meridian::admin
