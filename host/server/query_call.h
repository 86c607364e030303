#pragma once

#include <grpcpp/completion_queue.h>
#include <grpcpp/generic/async_generic_service.h>
#include <grpcpp/support/byte_buffer.h>
#include <grpcpp/support/status.h>

#include <functional>
#include <optional>
#include <string>

#include "absl/container/flat_hash_map.h"
#include "host/server/call.h"
#include "host/server/queries.h"

namespace strobe::server {

/// Answers a serialised request with a serialised response.
using QueryHandler = std::function<grpc::Status(grpc::ByteBuffer& request, grpc::ByteBuffer& response)>;
/// Handlers by full method name. A method that is not here is UNIMPLEMENTED.
using QueryTable = absl::flat_hash_map<std::string, QueryHandler>;

/// Every call but inference: one row each.
QueryTable make_query_table(const Queries& queries);

/// What every query call needs of its server.
struct QueryServices {
  grpc::AsyncGenericService& service;
  grpc::ServerCompletionQueue& queue;
  const QueryTable& table;
  CallCounts& counts;
};

/// One unary call at a time of any method of the table, over and over. Owns itself, as InferCall does.
class QueryCall {
 public:
  static void add(const QueryServices& services);

 private:
  explicit QueryCall(const QueryServices& services) : services_(services) {}
  void wait();
  void retire();
  void on_accepted(bool ok);
  void on_read(bool ok);
  void on_finished(bool ok);
  void finish(const grpc::Status& status);

  const QueryServices& services_;
  std::optional<grpc::GenericServerContext> context_;
  std::optional<grpc::GenericServerAsyncReaderWriter> stream_;
  grpc::ByteBuffer request_, response_;
  MemberEvent<QueryCall> accepted_{*this, &QueryCall::on_accepted};
  MemberEvent<QueryCall> read_{*this, &QueryCall::on_read};
  MemberEvent<QueryCall> finished_{*this, &QueryCall::on_finished};
};

}  // namespace strobe::server
