// See exposition.h.
#include "admin/exposition.h"

#include <meridian/base/format.h>
#include <meridian/base/text.h>

#include <cmath>

namespace meridian::admin {
namespace {

constexpr std::string_view kTotal = "_total";

void Escape(std::string_view text, bool quotes, std::string& out) {
  for (const char c : text) {
    if (c == '\\') {
      out += "\\\\";
    } else if (c == '\n') {
      out += "\\n";
    } else if (c == '"' && quotes) {
      out += "\\\"";
    } else {
      out += c;
    }
  }
}

std::string Number(double value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value > 0 ? "+Inf" : "-Inf";
  if (value == std::floor(value) && std::abs(value) < 9e15) {
    return Format("{}", static_cast<int64_t>(value));
  }
  return Format("{}", value);
}

// `bound` is a bucket's upper end, or empty.
void Sample(std::string_view name, std::string_view suffix, Labels labels, std::string_view bound,
            std::string_view value, std::string& out) {
  out.append(name).append(suffix);
  char separator = '{';
  const auto add = [&](std::string_view label, std::string_view text) {
    out.append(1, separator).append(label).append("=\"");
    Escape(text, true, out);
    out += '"';
    separator = ',';
  };
  for (const Label& label : labels) add(label.name, label.value);
  if (!bound.empty()) add("le", bound);
  if (separator == ',') out += '}';
  out.append(1, ' ').append(value).append(1, '\n');
}

}  // namespace

Exposition::Family& Exposition::Of(std::string_view name, std::string_view help, Type type) {
  const auto [entry, is_new] = index_.emplace(name, families_.size());
  if (is_new) families_.push_back({std::string(name), std::string(help), type, {}});
  return families_[entry->second];
}

void Exposition::Count(std::string_view name, std::string_view help, Labels labels,
                       uint64_t value) {
  Sample(name, "", labels, "", meridian::Format("{}", value),
         Of(name, help, Type::kCounter).samples);
}

void Exposition::Gauge(std::string_view name, std::string_view help, Labels labels, double value) {
  Sample(name, "", labels, "", Number(value), Of(name, help, Type::kGauge).samples);
}

void Exposition::Distribution(std::string_view name, std::string_view help, Labels labels,
                              const Histogram::Values& values) {
  std::string& out = Of(name, help, Type::kHistogram).samples;
  uint64_t below = 0;
  for (size_t i = 0; i < Histogram::kBuckets; ++i) {
    below += values.counts[i];
    const bool last = i + 1 == Histogram::kBuckets;
    Sample(name, "_bucket", labels, last ? "+Inf" : Number(Histogram::UpperSeconds(i)),
           meridian::Format("{}", below), out);
  }
  Sample(name, "_sum", labels, "", Number(static_cast<double>(values.sum_ns) * 1e-9), out);
  Sample(name, "_count", labels, "", meridian::Format("{}", below), out);
}

void Exposition::Declare(const Family& family, std::string& out) const {
  std::string_view name = family.name;
  const char* type = family.type == Type::kGauge ? "gauge" : "histogram";
  if (family.type == Type::kCounter) {
    type = "counter";
    if (format_ == Format::kOpenMetrics) {
      // A counter's family has no suffix there, its samples must have one.
      if (name.ends_with(kTotal)) {
        name.remove_suffix(kTotal.size());
      } else {
        type = "unknown";
      }
    }
  }
  out.append("# HELP ").append(name).append(1, ' ');
  Escape(family.help, format_ == Format::kOpenMetrics, out);
  out.append("\n# TYPE ").append(name).append(1, ' ').append(type).append(1, '\n');
}

std::string Exposition::Text() const {
  std::string out;
  for (const Family& family : families_) {
    Declare(family, out);
    out += family.samples;
  }
  if (format_ == Format::kOpenMetrics) out += "# EOF\n";
  return out;
}

std::string_view Exposition::ContentType(Format format) {
  return format == Format::kPrometheus
             ? "text/plain; version=0.0.4; charset=utf-8"
             : "application/openmetrics-text; version=1.0.0; charset=utf-8";
}

Exposition::Format Exposition::Choose(std::string_view accept) {
  const bool open = LowerAscii(accept).find("application/openmetrics-text") != std::string::npos;
  return open ? Format::kOpenMetrics : Format::kPrometheus;
}

}  // namespace meridian::admin
