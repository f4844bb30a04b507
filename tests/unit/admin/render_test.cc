// What people see, from JSON alone; the samples of the interface contract.
#include <meridian/admin/client.h>

#include <gtest/gtest.h>

namespace meridian::admin {
namespace {

constexpr std::string_view kExplanation = R"json({
  "client":"81.2.69.142","location":"London, GB (GeoLite2-City, /24)",
                           "service" : "web",
                           "mode" : "distributed",
                           "steering" : "nearest",
                           "generation" : 12,
                           "choice"
    : {"site" : "paris", "endpoint" : "10.3.0.12:8080", "reason" : "nearest"},
                           "why" : null,
                           "pin" : "none",
                           "sites"
    : [
      {
        "name" : "paris",
        "distance_km" : 343.6,
        "state" : "up",
        "sessions" : 1204,
        "capacity" : 20000,
        "dropped_by" : null,
        "rank" : 0,
        "chosen" : true,
        "verdict" : "chosen: nearest, endpoint 10.3.0.12:8080 (least connections)"
      },
      {
        "name" : "frankfurt",
        "distance_km" : 639,
        "state" : "draining",
        "sessions" : 88,
        "capacity" : 20000,
        "dropped_by" : "health",
        "rank" : null,
        "chosen" : false,
        "verdict" : "no new sessions: drained by ops, 4m12s left"
      },
      {
        "name" : "atlanta",
        "distance_km" : 6766,
        "state" : "up",
        "sessions" : 9310,
        "capacity" : 20000,
        "dropped_by" : null,
        "rank" : 1,
        "chosen" : false,
        "verdict" : "next: if paris fails"
      },
      {
        "name" : "tokyo",
        "distance_km" : 9559,
        "state" : "up",
        "sessions" : 512,
        "capacity" : 20000,
        "dropped_by" : "fence",
        "rank" : null,
        "chosen" : false,
        "verdict" : "fenced: rule 1 keeps GB in [paris, frankfurt, atlanta]"
      }
    ]
})json";

TEST(RenderExplanation, IsTheSampleOfTheContract) {
  EXPECT_EQ(RenderExplanation(kExplanation, false),
            "81.2.69.142 is in London, GB (GeoLite2-City, /24)\n"
            "web is distributed, steering nearest, generation 12\n"
            "\n"
            "  SITE       DISTANCE  STATE     LOAD          VERDICT\n"
            "▶ paris        344 km  up        1,204/20,000  chosen: nearest, endpoint "
            "10.3.0.12:8080 (least connections)\n"
            "  frankfurt    639 km  draining  88/20,000     no new sessions: drained by ops, 4m12s "
            "left\n"
            "  atlanta    6,766 km  up        9,310/20,000  next: if paris fails\n"
            "  tokyo      9,559 km  up        512/20,000    fenced: rule 1 keeps GB in [paris, "
            "frankfurt, atlanta]\n");
}

TEST(RenderExplanation, SaysWhenNothingTakesTheClientOrItsPlaceIsUnknown) {
  const std::string text = RenderExplanation(
      R"json({"client":"10.0.0.1","location":"unknown (in no database or network)","service":"web",
          "mode":"distributed","steering":"nearest","choice":null,"why":"all-down","pin":"none",
          "sites":[{"name":"dallas","distance_km":null,"state":"down","sessions":0,"capacity":null,
                    "dropped_by":"health","rank":null,"chosen":false,"verdict":"down: probe"}]})json",
      false);
  EXPECT_EQ(text,
            "10.0.0.1 is at an unknown place (in no database or network)\n"
            "web is distributed, steering nearest\n\n"
            "SITE    DISTANCE  STATE  LOAD  VERDICT\n"
            "dallas         –  down   0     down: probe\n"
            "\nno site takes this client: all-down\n");
}

TEST(RenderExplanation, ShowsLatencyWhereItSteers) {
  const std::string text = RenderExplanation(
      R"json({"client":"10.0.0.1","location":"Oslo, NO","service":"web","mode":"distributed",
          "steering":"latency","choice":{"site":"dallas"},"why":null,"sites":[
          {"name":"dallas","distance_km":80,"latency_us":12340,"state":"up","sessions":1,
           "capacity":null,"chosen":true,"verdict":"chosen: latency"},
          {"name":"paris","distance_km":null,"latency_us":null,"state":"up","sessions":0,
           "capacity":null,"chosen":false,"verdict":"next: if dallas fails"}]})json",
      false);
  EXPECT_EQ(text,
            "10.0.0.1 is in Oslo, NO\n"
            "web is distributed, steering latency\n\n"
            "  SITE    DISTANCE  LATENCY  STATE  LOAD  VERDICT\n"
            "▶ dallas     80 km  12.3 ms  up     1     chosen: latency\n"
            "  paris          –        –  up     0     next: if dallas fails\n");
}

