#include "host/http/service_routes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace strobe::http {
namespace {

using ::testing::StartsWith;

TEST(ServiceRoutes, AnswerHealthMetadataAndMetrics) {
  bool ready = true;
  const auto metrics_text = [] { return std::string("some_metric 1\n"); };
  const Handler routes = service_routes({"1.2.3", [&] { return ready; }, metrics_text});
  EXPECT_EQ(routes({false, "/v2/health/live", ""}).status, 200);
  EXPECT_EQ(routes({false, "/v2/health/live", ""}).body, R"({"live":true})");
  EXPECT_EQ(routes({false, "/v2/health/ready", ""}).status, 200);
  EXPECT_EQ(routes({false, "/v2/health/ready", ""}).body, R"({"ready":true})");
  ready = false;
  EXPECT_EQ(routes({false, "/v2/health/ready", ""}).status, 503);
  EXPECT_EQ(routes({false, "/v2/health/ready", ""}).body, R"({"ready":false})");
  EXPECT_EQ(routes({false, "/v2/health/live", ""}).status, 200);

  const Response metadata = routes({false, "/v2", ""});
  EXPECT_EQ(metadata.status, 200);
  EXPECT_EQ(metadata.content_type, "application/json");
  EXPECT_EQ(nlohmann::json::parse(metadata.body),
            nlohmann::json({{"name", "strobe"}, {"version", "1.2.3"}, {"extensions", nlohmann::json::array()}}));

  const Response metrics = routes({false, "/metrics", ""});
  EXPECT_EQ(metrics.status, 200);
  EXPECT_THAT(metrics.content_type, StartsWith("text/plain; version=0.0.4"));
  EXPECT_EQ(metrics.body, "some_metric 1\n");
}

TEST(ServiceRoutes, KnowNoOtherPath) {
  const Handler routes = service_routes({"1", [] { return true; }, [] { return std::string(); }});
  for (const char* path : {"/", "/v2/", "/v2/health", "/metrics/", "/v2/models/m/infer"}) {
    EXPECT_EQ(routes({false, path, ""}).status, 404) << path;
  }
}

}  // namespace
}  // namespace strobe::http
