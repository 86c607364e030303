#include "host/http/http_server.h"

#include <array>
#include <boost/asio/basic_socket_acceptor.hpp>
#include <boost/asio/basic_stream_socket.hpp>
#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/beast/core/basic_stream.hpp>
#include <boost/beast/core/error.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>
#include <limits>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace strobe::http {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace wire = boost::beast::http;

using Tcp = asio::ip::tcp;
using Executor = asio::io_context::executor_type;
using Acceptor = asio::basic_socket_acceptor<Tcp, Executor>;
using Socket = asio::basic_stream_socket<Tcp, Executor>;
using SteadyClock = std::chrono::steady_clock;
using Timer = asio::basic_waitable_timer<SteadyClock, asio::wait_traits<SteadyClock>, Executor>;

constexpr unsigned kHttp11 = 11;
/// Before accepting again after accepting failed, which it does while the process is out of file descriptors.
constexpr std::chrono::milliseconds kAcceptPause{100};

class Connection;

/// What the connections have in common. Used on the server's thread only.
struct Common {
  const Handler handler;
  const Limits limits;
  std::set<Connection*> open;
  std::function<void()> one_left;
};

/// One client. Lives as long as an operation of its own is pending.
class Connection : public std::enable_shared_from_this<Connection> {
 public:
  Connection(Socket socket, Common& common)
      // Beyond the header there may be the beginning of the next request in the buffer.
      : common_(common), stream_(std::move(socket)), buffer_(2 * common.limits.header_bytes) {
    common_.open.insert(this);
  }
  ~Connection() {
    common_.open.erase(this);
    common_.one_left();
  }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  void read();
  void close() { stream_.close(); }

 private:
  void take(const beast::error_code& error);
  void refuse(wire::status status, const std::string& reason);
  const char* allowed() const { return common_.limits.post ? "GET, HEAD, POST" : "GET, HEAD"; }
  void answer(Response response);
  void send();
  void linger();

  Common& common_;
  beast::basic_stream<Tcp, Executor> stream_;
  beast::flat_buffer buffer_;
  std::optional<wire::request_parser<wire::empty_body>> parser_;
  std::optional<wire::response<wire::string_body>> response_;
  std::array<char, 4096> discarded_;
};

void Connection::read() {
  parser_.emplace();
  parser_->header_limit(common_.limits.header_bytes);
  // Bodies are refused, not read. "No limit" is boost::none, which Beast of Boost 1.74 takes for a limit of nothing.
  parser_->body_limit(std::numeric_limits<uint64_t>::max());
  stream_.expires_after(common_.limits.timeout);
  wire::async_read_header(stream_, buffer_, *parser_,
                          [self = shared_from_this()](beast::error_code error, size_t) { self->take(error); });
}

void Connection::take(const beast::error_code& error) {
  if (error == wire::error::header_limit || error == wire::error::buffer_overflow) {
    return refuse(wire::status::request_header_fields_too_large,
                  absl::StrCat("the request's header is longer than ", common_.limits.header_bytes, " bytes"));
  }
  if (error == wire::error::end_of_stream || error == wire::error::partial_message) return;
  if (error) {
    // Anything but the parser's own errors means that the client left or was too slow.
    const bool parsed_badly = error.category() == make_error_code(wire::error::bad_method).category();
    if (parsed_badly) refuse(wire::status::bad_request, absl::StrCat("not an HTTP/1.1 request: ", error.message()));
    return;
  }
  const auto& request = parser_->get();
  const bool post = request.method() == wire::verb::post && common_.limits.post;
  if (!post && request.method() != wire::verb::get && request.method() != wire::verb::head) {
    return refuse(wire::status::method_not_allowed, absl::StrCat("expected ", allowed()));
  }
  if (!parser_->is_done()) return refuse(wire::status::bad_request, "expected a request without a body");
  if (request.version() >= kHttp11 && request.count(wire::field::host) != 1) {
    return refuse(wire::status::bad_request, "expected one Host field");
  }
  const std::string target(request.target());
  if (target.front() != '/') return refuse(wire::status::bad_request, "expected a target that begins with '/'");
  const size_t question = target.find('?');
  answer(common_.handler(
      {post, target.substr(0, question), question == std::string::npos ? "" : target.substr(question + 1)}));
}

/// Answers what cannot be served, then hangs up: where the next request begins is unknown.
void Connection::refuse(wire::status status, const std::string& reason) {
  response_.emplace(status, kHttp11);
  response_->keep_alive(false);
  response_->set(wire::field::content_type, "text/plain");
  if (status == wire::status::method_not_allowed) response_->set(wire::field::allow, allowed());
  response_->body() = reason + "\n";
  response_->prepare_payload();
  send();
}

void Connection::answer(Response response) {
  const auto& request = parser_->get();
  response_.emplace(wire::int_to_status(static_cast<unsigned>(response.status)), request.version());
  response_->keep_alive(request.keep_alive());
  response_->set(wire::field::content_type, response.content_type);
  response_->set(wire::field::cache_control, "no-store");
  response_->content_length(response.body.size());
  if (request.method() != wire::verb::head) response_->body() = std::move(response.body);
  send();
}

