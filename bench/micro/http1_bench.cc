// Reading a request head: a short one as a load tester sends it, and one as a browser does.
#include <meridian/codec/http1.h>

#include <benchmark/benchmark.h>

#include "testing/allocations.h"

#include <string>

namespace meridian::codec {
namespace {

std::string ShortHead() {
  return "GET / HTTP/1.1\r\nHost: app.example.com\r\n\r\n";
}

std::string BrowserHead() {
  return "GET /account/orders?page=2&sort=date HTTP/1.1\r\n"
         "Host: app.example.com\r\n"
         "User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0\r\n"
         "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8\r\n"
         "Accept-Language: en-GB,en;q=0.7,de;q=0.3\r\n"
         "Accept-Encoding: gzip, deflate, br, zstd\r\n"
         "Connection: keep-alive\r\n"
         "Referer: https://app.example.com/account\r\n"
         "Cookie: theme=dark; meridian=AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyAhIiMkJSYn\r\n"
         "Upgrade-Insecure-Requests: 1\r\n"
         "Sec-Fetch-Dest: document\r\n"
         "Sec-Fetch-Mode: navigate\r\n"
         "Sec-Fetch-Site: same-origin\r\n"
         "If-None-Match: \"5f3c-60b1a2c3d4e5f\"\r\n"
         "\r\n";
}

void ParseHead(benchmark::State& state, const std::string& bytes) {
  Http1Parser parser(Http1Parser::Kind::kRequest, HttpLimits());
  Head head;
  size_t failed = 0;
  const fakes::Allocations allocations;
  for (auto _ : state) {
    const Result<HeadResult> result = parser.ParseHead(bytes, head);
    failed += !result.has_value() || result->progress != Progress::kDone;
    benchmark::DoNotOptimize(parser.ParseBody({}));
  }
  if (failed != 0) state.SkipWithError("a head was not read");
  state.counters["allocations"] =
      static_cast<double>(allocations.count()) / static_cast<double>(state.iterations());
  state.SetBytesProcessed(static_cast<int64_t>(bytes.size()) * state.iterations());
}

void RequestHeadShort(benchmark::State& state) {
  ParseHead(state, ShortHead());
}
BENCHMARK(RequestHeadShort);

void RequestHeadBrowser(benchmark::State& state) {
  ParseHead(state, BrowserHead());
}
BENCHMARK(RequestHeadBrowser);

}  // namespace
}  // namespace meridian::codec
