#pragma once

#include <deque>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "controller/adapters/ldap/connection.h"
#include "controller/ports/directory.h"

namespace plumb::ldap {

// Sends a batch of writes over one connection, many in flight, and matches the answers by message id.
class Writer {
 public:
  Writer(Connection& connection, const Options& options, const Clock& clock, Deadline deadline)
      : connection_(connection), options_(options), clock_(clock), deadline_(deadline) {}

  // In the order of the writes.
  std::vector<Result<std::string>> write(std::span<const DirectoryWrite> writes);
  // Whether the connection failed on the way and must be thrown away.
  bool broken() const { return broken_; }

 private:
  // A write goes through one or two requests: adds ask for the new id afterwards, and a rename without a new
  // parent asks before where the object is.
  enum class Step { write, ask_place, ask_id };
  struct Request {
    std::size_t index = 0;
    Step step = Step::write;
  };

  void run();
  Result<int> send(const Request& request);
  Result<int> send_write(std::size_t index);
  Result<int> send_question(const std::string& base, bool with_marker);
  Result<int> send_add_or_modify(const DirectoryWrite& write);
  Result<int> send_move(std::size_t index);
  Result<int> sent(int code, int id);
  void handle(const Answer& answer);
  void handle_write(const Request& request, const Answer& answer);
  void handle_question(const Request& request, const Answer& answer);
  void give_up(const Error& error);
  void finish(std::size_t index, Result<std::string> result) { results_[index] = std::move(result); }

  Connection& connection_;
  const Options& options_;
  const Clock& clock_;
  Deadline deadline_;
  std::span<const DirectoryWrite> writes_;
  std::vector<std::optional<Result<std::string>>> results_;
  std::vector<std::string> parents_;  // found by Step::ask_place
  std::deque<Request> waiting_;
  std::map<int, Request> in_flight_;
  bool broken_ = false;
};

}  // namespace plumb::ldap