void Connection::send() {
  stream_.expires_after(common_.limits.timeout);
  wire::async_write(stream_, *response_, [self = shared_from_this()](beast::error_code error, size_t) {
    if (error) return;
    if (self->response_->keep_alive()) {
      self->read();
    } else {
      beast::error_code ignored;
      self->stream_.socket().shutdown(Tcp::socket::shutdown_send, ignored);
      self->stream_.expires_after(self->common_.limits.timeout);
      self->linger();
    }
  });
}

/// Takes what the client still sends until it hangs up or its time is over. Closing with bytes unread would reset the
/// connection, and the client might never see its answer.
void Connection::linger() {
  stream_.async_read_some(asio::buffer(discarded_), [self = shared_from_this()](beast::error_code error, size_t) {
    if (!error) self->linger();
  });
}

/// Splits "host:port" and "[host]:port".
absl::StatusOr<std::pair<std::string, std::string>> split_address(const std::string& address) {
  const size_t colon = address.rfind(':');
  std::string host = address.substr(0, colon);
  const bool bracketed = host.size() > 2 && host.front() == '[' && host.back() == ']';
  if (bracketed) host = host.substr(1, host.size() - 2);
  const std::string port = colon == std::string::npos ? "" : address.substr(colon + 1);
  const bool number = !port.empty() && port.size() <= 5 && port.find_first_not_of("0123456789") == std::string::npos;
  if (!number || std::stoi(port) > 65535 || host.empty() || (!bracketed && host.find(':') != std::string::npos)) {
    return absl::InvalidArgumentError(
        absl::StrCat("HTTP address '", address, "': expected host:port, such as 0.0.0.0:8000 or [::]:8000"));
  }
  return std::pair(host, port);
}

absl::Status listen_error(const std::string& address, const beast::error_code& error) {
  return absl::UnavailableError(absl::StrCat("cannot listen on HTTP address '", address, "': ", error.message()));
}

}  // namespace

struct HttpServer::Implementation {
  Implementation(Handler handler, const Limits& limits)
      : common{std::move(handler), limits, {}, [this] { accept(); }} {}
  ~Implementation();

  absl::Status listen(const std::string& wanted);
  beast::error_code bind(const Tcp::endpoint& endpoint);
  void accept();
  void pause();

  asio::io_context io{1};
  Common common;
  Acceptor acceptor{io};
  Timer pause_timer{io};
  bool accepting = false;  ///< or pausing before it
  bool stopping = false;
  std::string address;
  std::thread thread;
};

beast::error_code HttpServer::Implementation::bind(const Tcp::endpoint& endpoint) {
  beast::error_code error, ignored;
  acceptor.open(endpoint.protocol(), error);
  if (!error) acceptor.set_option(Acceptor::reuse_address(true), error);
  if (!error) acceptor.bind(endpoint, error);
  if (!error) acceptor.listen(asio::socket_base::max_listen_connections, error);
  if (error) acceptor.close(ignored);
  return error;
}

absl::Status HttpServer::Implementation::listen(const std::string& wanted) {
  const auto parts = split_address(wanted);
  if (!parts.ok()) return parts.status();
  beast::error_code error;
  const auto found = Tcp::resolver(io).resolve(parts->first, parts->second, Tcp::resolver::passive, error);
  if (error) return listen_error(wanted, error);
  for (const auto& entry : found) {
    error = bind(entry.endpoint());
    // A name such as localhost may have an IPv6 address that this machine lacks. A port in use is the user's to settle.
    if (!error || error == asio::error::address_in_use) break;
  }
  if (error) return listen_error(wanted, error);
  const Tcp::endpoint bound = acceptor.local_endpoint(error);
  if (error) return listen_error(wanted, error);
  address = absl::StrCat(wanted.substr(0, wanted.rfind(':')), ":", bound.port());
  return absl::OkStatus();
}

void HttpServer::Implementation::accept() {
  if (accepting || stopping || common.open.size() >= common.limits.connections) return;
  accepting = true;
  acceptor.async_accept(io, [this](const beast::error_code& error, Socket socket) {
    accepting = false;
    if (stopping) return;
    if (error) return pause();
    std::make_shared<Connection>(std::move(socket), common)->read();
    accept();
  });
}

void HttpServer::Implementation::pause() {
  accepting = true;
  pause_timer.expires_after(kAcceptPause);
  pause_timer.async_wait([this](const beast::error_code&) {
    accepting = false;
    accept();
  });
}

HttpServer::Implementation::~Implementation() {
  if (!thread.joinable()) return;
  asio::post(io, [this] {
    stopping = true;
    beast::error_code ignored;
    acceptor.close(ignored);
    pause_timer.cancel();
    for (Connection* connection : common.open) connection->close();
  });
  // Every pending operation now ends, each connection with its last, and the thread with them.
  thread.join();
}

HttpServer::HttpServer(std::unique_ptr<Implementation> implementation) : implementation_(std::move(implementation)) {}

absl::StatusOr<std::unique_ptr<HttpServer>> HttpServer::start(const std::string& address, Handler handler,
                                                              Limits limits) {
  auto implementation = std::make_unique<Implementation>(std::move(handler), limits);
  if (absl::Status status = implementation->listen(address); !status.ok()) return status;
  implementation->accept();
  implementation->thread = std::thread([&io = implementation->io] { io.run(); });
  return std::unique_ptr<HttpServer>(new HttpServer(std::move(implementation)));
}

HttpServer::~HttpServer() = default;

const std::string& HttpServer::address() const { return implementation_->address; }

}  // namespace strobe::http
