#include "host/http/http_server.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/host/http/raw_client.h"

namespace strobe::http {
namespace {

using std::chrono::milliseconds;
using strobe::testing::body_of;
using strobe::testing::get;
using strobe::testing::RawClient;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

constexpr size_t kBigBody = 16 << 20;  // more than the socket buffers of both sides take

/// A server that answers every path with the path, "/big" with more than a socket holds, and "/missing" with 404.
class HttpServerTest : public ::testing::Test {
 protected:
  void start(Limits limits = {}) {
    auto started = HttpServer::start(
        "127.0.0.1:0", [this](const Request& request) { return answer(request); }, limits);
    ASSERT_TRUE(started.ok()) << started.status();
    server_ = *std::move(started);
  }
  Response answer(const Request& request) {
    const std::lock_guard lock(mutex_);
    const std::string& path = request.path;
    paths_.push_back(path);
    if (request.post) return {200, "text/plain", absl::StrCat("post ", path, " ", request.query)};
    if (path == "/missing") return {404, "text/plain", "no such thing"};
    return {200, "text/x-path", path == "/big" ? std::string(kBigBody, 'x') : path};
  }
  std::vector<std::string> paths() {
    const std::lock_guard lock(mutex_);
    return paths_;
  }
  /// What the server answers to `request` before it hangs up; the client sends nothing more.
  std::string whole_answer(const std::string& request) {
    RawClient client(server_->address());
    client.send(request);
    client.end_sending();
    const std::string answer = client.receive_rest();
    EXPECT_TRUE(client.hung_up()) << request;
    return answer;
  }