TEST(RenderServices, IsTheSampleOfTheContract) {
  EXPECT_EQ(RenderServices(
                R"json({"services":[
   {"name":"web","mode":"distributed","sessions":11114,"state":"up","state_text":"up, redundancy 3",
    "sites":[{},{},{},{}]},
   {"name":"billing","mode":"disaster-recovery","active":"dallas","active_seconds":725,"sessions":340,
    "state":"degraded","state_text":"failed-over, epoch 7","next":"ready to fail back","sites":[]}]})json",
                false),
            "SERVICE  MODE               ACTIVE   SINCE      SESSIONS  STATE\n"
            "web      distributed        4 sites  –            11,114  up, redundancy 3\n"
            "billing  disaster-recovery  dallas   12m5s ago       340  failed-over, epoch 7\n"
            "         next: ready to fail back\n");
}

TEST(RenderSites, ShowsLoadEndpointsAndWhoDrainedIt) {
  EXPECT_EQ(
      RenderSites(
          R"json({"sites":[
   {"name":"atlanta","region":"us-east","state":"up","sessions":1000,"capacity":20000,"intent":{"intent":"serve"},
    "services":{"web":{"state":"up","endpoints":[{"address":"10.1.0.11:8080","state":"up","cause":""}]}}},
   {"name":"dallas","region":"us-south","state":"draining","sessions":88,"capacity":null,
    "intent":{"intent":"drain","author":"ops","reason":"kernel","seconds_left":252,
              "sessions":88,"leaving_per_second":3.1},
    "services":{"web":{"state":"draining","endpoints":[{"address":"10.2.0.11:8080","state":"draining","cause":"intent"}]}}}]})json",
          false),
      "SITE     REGION    STATE             LOAD  ENDPOINTS UP\n"
      "atlanta  us-east   up        1,000/20,000  web 1/1\n"
      "dallas   us-south  draining            88  web 0/1 (10.2.0.11:8080 draining by intent)\n"
      "         drained by ops (kernel), 4m12s left: 88 sessions, 3.1/s leave, the last in about 28s\n");
}

TEST(RenderReload, ShowsEveryDiagnosticOfARefusal) {
  EXPECT_EQ(RenderReload(
                R"json({"accepted":false,"generation":12,"errors":["geo.mmdb: not a database"],
   "diagnostics":[{"severity":"error","text":"a.yaml:3:1: error: no"},{"severity":"warning","text":"a.yaml:9:1: warning: hm"}]})json",
                false),
            "a.yaml:3:1: error: no\na.yaml:9:1: warning: hm\nerror: geo.mmdb: not a database\n"
            "refused: 2 errors, 1 warning; generation 12 runs on\n");
  EXPECT_EQ(RenderReload(
                R"json({"accepted":true,"generation":13,"diagnostics":[],"errors":[]})json", false),
            "generation 13 is running\n");
}

TEST(RenderError, IsTheMessageOrTheTextItself) {
  EXPECT_EQ(RenderError(R"json({"error":{"code":"not-found","message":"no site"}})json"),
            "no site");
  EXPECT_EQ(RenderError("Bad Gateway\n"), "Bad Gateway");
}

TEST(Render, WhatIsNotAnAnswerNeitherThrowsNorVanishes) {
  for (const char* json :
       {"", "nonsense", "[]", "{}", R"json({"sites":5,"services":"x"})json",
        R"json({"sites":[1,null,{"services":[3]}],"services":[[]]})json",
        R"json({"uptime_seconds":1e300,"sites":[{"distance_km":-1,"sessions":-4}]})json"}) {
    for (const auto render :
         {RenderStatus, RenderSites, RenderServices, RenderExplanation, RenderReload}) {
      render(json, true);
    }
    RenderError(json);
  }
  EXPECT_EQ(RenderSites("nonsense", false), "nonsense");
}

}  // namespace
}  // namespace meridian::admin