  std::mutex mutex_;
  std::vector<std::string> paths_;
  std::unique_ptr<HttpServer> server_;  ///< last: its thread uses the others until it is gone
};

TEST_F(HttpServerTest, AnswersWithWhatTheHandlerSays) {
  start();
  RawClient client(server_->address());
  ASSERT_TRUE(client.send(get("/some/path?with=query")));
  const std::string answer = client.receive();
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 200 OK\r\n"));
  EXPECT_THAT(answer, HasSubstr("Content-Type: text/x-path\r\n"));
  EXPECT_EQ(body_of(answer), "/some/path");
  ASSERT_TRUE(client.send(get("/missing")));
  EXPECT_THAT(client.receive(), StartsWith("HTTP/1.1 404 Not Found\r\n"));
}

TEST_F(HttpServerTest, KeepsAConnectionForManyRequestsAlsoWhenTheyComeAtOnce) {
  start();
  RawClient client(server_->address());
  std::string requests;
  for (int i = 0; i < 100; ++i) requests += get(absl::StrCat("/", i));
  ASSERT_TRUE(client.send(requests));
  for (int i = 0; i < 100; ++i) ASSERT_EQ(body_of(client.receive()), absl::StrCat("/", i));
}

TEST_F(HttpServerTest, HangsUpWhereTheClientWantsItTo) {
  start();
  RawClient closing(server_->address());
  ASSERT_TRUE(closing.send("GET /a HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n"));
  EXPECT_EQ(body_of(closing.receive_rest()), "/a");
  EXPECT_TRUE(closing.hung_up());
  RawClient old(server_->address());
  ASSERT_TRUE(old.send("GET /b HTTP/1.0\r\n\r\n"));
  EXPECT_EQ(body_of(old.receive_rest()), "/b");
  EXPECT_TRUE(old.hung_up());
}

TEST_F(HttpServerTest, AnswersHeadWithTheHeaderOfGetAlone) {
  start();
  RawClient client(server_->address());
  ASSERT_TRUE(client.send(get("/length", "HEAD") + get("/next")));
  const std::string head = client.receive(true);
  EXPECT_THAT(head, StartsWith("HTTP/1.1 200 OK\r\n"));
  EXPECT_THAT(head, HasSubstr("Content-Length: 7\r\n"));
  EXPECT_THAT(head, EndsWith("\r\n\r\n"));
  EXPECT_EQ(body_of(client.receive()), "/next");
}

TEST_F(HttpServerTest, TakesPostWithoutABodyWhereItIsWanted) {
  Limits limits;
  limits.post = true;
  start(limits);
  RawClient client(server_->address());
  ASSERT_TRUE(client.send("POST /start?run=7 HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n"));
  EXPECT_EQ(body_of(client.receive()), "post /start run=7");
  ASSERT_TRUE(client.send("POST /stop HTTP/1.1\r\nHost: a\r\n\r\n" + get("/state")));
  EXPECT_EQ(body_of(client.receive()), "post /stop ");
  EXPECT_EQ(body_of(client.receive()), "/state");
  EXPECT_THAT(whole_answer("POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc"), StartsWith("HTTP/1.1 400"));
  EXPECT_THAT(whole_answer("PUT /x HTTP/1.1\r\nHost: a\r\n\r\n"), HasSubstr("Allow: GET, HEAD, POST\r\n"));
}

TEST_F(HttpServerTest, RefusesWhatIsNoRequestOfItsKind) {
  start();
  const struct {
    const char* request;
    const char* status;
  } cases[] = {
      {"what is this\r\n\r\n", "400 Bad Request"},
      {"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 TLS hello\r\n\r\n", "400 Bad Request"},
      {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "400 Bad Request"},
      {"GET /no_host HTTP/1.1\r\n\r\n", "400 Bad Request"},
      {"GET /two_hosts HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", "400 Bad Request"},
      {"GET no_slash HTTP/1.1\r\nHost: a\r\n\r\n", "400 Bad Request"},
      {"GET /body HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc", "400 Bad Request"},
      {"GET /chunks HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "400 Bad Request"},
      {"GET /field HTTP/1.1\r\nHost: a\r\nnot a field\r\n\r\n", "400 Bad Request"},
      {"POST /post HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999\r\n\r\n", "405 Method Not Allowed"},
      {"DELETE /delete HTTP/1.1\r\nHost: a\r\n\r\n", "405 Method Not Allowed"},
      {"BREW /pot HTTP/1.1\r\nHost: a\r\n\r\n", "405 Method Not Allowed"},
  };
  for (const auto& c : cases) {
    const std::string answer = whole_answer(c.request);
    EXPECT_THAT(answer, StartsWith(std::string("HTTP/1.1 ") + c.status + "\r\n")) << c.request;
    EXPECT_THAT(answer, HasSubstr("Connection: close\r\n")) << c.request;
  }
  EXPECT_THAT(whole_answer(get("/", "PUT")), HasSubstr("Allow: GET, HEAD\r\n"));
  EXPECT_THAT(paths(), ::testing::IsEmpty());
}

TEST_F(HttpServerTest, AnswersARefusedRequestThoughItsBodyIsNotRead) {
  start();
  const std::string body(1 << 20, 'b');
  const std::string answer = whole_answer("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1048576\r\n\r\n" + body);
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 405"));
}

TEST_F(HttpServerTest, RefusesALongHeader) {
  Limits limits;
  limits.header_bytes = 1000;
  start(limits);
  const std::string begin = "GET / HTTP/1.1\r\nHost: a\r\n";
  EXPECT_THAT(whole_answer(begin + "Long: " + std::string(900, 'a') + "\r\n\r\n"), StartsWith("HTTP/1.1 200"));
  EXPECT_THAT(whole_answer(begin + "Long: " + std::string(1000, 'a') + "\r\n\r\n"), StartsWith("HTTP/1.1 431"));
  EXPECT_THAT(whole_answer(begin + "Endless: " + std::string(100'000, 'a')), StartsWith("HTTP/1.1 431"));
  EXPECT_THAT(whole_answer("GET /" + std::string(100'000, 'a')), StartsWith("HTTP/1.1 431"));
}

TEST_F(HttpServerTest, CutsAClientThatDoesNotFinishItsRequest) {
  Limits limits;
  limits.timeout = milliseconds(50);
  start(limits);
  RawClient silent(server_->address()), half(server_->address());
  ASSERT_TRUE(half.send("GET / HTTP/1.1\r\nHo"));
  for (RawClient* client : {&silent, &half}) {
    EXPECT_EQ(client->receive_rest(), "");
    EXPECT_TRUE(client->hung_up());
  }
}

TEST_F(HttpServerTest, CutsAClientThatDripsItsRequest) {
  Limits limits;
  limits.timeout = milliseconds(100);
  start(limits);
  RawClient client(server_->address());
  client.send("GET / HTTP/1.1\r\nDrip: ");
  int drops = 0;
  while (drops < 1000 && !client.readable(5) && client.send("a")) ++drops;
  EXPECT_LT(drops, 1000);
  EXPECT_EQ(client.receive_rest(), "");
  EXPECT_TRUE(client.hung_up());
}

TEST_F(HttpServerTest, CutsAnIdleConnectionAfterItsAnswer) {
  Limits limits;
  limits.timeout = milliseconds(50);
  start(limits);
  RawClient client(server_->address());
  ASSERT_TRUE(client.send(get("/a")));
  EXPECT_EQ(body_of(client.receive()), "/a");
  EXPECT_EQ(client.receive_rest(), "");
  EXPECT_TRUE(client.hung_up());
}

TEST_F(HttpServerTest, CutsAClientThatDoesNotTakeItsAnswer) {
  Limits limits;
  limits.timeout = milliseconds(200);
  limits.connections = 1;
  start(limits);
  RawClient stuck(server_->address());
  ASSERT_TRUE(stuck.send(get("/big")));
  ASSERT_TRUE(stuck.readable(10'000));
  RawClient next(server_->address());
  ASSERT_TRUE(next.send(get("/next")));
  EXPECT_EQ(body_of(next.receive()), "/next");
  EXPECT_LT(stuck.receive_rest().size(), kBigBody);
}

TEST_F(HttpServerTest, ServesNoMoreConnectionsAtOnceThanAllowed) {
  Limits limits;
  limits.connections = 2;
  start(limits);
  RawClient first(server_->address()), second(server_->address());
  for (RawClient* client : {&first, &second}) {
    ASSERT_TRUE(client->send(get("/early")));
    ASSERT_EQ(body_of(client->receive()), "/early");
  }
  RawClient third(server_->address());
  ASSERT_TRUE(third.send(get("/third")));
  for (int i = 0; i < 20; ++i) {
    ASSERT_TRUE(first.send(get("/again")));
    ASSERT_EQ(body_of(first.receive()), "/again");
  }
  EXPECT_THAT(paths(), Not(::testing::Contains("/third")));
  second.hang_up();
  EXPECT_EQ(body_of(third.receive()), "/third");
}

TEST_F(HttpServerTest, OutlivesClientsThatVanish) {
  start();
  for (int i = 0; i < 30; ++i) {
    RawClient client(server_->address());
    ASSERT_TRUE(client.connected());
    client.send(i == 0 ? get("/big") : i % 3 == 0 ? "" : i % 3 == 1 ? "GET /half" : get("/whole"));
  }
  RawClient client(server_->address());
  ASSERT_TRUE(client.send(get("/alive")));
  EXPECT_EQ(body_of(client.receive()), "/alive");
}

TEST_F(HttpServerTest, StopsWithConnectionsOpen) {
  start();
  RawClient idle(server_->address()), half(server_->address()), stuck(server_->address());
  ASSERT_TRUE(idle.send(get("/a")));
  EXPECT_EQ(body_of(idle.receive()), "/a");
  ASSERT_TRUE(half.send("GET /half"));
  ASSERT_TRUE(stuck.send(get("/big")));
  ASSERT_TRUE(stuck.readable(10'000));
  const std::string address = server_->address();
  server_.reset();
  EXPECT_EQ(idle.receive_rest(), "");
  EXPECT_TRUE(idle.hung_up());
  EXPECT_FALSE(RawClient(address).connected());
}

Response empty_answer(const Request&) { return {}; }

TEST(HttpServer, SaysThatThePortIsTaken) {
  const auto first = HttpServer::start("127.0.0.1:0", empty_answer);
  ASSERT_TRUE(first.ok()) << first.status();
  const std::string address = (*first)->address();
  EXPECT_THAT(address, StartsWith("127.0.0.1:"));
  EXPECT_THAT(address, Not(EndsWith(":0")));
  const auto second = HttpServer::start(address, empty_answer);
  EXPECT_EQ(second.status().code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(second.status().message(), "cannot listen on HTTP address '" + address + "': Address already in use");
}

TEST(HttpServer, TakesItsPortAgainAfterItStopped) {
  std::string address = "127.0.0.1:0";
  for (int i = 0; i < 3; ++i) {
    const auto server = HttpServer::start(address, empty_answer);
    ASSERT_TRUE(server.ok()) << server.status();
    address = (*server)->address();
    RawClient client(address);
    ASSERT_TRUE(client.send(get("/")));
    EXPECT_THAT(client.receive(), StartsWith("HTTP/1.1 200"));
  }
}

TEST(HttpServer, SaysThatAnAddressIsNone) {
  for (const char* address : {"", "8000", ":8000", "127.0.0.1", "127.0.0.1:", "127.0.0.1:port", "127.0.0.1:70000",
                              "127.0.0.1:-1", "::1:8000", "unix:/socket"}) {
    const auto server = HttpServer::start(address, empty_answer);
    EXPECT_EQ(server.status().code(), absl::StatusCode::kInvalidArgument) << address;
    EXPECT_THAT(std::string(server.status().message()), HasSubstr(std::string("'") + address + "'"));
  }
  EXPECT_EQ(HttpServer::start("no_such_host.invalid:0", empty_answer).status().code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(HttpServer::start("203.0.113.1:0", empty_answer).status().code(), absl::StatusCode::kUnavailable);
}

}  // namespace
}  // namespace strobe::http
